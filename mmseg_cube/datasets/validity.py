"""Where rasters hold data, by their own word."""

import os
import re
from pathlib import Path

import numpy as np

from mmseg_cube.datasets.bands import RGB, Channels
from mmseg_cube.datasets.damage import errors_of_decoders
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.headers import Source
from mmseg_cube.datasets.rasters import (
    Header,
    open_header,
    open_raster,
    read_raster,
    read_window,
    stamp,
)
from mmseg_cube.datasets.windows import Window

# Behind the name of an image, the names of files that say where it has data.
MASK, NOTES = BESIDE = '.msk', '.aux.xml'
NODATA = re.compile(r'<NoDataValue[^>]*>([^<]+)<')


def read_valid(
    source: Source | Header,
    window: Window | None = None,
    channels: Channels = RGB,
) -> np.ndarray | None:
    """Read where an image, or a window of it, holds data.

    Followed are a nodata value (of pixels that have it in all bands), an
    alpha band and an internal mask; and of files beside it a mask
    ``<name>.msk`` and the nodata value in ``<name>.aux.xml``. Nan is no data;
    an alpha band that ``channels`` names holds values, as others do. Windows
    and errors are those of read_raster.

    Returns:
        True where there is data, bool of shape (H, W); None if there is data
        everywhere, which costs next to nothing if nothing is declared.
    """
    header, found = open_header(source), []
    dataset = header.dataset
    named = header.alpha is not None and header.alpha in (channels.bands or ())
    with errors_of_decoders():
        if header.masked and not named:
            found.append(read_window(dataset, dataset.dataset_mask, window))
        if dataset.dtypes[0].startswith('float'):
            values = read_raster(source, window)
            seen = values[[b - 1 for b in channels.bands or ()] or slice(None)]
            found.append(~np.isnan(seen).any(0))
        if isinstance(source, str | Path):
            for suffix, read in ((MASK, _read_mask), (NOTES, _compare)):
                beside = Path(f'{os.fspath(source)}{suffix}')
                if os.path.lexists(beside):  # noqa: PTH110, a link may be bad
                    found += read(source, beside, window)
    valid = np.logical_and.reduce(found) if found else None
    return None if valid is None or valid.all() else valid


def _read_mask(
    source: Source, mask: Path, window: Window | None
) -> list[np.ndarray]:
    """Read the mask of an image from a file of its own."""
    try:
        if open_raster(mask).shape != open_raster(source).shape:
            raise RasterError('has another size', 'Write it anew.')
        return [read_raster(mask, window).any(0)]
    except RasterError as error:
        fault, *advice = error.args
        raise RasterError(f'its mask {mask.name} {fault}', *advice) from error


def _compare(
    source: Source, notes: Path, window: Window | None
) -> list[np.ndarray]:
    """Compare pixels with the nodata values, if any, that notes have."""
    try:
        stamp(notes)  # refuses a pipe
        nodata = NODATA.findall(notes.read_text(errors='replace'))
        values = np.array(nodata, float).reshape(-1, 1, 1)
        bands = open_raster(source).count
        if len(values) not in (0, 1, bands):
            raise ValueError(f'{len(values)} nodata values, {bands} bands')
    except (OSError, ValueError) as error:
        fault = f'its notes {notes.name} cannot be used: {error}'
        raise RasterError(fault, 'Mend them or take them away.') from error
    if not nodata:
        return []
    # One per band, or one for all.
    return [(read_raster(source, window) != values).any(0)]
