import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from mmseg_cube.evaluation.sample import Sample
from mmseg_cube.evaluation.score_kinds import ObjectScore


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


def slow_counts(pred, target, iou=0.5, connectivity=8, min_area=1):
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
    return tp, fp, fn


def count(sample, **options):
    counts = ObjectScore(**options).count(Sample(sample))
    return counts.tp, counts.fp, counts.fn


OPTIONS = st.fixed_dictionaries(
    dict(
        iou=st.floats(0.5, 1),
        connectivity=st.sampled_from([4, 8]),
        min_area=st.integers(1, 4),
    )
)
# Of few pixels, which often overlap by exactly a half.
LABELS = arrays(
    np.int64,
    st.tuples(st.just(2), st.integers(1, 4), st.integers(1, 12)),
    elements=st.sampled_from([0, 1, 1, 255]),
    fill=st.nothing(),
)


@given(LABELS, OPTIONS)
def test_small_objects_equal_an_exact_assignment(make_sample, labels, options):
    pred, target = labels[0] % 2, labels[1]
    expected = slow_counts(pred, target, **options)
    assert count(make_sample(pred, target), **options) == expected


def test_scores_are_those_of_all_images_together(scenes, evaluate):
    options = dict(iou=0.75, connectivity=4, min_area=10)
    keys = 'pred_sem_seg', 'gt_sem_seg'
    tp, fp, fn = np.sum(
        [
            slow_counts(*(s[k]['data'][0].numpy() for k in keys), **options)
            for s in scenes
        ],
        axis=0,
    )
    assert min(fp, fn) > 0
    found = evaluate(scenes, objects=options)
    sums = dict(Precision=tp + fp, Recall=tp + fn, F1=tp + (fp + fn) / 2)
    for name, value in sums.items():
        expected = pytest.approx(100 * tp / value, 1e-12)
        assert found[f'building/Object{name}'] == expected


@pytest.mark.parametrize(
    ('pred', 'target', 'expected'),
    [
        ('.....', '.....', (0, 0, 0)),
        ('11111', '.....', (0, 1, 0)),
        ('.....', '11111', (0, 0, 1)),
        # Two pieces of the truth, a third of it each.
        ('1.1..', '111..', (0, 2, 1)),
        ('11.1.', '1111.', (1, 1, 0)),
        # Exactly a half.
        ('.11..', '1111.', (1, 0, 0)),
        # Two true houses seen as one: the prediction is right for neither.
        ('11111', '11.11', (0, 1, 2)),
        ('11111', '111.1', (1, 0, 1)),
        # Ignored: more than half of it lies where nothing is known.
        ('1111..', '.???..', (0, 0, 0)),
        ('1111.1', '.???.1', (1, 0, 0)),
        # Half of it counts.
        ('1111.1', '..??.1', (1, 1, 0)),
        # A match counts even if the prediction goes on out of sight.
        ('1111..', '1???..', (1, 0, 0)),
        ('1.....', '1???..', (1, 0, 0)),
        ('......', '1???..', (0, 0, 1)),
        ('111111', '??????', (0, 0, 0)),
    ],
)
def test_by_hand(make_sample, pred, target, expected):
    labels = {'.': 0, '1': 1, '?': 255}
    rows = [[[labels[c] for c in line]] for line in (pred, target)]
    assert count(make_sample(*rows)) == expected
