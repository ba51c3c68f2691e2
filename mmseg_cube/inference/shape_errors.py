"""How far the outlines of matched buildings are from the true ones."""

import numpy as np
import shapely

CHUNK = 500  # pairs whose corners fit into a processor's cache


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
    return {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


def _compare(pred: np.ndarray, truth: np.ndarray) -> dict:
    rings = [shapely.get_exterior_ring(each) for each in (pred, truth)]
    turn = np.abs(_direction(pred) - _direction(truth)) % 90
    away = _distances(*rings), _distances(*rings[::-1])
    # The last point of a ring is its first one.
    corners = [shapely.get_num_points(ring) - 1 for ring in rings]
    return dict(
        polis=sum(away) / 2,
        hausdorff=shapely.hausdorff_distance(*rings),
        angle=np.minimum(turn, 90 - turn),
        corners=corners[0] / corners[1],
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
