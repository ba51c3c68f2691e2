"""Which predicted buildings are which true ones, as polygons.

Only polygons that meet are compared, so a city of 200,000 takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from shapely import Polygon

CHUNK = 1_000  # pairs whose common shapes fit into a processor's cache
AP_IOUS = np.arange(50, 100, 5) / 100
AP_RECALLS = np.linspace(0, 1, 101)


class Matches(NamedTuple):
    """The k pairs of a predicted and a true polygon that overlap.

    Attributes:
        pred, truth: Rows of the two of each pair, (k,), highest IoU first.
        shared: Areas that both cover, (k,).
        iou: Their shares of what the two cover together, (k,).
        pred_areas, truth_areas: Of all polygons, (n,) and (m,).
    """

    pred: np.ndarray
    truth: np.ndarray
    shared: np.ndarray
    iou: np.ndarray
    pred_areas: np.ndarray
    truth_areas: np.ndarray

    def one_to_one(
        self, iou: float = 0.5, rank: np.ndarray | None = None
    ) -> np.ndarray:
        """Number pairs of at least this IoU, so that no polygon is in two.

        The pairs with the highest IoU come first, or with a rank (n,) the
        predictions of the highest, each with the best that is left for it.
        """
        pairs = np.flatnonzero(self.iou >= iou)
        if rank is not None:
            pred = self.pred[pairs]
            pairs = pairs[np.lexsort((pred, -rank[pred]))]
        chosen, used = [], set()
        # Rows of true ones are told from those of predictions by their sign.
        both = self.pred[pairs].tolist(), (~self.truth[pairs]).tolist()
        for pair, *rows in zip(pairs.tolist(), *both, strict=True):
            if used.isdisjoint(rows):
                used.update(rows)
                chosen.append(pair)
        return np.array(chosen, np.int64)

    def judge(
        self, pairs: np.ndarray, low: float = 0, high: float = np.inf
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tell which pairs are right, predictions false and truths missed.

        As masks. A true one whose area is not from low to high does not
        count, whether it was found or not; neither does such a prediction
        without partner.
        """
        false, missed = (
            (low <= areas) & (areas < high)
            for areas in (self.pred_areas, self.truth_areas)
        )
        right = missed[self.truth[pairs]]
        false[self.pred[pairs]] = missed[self.truth[pairs]] = False
        return right, false, missed

    def average_precision(self, rank: np.ndarray, low: float = 0) -> float:
        """COCO's AP, over IoUs from 0.50 to 0.95, by confidences (n,)."""
        order = np.argsort(-rank, kind='stable')
        means = []
        for iou in AP_IOUS:
            pairs = self.one_to_one(iou, rank)
            right, false, missed = self.judge(pairs, low)
            hit = np.zeros(len(rank), bool)
            hit[self.pred[pairs]] = right
            hits, errors = np.cumsum(hit[order]), np.cumsum(false[order])
            precision = hits / np.maximum(hits + errors, 1)
            # The best one that is still to come; 0 where recall ends.
            best = np.maximum.accumulate(precision[::-1])[::-1]
            truths = right.sum() + missed.sum()
            places = np.searchsorted(hits / max(truths, 1), AP_RECALLS)
            means.append(np.append(best, 0)[places].mean())
        return float(np.mean(means))

    def merged(self, low: float = 0, high: float = np.inf) -> np.ndarray:
        """Rows of predictions with most of two or more true ones in each."""
        inside = self.shared > self.truth_areas[self.truth] / 2
        return _several(self.pred[inside], self.pred_areas, low, high)

    def split(self, low: float = 0, high: float = np.inf) -> np.ndarray:
        """Rows of true ones with most of two or more predictions in each."""
        inside = self.shared > self.pred_areas[self.pred] / 2
        return _several(self.truth[inside], self.truth_areas, low, high)


def match(pred: Sequence[Polygon], truth: Sequence[Polygon]) -> Matches:
    """Find all predicted and true buildings that overlap.

    Takes valid shapely polygons in one plane CRS. Areas are as true as they
    are there, in EPSG:6933 everywhere.
    """
    # Says which extra is missing.
    from mmseg_cube.datasets.vectors import shapely

    pred, truth = np.asarray(pred, object), np.asarray(truth, object)
    one, other, shared = overlaps(pred, truth)
    areas = shapely.area(pred), shapely.area(truth)
    iou = shared / (areas[0][one] + areas[1][other] - shared)
    order = np.lexsort((other, one, -iou))
    pairs = (values[order] for values in (one, other, shared, iou))
    return Matches(*pairs, *areas)


def overlaps(
    first: np.ndarray, second: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of polygons that overlap, and the areas they share.

    Without second ones, those among the first, each pair once.
    """
    import shapely

    others = first if second is None else second
    one, other = shapely.STRtree(others).query(first, 'intersects')
    if second is None:
        one, other = one[one < other], other[one < other]
    shared = np.zeros(len(one))
    for start in range(0, len(one), CHUNK):
        part = slice(start, start + CHUNK)
        shapes = shapely.intersection(first[one[part]], others[other[part]])
        shared[part] = shapely.area(shapes)
    real = shared > 0
    return one[real], other[real], shared[real]


def _several(
    rows: np.ndarray, areas: np.ndarray, low: float, high: float
) -> np.ndarray:
    """Return the rows that are there twice, of areas from low to high."""
    counts = np.bincount(rows, minlength=len(areas))
    return np.flatnonzero((counts > 1) & (low <= areas) & (areas < high))
