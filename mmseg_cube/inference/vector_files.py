"""Files of polygons for maps: whole, or not at all."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyogrio
import shapely
from pyogrio.util import vsi_path
from rasterio.crs import CRS

DRIVERS = {
    '.gpkg': 'GPKG',
    '.fgb': 'FlatGeobuf',
    '.geojson': 'GeoJSON',
    '.geojsonl': 'GeoJSONSeq',
    '.shp': 'ESRI Shapefile',
    '.parquet': 'Parquet',
    '.pmtiles': 'PMTiles',
}
APPENDING = 'GPKG', 'FlatGeobuf', 'GeoJSONSeq'
OPTIONS = {
    'GeoJSON': dict(RFC7946='YES'),
    'PMTiles': dict(MINZOOM=11, MAXZOOM=15),  # 0.3 m at the equator
}
LAYER = 'footprints'
FIELD_LETTERS = 10  # of a shapefile

Fields = Mapping[str, np.ndarray]


def find_driver(path: Path) -> str:
    """Return GDAL's name of a format; a ValueError if it cannot be written."""
    driver = DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise ValueError(
            f'{path}: polygons are written as {", ".join(DRIVERS)}; name the '
            'file so'
        )
    if driver not in pyogrio.list_drivers(write=True):
        raise ValueError(
            f'{path}: the GDAL of this pyogrio cannot write {driver}; that of '
            'conda can: conda install -c conda-forge pyogrio '
            'libgdal-arrow-parquet'
        )
    if path.is_dir():
        raise ValueError(f'{path} is a folder; name a file')
    if vsi_path(str(path)) != str(path):  # would be written elsewhere
        raise ValueError(f'{path}: use no signs such as ! and ; in its name')
    return driver


@contextmanager
def vector_file(path: Path, crs: CRS | None) -> Iterator[Callable[..., None]]:
    """Open a file for polygons, which takes its name once all is written.

    Yields a function that adds polygons (n,) and their attributes, arrays
    (n,) by name, to a layer (of a GeoPackage). Formats that cannot be added
    to are written at the end.
    """
    driver, parts = find_driver(path), []
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix='.') as folder:
        whole = Path(folder) / path.name

        def add(
            polygons: np.ndarray, fields: Fields, layer: str = LAYER
        ) -> None:
            parts.append((shapely.to_wkb(polygons), fields))
            if driver in APPENDING:
                _write(whole, driver, parts, crs, layer)
                parts.clear()

        yield add
        if parts:
            _write(whole, driver, parts, crs)
        # A shapefile is several files, and the one of its name the last.
        for file in sorted(Path(folder).iterdir(), key=whole.__eq__):
            file.replace(path.with_name(file.name))


def _write(
    path: Path,
    driver: str,
    parts: list[tuple[np.ndarray, Fields]],
    crs: CRS | None,
    layer: str = LAYER,
) -> None:
    shapefile = driver == 'ESRI Shapefile'
    names = [*parts[0][1]]
    try:
        pyogrio.raw.write(
            path,
            np.concatenate([shapes for shapes, _ in parts]),
            [np.concatenate([x[name] for _, x in parts]) for name in names],
            [name[:FIELD_LETTERS] if shapefile else name for name in names],
            layer=path.stem if shapefile else layer,
            driver=driver,
            geometry_type='Polygon',
            crs=crs.to_wkt() if crs else None,
            append=path.exists(),
            **OPTIONS.get(driver, {}) if crs else {},
        )
    except RuntimeError as error:
        raise OSError(f'{path.name} cannot be written: {error}') from error
