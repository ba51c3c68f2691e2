import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mmseg_cube.evaluation import BuildingMetric

NAMES = ('Precision', 'Recall', 'F1')


def flood(mask, connectivity):
    """Connected sets of pixels, by walking from pixel to pixel."""
    left = {tuple(pixel) for pixel in np.argwhere(mask)}
    out = []
    while left:
        found, waiting = set(), {left.pop()}
        while waiting:
            y, x = waiting.pop()
            found.add((y, x))
            near = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)}
            if connectivity == 8:
                near |= set(itertools.product((y - 1, y + 1), (x - 1, x + 1)))
            waiting |= near & left
            left -= near
        out.append(found)
    return out


def slow_counts(pred, target, iou, connectivity, min_area):
    """Right, false and missed objects by an exact assignment."""
    valid = target != 255
    found = flood((pred == 1) & valid, connectivity)
    real = flood(target == 1, connectivity)
    whole = flood(pred == 1, connectivity)
    overlap = np.array(
        [[len(f & r) / len(f | r) for r in real] for f in found]
    ).reshape(len(found), len(real))
    rows, columns = linear_sum_assignment(overlap >= iou, maximize=True)
    chosen = zip(rows, columns, strict=True)
    pairs = {r: c for r, c in chosen if overlap[r, c] >= iou}
    tp = sum(len(real[c]) >= min_area for c in pairs.values())
    fn = sum(len(r) >= min_area for r in real) - tp
    fp = 0
    for index, part in enumerate(found):
        parent = next(w for w in whole if part <= w)
        hidden = sum(not valid[pixel] for pixel in parent)
        mostly_hidden = hidden > len(parent) / 2
        if index not in pairs and len(part) >= min_area and not mostly_hidden:
            fp += 1
    return np.array([tp, fp, fn])


def as_scores(counts):
    tp, fp, fn = counts.tolist()
    return [
        100 * tp / (tp + fp) if tp + fp else 0,
        100 * tp / (tp + fn) if tp + fn else 0,
        200 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0,
    ]


def object_scores(found):
    return [found[f'building/Object{name}'] for name in NAMES]


@pytest.mark.parametrize(
    'options',
    [dict(), dict(iou=1), dict(iou=0.75, connectivity=4, min_area=10)],
)
def test_equals_an_exact_assignment(scenes, evaluate, options):
    full = dict(dict(iou=0.5, connectivity=8, min_area=1), **options)
    total = sum(
        slow_counts(
            sample['pred_sem_seg']['data'][0].numpy(),
            sample['gt_sem_seg']['data'][0].numpy(),
            **full,
        )
        for sample in scenes
    )
    assert total[1] > 0
    assert total[2] > 0
    found = evaluate(scenes, objects=options)
    assert object_scores(found) == pytest.approx(as_scores(total), 1e-12)


@pytest.mark.parametrize('seed', range(10))
def test_tiny_objects_meet_every_tie(make_sample, evaluate, seed):
    rng = np.random.default_rng(seed)
    # Objects of one to four pixels overlap by exactly a half all the time.
    target = np.zeros((9, 40), int)
    target[::2] = rng.random((5, 40)) < 0.7
    pred = np.where(rng.random(target.shape) < 0.75, target, 0)
    pred[::2] |= rng.random((5, 40)) < 0.1
    counts = slow_counts(pred, target, 0.5, 8, 2)
    found = evaluate([make_sample(pred, target)], objects=dict(min_area=2))
    assert object_scores(found) == pytest.approx(as_scores(counts), 1e-12)


@pytest.mark.parametrize(
    ('pred', 'target', 'scores'),
    [
        ('11.11', '11.11', [100, 100, 100]),
        ('11...', '11.11', [100, 50, 200 / 3]),
        ('11.11', '...11', [50, 100, 200 / 3]),
        ('.....', '.....', [0, 0, 0]),
        ('11111', '.....', [0, 0, 0]),
        ('.....', '11111', [0, 0, 0]),
        # Two pieces of the truth, a third of it each.
        ('1.1..', '111..', [0, 0, 0]),
        ('11.1.', '1111.', [50, 100, 200 / 3]),
        # Exactly a half.
        ('.11..', '1111.', [100, 100, 100]),
        # Two true houses seen as one: the prediction is right for neither.
        ('11111', '11.11', [0, 0, 0]),
        ('11111', '111.1', [100, 50, 200 / 3]),
        # Ignored: more than half of the prediction lies where nothing is
        # known.
        ('1111..', '.???..', [0, 0, 0]),
        ('1111.1', '.???.1', [100, 100, 100]),
        # Half of it counts.
        ('1111.1', '..??.1', [50, 100, 200 / 3]),
        # A match counts even if the prediction goes on out of sight.
        ('1111..', '1???..', [100, 100, 100]),
        ('1.....', '1???..', [100, 100, 100]),
        ('......', '1???..', [0, 0, 0]),
        ('111111', '??????', [0, 0, 0]),
    ],
)
def test_by_hand(make_sample, evaluate, pred, target, scores):
    labels = {'.': 0, '1': 1, '?': 255}
    rows = [[[labels[c] for c in line]] for line in (pred, target)]
    found = evaluate([make_sample(*rows)], objects=dict())
    assert object_scores(found) == pytest.approx(scores)


def test_connectivity(make_sample):
    for connectivity, count in ((4, 2), (8, 1)):
        metric = BuildingMetric(objects=dict(connectivity=connectivity))
        metric.process(None, [make_sample([[1, 0], [0, 1]], [[1, 0], [0, 1]])])
        assert metric.results[0][-1]['objects'].tp == count
