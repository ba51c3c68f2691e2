"""Rasters of any format, and adjacent ones as one.

Nothing is copied. A mosaic is a virtual raster that GDAL reads from its files,
of which it holds open only some at a time.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import rasterio
from affine import Affine
from rasterio import DatasetReader
from rasterio.dtypes import in_dtype_range

from mmseg_cube.datasets.damage import errors_of_decoders
from mmseg_cube.datasets.errors import RasterError, errors_of
from mmseg_cube.datasets.headers import find_driver, is_remote
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES, stamp
from mmseg_cube.datasets.validity import MASK
from mmseg_cube.inference.vrt import Band, Grid, Tile, write_vrt

SERVERS = dict(
    GDAL_DISABLE_READDIR_ON_OPEN='EMPTY_DIR',
    GDAL_HTTP_MAX_RETRY='3',
    GDAL_HTTP_RETRY_DELAY='1',
    GDAL_HTTP_CONNECTTIMEOUT='10',
    GDAL_HTTP_TIMEOUT='60',
)
# World files and notes beside a file are found, folders not searched.
FILES = dict(GDAL_DISABLE_READDIR_ON_OPEN='TRUE')
ROUNDED = 0.05  # of a pixel, by which places may be off the grid
LONGEST_CRS = 60  # letters of one that is named in a message


def known_driver(path: str | Path) -> str | None:
    """Name GDAL's driver of a file if datasets read such files, too."""
    if is_remote(path):
        return None
    try:
        return find_driver(path)
    except RasterError:
        return None


def surroundings(path: str | Path) -> rasterio.Env:
    """Tell GDAL how to look for a raster and for what is beside it."""
    return rasterio.Env(**(SERVERS if is_remote(path) else FILES))


def open_any(path: str | Path) -> DatasetReader:
    """Open a raster of any format that GDAL reads, also one on a server.

    What is called TIFF, PNG or JPEG has to be that: otherwise it might lead
    to other files. A FileError says why a file cannot be opened.
    """
    name = str(path)
    with errors_of(name), errors_of_decoders(), surroundings(name):
        if is_remote(name):
            return rasterio.open(name)
        stamp(name)  # refuses what is missing, a folder or a pipe
        driver = known_driver(name)
        if driver is None and name.lower().endswith(RASTER_SUFFIXES):
            find_driver(name)  # says what is wrong
        return rasterio.open(_absolute(name), driver=driver)


def open_rasters(
    paths: Sequence[str | Path], nodata: float | None = None
) -> DatasetReader:
    """Open a raster, or several that lie beside each other as one.

    Where files overlap, the later one counts if it has data. Between files
    there is no data, as ``dataset_mask()`` of the result tells. A nodata
    value that is given stands above what files declare.

    Raises:
        FileError: If a file cannot be read, or does not fit to the first one:
            it has another CRS, grid, kind of bands or nodata value.
    """
    masks = [_find_mask(path) for path in paths]
    if len(paths) == 1 and nodata is None and not masks[0]:
        return open_any(paths[0])
    tiles = []
    for path, mask in zip(paths, masks, strict=True):
        with open_any(path) as dataset, errors_of(str(path)):
            value = one_nodata(dataset, nodata)
            own = _describe(dataset, value)
            if not tiles:
                about, place = own, (dataset.crs, dataset.transform)
                grid = Grid(dataset.dtypes[0], value, *place)
            x, y = _find_place(dataset, own, about, grid, paths[0])
            name = str(path) if is_remote(path) else _absolute(path)
            tiles.append(Tile(name, x, y, *dataset.shape[::-1], mask))
    left, top = min(tile.x for tile in tiles), min(tile.y for tile in tiles)
    tiles = [t._replace(x=t.x - left, y=t.y - top) for t in tiles]
    corner = grid.transform * Affine.translation(left, top)
    colours = about['bands'].split()
    bands = [Band(n, colour) for n, colour in enumerate(colours, 1)]
    masked = any(masks) or grid.nodata is None and 'alpha' not in colours
    text = write_vrt(grid._replace(transform=corner), tiles, bands, masked)
    with errors_of(paths[0]), errors_of_decoders():
        return rasterio.open(text)


def one_nodata(dataset: DatasetReader, given: float | None) -> float | None:
    """Return the nodata value of all bands, or refuse several.

    One that is given stands above them; refused is what no pixel can be.
    """
    if given is not None:
        kind = dataset.dtypes[0]
        whole = kind.startswith(('int', 'uint'))
        if whole and (given % 1 or not in_dtype_range(given, kind)):
            raise RasterError(
                f'has {kind} values, none of which can be {given:g}',
                'Correct --nodata, or leave it out.',
            )
        return given
    values = list(dict.fromkeys(map(str, dataset.nodatavals)))
    if len(values) > 1:
        raise RasterError(
            f'has nodata values that differ from band to band, {values}',
            'Put an alpha band in their place: gdalwarp -dstalpha IN OUT.',
        )
    return dataset.nodata


def _find_mask(path: str | Path) -> str | None:
    """Find the mask of a raster in a file beside it, as datasets do."""
    mask = f'{path}{MASK}'
    if is_remote(path) or not os.path.lexists(mask):
        return None
    with errors_of(mask), errors_of_decoders():
        find_driver(mask)
    return _absolute(mask)


def _absolute(path: str | Path) -> str:
    # A relative name might be one of GDAL's own, or that of a server.
    return os.path.abspath(path)  # noqa: PTH100, links stay


def _describe(dataset: DatasetReader, nodata: float | None) -> dict[str, str]:
    """Describe what all files of a mosaic have to have in common."""
    pixel = dataset.transform
    sides = (f'{x:.9g}' for x in (pixel.a, pixel.b, pixel.d, pixel.e))
    crs = dataset.crs.to_string() if dataset.crs else 'none'
    return {
        'CRS': crs if len(crs) < LONGEST_CRS else f'{crs[:LONGEST_CRS]} ...',
        'bands': ' '.join(colour.name for colour in dataset.colorinterp),
        'values': dataset.dtypes[0],
        'nodata': str(nodata),
        'scale': f'{dataset.scales[0]:.9g}',
        'pixels': ' '.join(sides),
    }


def _find_place(
    dataset: DatasetReader,
    own: dict[str, str],
    about: dict[str, str],
    grid: Grid,
    first: str | Path,
) -> tuple[int, int]:
    """Column and row of a file on the grid of the first, in whole pixels."""
    for what, value in own.items():
        if value != about[what]:
            raise RasterError(
                f'is no part of a mosaic with {first}: its {what} is not '
                f'{about[what]}, but {value}',
                'Leave it out, or write it anew as the others.',
            )
    x, y = ~grid.transform * (dataset.transform.c, dataset.transform.f)
    if max(abs(x - round(x)), abs(y - round(y))) > ROUNDED:
        raise RasterError(
            f'is no part of a mosaic with {first}: it begins at column '
            f'{x:.2f} and row {y:.2f} of it, between its pixels',
            'Leave it out, or warp it to that grid.',
        )
    return round(x), round(y)
