"""Reading of image and mask files, with errors that say what was found.

TIFF headers and masks go through GDAL (rasterio), which knows every kind of
GeoTIFF; PNG and JPEG go through Pillow, which refuses files that were cut
short. TIFF images are decoded by OpenCV, because that is what MMSegmentation
uses in training and it reads fewer kinds of TIFF than GDAL.
"""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import rasterio
from PIL import Image

from .errors import RasterError

TIFF_SUFFIXES = ('.tif', '.tiff')
RASTER_SUFFIXES = (*TIFF_SUFFIXES, '.png', '.jpg', '.jpeg')

ORIENTATION_TAG = 0x0112  # EXIF; 1 means "as stored"
UPRIGHT = 1

# Pillow's decoders let the errors of their parsers through.
DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def is_tiff(path: str | Path) -> bool:
    """Tell by its suffix whether a file is a TIFF."""
    return Path(path).suffix.lower() in TIFF_SUFFIXES


def check_image(path: str) -> tuple[int, int]:
    """Decode an image once and return its height and width in pixels.

    Args:
        path: A TIFF, PNG or JPEG file.

    Raises:
        RasterError: If training could not read the file as 8-bit RGB.
    """
    try:
        return _check_tiff(path) if is_tiff(path) else _check_other(path)
    except DECODE_ERRORS as error:
        raise _unreadable(error) from error


def read_bands(source: str | BytesIO, name: str) -> np.ndarray:
    """Read all values of a mask file.

    Palette masks come back as their colours when these are black and white,
    else as palette indices.

    Args:
        source: Path of the file, or its bytes.
        name: File name; its suffix tells the format.

    Returns:
        Values as stored, shaped (H, W) or (bands, H, W).

    Raises:
        RasterError: If the file cannot be decoded.
    """
    try:
        return _read_tiff(source) if is_tiff(name) else _read_other(source)
    except DECODE_ERRORS as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> RasterError:
    if isinstance(error, RasterError):
        return error
    reason = ' '.join(str(error).split()) or type(error).__name__
    return RasterError(
        f'cannot be read, it is damaged or cut short ({reason})',
        'Copy or download it again.',
    )


def _check_tiff(path: str) -> tuple[int, int]:
    with rasterio.Env(), rasterio.open(path) as header:
        shape = header.height, header.width
        if header.count != 3 or set(header.dtypes) != {'uint8'}:
            kinds = ', '.join(sorted(set(header.dtypes)))
            raise RasterError(
                f'image has {header.count} band(s) of {kinds}, not 8-bit RGB',
                'Convert it with "gdal_translate -b 1 -b 2 -b 3 -ot Byte '
                'IN.tif OUT.tif" (add -scale for 16-bit data).',
            )
    try:
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise RasterError(
            'OpenCV, which reads the images in training, cannot decode it: '
            'damaged, cut short or in a compression that it lacks',
            'Copy it again, or rewrite it with "gdal_translate -co '
            'COMPRESS=DEFLATE IN.tif OUT.tif".',
        )
    if pixels.shape[:2] != shape:
        raise _rotated(f'{shape} becomes {pixels.shape[:2]}')
    return shape


def _check_other(path: str) -> tuple[int, int]:
    with Image.open(path) as image:
        if image.mode != 'RGB':
            raise RasterError(
                f'image has {len(image.getbands())} band(s), Pillow mode '
                f'{image.mode!r}, not 8-bit RGB',
                'Convert it, for example with '
                'PIL.Image.open(IN).convert("RGB").save(OUT).',
            )
        turn = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
        if turn != UPRIGHT:
            raise _rotated(f'EXIF orientation {turn}')
        image.load()
        return image.height, image.width


def refuse_inverted(dataset: rasterio.DatasetReader) -> None:
    """Refuse a mask whose values GDAL shows inverted.

    Raises:
        RasterError: If it is stored white-is-zero.
    """
    if dataset.tags(ns='IMAGE_STRUCTURE').get('MINISWHITE') == 'YES':
        raise RasterError(
            'mask is stored white-is-zero, so its values are inverted',
            'Rewrite it with PHOTOMETRIC=MINISBLACK.',
        )


def has_palette(dataset: rasterio.DatasetReader) -> bool:
    """Say whether the values of a raster stand for colours of a palette."""
    # Not by colorinterp: it raises what GDAL last said in this thread, also
    # when that was about another, damaged file.
    try:
        dataset.colormap(1)
    except ValueError:
        return False
    return True


def _rotated(found: str) -> RasterError:
    return RasterError(
        f'image is turned while it is loaded ({found}) and would leave its '
        'mask',
        'Store it upright, without an orientation tag.',
    )


def _read_tiff(source: str | BytesIO) -> np.ndarray:
    with rasterio.Env(), rasterio.open(source) as dataset:
        refuse_inverted(dataset)
        values = dataset.read()
        if has_palette(dataset):
            table = np.zeros((values.max() + 1, 3), np.uint8)
            for index, colour in dataset.colormap(1).items():
                if index < len(table):
                    table[index] = colour[:3]
            return _through_palette(values[0], table)
        return values


def _read_other(source: str | BytesIO) -> np.ndarray:
    with Image.open(source) as image:
        values = np.asarray(image)
        if image.mode == 'P':
            table = np.reshape(image.getpalette('RGB'), (-1, 3))
            return _through_palette(values, table)
        return values.transpose(2, 0, 1) if values.ndim == 3 else values


def _through_palette(indices: np.ndarray, table: np.ndarray) -> np.ndarray:
    # Quantisers sort palettes by frequency, so index 0 may well be white.
    used = table[np.unique(indices)]
    if used.max() == 255 and np.isin(used, (0, 255)).all():
        return table.astype(np.uint8)[indices].transpose(2, 0, 1)
    return indices
