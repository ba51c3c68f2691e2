"""Which polygons belong together, against slow and simple references."""

import numpy as np
import pytest

from mmseg_cube.inference import match

shapely = pytest.importorskip('shapely')
from shapely.affinity import rotate, scale, translate  # noqa: E402

HOUSE = shapely.box(0, 0, 10, 6)


def draw_scene(rng, count):
    """Houses of all directions, many of which overlap."""
    return [
        translate(
            rotate(scale(HOUSE, *rng.uniform(0.7, 1.4, 2)), rng.uniform(0, 9)),
            *rng.integers(0, 5, 2) * 6.0 + rng.uniform(-1, 1, 2),
        )
        for _ in range(count)
    ]


def take_best(pred, truth, least, rank=None):
    """Pair polygons one by one, all with all compared."""
    pred, truth = np.array(pred)[:, None], np.array(truth)
    shared = shapely.area(shapely.intersection(pred, truth))
    iou = shared / (shapely.area(pred) + shapely.area(truth) - shared)
    pairs = set()
    for one in range(len(pred)) if rank is None else np.argsort(-rank):
        rows = iou if rank is None else iou[one : one + 1]
        if rows.max() >= least:
            first, second = np.unravel_index(rows.argmax(), rows.shape)
            first = first if rank is None else one
            pairs.add((first, second))
            iou[first], iou[:, second] = 0, 0
    return pairs


@pytest.mark.parametrize('least', [0.1, 0.5, 0.75])
@pytest.mark.parametrize('ranked', [False, True])
def test_pairs_are_those_of_a_slow_search(least, ranked):
    rng = np.random.default_rng(0)
    for _ in range(200):
        pred, truth = draw_scene(rng, 14), draw_scene(rng, 11)
        rank = rng.permutation(14) if ranked else None
        found = match(pred, truth)
        pairs = found.one_to_one(least, rank)
        pairs = zip(found.pred[pairs], found.truth[pairs], strict=True)
        assert set(pairs) == take_best(pred, truth, least, rank)


# Predictions and truths, then right, false, missed, merged and split ones.
LEFT, RIGHT = shapely.box(0, 0, 5, 6), shapely.box(5, 0, 10, 6)
FAR = translate(HOUSE, 50, 0)
SCENES = {
    'perfect': ([HOUSE, FAR], [HOUSE, FAR], (2, 0, 0, 0, 0)),
    'shifted by half': ([translate(HOUSE, 5, 0)], [HOUSE], (0, 1, 1, 0, 0)),
    'elsewhere': ([FAR], [HOUSE], (0, 1, 1, 0, 0)),
    'no prediction': ([], [HOUSE, FAR], (0, 0, 2, 0, 0)),
    'no truth': ([HOUSE], [], (0, 1, 0, 0, 0)),
    'nothing': ([], [], (0, 0, 0, 0, 0)),
    'duplicates': ([HOUSE, HOUSE], [HOUSE], (1, 1, 0, 0, 1)),
    'merged': ([HOUSE], [LEFT, RIGHT], (1, 0, 1, 1, 0)),
    'split': ([LEFT, RIGHT, FAR], [HOUSE], (1, 2, 0, 0, 1)),
    'small prediction': ([scale(HOUSE, 0.1)], [FAR], (0, 0, 1, 0, 0)),
    'small truth': ([HOUSE], [scale(HOUSE, 0.9), FAR], (0, 0, 1, 0, 0)),
}


@pytest.mark.parametrize('name', SCENES)
def test_judgements(name):
    pred, truth, expected = SCENES[name]
    found = match(pred, truth)
    low = 20 if name != 'small truth' else 55
    right, false, missed = found.judge(found.one_to_one(), low)
    counts = [np.count_nonzero(each) for each in (right, false, missed)]
    assert (*counts, len(found.merged()), len(found.split())) == expected


@pytest.mark.parametrize(
    ('ranks', 'expected'),
    # Two of three are right; the false one is last, in the middle, first.
    [((9, 8, 1), 1), ((9, 1, 8), (51 + 50 * 2 / 3) / 101), ((2, 1, 3), 2 / 3)],
)
def test_average_precision(ranks, expected):
    found = match([HOUSE, FAR, translate(HOUSE, 0, 40)], [HOUSE, FAR])
    assert found.average_precision(np.array(ranks)) == pytest.approx(expected)
    none = match([HOUSE], []).average_precision(np.ones(1))
    assert none == match([], [HOUSE]).average_precision(np.ones(0)) == 0
