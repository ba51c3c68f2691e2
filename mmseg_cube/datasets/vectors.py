"""The one reader of vector files: GeoPackage, GeoJSON, shapefiles and more.

Loaded only where vectors are used, for it needs the extra ``[cities]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.errors import CRSError

from mmseg_cube.datasets import ground
from mmseg_cube.datasets.errors import FileError, RasterError, errors_of
from mmseg_cube.datasets.headers import is_remote
from mmseg_cube.utils.words import name_some, not_found, quantity

try:
    import pyogrio
    import shapely
except ImportError as error:
    raise ImportError(
        'polygons need shapely and pyogrio: '
        'pip install "mmsegmentation-cube[cities]"'
    ) from error

POLYGON = shapely.GeometryType.POLYGON


@dataclass
class Footprints:
    """Polygons of a file; each part of a multipolygon is one."""

    polygons: np.ndarray  # (n,) of valid shapely Polygons, without heights
    crs: CRS  # what their coordinates mean
    fields: dict[str, np.ndarray]  # attributes (n,) that were asked for
    invalid: int  # shapes of the file that had to be made valid
    rows: np.ndarray  # (n,) of the file's features that they are of, from 0

    def __len__(self) -> int:
        return len(self.polygons)


def read_footprints(
    path: str | Path,
    layer: str | None = None,
    crs: str | None = None,
    to: CRS | None = None,
    fields: Sequence[str] = (),
) -> Footprints:
    """Read the polygons of a vector file; other shapes are left out.

    Args:
        path: The file, its address, or a name of GDAL's (``/vsizip/...``).
        layer: Which one, if several have polygons.
        crs: What the coordinates mean, such as ``'EPSG:32645'``, if the file
            does not say it; what the file says counts more.
        to: CRS to bring the polygons to.
        fields: Attributes to read along, in small or capital letters; those
            it lacks are left out.

    Raises:
        FileError: It cannot be read, has other shapes than polygons only,
            several layers, no CRS, or coordinates that do not fit it.
    """
    if not is_remote(path) and not Path(path).exists():
        raise FileError(not_found('vector file', path, 'correct the path'))
    with errors_of(path):
        try:
            layer = _choose_layer(path, layer)
            ways = str.upper, str.capitalize, str.lower, str  # as programs do
            spelled = [(way(x), x) for x in fields for way in ways]
            meta, _, shapes, columns = pyogrio.raw.read(
                path, layer, columns=[*dict(spelled)], force_2d=True
            )
        except RuntimeError as error:
            reason = str(error).partition(';')[0]  # without GDAL's advice
            raise RasterError(
                f'cannot be read as polygons: {reason}'.rstrip('.'),
                'Export it as GeoPackage or GeoJSON.',
            ) from error
        said = meta['crs'] or ''
        # So a GeoPackage says that it does not know.
        said = '' if 'Undefined Cartesian' in said else said
        named, crs = crs, find_crs(said or crs)
        coded, shapes = shapes, shapely.from_wkb(shapes, on_invalid='fix')
        lost = sum(x is not None for x in coded[shapely.is_missing(shapes)])
        if lost:
            raise RasterError(
                f'has {quantity(lost, "surface")} of triangles or faces '
                '(TIN, PolyhedralSurface), or damaged shapes',
                'Make polygons of them: ogr2ogr -nlt MULTIPOLYGON OUT IN.',
            )
        # To GDAL a GeoJSON file that names no CRS is in degrees.
        far = (np.abs(shapely.bounds(shapes)) > 360).any()
        if named and crs.is_geographic and far:
            crs = find_crs(named)
        areas = shapely.get_dimensions(shapes) == 2
        if len(areas) and not areas.any():
            shapes = quantity(len(areas), 'other shape')
            raise RasterError(f'has no polygons, but {shapes}')
        polygons, rows, invalid = mend(shapes[areas])
        if to and to != crs:
            polygons, inner, _ = mend(project(polygons, crs, to))
            crs, rows = to, rows[inner]
            west, _, east, _ = shapely.bounds(polygons).T
            half = 180 if to.is_geographic else np.pi * ground.AXIS
            if (east - west > half).any():
                raise RasterError(
                    'has polygons across 180 degrees of longitude, which in '
                    f'{to} would go around the world',
                    'Cut them: ogr2ogr -wrapdateline -t_srs EPSG:4326 OUT IN.',
                )
    rows = np.flatnonzero(areas)[rows]
    values = dict(zip(meta['fields'], columns, strict=True))
    values = {x: values[y][rows] for y, x in spelled if y in values}
    return Footprints(polygons, crs, values, invalid, rows)


def project(shapes: np.ndarray, source: CRS, target: CRS) -> np.ndarray:
    """Bring shapely shapes to another CRS, as :func:`ground.project`."""
    return shapely.transform(
        shapes, lambda points: ground.project(points, source, target)
    )


def find_crs(name: str | None) -> CRS:
    """Return the CRS of a name, such as ``'EPSG:32645'``."""
    try:
        with rasterio.Env():  # PROJ is not to speak for itself
            crs = CRS.from_user_input(name)
        if not (crs.is_geographic or crs.is_projected):
            raise CRSError('heights, or places in space')
        return crs
    except CRSError as error:
        raise RasterError(
            f'the CRS, {name or "which it does not name"}, is not known',
            'Name one of maps, such as EPSG:32645, by --crs where there is '
            'that, or in the file by "ogr2ogr -a_srs EPSG:32645 OUT IN".',
        ) from error


def _choose_layer(path: str | Path, layer: str | None) -> str:
    """Find the layer that is named, or the only one that has shapes."""
    kinds = dict(pyogrio.list_layers(path))
    fitting = [name for name, kind in kinds.items() if kind]
    if layer in kinds or (len(fitting) == 1 and not layer):
        return layer or fitting[0]
    advice = 'Name one with --layer, or export it alone.'
    raise RasterError(
        f'has {quantity(len(fitting), "layer")}: {name_some(fitting)}; '
        f'{repr(layer) if layer else "which one"} is not clear',
        advice if fitting else 'Export a GeoPackage.',
    )


def mend(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Make shapely shapes valid and take them apart into polygons.

    Returns the polygons, the row of ``shapes`` each comes from, and how many
    shapes were not valid.
    """
    wrong = ~shapely.is_valid(shapes)
    shapes = shapes.copy()
    # Unlike 'linework', keeps what two rings cover, and no lines.
    shapes[wrong] = shapely.make_valid(
        shapes[wrong], method='structure', keep_collapsed=False
    )
    rows = np.arange(len(shapes))
    while (shapely.get_type_id(shapes) > POLYGON).any():  # several in one
        shapes, inner = shapely.get_parts(shapes, return_index=True)
        rows = rows[inner]
    full = (shapely.get_type_id(shapes) == POLYGON) & ~shapely.is_empty(shapes)
    return shapes[full], rows[full], int(np.count_nonzero(wrong))
