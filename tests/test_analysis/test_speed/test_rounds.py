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


def keep():
    keep.tensor = floats(200)


@pytest.mark.parametrize(
    ('call', 'count'),
    [
        (allocate_in_steps, 1500),
        (keep, 200),
        # Each step holds its input and its output, no earlier ones.
        (lambda: floats(100).square().exp(), 200),
        # What was there before does not count.
        ([floats(10_000)].clear, 0),
    ],
)
def test_peak_memory_by_hand(call, count):
    assert rounds.peak_memory(call, CPU) == count * FLOAT


def test_peak_memory_of_a_training_step():
    weight = torch.ones(40, requires_grad=True)
    input = torch.ones(1000, 40)

    def step():
        # Product (saved by the exponential) and its gradient, and that of
        # the weight; the loss and its gradient are one number each.
        loss = (input @ weight).exp().sum()
        loss.backward()
        weight.grad = None

    step()
    peak = rounds.peak_memory(step, CPU)
    assert 2 * 1000 * FLOAT <= peak <= (1000 * 4 + 2 * 40) * FLOAT
    assert peak == rounds.peak_memory(step, CPU)


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


def test_operations_have_the_time_of_their_own():
    matrix = torch.ones(500, 500)
    times = rounds.time_operations(lambda: matrix @ matrix, CPU)
    assert times['aten::mm'] > times['aten::matmul'] > 0
    assert list(times.values()) == sorted(times.values(), reverse=True)


def test_spread_has_median_and_quartiles():
    spread = Spread.of([5, 1, 3, 2, 4])
    assert str(spread) == '3.00 (2.00 - 4.00)'


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

    def step():
        first = torch.empty(1 << 20, device=device)
        second = torch.empty(1 << 19, device=device)
        del first, second

    assert rounds.peak_memory(step, device) == FLOAT * 3 * (1 << 19)
    assert rounds.describe_machine(device)['device']
