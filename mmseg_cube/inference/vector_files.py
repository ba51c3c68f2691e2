"""Files of polygons for maps: whole, or not at all."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyogrio
import shapely
from pyogrio.util import vsi_path
from rasterio.crs import CRS

from mmseg_cube.datasets.vectors import project
from mmseg_cube.utils.whole_files import whole_files

DRIVERS = {
    '.gpkg': 'GPKG',
    '.fgb': 'FlatGeobuf',
    '.geojson': 'GeoJSON',
    '.geojsonl': 'GeoJSONSeq',
    '.shp': 'ESRI Shapefile',
    '.parquet': 'Parquet',  # by pyarrow, as the GDAL of wheels has none
    '.pmtiles': 'PMTiles',
}
ON_EARTH = '.geojson', '.geojsonl', '.pmtiles'  # in degrees, or on a web map
APPENDING = 'GPKG', 'FlatGeobuf', 'GeoJSONSeq'
OPTIONS = {
    'GeoJSON': dict(RFC7946='YES'),
    # Rounded to 7 digits, as by default, rings would cross at times.
    'GeoJSONSeq': dict(COORDINATE_PRECISION=10),
    'PMTiles': dict(MINZOOM=11, MAXZOOM=15),  # 0.3 m at the equator
}
LAYER = 'footprints'
WEB_MAP, EDGE = CRS.from_epsg(3857), 20037508.35  # metres, 180 degrees
FIELD_LETTERS = 10  # of a shapefile
# Suffixes of its CRS, and of indexes of what was there before.
OUTDATED = '.prj', '.qix', '.sbn', '.sbx'

Fields = Mapping[str, np.ndarray]
Parts = list[tuple[np.ndarray | None, Fields]]


def find_driver(path: Path) -> str:
    """Return GDAL's name of a format; a ValueError if it cannot be written."""
    driver = DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise ValueError(
            f'{path}: polygons are written as {", ".join(DRIVERS)}; name the '
            'file so'
        )
    if driver == 'Parquet':
        try:
            import pyarrow.parquet  # noqa: F401, only this format needs it
        except ImportError as error:
            raise ImportError(
                f'{path}: GeoParquet needs pyarrow: '
                'pip install "mmsegmentation-cube[parquet]"'
            ) from error
    if path.is_dir():
        raise ValueError(f'{path} is a folder; name a file')
    for log in (Path(f'{path}-wal'), Path(f'{path}-journal')):
        # SQLite would write what it holds into the new file.
        if log.exists() and log.stat().st_size:
            raise ValueError(
                f'{path} is open in another program, or was left so, as {log} '
                'says. Close it there, or name another file'
            )
    if vsi_path(str(path)) != str(path):  # would be written elsewhere
        raise ValueError(f'{path}: use no signs such as ! and ; in its name')
    return driver


@contextmanager
def vector_file(path: Path, crs: CRS | None) -> Iterator[Callable[..., None]]:
    """Open a file for polygons, which takes its name once all is written.

    Yields a function that adds polygons (n,) and their attributes, arrays
    (n,) by name, to a layer (of a GeoPackage, which may have a table without
    polygons, too: None). Formats that cannot be added to are written at the
    end. A ValueError says what a format cannot hold.
    """
    driver, parts = find_driver(path), []
    if not crs and path.suffix.lower() in ON_EARTH:
        raise ValueError(
            f'{path}: this format is for places on Earth, and the raster has '
            'no CRS. Name a .gpkg, .fgb, .shp or .parquet file'
        )
    with whole_files(path) as whole:

        def add(
            polygons: np.ndarray | None, fields: Fields, layer: str = LAYER
        ) -> None:
            if polygons is None and driver != 'GPKG':
                return
            parts.append((shapely.to_wkb(polygons), fields))
            if driver in APPENDING:
                _write(whole, driver, parts, crs, layer)
                parts.clear()

        yield add
        if parts and driver == 'Parquet':
            _write_parquet(whole, parts, crs)
        elif parts:
            _write(whole, driver, parts, crs)
        for suffix in OUTDATED if driver == 'ESRI Shapefile' else ():
            path.with_suffix(suffix).unlink(missing_ok=True)


def _write(
    path: Path, driver: str, parts: Parts, crs: CRS | None, layer: str = LAYER
) -> None:
    shapefile = driver == 'ESRI Shapefile'
    shapes, fields = _join(parts)
    if driver == 'PMTiles':
        _refuse_for_tiles(path, shapely.from_wkb(shapes), crs)
    try:
        pyogrio.raw.write(
            path,
            shapes,
            [*fields.values()],
            [x[:FIELD_LETTERS] if shapefile else x for x in fields],
            layer=path.stem if shapefile else layer,
            driver=driver,
            geometry_type=None if shapes is None else 'Polygon',
            crs=crs.to_wkt() if crs and shapes is not None else None,
            # Some formats make an empty file of no polygons.
            append=path.exists() and path.stat().st_size > 0,
            **OPTIONS.get(driver, {}) if crs else {},
        )
    except RuntimeError as error:
        raise OSError(f'{path.name} cannot be written: {error}') from error


def _refuse_for_tiles(path: Path, polygons: np.ndarray, crs: CRS) -> None:
    """Refuse what vector tiles cannot hold, or draw around the world."""
    what = 'no building at all'
    if len(polygons):
        places = project(polygons, crs, WEB_MAP)
        west, _, east, _ = shapely.bounds(places).T
        if np.max([east - west, east, -west]) <= EDGE:
            return
        what = 'buildings at 180 degrees of longitude'
    raise ValueError(
        f'{path.name}: vector tiles cannot hold {what}. Name another '
        'format, such as .gpkg'
    )


def _write_parquet(path: Path, parts: Parts, crs: CRS | None) -> None:
    """Write GeoParquet 1.1: shapes as WKB, and a note of what they are."""
    import pyarrow as pa
    from pyarrow import parquet

    shapes, fields = _join(parts)
    about = dict(
        encoding='WKB',
        geometry_types=['Polygon'],
        orientation='counterclockwise',
        crs=crs.to_dict(projjson=True) if crs else None,
    )
    note = dict(version='1.1.0', primary_column='geometry')
    note['columns'] = dict(geometry=about)
    columns = {
        name: pa.array(x, pa.string() if x.dtype == object else None)
        for name, x in fields.items()
    }
    columns['geometry'] = pa.array(shapes, pa.binary())
    table = pa.table(columns, metadata={'geo': json.dumps(note)})
    parquet.write_table(table, path)


def _join(parts: Parts) -> tuple[np.ndarray | None, Fields]:
    """Put parts of a layer together."""
    shapes = [shapes for shapes, _ in parts]
    fields = {n: np.concatenate([x[n] for _, x in parts]) for n in parts[0][1]}
    return None if shapes[0] is None else np.concatenate(shapes), fields
