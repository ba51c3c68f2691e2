"""What images, and pairs with their masks, must be whenever they are read.

Images are 8-bit RGB and upright; ``masks.py`` says what masks are. Windows
that reach beyond the edges of a file are reflected there. All functions raise
a RasterError if a file is anything else, or unreadable.
"""

import cv2
import numpy as np
import rasterio
from PIL import Image

from mmseg_cube.datasets.errors import RasterError, errors_of
from mmseg_cube.datasets.masks import read_mask
from mmseg_cube.datasets.rasters import (
    TIFF,
    Source,
    as_file,
    open_raster,
    read_raster,
)
from mmseg_cube.datasets.windows import Window

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
