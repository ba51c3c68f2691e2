import json

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from mmseg_cube.evaluation import BuildingMetric

VAL = dict(dataset='InriaDataset', split='val', protocol='full')
TEST = dict(VAL, split='test')


def flat(samples):
    """Targets and building probabilities of the pixels that count."""
    targets, probabilities = [], []
    for sample in samples:
        target = sample['gt_sem_seg']['data'][0]
        logits = sample['seg_logits']['data'].double()
        probability = logits.softmax(0)[1]
        targets.append(target[target != 255].numpy())
        probabilities.append(probability[target != 255].numpy())
    return np.concatenate(targets), np.concatenate(probabilities)


def write_curve(folder, samples, data, count=9):
    metric = BuildingMetric(
        curve=dict(thresholds=count), report_dir=str(folder)
    )
    metric.dataset_meta = data
    metric.process(None, samples)
    return metric.evaluate(len(samples)), json.loads(
        (folder / 'curve.json').read_text()
    )


@pytest.mark.parametrize('count', [1, 19])
def test_equals_scikit_learn_at_every_threshold(scenes, tmp_path, count):
    target, probability = flat(scenes)
    found, curve = write_curve(tmp_path, scenes, VAL, count)
    assert len(curve['points']) == count
    best = 0
    for number, point in enumerate(curve['points'], 1):
        assert point['threshold'] == number / (count + 1)
        pred = probability > point['threshold']
        matrix = sk.confusion_matrix(target, pred, labels=[0, 1])
        tn, fp, fn, tp = matrix.ravel().tolist()
        counts = [point[key] for key in ('tp', 'fp', 'fn', 'tn')]
        assert counts == [tp, fp, fn, tn]
        scores = dict(
            IoU=sk.jaccard_score(target, pred),
            F1=sk.f1_score(target, pred),
            Precision=sk.precision_score(target, pred, zero_division=0),
            Recall=sk.recall_score(target, pred),
        )
        for name, value in scores.items():
            assert point[name] == pytest.approx(100 * value, 1e-12)
        best = max(best, scores['IoU'])
    assert found['building/BestIoU'] == pytest.approx(100 * best, 1e-12)
    # The probability as far as the thresholds tell it.
    steps = (probability[:, None] > np.arange(1, count + 1) / (count + 1)).sum(
        1
    )
    expected = 100 * sk.average_precision_score(target, steps)
    assert found['building/AveragePrecision'] == pytest.approx(expected, 1e-12)
    assert curve['average_precision'] == found['building/AveragePrecision']


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_one_half_is_argmax_even_in_half_precision(
    make_sample, tmp_path, dtype
):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 60, 60, generator=generator)
    logits = logits.mul(8).round().div(8).to(dtype)
    assert (logits[0] == logits[1]).any()
    target = torch.randint(2, (60, 60), generator=generator)
    sample = make_sample(logits.argmax(0), target, logits=logits)
    found, curve = write_curve(tmp_path, [sample], VAL, 1)
    assert curve['points'][0]['IoU'] == found['building/IoU']
    metric = BuildingMetric(threshold=0.5)
    metric.process(None, [sample])
    assert metric.evaluate(1)['building/IoU'] == found['building/IoU']


def test_labels_at_the_chosen_threshold(scenes, tmp_path, evaluate):
    found, curve = write_curve(tmp_path, scenes, VAL, 19)
    best = curve['best']
    assert best['threshold'] == found['building/BestThreshold'] != 0.5
    assert curve['data'] == VAL
    out = tmp_path / 'masks'
    for value in (best['threshold'], str(tmp_path / 'curve.json')):
        again = evaluate(scenes, threshold=value, output_dir=str(out))
        for name in ('IoU', 'F1', 'Precision', 'Recall'):
            assert again[f'building/{name}'] == best[name]
    assert found['building/BestIoU'] == best['IoU'] > found['building/IoU']
    assert found['building/BestF1'] == best['F1'] > found['building/F1']


def test_never_chooses_on_a_test_split(scenes, tmp_path, log_of):
    for data in (TEST, dict(split='val+test'), dict(dataset='ADE20K'), None):
        folder = tmp_path / str(data)
        found, curve = write_curve(folder, scenes, data)
        assert found['building/AveragePrecision'] > 0
        assert not [key for key in found if 'Best' in key]
        assert curve['best'] is None
        assert curve['no_best_because']
        with pytest.raises(ValueError, match='has no best threshold: the '):
            BuildingMetric(threshold=folder / 'curve.json')
    assert 'does not say its split' in log_of()
    assert 'those of InriaDataset test, protocol full' in log_of()


def test_split_of_other_datasets_is_an_option(scenes, evaluate):
    found = evaluate(scenes, curve=dict(split='val'))
    assert 0 < found['building/BestThreshold'] < 1
    found = evaluate(scenes, data=VAL, curve=dict(split='val'))
    assert found['building/BestThreshold']
    with pytest.raises(ValueError, match="'val', but .* InriaDataset test"):
        evaluate(scenes, data=TEST, curve=dict(split='val'))


def test_says_where_the_threshold_comes_from(
    scenes, tmp_path, evaluate, log_of
):
    write_curve(tmp_path, scenes, VAL)
    path = str(tmp_path / 'curve.json')
    evaluate(scenes, data=TEST, threshold=path, boundary=dict())
    assert 'chosen on InriaDataset val, protocol full' in log_of()
    assert 'scores are too good' not in log_of()
    evaluate(scenes, data=VAL, threshold=path)
    assert 'scores are too good' in log_of()


@pytest.mark.parametrize('label', [0, 1, 255])
def test_one_kind_of_pixel(make_sample, evaluate, label):
    logits = np.random.default_rng(0).normal(size=(2, 8, 8))
    sample = make_sample(
        logits.argmax(0), np.full((8, 8), label), logits=logits
    )
    found = evaluate([sample], data=VAL, curve=dict())
    assert np.isfinite(list(found.values())).all()
    expected = 100 if label == 1 else 0
    assert found['building/AveragePrecision'] == pytest.approx(expected)
    assert ('building/BestThreshold' in found) == (label == 1)


def test_of_equal_thresholds_the_middle_one_is_chosen(make_sample, evaluate):
    target = np.array([[0, 1, 1]])
    logits = np.stack([0 * target, 20.0 * target - 10])
    sample = make_sample(target, target, logits=logits)
    found = evaluate([sample], data=VAL, curve=dict(thresholds=9))
    assert found['building/BestThreshold'] == 0.5
    assert found['building/BestIoU'] == 100


def test_refuses_what_augmentation_gives(scenes):
    views = [torch.zeros(3, 4, 4)]
    batch = dict(inputs=[views, views])
    for options in (dict(curve=dict()), dict(threshold=0.4)):
        metric = BuildingMetric(**options)
        with pytest.raises(ValueError, match='augmentation does not give'):
            metric.process(batch, scenes[:1])
    BuildingMetric().process(batch, scenes[:1])


@pytest.mark.parametrize(
    ('logits', 'message'),
    [
        (None, 'a.png has no seg_logits'),
        (np.zeros((1, 2, 2)), r'but they are \(1, 2, 2\)'),
        (np.zeros((2, 3, 2)), r'but they are \(2, 3, 2\)'),
        (np.full((2, 2, 2), np.nan), 'is not a number'),
        (np.stack([np.zeros((2, 2)), np.ones((2, 2))]), 'not those of the l'),
    ],
)
def test_refuses_wrong_logits(make_sample, evaluate, logits, message):
    zeros = np.zeros((2, 2), int)
    sample = make_sample(zeros, zeros, logits=logits)
    for options in (dict(curve=dict()), dict(threshold=0.5)):
        with pytest.raises(ValueError, match=message):
            evaluate([sample], **options)


def a_curve(data, threshold):
    best = dict(threshold=threshold)
    return json.dumps(dict(data=data, best=best, no_best_because=None))


def test_refuses_wrong_files(tmp_path):
    path = tmp_path / 'curve.json'
    with pytest.raises(FileNotFoundError, match='curve.json: no such file'):
        BuildingMetric(threshold=str(path))
    for text, message in (
        ('{', 'is not a curve.json'),
        ('[]', 'is not a curve.json'),
        ('{"best": {"threshold": 0.4}}', 'is not a curve.json'),
        (a_curve(VAL, 4), 'between 0 and 1'),
        # Somebody chose it on test.
        (a_curve(TEST, 0.4), 'written on InriaDataset test'),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            BuildingMetric(threshold=str(path))
