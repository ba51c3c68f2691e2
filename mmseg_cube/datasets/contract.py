"""What images and building masks must be, checked whenever they are read.

Images are 8-bit RGB and upright. Masks hold 0 for background and 255 or 1 for
building. Windows that reach beyond the edges of a file are reflected there.
All functions raise a RasterError if a file is anything else, or unreadable.
"""

import cv2
import numpy as np
import rasterio
from PIL import Image

from mmseg_cube.datasets.errors import RasterError, errors_of
from mmseg_cube.datasets.rasters import (
    PNG,
    TIFF,
    Source,
    as_file,
    open_raster,
    read_raster,
)
from mmseg_cube.datasets.windows import Window
from mmseg_cube.utils.words import name_some

BUILDING_VALUES = (1, 255)  # either marks a building, but not both at once
IGNORED = 255  # the label of pixels that do not count
SHOWN_VALUES = 8
ORIENTATION_TAG, UPRIGHT = 0x0112, 1  # of EXIF
SWAPPED = (
    'image and mask look swapped: the image holds a building mask. Exchange '
    'the folders of images and masks, or the paths in data_prefix.'
)
# What to do about files that cannot be used.
TO_RGB = (
    'Convert it, for example with PIL.Image.open(IN).convert("RGB").save(OUT).'
)
TIFF_TO_RGB = (
    'Convert it with "gdal_translate -b 1 -b 2 -b 3 -ot Byte IN.tif OUT.tif" '
    '(add -scale for 16-bit data).'
)
TO_BINARY = (
    'Write one band of 0 for background and 255 (or 1) for building; grey '
    'edges of a resized or JPEG mask can be cut at 128.'
)


def image_shape(source: Source) -> tuple[int, int]:
    """Height and width of an image in pixels, from its header."""
    header = open_raster(source)
    if header.count != 3 or set(header.dtypes) != {'uint8'}:
        raise _not_rgb(header, header.count)
    if header.driver != TIFF:
        with Image.open(as_file(source)) as image:  # reads its header only
            turn = UPRIGHT
            if 'exif' in image.info:
                turn = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
        if turn != UPRIGHT:
            raise _turned(f'EXIF orientation {turn}')
    return header.shape


def read_image(source: Source, window: Window | None = None) -> np.ndarray:
    """Read an image, or a window of it.

    Pixels are uint8 of shape (H, W, 3) in the order BGR, as mmcv reads them.
    """
    image_shape(source)
    bands = read_raster(source, window)
    if len(bands) != 3:  # GDAL promises three for the four of a CMYK file
        raise _not_rgb(open_raster(source), len(bands))
    return cv2.merge(bands[::-1])


def check_image(path: str) -> tuple[int, int]:
    """Decode an image as training does; return its height and width."""
    shape = image_shape(path)
    if open_raster(path).driver != TIFF:
        read_image(path)
        return shape
    # MMSegmentation's own loader knows fewer kinds of TIFF than GDAL.
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
        raise _turned(f'{shape} becomes {pixels.shape[:2]}')
    return shape


def mask_shape(source: Source) -> tuple[int, int]:
    """Height and width in pixels of a mask that is read in windows."""
    return _open_mask(source, whole=False).shape


def read_mask(source: Source, window: Window | None = None) -> np.ndarray:
    """Read a building mask, or a window of it, as :func:`to_binary` has it."""
    return to_binary(read_mask_values(source, window))


def read_mask_values(
    source: Source, window: Window | None = None
) -> np.ndarray:
    """Read the values (bands, H, W) of a building mask, whatever they are.

    A whole mask with a palette comes back as its colours when these are black
    and white, else as indices. A window of it would not tell which.
    """
    header = _open_mask(source, whole=window is None)
    values = read_raster(source, window)
    palette = _palette(header)
    bits = int(header.tags(1, ns='IMAGE_STRUCTURE').get('NBITS', 8))
    if palette:
        # Quantisers sort by frequency, so index 0 may well be white.
        table = np.zeros((max(palette) + 1, 3), np.uint8)
        for index, colour in palette.items():
            table[index] = colour[:3]
        used = table[np.unique(values)]
        if used.max() == 255 and np.isin(used, (0, 255)).all():
            return table[values[0]].transpose(2, 0, 1)
    elif header.driver == PNG and bits < 8:  # white is 1, 3 or 15
        values = values * np.uint8(255 // (2**bits - 1))
    return values


def to_binary(values: np.ndarray) -> np.ndarray:
    """Turn mask values (bands, H, W) into 0 and 1, uint8 of shape (H, W)."""
    band, top = values[0], values[0].max()
    building = band != 0
    # Counting needs one byte per pixel; np.unique would sort 25 million.
    marked = np.count_nonzero(building)
    fault = ''
    if len(values) not in (1, 3):
        fault = f'mask has {len(values)} bands'
    elif any((band != other).any() for other in values[1:]):
        fault = 'mask has three bands that differ'
    elif band.dtype.kind not in 'biu':
        fault = f'mask holds {band.dtype} values'
    elif marked and (
        top not in BUILDING_VALUES or np.count_nonzero(band == top) != marked
    ):
        found = name_some(np.unique(band).tolist(), SHOWN_VALUES)
        fault = f'mask holds the values {found}'
    if fault:
        raise RasterError(fault, TO_BINARY)
    return building.view(np.uint8)


def read_pair(
    image: Source,
    mask: Source | None,
    window: Window | None = None,
    names: tuple | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read an image and its mask, if any, or a window of both.

    Raises:
        ValueError: Naming the file that cannot be used, by its path or as
            ``names`` calls the two, and why.
    """
    names = names or (image, mask)
    try:
        with errors_of(names[0]):
            pixels = read_image(image, window)
        if mask is None:
            return pixels, None
        with errors_of(names[1]):
            shapes = open_raster(image).shape, open_raster(mask).shape
            refuse_mismatch(*shapes)
            return pixels, read_mask(mask, window)
    except ValueError as error:
        swap = find_swap(image, mask)
        if not swap:
            raise
        raise ValueError(f'{names[0]}: {swap}') from error


def refuse_mismatch(image: tuple[int, int], mask: tuple[int, int]) -> None:
    """Refuse a mask of another height and width than its image."""
    if image != mask:
        raise RasterError(
            f'mask is {mask[1]} x {mask[0]} pixels, its image is '
            f'{image[1]} x {image[0]}',
            'Cut both from the same extent.',
        )


def find_swap(image: Source, mask: Source | None) -> str:
    """Say so if an image and its mask, of which one was refused, are swapped.

    The text is empty if they are not.
    """
    if mask is None:
        return ''
    try:
        bands = [open_raster(source).count for source in (image, mask)]
        if bands != [1, 3]:
            read_image(mask)
            if not read_mask(image).any():  # a black image proves nothing
                return ''
    except RasterError:
        return ''
    return SWAPPED


def _open_mask(source: Source, whole: bool) -> rasterio.DatasetReader:
    """Open a mask, unless its header says that its values would mislead."""
    header = open_raster(source)
    if header.tags(ns='IMAGE_STRUCTURE').get('MINISWHITE') == 'YES':
        raise RasterError(
            'mask is stored white-is-zero, so its values are inverted',
            'Rewrite it with PHOTOMETRIC=MINISBLACK.',
        )
    if not whole and _palette(header):
        raise RasterError(
            'mask has a palette, which windows are read without',
            'Rewrite it with "gdal_translate -expand gray IN.tif OUT.tif".',
        )
    return header


def _palette(header: rasterio.DatasetReader) -> dict[int, tuple[int, ...]]:
    # Not by colorinterp: it raises what GDAL last said in this thread, also
    # when that was about another, damaged file.
    try:
        return header.colormap(1)
    except ValueError:
        return {}


def _not_rgb(header: rasterio.DatasetReader, count: int) -> RasterError:
    kinds = ', '.join(sorted(set(header.dtypes)))
    return RasterError(
        f'image has {count} band(s) of {kinds}, not 8-bit RGB',
        TIFF_TO_RGB if header.driver == TIFF else TO_RGB,
    )


def _turned(found: str) -> RasterError:
    return RasterError(
        f'image is turned while it is loaded ({found}) and would leave its '
        'mask',
        'Store it upright, without an orientation tag.',
    )
