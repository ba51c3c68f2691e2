"""Outlines of regions of a raster, and simpler ones.

Vertices are corners of pixels, (column, row). Simpler outlines have some of
them, so they stay within the hull of a region: where the boxes of regions are
apart, so are they.
"""

import numpy as np
import shapely
from affine import Affine
from rasterio.features import shapes
from shapely.geometry import shape

# Of the size of details: what Douglas-Peucker takes, a distance, and what
# coverage_simplify takes, the root of an area.
DISTANCE, ROOT = 0.5, 2
APART = 1e-6  # square pixels by which shapes that touch may overlap


def trace(labels: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Outline regions of pixels that are connected by their sides.

    Args:
        labels: A number for each region, int32 (rows, width).
        top: Row of the raster that the first of these is.

    Returns:
        Polygons (n,) that look the same wherever they are, and their numbers.
    """
    place = Affine.translation(0, top)
    found = shapes(labels, labels > 0, connectivity=4, transform=place)
    pairs = np.array([(shape(x), int(n)) for x, n in found], object)
    polygons, numbers = pairs.reshape(-1, 2).T
    return shapely.normalize(polygons), numbers.astype(int)


def first_pixels(polygons: np.ndarray) -> np.ndarray:
    """Return the leftmost pixel in the upper row of each, (n, 2)."""
    points, index = shapely.get_coordinates(polygons, return_index=True)
    order = np.lexsort((*points.T, index))
    return points[order[np.unique(index[order], return_index=True)[1]]]


def fill_holes(
    polygons: np.ndarray, pixel: np.ndarray, least: float
) -> np.ndarray:
    """Fill holes below an area; ``pixel`` (n,) is that of one pixel."""
    filled = polygons.copy()
    for i in np.flatnonzero(shapely.get_num_interior_rings(polygons)):
        holes = np.array(polygons[i].interiors)
        area = shapely.area(shapely.polygons(holes)) * pixel[i]
        filled[i] = shapely.Polygon(polygons[i].exterior, holes[area >= least])
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
    simple = polygons.copy()
    _, index, count = np.unique(group, False, True, True)
    together = count[index] > 1
    # Shared borders need the same vertices on both sides.
    simple[together] = shapely.segmentize(polygons[together], 1)
    simple = scale(shapely.transform(simple, np.rint), steps)
    simple[~together] = shapely.simplify(simple[~together], metres * DISTANCE)
    order = np.argsort(index, kind='stable')
    for members in np.split(order, np.cumsum(count)[:-1]):
        if len(members) > 1:
            simple[members] = shapely.coverage_simplify(
                simple[members], metres * ROOT
            )
    simple = scale(simple, np.linalg.inv(steps))
    simple = shapely.transform(simple, np.rint)
    broken = np.isin(group, group[~shapely.is_valid(simple)])
    return np.where(broken, polygons, simple)


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
        taken = shapely.difference(simple[other[one == i]], exact[at[i]])
        result[i] = shapely.difference(result[i], shapely.union_all(taken))
    return largest_parts(result)


def scale(shapes: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Multiply the vertices of shapes by a matrix (2, 2) of each shape."""
    points, index = shapely.get_coordinates(shapes, return_index=True)
    points = np.einsum('nij,nj->ni', steps[index], points)
    return shapely.set_coordinates(shapes.copy(), points)


def largest_parts(shapes: np.ndarray) -> np.ndarray:
    """Take of each shape that has several parts the largest one."""
    result = shapes.copy()
    for i in np.flatnonzero(shapely.get_num_geometries(shapes) > 1):
        parts = shapely.get_parts(shapes[i])
        result[i] = parts[shapely.area(parts).argmax()]
    return result
