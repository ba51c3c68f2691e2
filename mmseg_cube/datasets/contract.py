"""What images, and pairs with their masks, must be whenever they are read.

Images are upright, and 8-bit RGB by what their headers declare: bands that are
named in another order are put in order. Others need :class:`Channels`
(``bands.py``). ``masks.py`` says what masks are.
Windows that reach beyond the edges of a file are reflected there. All
functions raise a RasterError if a file is anything else, or unreadable.
"""

import hashlib

import cv2
import numpy as np
from affine import Affine

from mmseg_cube.datasets.bands import RGB, Channels, as_mmcv
from mmseg_cube.datasets.errors import RasterError
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

ASIDE = 8  # pixels; tools for maps round places


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


def check_image(
    source: Source, channels: Channels = RGB
) -> tuple[int, int, int]:
    """Decode an image as training does.

    Returns:
        Height, width and a digest of its pixels, 0 if they are all alike.
    """
    shape = image_shape(source, channels)
    digest = hashlib.blake2b(str(shape).encode(), digest_size=8)
    colour, blank = None, True
    for strip in cut_strips(*shape):
        values = np.ascontiguousarray(read_raster(source, strip))
        read_valid(source, strip, channels)
        digest.update(values)
        colour = values[:, :1, :1] if colour is None else colour
        blank = blank and (values == colour).all()
    return *shape, 0 if blank else int.from_bytes(digest.digest(), 'big')


def refuse_mismatch(image: tuple[int, int], mask: tuple[int, int]) -> None:
    """Refuse a mask of another height and width than its image."""
    if image != mask:
        raise RasterError(
            f'mask is {mask[1]} x {mask[0]} pixels, its image is '
            f'{image[1]} x {image[0]}',
            'Cut both from the same extent.',
        )


def refuse_elsewhere(image: Source, mask: Source) -> tuple[()]:
    """Refuse a mask that lies far from its image, by the word of both."""
    here, there = open_raster(image), open_raster(mask)
    known = here.crs and here.crs == there.crs and here.transform.determinant
    if known and Affine.identity() not in (here.transform, there.transform):
        x, y = ~here.transform * (there.transform.c, there.transform.f)
        if max(abs(x), abs(y)) > ASIDE:
            raise RasterError(
                f'mask begins at column {x:.0f} and row {y:.0f} of its image, '
                'by their georeferences',
                'Cut both from the same extent, north up.',
            )
    return ()  # there are no facts to remember


def are_swapped(image: Source, mask: Source, channels: Channels) -> bool:
    """Tell whether an image and its mask, one of them refused, are swapped."""
    try:
        counts = [open_raster(source).count for source in (image, mask)]
        if channels == RGB and counts == [1, 3]:
            return True
        read_image(mask, channels=channels)
        return read_mask(image).any()  # a black image proves nothing
    except RasterError:
        return False
