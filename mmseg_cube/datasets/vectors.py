"""Footprints from vector files: the one reader of all that GDAL knows.

GeoPackage, GeoJSON, FlatGeobuf, shapefiles and more, as valid polygons whose
coordinates are known to mean a place. Loaded only where vectors are used, for
it needs the extra ``[cities]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.warp import transform

from mmseg_cube.datasets.errors import FileError, RasterError, errors_of
from mmseg_cube.utils.words import name_some, not_found

try:
    import pyogrio
    import shapely
except ImportError as error:
    raise ImportError(
        'polygons need shapely and pyogrio: '
        'pip install "mmsegmentation-cube[cities]"'
    ) from error


@dataclass
class Footprints:
    """Polygons of a file; each part of a multipolygon is one.

    Attributes:
        polygons: Array (n,) of valid shapely Polygons, without heights.
        crs: What their coordinates mean.
        fields: Attributes of them that were asked for and are there, each an
            array (n,).
        invalid: Shapes of the file that had to be made valid; those without
            area are left out.
        others: Shapes of the file that are no polygons, left out.
    """

    polygons: np.ndarray
    crs: CRS
    fields: dict[str, np.ndarray]
    invalid: int
    others: int

    def __len__(self) -> int:
        return len(self.polygons)


def read_footprints(
    path: str | Path,
    layer: str | None = None,
    crs: str | None = None,
    to: CRS | None = None,
    fields: Sequence[str] = (),
) -> Footprints:
    """Read the polygons of a vector file.

    Args:
        path: The file, or a name that GDAL knows, such as ``/vsizip/...``.
        layer: Which one, if several have polygons.
        crs: What the coordinates mean, such as ``'EPSG:32645'``, if the file
            does not say it; what the file says counts more.
        to: CRS to bring the polygons to.
        fields: Attributes to read along; those it lacks are left out.

    Raises:
        FileError: It cannot be read, has no layer of polygons, several of
            them, no CRS, or coordinates that do not fit its CRS.
    """
    if not str(path).startswith('/vsi') and not Path(path).exists():
        raise FileError(not_found('vector file', path, 'correct the path'))
    with errors_of(path):
        try:
            layer = _choose_layer(path, layer)
            meta, _, shapes, columns = pyogrio.raw.read(
                path, layer, columns=list(fields), force_2d=True
            )
        except RuntimeError as error:
            raise RasterError(
                f'cannot be read as polygons: {error}',
                'Export it as GeoPackage or GeoJSON.',
            ) from error
        crs = _make_crs(meta['crs'] or crs)
        shapes = shapely.from_wkb(shapes, on_invalid='ignore')
        areas = shapely.get_dimensions(shapes) == 2
        polygons, rows, invalid = _mend(shapes[areas])
        if to and to != crs:
            polygons, inner, _ = _mend(project(polygons, crs, to))
            crs, rows = to, rows[inner]
    columns = [column[areas][rows] for column in columns]
    values = dict(zip(meta['fields'], columns, strict=True))
    others = int(np.count_nonzero(~areas))
    return Footprints(polygons, crs, values, invalid, others)


def project(shapes: np.ndarray, source: CRS, target: CRS) -> np.ndarray:
    """Bring the vertices of shapely shapes to another CRS.

    Raises a RasterError if one of them has no place there.
    """
    points = shapely.get_coordinates(shapes)
    try:
        x, y = transform(source, target, *points.T.tolist())
    except CPLE_BaseError:  # from some projections, from others infinity
        x = y = np.full(len(points), np.inf)
    moved = np.column_stack((x, y))
    if not np.isfinite(moved).all():
        left, low, right, high = shapely.total_bounds(shapes)
        raise RasterError(
            f'not all of its coordinates, {left:.10g} to {right:.10g} and '
            f'{low:.10g} to {high:.10g}, are places of {_name(source)} that '
            f'{_name(target)} has',
            'Name the CRS they are in.',
        )
    return shapely.set_coordinates(shapes.copy(), moved)


def _make_crs(text: str | None) -> CRS:
    advice = 'Name their CRS, such as --crs EPSG:32645.'
    if not text:
        raise RasterError('does not say what its coordinates mean', advice)
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise RasterError(f'{text!r} names no CRS', advice) from error


def _name(crs: CRS) -> str:
    """Name a CRS shortly: ``EPSG:3857``, else what it calls itself."""
    code = crs.to_authority()
    return ':'.join(code) if code else crs.to_wkt().split('"')[1]


def _choose_layer(path: str | Path, layer: str | None) -> str:
    """Find the layer: the one that is named, or the only one of polygons."""
    kinds = dict(pyogrio.list_layers(path))
    found = name_some([f'{name} ({kind})' for name, kind in kinds.items()])
    if layer:
        if layer not in kinds:
            raise RasterError(f'has no layer {layer!r}; it has {found}')
        return layer
    words = 'Polygon', 'Surface', 'Unknown', 'Collection'
    fitting = [
        name
        for name, kind in kinds.items()
        if any(word in str(kind) for word in words)
    ]
    if not fitting:
        raise RasterError(f'has no layer of polygons; it has {found}')
    if len(fitting) > 1:
        advice = 'Name one with --layer.'
        raise RasterError(f'several layers of polygons: {found}', advice)
    return fitting[0]


def _mend(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Make shapes valid and take them apart into polygons.

    Returns the polygons, the row of ``shapes`` each comes from, and how many
    shapes were not valid.
    """
    wrong = ~shapely.is_valid(shapes)
    shapes = shapes.copy()
    # Unlike 'linework', keeps what two rings cover, and no lines.
    shapes[wrong] = shapely.make_valid(
        shapes[wrong], method='structure', keep_collapsed=False
    )
    # Twice, for a collection may hold multipolygons.
    parts, rows = shapely.get_parts(shapes, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)
    full = (shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)
    return parts[full], rows[inner[full]], int(np.count_nonzero(wrong))
