"""Outlines of buildings in a raster of labels, and simpler ones of them.

Vertices are corners of pixels, (column, row). Simpler outlines have some of
them, so they stay within the hull of a building: where the boxes of buildings
are apart, so are they.
"""

from itertools import chain

import numpy as np
import shapely
from rasterio.features import shapes as find_shapes
from rasterio.transform import Affine

from mmseg_cube.inference.ground import scale

# Of the size of details: what Douglas-Peucker takes, a distance, and what
# coverage_simplify takes, the root of an area.
DISTANCE, ROOT = 0.5, 1
APART = 1e-6  # square pixels by which shapes that touch may overlap


def trace(labels: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Outline regions of a raster (rows, width), the first row of which is top.

    Each number has to be of pixels that are connected by their sides.

    Returns:
        Polygons (n,) that look the same wherever they are, and their numbers.
    """
    place = Affine.translation(0, top)
    found = find_shapes(labels, labels > 0, connectivity=4, transform=place)
    polygons, numbers = [], []
    for shape, number in found:
        polygons.append(shape['coordinates'])
        numbers.append(int(number))
    rings = [*chain.from_iterable(polygons)]
    if not rings:
        return np.empty(0, object), np.empty(0, int)
    points = np.array([*chain.from_iterable(rings)])
    ends = [np.cumsum([0, *map(len, x)]) for x in (rings, polygons)]
    kind = shapely.GeometryType.POLYGON
    shapes = shapely.from_ragged_array(kind, points, ends)
    return shapely.normalize(shapes), np.array(numbers)


def fill_holes(polygons: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Fill holes up to an area of each polygon, in square pixels."""
    filled = polygons.copy()
    for i in np.flatnonzero(shapely.get_num_interior_rings(polygons)):
        holes = np.array(polygons[i].interiors)
        holes = holes[shapely.area(shapely.polygons(holes)) > largest[i]]
        filled[i] = shapely.Polygon(polygons[i].exterior, holes)
    return filled


def simplify(
    polygons: np.ndarray, group: np.ndarray, steps: np.ndarray, metres: float
) -> np.ndarray:
    """Leave details out of outlines.

    Args:
        polygons: As of :func:`trace`, (n,).
        group: The component that each is of, (n,). Those of one are
            simplified together, so that they do not overlap.
        steps: Metres per pixel, (n, 2, 2), the same within a group.
        metres: Size of details that are left out.
    """
    order = np.argsort(group, kind='stable')
    starts = np.unique(group[order], return_index=True)[1]
    groups = [x for x in np.split(order, starts[1:]) if len(x) > 1]
    together = np.concatenate([np.empty(0, int), *groups])
    alone = np.setdiff1d(order, together)
    ground = polygons.copy()
    # Shared borders need the same vertices on both sides.
    ground[together] = shapely.transform(
        shapely.segmentize(polygons[together], 1), np.rint
    )
    simple = scale(ground, steps)
    simple[alone] = shapely.simplify(simple[alone], metres * DISTANCE)
    for members in groups:
        simple[members] = shapely.coverage_simplify(
            simple[members], metres * ROOT
        )
    simple = scale(simple, np.linalg.inv(steps))
    simple = shapely.transform(simple, np.rint)
    broken = group[~shapely.is_valid(simple)]
    return np.where(np.isin(group, broken), polygons, simple)


def separate(
    simple: np.ndarray, exact: np.ndarray, group: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Take apart simpler outlines that reach into those of other components.

    What two of them share is left to the one that has these pixels, or to
    none. So the result does not depend on an order.

    Args:
        simple: As of :func:`simplify`, (n,).
        exact: What they were made of, (n,).
        group: The component that each is of, (n,).
        asked: Which to look at, bool (n,).

    Returns:
        Polygons of those that are asked for.
    """
    at = np.flatnonzero(asked)
    result = simple[at]
    shapely.prepare(result)
    one, other = shapely.STRtree(simple).query(result)
    near = group[at[one]] != group[other]
    near[near] = shapely.intersects(result[one[near]], simple[other[near]])
    one, other = one[near], other[near]
    shared = shapely.area(shapely.intersection(result[one], simple[other]))
    one, other = one[shared > APART], other[shared > APART]
    for i in np.unique(one):
        rivals = simple[np.sort(other[one == i])]
        taken = shapely.difference(rivals, exact[at[i]])
        parts = shapely.difference(result[i], shapely.union_all(taken))
        parts = shapely.get_parts(parts)
        result[i] = parts[shapely.area(parts).argmax()]
    return result
