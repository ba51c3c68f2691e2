"""Where rasters hold data, by their own word."""

import os
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from rasterio.enums import MaskFlags

from mmseg_cube.datasets.bands import RGB, Channels
from mmseg_cube.datasets.damage import errors_of_decoders
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.headers import BY_SUFFIX, Source
from mmseg_cube.datasets.rasters import (
    OPEN_FILES,
    RASTER_SUFFIXES,
    Header,
    open_header,
    open_raster,
    read_raster,
    read_window,
    stamp,
)
from mmseg_cube.datasets.windows import Window

# Behind the name of an image: a file that is its mask, and GDAL's notes.
MASK, NOTES = '.msk', '.aux.xml'


def files_of(path: str | Path) -> list[str]:
    """Name an image, and the files beside it that say where it holds data."""
    name = os.fspath(path)
    # A link that leads nowhere would be a mask, but notes that say nothing.
    beside = (name + MASK, os.path.lexists), (name + NOTES, os.path.isfile)
    return [name, *(x for x, is_there in beside if is_there(x))]


def depends_on(path: str | Path) -> list[str]:
    """Name a file, raster or vectors, and all that its content depends on."""
    files = [os.fspath(path)]
    for name in files:  # which grows
        if name.lower().endswith('.vrt'):  # which only names others
            files += [x for x in open_raster(name).files if x not in files]
    files = [file for name in files for file in files_of(name)]
    stem, suffix = os.path.splitext(files[0])  # noqa: PTH122, a string
    if suffix.lower() not in (*RASTER_SUFFIXES, *BY_SUFFIX):
        # Of a shapefile, a table of MapInfo, a GeoPackage that is written.
        beside = f'{stem}.prj', f'{stem}.map', f'{files[0]}-wal'
        there = filter(os.path.isfile, beside)
        files += filter(os.path.getsize, there)  # readers leave empty ones
    return files


def state_of(path: str | Path) -> list[int]:
    """Times (ns) and bytes of a file and of all that it depends on."""
    return [x for file in depends_on(path) for x in stamp(file)[1:]]


def read_valid(
    source: Source | Header,
    window: Window | None = None,
    channels: Channels = RGB,
) -> np.ndarray | None:
    """Read where an image, or a window of it, holds data.

    Followed are a nodata value (of pixels that have it in all bands), an
    alpha band, an internal mask, and beside it a mask, ``<name>.msk``, and a
    nodata value in ``<name>.aux.xml``, which stands above its own. Nan is no
    data; an alpha band that ``channels`` names holds values, as others do.
    Windows and errors are those of read_raster.

    Returns:
        True where there is data, bool of shape (H, W); None if there is data
        everywhere, which costs next to nothing if nothing is declared.
    """
    header, found = open_header(source), []
    dataset = header.dataset
    alpha = None if header.alpha in (channels.bands or ()) else header.alpha
    beside = files_of(source)[1:] if isinstance(source, str | Path) else []
    with errors_of_decoders():
        noted = [_read_notes(*stamp(x)) for x in beside if x.endswith(NOTES)]
        above = any(noted) and MaskFlags.nodata in dataset.mask_flag_enums[0]
        if header.masked and not above:
            # Not dataset_mask: of four bands that asks the fourth alone.
            bands = [band for band in dataset.indexes if band != alpha]
            read = partial(dataset.read_masks, bands)
            found.append(read_window(dataset, read, window).any(0))
        if alpha:
            read = partial(dataset.read, alpha)
            found.append(read_window(dataset, read, window))
        if dataset.dtypes[0].startswith('float'):
            values = read_raster(source, window)
            seen = values[[b - 1 for b in channels.bands or ()] or slice(None)]
            found.append(~np.isnan(seen).any(0))
        if any(noted):
            own = enumerate(dataset.nodatavals, 1)
            nodata = [noted[0].get(band, value) for band, value in own]
            if None not in nodata:
                pairs = zip(read_raster(source, window), nodata, strict=True)
                found.append(np.any([band != x for band, x in pairs], 0))
        found += [
            _read_mask(source, Path(x), window)
            for x in beside
            if x.endswith(MASK)
        ]
    valid = np.logical_and.reduce(found) if found else None
    return None if valid is None or valid.all() else valid


@lru_cache(maxsize=OPEN_FILES)
def _read_notes(path: str, *_: int) -> dict[int, float]:
    """Read nodata values by band, from 1; none of what GDAL did not write."""
    values = {}
    with suppress(ElementTree.ParseError, ValueError):
        for band in ElementTree.parse(path).iterfind('PAMRasterBand'):
            if value := band.findtext('NoDataValue'):
                values[int(band.get('band', 0))] = float(value)
    return values


def _read_mask(
    source: Source, mask: Path, window: Window | None
) -> np.ndarray:
    """Read the mask of an image from a file of its own."""
    try:
        if open_raster(mask).shape != open_raster(source).shape:
            raise RasterError('has another size', 'Write it anew.')
        return read_raster(mask, window).any(0)
    except RasterError as error:
        fault, *advice = error.args
        raise RasterError(f'its mask {mask.name} {fault}', *advice) from error
