"""Where rasters hold data, by their own word."""

import os
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
)
from mmseg_cube.datasets.windows import Window

MASK = '.msk'  # behind the name of an image: a file that is its mask


def read_valid(
    source: Source | Header,
    window: Window | None = None,
    channels: Channels = RGB,
) -> np.ndarray | None:
    """Read where an image, or a window of it, holds data.

    Followed are a nodata value (of pixels that have it in all bands), an
    alpha band, an internal mask, and a mask beside it, ``<name>.msk``. Nan is
    no data; an alpha band that ``channels`` names holds values, as others do.
    Windows and errors are those of read_raster.

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
            mask = Path(f'{os.fspath(source)}{MASK}')
            if os.path.lexists(mask):  # noqa: PTH110, a link may be bad
                found.append(_read_mask(source, mask, window))
    valid = np.logical_and.reduce(found) if found else None
    return None if valid is None or valid.all() else valid


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
