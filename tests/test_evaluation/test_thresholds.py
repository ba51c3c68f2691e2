import json

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn import metrics as sk

from mmseg_cube.evaluation import BuildingMetric, margins

VAL = dict(dataset='InriaDataset', split='val', protocol='full')
TEST = dict(VAL, split='test')


@pytest.fixture
def write_curve(evaluate, tmp_path):
    """Evaluate samples; return the scores and what is in curve.json."""

    def write(samples, data=VAL, count=9, folder=tmp_path):
        options = dict(curve=dict(thresholds=count), report_dir=str(folder))
        found = evaluate(samples, data, **options)
        return found, json.loads((folder / 'curve.json').read_text())

    return write


@pytest.mark.parametrize('count', [1, 19])
def test_equals_scikit_learn_at_every_threshold(scenes, write_curve, count):
    pairs = [
        (s['gt_sem_seg']['data'], s['seg_logits']['data'].diff(dim=0))
        for s in scenes
    ]
    target, margin = (
        np.concatenate([pair[i][pair[0] != 255] for pair in pairs])
        for i in (0, 1)
    )
    probability = expit(margin.astype(np.float64))
    found, curve = write_curve(scenes, count=count)
    shares = np.arange(1, count + 1) / (count + 1)
    points = {point['threshold']: point for point in curve['points']}
    assert set(shares) < set(points) and len(points) == 2 * count
    recalls = [point['Recall'] for point in curve['points']]
    for share in shares:
        assert np.abs(recalls - 100 * share).min() < 3  # there are ties
    for threshold, point in points.items():
        pred = margin > np.float32(point['margin'])
        if threshold in shares:
            assert (pred == (probability > threshold)).all()
        matrix = sk.confusion_matrix(target, pred, labels=[0, 1])
        counts = [point[key] for key in ('tn', 'fp', 'fn', 'tp')]
        assert counts == matrix.ravel().tolist()
        iou = 100 * sk.jaccard_score(target, pred)
        assert point['IoU'] == pytest.approx(iou, 1e-12)
    assert curve['average_precision'] == found['building/AveragePrecision']


@pytest.mark.parametrize(
    'change',
    (
        lambda margin: margin,
        lambda margin: 1e-6 * margin,
        lambda margin: 40 * margin,  # probabilities of 0 and 1
        lambda margin: margin + 100,
        lambda margin: (10 * margin).clamp(-20, 35),
        lambda margin: margin.bfloat16(),
        lambda margin: margin.half() * 5000,  # infinite ones
    ),
)
@pytest.mark.parametrize('most', (1 << 12, 1 << 16))
def test_scores_are_exact_however_calibrated(
    change, most, make_sample, evaluate, monkeypatch, tmp_path
):
    monkeypatch.setattr(margins, 'MOST', most)
    torch.manual_seed(0)
    samples, everything = [], []
    for index in range(3):
        target = (torch.rand(200, 200) < 0.1).long()
        margin = change(torch.randn(target.shape) + 2 * target)
        logits = torch.stack([torch.zeros_like(margin), margin])
        pred = (margin > 0).long()
        samples.append(make_sample(pred, target, f'{index}.png', logits))
        everything.append(torch.stack([margin.double(), target]).flatten(1))
    margin, target = torch.cat(everything, 1).numpy()
    options = dict(curve=dict(), report_dir=str(tmp_path))
    found = evaluate(samples, VAL, **options)
    near = 1e-9 if len(np.unique(margin)) <= most else 1e-2 * 2**16 / most
    ranks = np.unique(margin, return_inverse=True)[1]
    expected = 100 * sk.average_precision_score(target, ranks)
    average = found['building/AveragePrecision']
    assert average == pytest.approx(expected, abs=near)
    precision, recall, _ = sk.precision_recall_curve(target, ranks)
    best = 100 / (1 / precision + 1 / np.maximum(recall, 1e-9) - 1).min()
    assert found['building/BestIoU'] == pytest.approx(best, abs=near)
    # Counted again at the margin that the file names.
    again = evaluate(samples, threshold=str(tmp_path / 'curve.json'))
    assert again['building/IoU'] == found['building/BestIoU']
    # In any order, and by any number of processes.
    assert evaluate(samples[::-1], VAL, curve=dict()) == found


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_one_half_is_argmax_even_in_half_precision(
    make_sample, evaluate, write_curve, dtype
):
    torch.manual_seed(0)
    logits = torch.randn(2, 60, 60).mul(8).round().div(8).to(dtype)
    assert (logits[0] == logits[1]).any()
    target = torch.randint(2, (60, 60))
    sample = make_sample(logits.argmax(0), target, logits=logits)
    found, curve = write_curve([sample], count=1)
    (half,) = (p for p in curve['points'] if p['threshold'] == 0.5)
    assert half['IoU'] == found['building/IoU']
    again = evaluate([sample], threshold=0.5)
    assert again['building/IoU'] == found['building/IoU']


def test_labels_at_the_chosen_threshold(
    scenes, write_curve, evaluate, tmp_path, log
):
    found, curve = write_curve(scenes, count=19)
    best, path = curve['best'], str(tmp_path / 'curve.json')
    assert best['threshold'] == found['building/BestThreshold'] != 0.5
    assert curve['data'] == VAL
    for value in (best['threshold'], path):
        again = evaluate(scenes, threshold=value)
        for name in ('IoU', 'F1', 'Precision', 'Recall'):
            assert again[f'building/{name}'] == best[name]
    assert found['building/BestIoU'] == best['IoU'] > found['building/IoU']
    assert found['building/BestF1'] == best['F1'] > found['building/F1']
    # Where it comes from.
    evaluate(scenes, data=TEST, threshold=path, boundary=dict())
    assert 'chosen on InriaDataset val, protocol full' in log.text
    assert 'scores are too good' not in log.text
    evaluate(scenes, data=VAL, threshold=path)
    assert 'scores are too good' in log.text


def test_never_chooses_on_a_test_split(scenes, write_curve, tmp_path, log):
    for data in (TEST, dict(split='val+test'), dict(dataset='ADE20K'), None):
        found, curve = write_curve(scenes, data)
        assert found['building/AveragePrecision'] > 0
        assert not [key for key in found if 'Best' in key]
        assert curve['best'] is None
        assert curve['no_best_because']
        with pytest.raises(ValueError, match='has no best threshold: the '):
            BuildingMetric(threshold=tmp_path / 'curve.json')
    assert 'does not say its split' in log.text
    assert 'those of InriaDataset test, protocol full' in log.text


def test_one_kind_of_pixel(make_sample, evaluate, tmp_path):
    logits = np.random.default_rng(0).normal(size=(2, 8, 8))
    options = dict(curve={}, boundary={}, objects={}, group_by='(a)')
    for label in (0, 1, 255):
        sample = make_sample(
            logits.argmax(0), np.full((8, 8), label), logits=logits
        )
        found = evaluate([sample], VAL, report_dir=str(tmp_path), **options)
        assert np.isfinite(list(found.values())).all()
        expected = 100 if label == 1 else 0
        assert found['building/AveragePrecision'] == pytest.approx(expected)
        assert ('building/BestThreshold' in found) == (label == 1)
        assert len(list(tmp_path.iterdir())) == 4  # it can be drawn


def test_of_equal_thresholds_the_middle_one_is_chosen(make_sample, evaluate):
    target = np.array([[0, 1, 1]])
    logits = np.stack([0 * target, 20.0 * target - 10])
    sample = make_sample(target, target, logits=logits)
    found = evaluate([sample], data=VAL, curve=dict(thresholds=9))
    assert found['building/BestThreshold'] == 0.5
    assert found['building/BestIoU'] == 100


@pytest.mark.parametrize('options', [dict(curve={}), dict(threshold=0.5)])
def test_refuses_wrong_logits(make_sample, evaluate, scenes, options):
    zeros = np.zeros((2, 2), int)
    for logits, message in (
        (None, 'a.png has no seg_logits'),
        (np.zeros((1, 2, 2)), r'but they are \(1, 2, 2\)'),
        (np.zeros((2, 3, 2)), r'but they are \(2, 3, 2\)'),
        (np.full((2, 2, 2), np.nan), 'is not a number'),
        (np.stack([zeros, zeros + 1]), 'not those of the larger'),
    ):
        sample = make_sample(zeros, zeros, logits=logits)
        with pytest.raises(ValueError, match=message):
            evaluate([sample], **options)
    # Those of test-time augmentation.
    views = [torch.zeros(3, 4, 4)]
    batch = dict(inputs=[views, views])
    with pytest.raises(ValueError, match='augmentation does not give'):
        BuildingMetric(**options).process(batch, scenes[:1])
    BuildingMetric().process(batch, scenes[:1])


def test_refuses_wrong_files(tmp_path):
    path = tmp_path / 'curve.json'
    with pytest.raises(FileNotFoundError, match='curve not found'):
        BuildingMetric(threshold=str(path))
    curve = '{"data": {"split": "%s"}, "best": {"threshold": %s}, '
    curve += '"no_best_because": null}'
    for text, message in (
        ('{', 'is not a curve.json'),
        ('[]', 'is not a curve.json'),
        ('{"best": {"threshold": 0.4}}', 'is not a curve.json'),
        (curve % ('val', 4), 'between 0 and 1'),
        # Somebody chose it on test.
        (curve % ('test', 0.4), 'written on a dataset test'),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            BuildingMetric(threshold=str(path))
