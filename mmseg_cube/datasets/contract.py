"""What images, and pairs with their masks, must be whenever they are read.

Images are upright, and 8-bit RGB by what their headers declare: bands that are
named in another order are put in order. Others need :class:`Channels`
(``bands.py``). ``masks.py`` says what masks are.
Windows that reach beyond the edges of a file are reflected there. All
functions raise a RasterError if a file is anything else, or unreadable.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from mmseg_cube.datasets.bands import RGB, Channels, as_mmcv
from mmseg_cube.datasets.errors import FileError, RasterError
from mmseg_cube.datasets.headers import Source
from mmseg_cube.datasets.masks import read_mask
from mmseg_cube.datasets.rasters import (
    Header,
    open_header,
    open_raster,
    read_raster,
)
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window, cut_strips


def image_shape(
    source: Source | Header, channels: Channels = RGB
) -> tuple[int, int]:
    """Height and width of an image in pixels, from its header."""
    header = open_header(source)
    channels.places(header)
    return header.dataset.shape


def read_rgb(
    source: Source | Header,
    window: Window | None = None,
    channels: Channels = RGB,
) -> np.ndarray:
    """Read red, green and blue of an image, or a window of it.

    Pixels are uint8 of shape (3, H, W), or what ``channels`` names.
    """
    header = open_header(source)
    channels.places(header)  # before much is read
    return channels.take(read_raster(source, window), header)


def read_image(
    source: Source, window: Window | None = None, channels: Channels = RGB
) -> np.ndarray:
    """Read an image, or a window of it.

    Pixels are uint8 of shape (H, W, 3) in the order BGR, as mmcv reads them,
    or (H, W, C) in the order that ``channels`` names; see :func:`as_mmcv`.
    """
    bands = as_mmcv(read_rgb(source, window, channels))
    pixels = bands.transpose(1, 2, 0)
    # Whole JPEG files are decoded to this order. OpenCV drops a single axis.
    if not pixels.flags.c_contiguous:
        pixels = cv2.merge(bands).reshape(pixels.shape)
    return pixels


def check_image(path: str, channels: Channels = RGB) -> tuple[int, int]:
    """Decode an image as training does; return its height and width."""
    shape = image_shape(path, channels)
    for strip in cut_strips(*shape):
        read_raster(path, strip)
        read_valid(path, strip, channels)
    return shape


@contextmanager
def errors_of_pair(
    image: Source | None,
    mask: Source | None,
    name: str | None = None,
    channels: Channels = RGB,
) -> Iterator[None]:
    """Say so if a file is refused because image and mask are swapped."""
    try:
        yield
    except ValueError as error:
        if not _are_swapped(image, mask, channels):
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


def _are_swapped(
    image: Source | None, mask: Source | None, channels: Channels
) -> bool:
    """Tell whether an image and its mask, one of them refused, are swapped."""
    if image is None or mask is None:
        return False
    try:
        counts = [open_raster(source).count for source in (image, mask)]
        if channels == RGB and counts == [1, 3]:
            return True
        read_image(mask, channels=channels)
        return read_mask(image).any()  # a black image proves nothing
    except RasterError:
        return False
