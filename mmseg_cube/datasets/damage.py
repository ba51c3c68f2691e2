"""Damage that decoders read over: what they warn of, what they do not compare.

GDAL takes a block of a TIFF that has no place in the file for a black one.
PNG and LERC data carry checksums which it compares, deflated TIFFs some that
are compared here. Decoders of JPEG, fax and PackBits warn of what cannot be,
and here that is an error. Raw, LZW, zstd and WebP data have neither: damage
shows only where it breaks the rules of the format.
"""

import logging
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import cv2
import rasterio
from rasterio.errors import RasterioError

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.headers import Source, open_bytes

# Pillow lets the errors of its parsers through.
DECODE_ERRORS = (
    OSError,
    RasterioError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    cv2.error,
)
GDAL_LOG = logging.getLogger('rasterio')
HEARD = threading.local()


class _Listener(logging.Handler):
    """Notes what is logged for the thread that it is logged by."""

    def emit(self, record: logging.LogRecord) -> None:
        lines = getattr(HEARD, 'lines', None)
        if lines is not None:
            lines.append(record.getMessage())


LISTENER = _Listener(logging.WARNING)


@contextmanager
def errors_of_decoders() -> Iterator[None]:
    """Raise a RasterError in place of what libraries raise."""
    try:
        yield
    except RasterError:
        raise
    except DECODE_ERRORS as error:
        # rasterio says "see previous exception".
        reason = ' '.join(str(error.__cause__ or error).split())
        reason = reason or type(error).__name__
        raise RasterError(
            f'cannot be read, it is missing, damaged or cut short ({reason})',
            'Copy or download it again.',
        ) from error


@contextmanager
def warnings_as_errors() -> Iterator[None]:
    """Raise what GDAL warns of while this thread reads pixels."""
    if not GDAL_LOG.isEnabledFor(logging.WARNING):
        GDAL_LOG.setLevel(logging.WARNING)
    GDAL_LOG.addHandler(LISTENER)  # once; others may be at work
    HEARD.lines = lines = []
    try:
        yield
    finally:
        HEARD.lines = None
    if lines:
        raise OSError(lines[0])


def check_blocks(dataset: rasterio.DatasetReader, source: Source) -> None:
    """Raise an error if blocks of a TIFF are missing, or deflated wrongly."""
    tags = dataset.tags(ns='IMAGE_STRUCTURE')
    deflated = tags.get('COMPRESSION') == 'DEFLATE'
    apart = tags.get('INTERLEAVE') == 'BAND'
    rows, columns = dataset.block_shapes[0]
    numbers = product(
        range(1, dataset.count + 1 if apart else 2),
        range(-(-dataset.width // columns)),
        range(-(-dataset.height // rows)),
    )
    with open_bytes(source) as file:
        for band, x, y in numbers:
            place, size = (
                dataset.get_tag_item(f'BLOCK_{what}_{x}_{y}', 'TIFF', band)
                for what in ('OFFSET', 'SIZE')
            )
            if None in (place, size):
                if dataset.nodata is None:  # else it is filled with that
                    raise RasterError(
                        f'has no data for its block {x}, {y}',
                        'Copy it again, or if it is meant to be empty, fill '
                        'it with "gdal_translate IN OUT".',
                    )
            elif deflated:
                file.seek(int(place))
                zlib.decompress(file.read(int(size)))
