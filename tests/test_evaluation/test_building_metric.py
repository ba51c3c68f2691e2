import argparse

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mmengine.config import DictAction
from PIL import Image
from sklearn import metrics as sk

from mmseg_cube.datasets import DatasetError
from mmseg_cube.evaluation import BuildingMetric
from mmseg_cube.utils.configs import read_config

# Two maps of labels of any size.
LABELS = arrays(
    np.int64,
    st.tuples(st.just(2), st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 1, 254]),
    fill=st.nothing(),
)


@given(st.lists(LABELS, min_size=1, max_size=4))
def test_equals_scikit_learn(make_sample, evaluate, labels):
    samples, pairs = [], []
    for index, (pred, target) in enumerate(labels):
        counted = target != 254
        # Elsewhere, any prediction will do.
        pred = np.where(counted, pred % 2, pred)
        samples.append(make_sample(pred, target, f'tile{index}.png'))
        pairs.append((target[counted], pred[counted]))
    found = evaluate(samples, ignore_index=254)
    target, pred = map(np.concatenate, zip(*pairs, strict=True))
    assume(len(target))
    options = dict(labels=[0, 1], zero_division=0)
    expected = dict(
        IoU=sk.jaccard_score(target, pred, zero_division=0),
        F1=sk.f1_score(target, pred, zero_division=0),
        Precision=sk.precision_score(target, pred, zero_division=0),
        Recall=sk.recall_score(target, pred, zero_division=0),
        Accuracy=sk.accuracy_score(target, pred),
        mIoU=sk.jaccard_score(target, pred, average='macro', **options),
    )
    assert found == {
        f'building/{name}': pytest.approx(100 * value, 1e-12)
        for name, value in expected.items()
    }


def test_nothing_to_judge_by_counts_as_zero(make_sample, evaluate, log):
    pairs = [(0, 1, 0), (0, 0, 0), (1, 0, 0), (1, 1, 100), (0, 255, 0)]
    for pred, target, score in pairs:
        found = evaluate([make_sample([[pred] * 4], [[target] * 4])])
        for name in ('IoU', 'F1', 'Precision', 'Recall'):
            assert found[f'building/{name}'] == score
    assert 'holds no building' in log.text
    assert 'LoadBuildingMask' in log.text
    rows = [line.split()[0] for line in log.text.splitlines() if line]
    assert {'background', 'building'} <= set(rows)


@pytest.mark.parametrize('dtype', (torch.long, torch.float, torch.bool))
def test_takes_what_segmentors_give(make_sample, evaluate, dtype):
    pred, target = [[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [255, 0, 1]]
    sample = make_sample(pred, target)
    expected = evaluate([sample])
    for labels in (pred, [pred]):  # with augmentation (H, W)
        labels = torch.tensor(labels, dtype=dtype)
        sample['pred_sem_seg'] = dict(data=labels)
        assert evaluate([sample]) == expected


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(format_only=True), 'format_only=True only writes'),
        (dict(ignore_index=1), 'must not be a class.* is 1'),
        (dict(group_by='[a-z]+'), 'needs a regular expression with a group'),
        (dict(group_by='([a-z]+'), 'needs a regular expression with a group'),
        (dict(group_by=5), 'needs a regular expression with a group'),
        (dict(output_dir=['a', 'b']), 'output_dir must be one path'),
        (dict(report_dir=2024), 'report_dir must be one path, not 2024'),
        (dict(curve='dict()'), "curve takes options, .* not 'dict"),
        (dict(boundary=dict(ratio=0.02, width=3)), 'takes ratio or width'),
        (dict(boundary=dict(ratio=0)), 'between 0 and 1, not 0'),
        (dict(boundary=dict(ratio='2%')), "between 0 and 1, not '2%'"),
        (dict(boundary=dict(width=0)), 'width must be a whole .* got 0'),
        (dict(boundary=dict(width=2.5)), 'width must be .* got 2.5'),
        (dict(objects=dict(iou=0.4)), 'from 0.5 to 1, not 0.4'),
        (dict(objects=dict(connectivity=6)), 'must be 4 or 8, not 6'),
        (dict(objects=dict(min_area=0)), 'min_area must be .* got 0'),
        (dict(objects=dict(min_area=1.5)), 'min_area must .* got 1.5'),
        (dict(curve=dict(thresholds=0)), 'must be from 1 to 9999'),
        (dict(curve=dict(thresholds=9.5)), 'must be from 1 to 9999'),
        (dict(threshold=1), 'must be a number between'),
        (dict(threshold=True), 'must be a number between'),
        (dict(threshold=[0.5]), 'must be a number between'),
    ],
)
def test_refuses_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        BuildingMetric(**arguments)


def test_refuses_wrong_samples(make_sample, evaluate, tmp_path):
    for pred, target, found in (
        ([[0, 1]], [[0, 7]], r'ground truth holds the labels \[0, 7\]'),
        ([[0, 2]], [[0, 1]], r'prediction holds the labels \[0, 2\]'),
        ([[0, 1]], [[0, 1, 1]], r'prediction is \(1, 2\), ground.*\(1, 3\)'),
    ):
        with pytest.raises(ValueError, match=rf'dir/b\.png: {found}'):
            evaluate([make_sample(pred, target, 'dir/b.png')])
    classes, one = dict(classes=('a', 'b', 'c')), [[0]]
    with pytest.raises(ValueError, match='two classes.*has 3'):
        evaluate([make_sample(one, one)], classes)
    with pytest.raises(DatasetError, match='a.png has no gt_.*format_only'):
        evaluate([make_sample(one)])
    with pytest.raises(ValueError, match='has no img_path'):
        evaluate([make_sample(one, one, None)], output_dir=str(tmp_path))


def test_scores_groups(make_sample, evaluate):
    samples = [
        make_sample([[1, 0]], [[1, 1]], 'x/tyrol-w1.tif'),
        make_sample([[1, 1]], [[1, 1]], 'x/austin1.tif'),
        make_sample([[0, 1]], [[1, 1]], 'x/tyrol-w12.tif'),
    ]
    found = evaluate(samples, group_by='([a-z-]+)')
    read = argparse.ArgumentParser()
    read.add_argument('--cfg-options', action=DictAction, nargs='+')
    words = ['--cfg-options', 'group_by=([a-z-]+)']
    assert evaluate(samples, **read.parse_args(words).cfg_options) == found
    assert found['building/IoU_austin'] == 100
    assert found['building/IoU_tyrol-w'] == 50
    assert found['building/Accuracy_tyrol-w'] == 50
    assert found['building/IoU'] == pytest.approx(100 * 4 / 6)
    with pytest.raises(ValueError, match='12.tif: its stem does not match'):
        evaluate([make_sample([[1]], [[1]], '12.tif')], group_by='([a-z-]+)')


@pytest.mark.parametrize('format_only', [False, True])
def test_writes_masks(make_sample, evaluate, tmp_path, format_only):
    out, pred = tmp_path / 'out', np.eye(5, dtype=int)
    options = dict(output_dir=str(out), keep_results=True)
    if format_only:  # needs neither the truth nor logits
        options.update(format_only=True, curve={}, boundary={})
    target, pixels = None if format_only else pred, np.full((5, 5, 4), 255)
    pixels[1, 1, 3] = 0  # transparent: no building without data
    Image.fromarray(np.uint8(pixels)).save(tmp_path / 'city.7.png')
    # The same sample twice, as a sampler pads it.
    samples = [make_sample(pred, target, f'{tmp_path}/city.7.png')] * 2
    assert bool(evaluate(samples, **options)) != format_only
    (path,) = out.iterdir()
    assert path.name == 'city.7.png'
    with Image.open(path) as image:
        assert image.mode == 'L'
        np.testing.assert_array_equal(image, pred * pixels[..., 3])


def test_never_overwrites_another_image(make_sample, tmp_path):
    metric = BuildingMetric(output_dir=str(tmp_path))
    metric.process({}, [make_sample([[1]], [[1]], 'train/1.tif')])
    with pytest.raises(ValueError, match='train/1.tif and val/1.tif would'):
        metric.process({}, [make_sample([[0]], [[1]], 'val/1.tif')])
    # Another process has seen the second one.
    (result,) = metric.results
    with pytest.raises(ValueError, match='would both be written as 1.png'):
        metric.compute_metrics([result, ('val/1.tif', *result[1:])])


def test_keeps_the_best_checkpoint_by_a_score(
    make_sample, evaluate, tiny_config
):
    hook = read_config(tiny_config).default_hooks.checkpoint
    assert hook.save_best == 'building/IoU'
    samples = [make_sample([[1, 0]], [[1, 0]])]
    assert evaluate(samples)[hook.save_best] == 100
    assert evaluate(samples, prefix='roofs')['roofs/IoU'] == 100
