"""What images, and pairs with their masks, must be whenever they are read.

Images are 8-bit RGB and upright, by what their headers declare: bands that are
named in another order are put in order. ``masks.py`` says what masks are.
Windows that reach beyond the edges of a file are reflected there. All
functions raise a RasterError if a file is anything else, or unreadable.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from mmseg_cube.datasets.errors import FileError, RasterError, errors_of
from mmseg_cube.datasets.headers import Source
from mmseg_cube.datasets.masks import read_mask
from mmseg_cube.datasets.meaning import MaskMeaning
from mmseg_cube.datasets.rasters import (
    Header,
    open_header,
    open_raster,
    read_raster,
)
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window, cut_strips

RGB = ['red', 'green', 'blue']
# Bands without names, as many tools write RGB.
UNNAMED = ['gray', 'undefined', 'undefined'], ['undefined'] * 3
BY_PILLOW = (
    'Convert it, for example with PIL.Image.open(IN).convert("RGB").save(OUT).'
)


def image_shape(source: Source) -> tuple[int, int]:
    """Height and width of an image in pixels, from its header."""
    header = open_header(source)
    _find_rgb(header)
    return header.dataset.shape


def read_rgb(source: Source, window: Window | None = None) -> np.ndarray:
    """Read red, green and blue of an image, or a window of it.

    Pixels are uint8 of shape (3, H, W).
    """
    places = _find_rgb(open_header(source))
    bands = read_raster(source, window)
    return bands if len(bands) == 3 and places == [0, 1, 2] else bands[places]


def read_image(source: Source, window: Window | None = None) -> np.ndarray:
    """Read an image, or a window of it.

    Pixels are uint8 of shape (H, W, 3) in the order BGR, as mmcv reads them.
    """
    bands = read_rgb(source, window)[::-1]
    pixels = bands.transpose(1, 2, 0)
    # Whole JPEG files are decoded to this order.
    return pixels if pixels.flags.c_contiguous else cv2.merge(bands)


def check_image(path: str) -> tuple[int, int]:
    """Decode an image as training does; return its height and width."""
    shape = image_shape(path)
    for strip in cut_strips(*shape):
        read_raster(path, strip)
        read_valid(path, strip)
    return shape


def read_pair(
    image: Source,
    mask: Source | None,
    names: tuple,
    meaning: MaskMeaning | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read an image and its mask, if any, by the meaning of its dataset.

    Raises:
        FileError: With the name of the file that cannot be used, and why.
    """
    with errors_of_pair(image, mask, names[0]):
        with errors_of(names[0]):
            pixels = read_image(image)
        if mask is None:
            return pixels, None
        with errors_of(names[1]):
            refuse_mismatch(pixels.shape[:2], open_raster(mask).shape)
            return pixels, read_mask(mask, meaning=meaning)


@contextmanager
def errors_of_pair(
    image: Source | None, mask: Source | None, name: str | None = None
) -> Iterator[None]:
    """Say so if a file is refused because image and mask are swapped."""
    try:
        yield
    except ValueError as error:
        if not _are_swapped(image, mask):
            raise
        raise FileError(
            f'{name or image}: image and mask look swapped: the image holds a '
            'building mask. Exchange the folders of images and masks, or the '
            'paths in data_prefix.'
        ) from error


def refuse_mismatch(image: tuple[int, int], mask: tuple[int, int]) -> None:
    """Refuse a mask of another height and width than its image."""
    if image != mask:
        raise RasterError(
            f'mask is {mask[1]} x {mask[0]} pixels, its image is '
            f'{image[1]} x {image[0]}',
            'Cut both from the same extent.',
        )


def _are_swapped(image: Source | None, mask: Source | None) -> bool:
    """Tell whether an image and its mask, one of them refused, are swapped."""
    if image is None or mask is None:
        return False
    try:
        if [open_raster(source).count for source in (image, mask)] == [1, 3]:
            return True
        read_image(mask)
        return read_mask(image).any()  # a black image proves nothing
    except RasterError:
        return False


def _find_rgb(header: Header) -> list[int]:
    """Find red, green and blue among the bands of an image, from 0.

    An alpha band may be there as well; it says where the image holds data.
    """
    dataset = header.dataset
    names = [colour.name for colour in header.colours]
    if names in UNNAMED:
        names = RGB
    places = [names.index(name) for name in RGB if name in names]
    stored = dataset.tags(ns='IMAGE_STRUCTURE')
    space = stored.get('SOURCE_COLOR_SPACE', 'YCbCr')
    bits = dataset.tags(1, ns='IMAGE_STRUCTURE').get('NBITS')
    kinds = f'{bits} bits' if bits else ', '.join(sorted(set(dataset.dtypes)))
    if space != 'YCbCr':
        raise RasterError(f'image is stored as {space}, not as RGB', BY_PILLOW)
    if 'MINISWHITE' in stored:
        advice = 'Rewrite it with "gdal_translate -co PHOTOMETRIC=RGB IN OUT".'
        if dataset.count < 3:  # GDAL would leave it inverted
            advice = BY_PILLOW
        raise RasterError('image is stored white-is-zero', advice)
    if header.orientation in range(2, 9):
        raise RasterError(
            f'image is turned when it is shown (orientation '
            f'{header.orientation}) and would leave its mask',
            'Store it upright, without an orientation tag.',
        )
    how = [] if kinds == 'uint8' else ['-ot Byte -scale LOW HIGH 0 255']
    if 'palette' in names:
        how += ['-expand rgb']
    elif len(names) < 3:
        how += ['-b 1 -b 1 -b 1']
    elif len(places) < 3:
        how += ['-b R -b G -b B -colorinterp red,green,blue']
    elif set(names) - {*RGB, 'alpha'}:
        how += [f'-b {place + 1}' for place in places]
    same = ''
    if kinds != 'uint8':
        same = '; LOW and HIGH the same for all files'
    if how:
        raise RasterError(
            f'image has {dataset.count} band(s) of {kinds} '
            f'({", ".join(names)}), not 8-bit RGB',
            f'Convert it with "gdal_translate {" ".join(how)} IN OUT"{same}.',
        )
    return places
