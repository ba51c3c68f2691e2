import time

import pytest
import torch

from mmseg_cube.analysis.speed import rounds
from mmseg_cube.analysis.speed.rounds import Spread

CPU = torch.device('cpu')
FLOAT = 4  # bytes


def floats(count):
    return torch.empty(count, dtype=torch.float32)


def allocate_in_steps():
    first = floats(1000)
    second = floats(500)
    del first
    third = floats(750)
    del second, third


@pytest.mark.parametrize(
    ('call', 'count'),
    [
        (allocate_in_steps, 1500),
        # Each step holds its input and its output, no earlier ones.
        (lambda: floats(100).square().exp(), 200),
        # What was there before does not count.
        ([floats(10_000)].clear, 0),
    ],
)
def test_peak_memory_by_hand(call, count):
    assert rounds.peak_memory(call, CPU) == count * FLOAT


def test_candidates_take_turns():
    seen = []
    calls = {name: (lambda n=name: seen.append(n)) for name in 'abc'}
    times = rounds.time_in_turns(calls, repeats=20, device=CPU)
    assert [len(times[name]) for name in 'abc'] == [20, 20, 20]
    turns = [tuple(seen[i : i + 3]) for i in range(0, len(seen), 3)]
    assert len(turns) > 20, 'no round to warm up'
    assert all(sorted(turn) == list('abc') for turn in turns)
    assert len(set(turns)) > 3, 'the order never changes'
    # Times are seconds.
    calls = dict(long=lambda: time.sleep(0.02), short=lambda: None)
    times = rounds.time_in_turns(calls, repeats=3, device=CPU)
    assert min(times['long']) >= 0.02 > min(times['short'])


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_on_a_gpu():
    device = torch.device('cuda')
    matrix = torch.ones(2048, 2048, device=device)
    calls = dict(
        once=lambda: matrix @ matrix,
        five=lambda: [matrix @ matrix for _ in range(5)],
    )
    times = rounds.time_in_turns(calls, repeats=20, device=device)
    once, five = (Spread.of(sample).median for sample in times.values())
    assert five > 1.5 * once
    peak = rounds.peak_memory(calls['five'], device)
    assert peak == FLOAT * 5 * matrix.numel()
