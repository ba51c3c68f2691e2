"""Windows must not change a score.

Nor must processes: tests/test_tools/test_processes.py.
"""

import numpy as np
import pytest

from mmseg_cube.datasets.windows import cut_grid, take_window

VAL = dict(dataset='InriaDataset', split='val')


@pytest.fixture
def tile(make_sample):
    shape = 50, 70
    rng = np.random.default_rng(3)
    target = np.zeros(shape, int)
    for y, x in rng.integers(0, shape, (12, 2)):
        target[y : y + 9, x : x + 7] = 1
    logits = np.stack([np.zeros(shape), 4.0 * target - 2])
    logits[1] += rng.normal(size=shape)
    return make_sample(logits.argmax(0), target, 'town0.tif', logits)


@pytest.fixture
def cut(make_sample, tile):
    """Cut the tile into windows."""
    target = tile['gt_sem_seg']['data'][0].numpy()
    logits = tile['seg_logits']['data'].numpy()

    def make(window, core):
        seen = take_window(logits, window)
        truth, own = np.full(seen.shape[1:], 255), core.inside(window)
        truth[own] = take_window(target, window)[own]
        return make_sample(
            seen.argmax(0), truth, 'town0.tif', seen, window=tuple(window),
            core=tuple(core), raster_shape=target.shape,
        )  # fmt: skip

    return lambda size, stride: [
        make(*pair) for pair in cut_grid(*target.shape, size, stride)
    ]


def test_windows(tile, cut, evaluate):
    expected = evaluate([tile], VAL, curve=dict())
    assert 50 < expected['building/IoU'] < 100
    for size, stride in ((20, 20), (20, 13), (50, 7)):
        parts = cut(size, stride)
        assert len(parts) > 3
        assert evaluate(parts, VAL, curve=dict()) == expected


@pytest.mark.parametrize('options', [dict(boundary={}), dict(objects={})])
def test_cut_windows_have_no_boundaries_and_objects(cut, evaluate, options):
    parts = cut(20, 13)
    message = r"town0.tif: .* \(0, 0, 20, 20\).*windows='whole'"
    with pytest.raises(ValueError, match=message):
        evaluate(parts, VAL, **options)
    # Uncut cores of full tiles are parts of a tile all the same.
    for part in parts:
        part['core'] = part['window']
    with pytest.raises(ValueError, match='cannot be scored in windows'):
        evaluate(parts, dict(VAL, protocol='full'), **options)
    # BuildFormer's patches are images of their own.
    found = evaluate(parts, dict(VAL, protocol='buildformer'), **options)
    assert 50 < found['building/IoU'] < 100
    for part in parts:
        del part['core']
    with pytest.raises(ValueError, match='cannot be scored in windows'):
        evaluate(parts, VAL, **options)


def test_windows_that_show_a_whole_raster(tile, evaluate):
    options = dict(boundary=dict(width=2), objects=dict())
    expected = evaluate([tile], VAL, **options)
    core = (0, 0, 70, 50)
    # The second window is larger than the raster, and padded.
    for window in (core, (0, 0, 80, 80)):
        tile.update(window=window, core=core, raster_shape=(50, 70))
        found = evaluate([tile], dict(VAL, protocol='full'), **options)
        assert found == expected


def test_masks_of_windows_have_names_of_their_own(
    make_sample, evaluate, tmp_path
):
    def sample(path, window=None):
        meta = window and dict(window=window, raster_shape=(50, 70))
        return make_sample([[1]], [[1]], path, **(meta or {}))

    windows = (-60, -30, 50, 50), (20, 0, 50, 50), (0, 0, 70, 50)
    samples = [sample('town0.tif', window) for window in windows]
    evaluate(samples, output_dir=str(tmp_path))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ['town0.png', 'town0_-30_-60.png', 'town0_0_20.png']
