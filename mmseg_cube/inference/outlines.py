"""Outlines of regions of a raster, and simpler ones.

Vertices are corners of pixels, (column, row). Simpler outlines have some of
them, so they stay within the hull of a region: where the boxes of regions are
apart, so are they.
"""

import warnings
from collections.abc import Callable
from itertools import count

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize, shapes
from shapely.geometry import shape

from mmseg_cube.inference.matching import overlaps

# Of the size of details: what Douglas-Peucker takes, a distance, and what
# coverage_simplify takes, the root of an area.
DISTANCE, ROOT = 0.5, 2
FILLED = 0.85  # of a rectangle, at least, is a building that is one
APART = 1e-6  # square pixels by which shapes that touch may overlap


def trace(
    labels: np.ndarray, top: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outline regions of pixels that are connected by their sides.

    Args:
        labels: Int32 (rows, width), 0 outside; several regions may have one.
        top: Row of the raster that the first of these is.

    Returns:
        Polygons (n,) that look the same wherever they are, their labels, and
        the regions as int32 (rows, width), from 1 in the order of polygons.
    """
    place = Affine.translation(0, top)
    found = shapes(labels, labels > 0, connectivity=4, transform=place)
    pairs = np.array([(shape(x), int(n)) for x, n in found], object)
    polygons, numbers = pairs.reshape(-1, 2).T
    regions = np.zeros_like(labels)
    if len(polygons):
        burnt = zip(polygons, count(1))
        rasterize(burnt, out=regions, transform=place)
    return shapely.normalize(polygons), numbers.astype(int), regions


def fill_holes(polygons: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Fill holes below an area in square pixels, each polygon's own (n,)."""
    filled = polygons.copy()
    for i in np.flatnonzero(shapely.get_num_interior_rings(polygons)):
        holes = np.array(polygons[i].interiors)
        large = shapely.area(shapely.polygons(holes)) >= least[i]
        filled[i] = shapely.Polygon(polygons[i].exterior, holes[large])
    return filled


def simplify(
    polygons: np.ndarray, group: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """Leave details out of outlines.

    Args:
        polygons: As of :func:`trace`, (n,).
        group: The component that each is of, (n,). Those of one are
            simplified together, so that they do not overlap.
        size: That of details that are left out, in pixels, (n,).
    """
    simple = shapely.simplify(polygons, size * DISTANCE)
    _, index, sizes = np.unique(group, False, True, True)
    order = np.argsort(index, kind='stable')
    for members in np.split(order, np.cumsum(sizes)[:-1]):
        if len(members) > 1:
            # Shared borders need the same vertices on both sides.
            parts = shapely.segmentize(polygons[members], 1)
            parts = shapely.transform(parts, np.rint)
            most = size[members[0]] * ROOT
            simple[members] = shapely.coverage_simplify(parts, most)
    broken = np.isin(group, group[~shapely.is_valid(simple)])
    return np.where(broken, polygons, simple)


def load_regulariser() -> Callable:
    """Return the function of the library that makes right angles."""
    try:
        from buildingregulariser import regularize_geodataframe
    except ImportError as error:
        raise ImportError(
            'right angles need buildingregulariser, and that numpy 2, which '
            "upstream's torch 2.1 cannot have: pip install buildingregulariser"
        ) from error
    return regularize_geodataframe


def regularise(polygons: np.ndarray, size: float) -> np.ndarray:
    """Give outlines right angles, as far as they have a direction.

    They may overlap then. What the library loses or tears stays as it is.

    Args:
        polygons: In metres, (n,).
        size: That of details that are left out, in metres.
    """
    make_regular = load_regulariser()
    import geopandas  # which came with it

    table = dict(row=np.arange(len(polygons)))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # what becomes odd stays as it is
        found = make_regular(
            geopandas.GeoDataFrame(table, geometry=polygons),
            parallel_threshold=2 * size,
            simplify_tolerance=size,
            allow_circles=False,  # which have 168 corners
            num_cores=1,
        )
    found = found[~found['row'].duplicated(keep=False) & found.is_valid]
    found = found[found.geom_type == 'Polygon']
    result = polygons.copy()
    result[found['row'].to_numpy()] = found.geometry.to_numpy()
    return result


def rectangles(polygons: np.ndarray) -> np.ndarray:
    """Return the smallest rectangles around polygons in metres, (n,).

    None around those that have holes or fill too little of it.
    """
    found = shapely.oriented_envelope(polygons)
    fits = shapely.area(polygons) >= FILLED * shapely.area(found)
    fits &= shapely.get_num_interior_rings(polygons) == 0
    return np.where(fits, found, None)


def find_free(
    regular: np.ndarray, simple: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Tell which regular outlines meet no outline of another building.

    Args:
        regular: Outlines, or None, (n,).
        simple: What else is drawn of the same buildings, (n,).
        asked: Which to look at, bool (n,).

    Returns:
        Bool, of those that are asked for.
    """
    at = np.flatnonzero(asked)
    drawn = np.concatenate([simple, regular])
    one, other, shared = overlaps(regular[at], drawn)
    free = ~shapely.is_missing(regular[at])
    free[one[(at[one] != other % len(simple)) & (shared > APART)]] = False
    return free


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
    one, other, shared = overlaps(result, simple)
    wrong = (shared > APART) & (group[at[one]] != group[other])
    one, other = one[wrong], other[wrong]
    for i in np.unique(one):
        taken = shapely.difference(simple[other[one == i]], exact[at[i]])
        result[i] = shapely.difference(result[i], shapely.union_all(taken))
    return largest_parts(result)


def largest_parts(shapes: np.ndarray) -> np.ndarray:
    """Take of each shape that has several parts the largest one."""
    result = shapes.copy()
    for i in np.flatnonzero(shapely.get_num_geometries(shapes) > 1):
        parts = shapely.get_parts(shapes[i])
        result[i] = parts[shapely.area(parts).argmax()]
    return result
