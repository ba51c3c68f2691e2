"""Which polygons belong together, against slow and simple references."""

import tracemalloc

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
    for _ in range(70):
        pred, truth = draw_scene(rng, 14), draw_scene(rng, 11)
        rank = rng.permutation(14) if ranked else None
        found = match(pred, truth)
        pairs = found.one_to_one(least, rank)
        pairs = zip(found.pred[pairs], found.truth[pairs], strict=True)
        assert set(pairs) == take_best(pred, truth, least, rank)


def test_a_city_is_compared_sparsely():
    """All with all would take 3 GB."""
    places = np.stack(np.divmod(np.arange(20_000), 150), axis=1) * 20.0
    city = shapely.box(*places.T, *(places + [10, 6]).T)
    tracemalloc.start()
    found = match(city, shapely.transform(city[:18_000], lambda x: x + 1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.one_to_one()) == 18_000
    assert peak < 2e7


@pytest.mark.parametrize(
    ('ranks', 'expected'),
    # Two of three are right; the false one is last, in the middle, first.
    [((9, 8, 1), 1), ((9, 1, 8), (51 + 50 * 2 / 3) / 101), ((2, 1, 3), 2 / 3)],
)
def test_average_precision(ranks, expected):
    far = translate(HOUSE, 50, 0)
    found = match([HOUSE, far, translate(far, 50, 0)], [HOUSE, far])
    assert found.average_precision(np.array(ranks)) == pytest.approx(expected)
    none = match([HOUSE], []).average_precision(np.ones(1))
    assert none == match([], [HOUSE]).average_precision(np.ones(0)) == 0
