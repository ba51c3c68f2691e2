"""Reading of windows of large rasters.

GDAL reads only the blocks that a window touches. Opening a file costs as much
as reading a window of it, so a process keeps its last files open.
"""

import os
import threading
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioIOError
from rasterio.windows import Window as RasterioWindow

from .errors import RasterError
from .windows import Window

# One for the image and one for the mask of a few tiles.
OPEN_FILES = 32


def raster_shape(path: str | Path) -> tuple[int, int]:
    """Height and width of a raster in pixels, from its header.

    Raises:
        RasterError: If it cannot be opened.
    """
    dataset = open_raster(path)
    return dataset.height, dataset.width


def read_window(path: str | Path, window: Window | None = None) -> np.ndarray:
    """Read a window of a raster; what lies beyond its edges is reflected.

    Args:
        path: The raster.
        window: The window; all of the raster by default.

    Returns:
        Values as stored, of shape (bands, H, W).

    Raises:
        RasterError: If the file cannot be read, or the window lies outside.
    """
    dataset = open_raster(path)
    size = dataset.width, dataset.height
    window = window or Window(0, 0, *size)
    if _is_outside(window, *size):
        raise RasterError(
            f'{tuple(window)} (x, y, width, height) lies outside of its '
            f'{dataset.width} x {dataset.height} pixels',
            'Compute the windows anew from the size of this file.',
        )
    columns = _reflect(window.x, window.width, dataset.width)
    rows = _reflect(window.y, window.height, dataset.height)
    left, top = columns.min(), rows.min()
    part = RasterioWindow(
        left, top, columns.max() - left + 1, rows.max() - top + 1
    )
    try:
        # Within an Env GDAL raises and does not print.
        with rasterio.Env():
            values = dataset.read(window=part)
    except RasterioIOError as error:
        raise _unreadable(error) from error
    if _is_inside(window, *size):
        return values
    return values[:, rows[:, None] - top, columns - left]


def take_window(values: np.ndarray, window: Window) -> np.ndarray:
    """Take a window of values as ``read_window`` reads it from a file.

    Args:
        values: Array of shape (..., H, W).
        window: The window; it may reach beyond the edges.

    Returns:
        Array of shape (..., window height, window width).
    """
    height, width = values.shape[-2:]
    if _is_inside(window, width, height):
        return values[(..., *window.inside(Window(0, 0, width, height)))]
    columns = _reflect(window.x, window.width, width)
    rows = _reflect(window.y, window.height, height)
    return values[..., rows[:, None], columns]


def open_raster(path: str | Path) -> rasterio.DatasetReader:
    """Open a raster, or take it from those that are open.

    Raises:
        RasterError: If it cannot be opened.
    """
    path = os.fspath(path)
    try:
        status = os.stat(path)  # noqa: PTH116, called for every window
        # GDAL's handles must not be shared by processes or threads.
        owner = os.getpid(), threading.get_ident()
        return _open(path, status.st_mtime_ns, status.st_size, *owner)
    except (OSError, RasterioIOError) as error:
        raise _unreadable(error) from error


def close_rasters() -> None:
    """Close the files that are kept open."""
    _open.cache_clear()


@lru_cache(maxsize=OPEN_FILES)
def _open(path: str, *_: int) -> rasterio.DatasetReader:
    return rasterio.open(path)


def _is_inside(window: Window, width: int, height: int) -> bool:
    return (
        min(window.x, window.y) >= 0
        and window.x + window.width <= width
        and window.y + window.height <= height
    )


def _is_outside(window: Window, width: int, height: int) -> bool:
    return (
        window.x >= width
        or window.y >= height
        or window.x + window.width <= 0
        or window.y + window.height <= 0
    )


def _reflect(start: int, size: int, length: int) -> np.ndarray:
    """Places along an axis, mirrored at its first and last pixel."""
    period = max(2 * (length - 1), 1)
    places = np.arange(start, start + size) % period
    return np.minimum(places, period - places)


def _unreadable(error: Exception) -> RasterError:
    reason = ' '.join(str(error).split()) or type(error).__name__
    return RasterError(
        f'cannot be read, it is missing, damaged or cut short ({reason})',
        'Copy or download it again.',
    )
