"""Scores of predicted footprints against true ones, as numbers."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import shapely
from rasterio.crs import CRS

from mmseg_cube.datasets.vectors import Footprints, mend, project
from mmseg_cube.inference.matching import match, overlaps

SIZES = 0, 50, 200, 1000, np.inf  # m2
CHUNK = 500  # pairs whose corners fit into a processor's cache
SHAPE_ERRORS = 'polis', 'hausdorff', 'angle', 'corners'
OVERLAP = 0.01  # m2, more than rounding leaves between houses that touch
# Areas are true everywhere, lengths within 0.3 % for 1000 km.
AROUND = '+proj=laea +lon_0={} +lat_0={} +datum=WGS84 +units=m'


class VectorScores:
    """Footprints, which of them belong together, and scores.

    Args:
        pred, truth: The predicted and the true ones, in one CRS.
        aoi: What lies outside is cut off from both; its features are cells
            with scores of their own.
        ious: From which on two are a pair.
        min_area: Smallest that count, in m2, see :meth:`Matches.judge`.
        confidence: Field of ``pred`` for the AP, if it has that.

    Attributes:
        matches: All that overlap; areas are in m2.
        pairs: Numbers of those that are one to one at the lowest IoU.
        metres: Both in a CRS around them.
        confidence: Of the predicted ones, (n,), 0 where they have none.
        errors: Their ``IoU`` and what ``shape_errors`` gives.
        numbers: Counts, and a row of scores for each range of areas and IoU,
            and for each cell.
        aoi: As it is given.
        cells: Which row of its scores each of its polygons has.

    Raises a ValueError if they lie at different places, or for other IoUs.
    """

    def __init__(
        self,
        pred: Footprints,
        truth: Footprints,
        aoi: Footprints | None = None,
        ious: Sequence[float] = (0.5, 0.75),
        min_area: float = 20,
        confidence: str = 'confidence',
    ) -> None:
        if not all(0 < iou <= 1 for iou in ious):
            raise ValueError(f'IoUs must be above 0, at most 1, not {ious}')
        if not 0 <= min_area < np.inf:
            raise ValueError(f'min_area must be 0 m2 or more, not {min_area}')
        _refuse_other_places('prediction and truth', pred, truth)
        if aoi is not None:
            _refuse_other_places('AOI and truth', aoi, truth)
            pred, truth = _clip(pred, aoi), _clip(truth, aoi)
        self.pred, self.truth, self.min_area = pred, truth, min_area
        self.aoi = aoi
        self.metres = first, second = _in_metres(pred, truth)
        self.confidence = pred.fields.get(confidence)
        self.matches = found = match(first, second)
        self.pairs = found.one_to_one(min(ious))
        one, other = found.pred[self.pairs], found.truth[self.pairs]
        self.errors = dict(IoU=found.iou[self.pairs])
        self.errors |= shape_errors(first[one], second[other])
        ap = None
        if self.confidence is not None:
            try:
                rank = np.nan_to_num(self.confidence.astype(float))
            except ValueError as error:
                raise ValueError(
                    f'{confidence}, a field of the prediction, has to hold '
                    f'numbers ({error}). Name another with --confidence'
                ) from error
            self.confidence, ap = rank, found.average_precision(rank, min_area)
        self.numbers = dict(
            predicted=len(pred),
            true=len(truth),
            invalid=pred.invalid + truth.invalid,
            overlapping=int(np.sum(overlaps(first)[2] > OVERLAP)),
            AP=ap,
            rows=[
                self._score(iou, max(low, min_area), high)
                for low, high in ((0, np.inf), *pairwise(SIZES))
                for iou in ious
                if high > min_area
            ],
        )
        if aoi is not None:
            self.numbers['cells'] = self._score_cells(aoi, min(ious))

    def _score(self, iou: float, low: float, high: float) -> dict:
        """Score the buildings of areas from low to high at an IoU."""
        pairs = self.errors['IoU'] >= iou
        judged = self.matches.judge(self.pairs[pairs], low, high)
        right, false, missed = (int(np.sum(each)) for each in judged)
        scores = dict(
            area=f'{low:g} to {high:g} m2',
            iou=iou,
            **_rate(right, false, missed),
            merged=len(self.matches.merged(low, high)),
            split=len(self.matches.split(low, high)),
        )
        for name, values in self.errors.items():
            mean = float(values[pairs][judged[0]].mean()) if right else None
            scores[name] = mean
        return scores

    def _score_cells(self, aoi: Footprints, iou: float) -> list[dict]:
        """Score each feature of the AOI at the lowest IoU.

        A pair is where the true building is, and a building upon a border in
        one of the cells, so that these add up to the whole.
        """
        pairs, false, missed = self.matches.judge(self.pairs, self.min_area)
        pred, truth = self.pred.polygons, self.truth.polygons
        right = truth[self.matches.truth[self.pairs[pairs]]]
        rows, first, self.cells = np.unique(aoi.rows, True, True)
        tree, counts = shapely.STRtree(aoi.polygons), []
        for polygons in (right, pred[false], truth[missed]):
            nearest = tree.nearest(shapely.point_on_surface(polygons))
            counts.append(
                np.bincount(self.cells[nearest], minlength=len(rows))
            )
        names = aoi.fields.get('name', np.full(len(aoi), None))[first]
        return [
            dict(cell=_name(name, row), iou=iou, **_rate(*numbers))
            for name, row, numbers in zip(
                names, rows, np.transpose(counts).tolist(), strict=True
            )
        ]


def _name(name: object, row: int) -> str:
    """Name a cell; by its place from 1 on, where it has no name."""
    if name is None or name != name:  # NaN is not itself
        return str(row + 1)
    text = f'{name:g}' if isinstance(name, float) else str(name)
    return ' '.join(text.split()) or str(row + 1)


def _rate(right: int, false: int, missed: int) -> dict[str, float]:
    """Return precision, recall and F1 beside the counts they are of."""
    return dict(
        right=right,
        false=false,
        missed=missed,
        precision=right / max(right + false, 1),
        recall=right / max(right + missed, 1),
        F1=2 * right / max(2 * right + false + missed, 1),
    )


def _clip(layer: Footprints, aoi: Footprints) -> Footprints:
    """Cut off what lies outside the AOI; what falls apart becomes several."""
    area = shapely.union_all(aoi.polygons)
    shapely.prepare(area)
    shapes = layer.polygons.copy()
    edge = ~shapely.contains_properly(area, shapes)
    shapes[edge] = shapely.intersection(shapes[edge], area)
    polygons, rows, _ = mend(shapes)
    fields = {name: values[rows] for name, values in layer.fields.items()}
    kept = dict(polygons=polygons, rows=layer.rows[rows], fields=fields)
    return replace(layer, **kept)


def _refuse_other_places(what: str, *layers: Footprints) -> None:
    """Raise an error if the layers do not meet; empty ones meet all."""
    if not all(map(len, layers)):
        return
    bounds = [shapely.total_bounds(layer.polygons) for layer in layers]
    if not shapely.intersects(*(shapely.box(*each) for each in bounds)):
        places = ' and '.join(str(each.round(5).tolist()) for each in bounds)
        raise ValueError(
            f'{what} do not overlap: left, bottom, right and top are {places} '
            'in the CRS of the truth. Next: check what CRS the files name'
        )


def _in_metres(*layers: Footprints) -> list[np.ndarray]:
    """Bring the polygons to a CRS around them."""
    shapes = [layer.polygons for layer in layers]
    points = shapely.get_coordinates(np.concatenate(shapes))
    if not len(points):
        return shapes
    # One of their own, not between two: that may be far from 180 degrees.
    middle = np.quantile(points, 0.5, axis=0, method='lower')
    crs = layers[0].crs
    [place] = project(shapely.points([middle]), crs, CRS.from_epsg(4326))
    around = CRS.from_string(AROUND.format(place.x, place.y))
    return [project(each, crs, around) for each in shapes]


def shape_errors(pred: np.ndarray, truth: np.ndarray) -> dict:
    """Compare the outer rings of k pairs of polygons, in metres.

    Returns:
        For each pair, (k,): ``polis``, the mean distance from the corners of
        one to the outline of the other (m); ``hausdorff``, the largest
        distance (m); ``angle`` between the smallest rectangles around them,
        0 to 45 degrees; ``corners``, the predicted ones per true one.
    """
    parts = [
        _compare(pred[start : start + CHUNK], truth[start : start + CHUNK])
        for start in range(0, max(len(pred), 1), CHUNK)
    ]
    return dict(zip(SHAPE_ERRORS, np.hstack(parts), strict=True))


def _compare(pred: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, ...]:
    rings = [shapely.get_exterior_ring(each) for each in (pred, truth)]
    away = _distances(*rings), _distances(*rings[::-1])
    turn = np.abs(_direction(pred) - _direction(truth)) % 90
    # The last point of a ring is its first one.
    corners = [shapely.get_num_points(ring) - 1 for ring in rings]
    return (
        sum(away) / 2,
        shapely.hausdorff_distance(*rings),
        np.minimum(turn, 90 - turn),
        corners[0] / corners[1],
    )


def _distances(rings: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Mean distances (k,) of the corners of rings to the other rings."""
    points, of = shapely.get_coordinates(rings, return_index=True)
    first = np.diff(of, prepend=-1) == 0  # all but one of each ring
    points, of = shapely.points(points[first]), of[first]
    away = shapely.distance(points, others[of])
    return np.bincount(of, away, len(rings)) / np.bincount(of)


def _direction(polygons: np.ndarray) -> np.ndarray:
    """Angles (k,) of one side of the smallest rectangles around, degrees."""
    sides = shapely.oriented_envelope(polygons)
    points = shapely.get_coordinates(sides).reshape(-1, 5, 2)
    x, y = (points[:, 1] - points[:, 0]).T
    return np.degrees(np.arctan2(y, x))
