"""The batch that makes windows fastest, within a memory."""

import pytest

from mmseg_cube.inference import BuildingNetwork, batch

GIB = 2**30


# Seconds of batches of 1, 2, 4, ... windows, GiB that are taken with them,
# windows of a row, the memory, and the batch.
@pytest.mark.parametrize(
    ('seconds', 'taken', 'most', 'memory', 'expected'),
    [
        ([1, 2], [1] * 9, 99, None, 1),
        ([1, 1.5, 2.9], [1] * 9, 99, None, 2),
        ([1, 1.5, 2, 3, 6], [1] * 9, 99, None, 8),
        ([1] * 9, [1] * 9, 9, None, 8),
        ([1] * 9, [1] * 9, 1, None, 1),
        ([1] * 9, [1, 2, 4, 8], 99, 8, 8),
        ([1] * 9, [1, 2, 4, 8], 99, 7.9, 4),
        ([1] * 9, [3], 99, 3, 1),
        ([1] * 9, [3], 99, 2.9, None),
    ],
)
def test_choice(
    seconds, taken, most, memory, expected, pixelwise, monkeypatch
):
    times, taken = iter(seconds), iter(taken)
    monkeypatch.setattr(batch, '_time', lambda *_: next(times))
    monkeypatch.setattr(batch, 'peak_memory', lambda _: next(taken) * GIB)
    network = BuildingNetwork(pixelwise())
    if expected is None:
        with pytest.raises(ValueError, match='2.9 GiB is .*8 x 8 .* 3.00 GiB'):
            batch.choose_batch(network, (3, 8, 8), most, memory)
        return
    found = batch.choose_batch(network, (3, 8, 8), most, memory)
    assert found == expected


def test_it_is_measured(pixelwise):
    """Once to prepare, once to measure, in every size."""
    model = pixelwise()
    network = BuildingNetwork(model)
    found = batch.choose_batch(network, (3, 16, 24), 8)
    assert found in (1, 2, 4, 8)
    shown = [shape[0] for shape in model.shapes]
    assert shown[:4] == [1, 1, 2, 2] and {*model.shapes} >= {(1, 3, 16, 24)}
    assert batch.peak_memory() > 2**20
