"""The one reader of rasters: whole files or windows, pixels as stored.

GDAL (rasterio) reads every format, and of large files only the blocks that a
window touches. Opening a file costs as much as reading a window of it, so a
process keeps its last files open. Pixels of JPEG files come from OpenCV: GDAL
spreads colours otherwise (by up to 32 grey values) and takes three times as
long. It still decodes each of them once per process, for it notices damage.

All functions raise a RasterError if the file cannot be read.
"""

import os
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

import cv2
import numpy as np
import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window as RasterioWindow

from mmseg_cube.datasets.damage import (
    check_blocks,
    errors_of_decoders,
    warnings_as_errors,
)
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.headers import (
    JPEG,
    TIFF,
    Source,
    find_driver,
    find_orientation,
    open_bytes,
)
from mmseg_cube.datasets.windows import Window, cut_strips, take_window

RASTER_SUFFIXES = ('.tif', '.tiff', '.png', '.jpg', '.jpeg')
OPEN_FILES = 32  # one for the image and one for the mask of a few tiles
SOUND_FILES = 2**16  # that are remembered
STRICT = dict(
    # GDAL's fast way through a PNG file accepts one that was cut short.
    GDAL_PNG_WHOLE_IMAGE_OPTIM='NO',
    GDAL_ERROR_ON_LIBJPEG_WARNING='YES',
    # Files beside a raster stay closed: GDAL would try any driver on them.
    GDAL_DISABLE_READDIR_ON_OPEN='EMPTY_DIR',
    # Threads of GDAL's own would not be heard when they warn.
    GDAL_NUM_THREADS='1',
)


class Header(NamedTuple):
    """What a raster says of itself."""

    dataset: rasterio.DatasetReader
    colours: tuple[ColorInterp, ...]  # what its bands are
    masked: bool  # by a nodata value or an internal mask
    alpha: int | None  # the band, from 1, that masks it as well

    @classmethod
    def of(cls, dataset: rasterio.DatasetReader, turn: int = 1) -> 'Header':
        """Ask an open dataset; functions here take the result for a file."""
        colours, flags = dataset.colorinterp, dataset.mask_flag_enums
        # Of an alpha band GDAL's mask knows nothing where there is a nodata
        # value, too, or where there are more than four bands.
        other = {MaskFlags.all_valid, MaskFlags.alpha}
        masked = any(other.isdisjoint(each) for each in flags)
        turn = int(dataset.tags().get('EXIF_Orientation') or turn)
        if turn in range(2, 9):
            raise RasterError(
                f'is turned when it is shown (orientation {turn}), and what '
                'belongs to it may not be',
                'Store it upright, without an orientation tag.',
            )
        alpha = None
        if ColorInterp.alpha in colours:
            alpha = colours.index(ColorInterp.alpha) + 1
        return cls(dataset, tuple(colours), masked, alpha)


def open_header(source: Source | Header) -> Header:
    """Open a raster, or take it from those that are open."""
    if isinstance(source, Header):
        return source
    with errors_of_decoders():
        # GDAL's handles must not be shared by processes or threads.
        return _once(_open, source, os.getpid(), threading.get_ident())


def open_raster(source: Source | Header) -> rasterio.DatasetReader:
    """Open a raster to look at what GDAL knows of it."""
    return open_header(source).dataset


def read_raster(
    source: Source | Header, window: Window | None = None
) -> np.ndarray:
    """Read a raster, or a window of it, which must not lie outside.

    Returns:
        Values as stored, of shape (bands, H, W); what lies beyond the edges
        is reflected.
    """
    dataset = open_raster(source)
    with errors_of_decoders():
        if not isinstance(source, Header):
            _once(_check, source)
        if isinstance(source, Header) or dataset.driver != JPEG:
            return read_window(dataset, dataset.read, window)
        if window is None:
            return _decode_jpeg.__wrapped__(source)
        return take_window(_once(_decode_jpeg, source), window).copy()


def read_window(
    dataset: rasterio.DatasetReader,
    read: Callable[..., np.ndarray],
    window: Window | None,
) -> np.ndarray:
    """Read a window by a method of a dataset, reflected beyond the edges."""
    with rasterio.Env(**STRICT), warnings_as_errors():
        if window is None:
            return read()
        rows, columns = window.places(*dataset.shape)
        left, top = int(columns.min()), int(rows.min())
        size = int(columns.max()) - left + 1, int(rows.max()) - top + 1
        values = read(window=RasterioWindow(left, top, *size))
    if window == (left, top, *size):
        return values
    return values[..., rows[:, None] - top, columns - left]


def stamp(path: str | Path) -> tuple[str, int, int]:
    """Return a path with the file's time (ns) and bytes, to see changes."""
    name = os.fspath(path)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise RasterError(
            'has a name that is not UTF-8', 'Rename it.'
        ) from error
    with errors_of_decoders():
        status = os.stat(name)  # noqa: PTH116, called for every window
    if not S_ISREG(status.st_mode):  # a pipe would never end
        raise RasterError(
            'is no file, but a folder, pipe or device', 'Take it away.'
        )
    return name, status.st_mtime_ns, status.st_size


def _once(function: Callable, source: Source, *place: int) -> Any:
    """Call a function that remembers its last files, until they change."""
    if isinstance(source, bytes):
        return function.__wrapped__(source)
    return function(*stamp(source), *place)


@lru_cache(maxsize=OPEN_FILES)
def _open(source: Source, *_: int) -> Header:
    driver = find_driver(source)
    if isinstance(source, bytes):
        file = open_bytes(source)
    else:
        # A relative name might be one of GDAL's own, or that of a server.
        file = os.path.abspath(source)  # noqa: PTH100, links stay
    # Within an Env GDAL raises and does not print.
    with rasterio.Env(**STRICT):
        dataset = rasterio.open(file, driver=driver)
        # Asked later, GDAL raises what it last said of any other file.
        return Header.of(dataset, find_orientation(source, driver))


@lru_cache(maxsize=SOUND_FILES)
def _check(source: Source, *_: int) -> None:
    """Look for the damage of a whole file that reading would not notice."""
    dataset = open_raster(source)
    if dataset.driver == TIFF:
        check_blocks(dataset, source)
    elif dataset.driver == JPEG:
        for strip in cut_strips(*dataset.shape):
            read_window(dataset, dataset.read, strip)


@lru_cache(maxsize=1)  # windows of one file follow each other
def _decode_jpeg(source: Source, *_: int) -> np.ndarray:
    """Decode to (bands, H, W), a view of the pixels as OpenCV has them."""
    with open_bytes(source) as file:
        data = np.frombuffer(file.read(), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise OSError('OpenCV cannot decode it')
    if pixels.ndim == 2:
        return pixels[None]
    return pixels[..., ::-1].transpose(2, 0, 1)
