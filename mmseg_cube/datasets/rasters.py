"""The one reader of rasters: whole files or windows, pixels as stored.

GDAL (rasterio) reads every format, and of large files only the blocks that a
window touches. Opening a file costs as much as reading a window of it, so a
process keeps its last files open.

Pixels of JPEG files come from Pillow instead: they are the same as those of
OpenCV, which MMSegmentation's own loader uses in training, while GDAL spreads
colours otherwise (by up to 32 grey values) and takes three times as long.

All functions raise a RasterError if the file cannot be read.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from stat import S_ISREG

import numpy as np
import rasterio
from PIL import Image
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.windows import Window, take_window

RASTER_SUFFIXES = ('.tif', '.tiff', '.png', '.jpg', '.jpeg')
TIFF, PNG, JPEG = 'GTiff', 'PNG', 'JPEG'  # GDAL's names of the formats

# One for the image and one for the mask of a few tiles.
OPEN_FILES = 32

# GDAL's fast way through a PNG file accepts one that was cut short.
STRICT = dict(GDAL_PNG_WHOLE_IMAGE_OPTIM='NO')

# Pillow lets the errors of its parsers through.
DECODE_ERRORS = (
    OSError,
    RasterioError,
    SyntaxError,
    ValueError,
    EOFError,
    Image.DecompressionBombError,
)

Source = str | Path | bytes  # a file, or what is in it


@contextmanager
def errors_of_decoders() -> Iterator[None]:
    """Raise a RasterError in place of what libraries raise."""
    try:
        yield
    except RasterError:
        raise
    except DECODE_ERRORS as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise RasterError(
            f'cannot be read, it is missing, damaged or cut short ({reason})',
            'Copy or download it again.',
        ) from error


def open_raster(source: Source) -> rasterio.DatasetReader:
    """Open a raster, or take it from those that are open."""
    with errors_of_decoders():
        if isinstance(source, bytes):
            return _open.__wrapped__(BytesIO(source))
        # GDAL's handles must not be shared by processes or threads.
        return _open(*stamp(source), os.getpid(), threading.get_ident())


def read_raster(source: Source, window: Window | None = None) -> np.ndarray:
    """Read a raster, or a window of it, which must not lie outside.

    Returns:
        Values as stored, of shape (bands, H, W); what lies beyond the edges
        is reflected.
    """
    dataset = open_raster(source)
    height, width = dataset.height, dataset.width
    if window is not None and not (
        -window.width < window.x < width and -window.height < window.y < height
    ):
        raise RasterError(
            f'{tuple(window)} (x, y, width, height) lies outside of its '
            f'{width} x {height} pixels',
            'Compute the windows anew from the size of this file.',
        )
    with errors_of_decoders():
        if dataset.driver == JPEG:
            key = (source,) if isinstance(source, bytes) else stamp(source)
            values = _decode_jpeg(*key)
            return values if window is None else take_window(values, window)
        with rasterio.Env(**STRICT):
            if window is None:
                return dataset.read()
            rows, columns = window.places(height, width)
            left, top = int(columns.min()), int(rows.min())
            size = int(columns.max()) - left + 1, int(rows.max()) - top + 1
            values = dataset.read(window=RasterioWindow(left, top, *size))
        if window == (left, top, *size):
            return values
        return values[:, rows[:, None] - top, columns - left]


def as_file(source: Source) -> str | Path | BytesIO:
    """Return what Pillow can open."""
    return BytesIO(source) if isinstance(source, bytes) else source


def stamp(path: str | Path) -> tuple[str, int, int]:
    """Return a path with the file's time (ns) and bytes, to see changes."""
    with errors_of_decoders():
        status = os.stat(path)  # noqa: PTH116, called for every window
    if not S_ISREG(status.st_mode):  # a pipe would never end
        raise RasterError(
            'is no file, but a folder, pipe or device', 'Take it away.'
        )
    return os.fspath(path), status.st_mtime_ns, status.st_size


@lru_cache(maxsize=OPEN_FILES)
def _open(file: str | BytesIO, *_: int) -> rasterio.DatasetReader:
    # Within an Env GDAL raises and does not print.
    with rasterio.Env(**STRICT):
        return rasterio.open(file)


@lru_cache(maxsize=1)  # windows of one file follow each other
def _decode_jpeg(source: str | bytes, *_: int) -> np.ndarray:
    with Image.open(as_file(source)) as image:
        values = np.asarray(image)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
