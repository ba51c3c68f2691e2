"""The batch that makes windows fastest, within a memory."""

from types import SimpleNamespace

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
        ([1] * 9, [3], 99, 2, 1),
    ],
)
def test_choice(
    seconds, taken, most, memory, expected, pixelwise, monkeypatch
):
    times, taken = iter(seconds), iter(taken)
    monkeypatch.setattr(batch, '_time', lambda *_: next(times))
    monkeypatch.setattr(batch, 'peak_memory', lambda _: next(taken) * GIB)
    network = BuildingNetwork(pixelwise())
    found = batch.choose_batch(network, (3, 8, 8), most, memory)
    assert found == expected


def test_gpus_have_what_is_free(pixelwise, monkeypatch):
    """And what this process has of them already."""
    cuda = SimpleNamespace(
        mem_get_info=lambda _: (3 * GIB, 80 * GIB),
        max_memory_reserved=lambda _: next(taken) * GIB,
    )
    network = SimpleNamespace(
        model=pixelwise(), device=SimpleNamespace(type='cuda')
    )
    monkeypatch.setattr(batch.torch, 'cuda', cuda)
    monkeypatch.setattr(batch, '_time', lambda *_: 1)
    for memory, expected in ((None, 4), (99, 4), (2, 2)):
        taken = iter([1, 1, 2, 2.5])
        found = batch.choose_batch(network, (3, 8, 8), 99, memory)
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
    with pytest.raises(ValueError, match='read as 4 channels'):
        batch.choose_batch(network, (4, 16, 24), 8)
