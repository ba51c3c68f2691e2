"""Processes, batches and windows must not change a score.

tests/test_tools/test_processes.py evaluates with real processes.
"""

import pickle

import numpy as np
import pytest

from mmseg_cube.datasets.windows import cut_grid, take_window
from mmseg_cube.evaluation import BuildingMetric

OPTIONS = dict(
    boundary=dict(width=2),
    objects=dict(),
    curve=dict(),
    group_by='(town[01])?',
)
VAL = dict(dataset='InriaDataset', split='val')


def run_processes(samples, world, batch_size, **options):
    """Evaluate as mmengine does: shares, padding, merging, cutting."""
    shares = []
    # A distributed sampler starts anew to give all ranks as many samples.
    padded = samples + samples[: -len(samples) % world]
    for rank in range(world):
        metric = BuildingMetric(**options)
        metric.dataset_meta = VAL
        share = padded[rank::world]
        for start in range(0, len(share), batch_size):
            metric.process(None, share[start : start + batch_size])
        shares.append(pickle.loads(pickle.dumps(metric.results)))
    merged = [r for each in zip(*shares, strict=True) for r in each]
    return metric.compute_metrics(merged[: len(samples)])


@pytest.mark.parametrize('options', [OPTIONS, dict(threshold=0.3, **OPTIONS)])
def test_processes_and_batches(scenes, options):
    expected = run_processes(scenes, 1, 1, **options)
    assert len(expected) > 12
    for world, batch_size in ((1, 5), (2, 1), (2, 2), (3, 2)):
        found = run_processes(scenes, world, batch_size, **options)
        assert found == expected


def tile(make_sample, predictor, shape=(50, 70)):
    rng = np.random.default_rng(3)
    target = np.zeros(shape, int)
    for y, x in rng.integers(0, shape, (12, 2)):
        target[y : y + 9, x : x + 7] = 1
    logits = np.zeros((2, *shape))
    logits[1] = dict(
        perfect=8.0 * target - 4,
        random=rng.normal(size=shape),
        empty=np.full(shape, -3.0),
        full=np.full(shape, 3.0),
    )[predictor]
    return make_sample(logits.argmax(0), target, 'town0.tif', logits)


def windows_of(make_sample, sample, size, stride):
    target = sample['gt_sem_seg']['data'][0].numpy()
    logits = sample['seg_logits']['data'].numpy()
    out = []
    for window, core in cut_grid(*target.shape, size, stride):
        own = core.inside(window)
        seen = take_window(logits, window)
        truth = np.full(seen.shape[1:], 255)
        truth[own] = take_window(target, window)[own]
        meta = dict(window=tuple(window), core=tuple(core))
        meta['raster_shape'] = target.shape
        labels = seen.argmax(0)
        out.append(make_sample(labels, truth, 'town0.tif', seen, **meta))
    return out


@pytest.mark.parametrize('predictor', ['perfect', 'random', 'empty', 'full'])
def test_windows(make_sample, evaluate, predictor):
    whole = tile(make_sample, predictor)
    expected = evaluate([whole], VAL, curve=dict())
    assert np.isfinite(list(expected.values())).all()
    for size, stride in ((20, 20), (20, 13), (50, 7)):
        parts = windows_of(make_sample, whole, size, stride)
        assert len(parts) > 3
        assert evaluate(parts, VAL, curve=dict()) == expected


@pytest.mark.parametrize('options', [dict(boundary={}), dict(objects={})])
def test_cut_windows_have_no_boundaries_and_objects(
    make_sample, evaluate, options
):
    whole = tile(make_sample, 'perfect')
    parts = windows_of(make_sample, whole, 20, 13)
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
    assert 100 in found.values()
    for part in parts:
        del part['core']
    with pytest.raises(ValueError, match='cannot be scored in windows'):
        evaluate(parts, VAL, **options)


def test_windows_that_show_a_whole_raster(make_sample, evaluate):
    whole = tile(make_sample, 'perfect')
    options = dict(boundary=dict(width=2), objects=dict())
    expected = evaluate([whole], VAL, **options)
    core = (0, 0, 70, 50)
    # The second window is larger than the raster, and padded.
    for window in (core, (0, 0, 80, 80)):
        whole.update(window=window, core=core, raster_shape=(50, 70))
        found = evaluate([whole], dict(VAL, protocol='full'), **options)
        assert found == expected


def test_masks_of_windows_have_names_of_their_own(
    make_sample, evaluate, tmp_path
):
    whole = tile(make_sample, 'random')
    parts = windows_of(make_sample, whole, 50, 20)
    parts[0].update(window=(-60, -30, 50, 50))
    evaluate(parts, output_dir=str(tmp_path))
    whole.update(window=(0, 0, 70, 50), raster_shape=(50, 70))
    evaluate([whole], output_dir=str(tmp_path))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ['town0.png', 'town0_-30_-60.png', 'town0_0_20.png']
    part = make_sample([[1]], [[1]], 'a.tif', window=(0, 0, 1, 1))
    other = make_sample([[1]], [[1]], 'a_0_0.tif')
    with pytest.raises(ValueError, match='would both be written as a_0_0.png'):
        evaluate([part, other], output_dir=str(tmp_path))
