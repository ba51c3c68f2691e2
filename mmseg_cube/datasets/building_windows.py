"""Windows of images and building masks, held to the contract as they are read.

Images are 8-bit RGB; masks hold 0 for background and 255 or 1 for building.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .errors import RasterError
from .masks import to_binary
from .raster_windows import open_raster, read_window
from .rasters import has_palette, refuse_inverted
from .windows import Window


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Put the name of a file before what is wrong with it.

    Raises:
        ValueError: In place of a ``RasterError``.
    """
    try:
        yield
    except RasterError as error:
        raise ValueError(f'{path}: {error}') from error


def read_image(path: str, window: Window | None = None) -> np.ndarray:
    """Read a window of an image.

    Args:
        path: The image.
        window: The window; all of the image by default.

    Returns:
        uint8 of shape (H, W, 3), channels in the order BGR like those that
        mmcv reads.

    Raises:
        RasterError: If the file cannot be read or is not 8-bit RGB.
    """
    image_shape(path)
    bands = read_window(path, window)
    return np.ascontiguousarray(bands[::-1].transpose(1, 2, 0))


def read_mask(path: str, window: Window | None = None) -> np.ndarray:
    """Read a window of a building mask.

    Args:
        path: The mask.
        window: The window; all of the mask by default.

    Returns:
        uint8 of shape (H, W), 0 for background and 1 for building.

    Raises:
        RasterError: If the file cannot be read or is no building mask.
    """
    mask_shape(path)
    return to_binary(read_window(path, window))


def image_shape(path: str) -> tuple[int, int]:
    """Height and width of an image in pixels, from its header.

    Raises:
        RasterError: If it cannot be opened or is not 8-bit RGB.
    """
    header = open_raster(path)
    kinds = sorted(set(header.dtypes))
    if header.count != 3 or kinds != ['uint8']:
        raise RasterError(
            f'image has {header.count} band(s) of {", ".join(kinds)}, not '
            '8-bit RGB',
            'Convert it with "gdal_translate -b 1 -b 2 -b 3 -ot Byte IN.tif '
            'OUT.tif" (add -scale for 16-bit data).',
        )
    return header.height, header.width


def mask_shape(path: str) -> tuple[int, int]:
    """Height and width of a mask in pixels, from its header.

    Raises:
        RasterError: If it cannot be opened, or its values stand for others.
    """
    header = open_raster(path)
    refuse_inverted(header)
    if has_palette(header):
        raise RasterError(
            'mask has a palette, which windows are read without',
            'Rewrite it with "gdal_translate -expand gray IN.tif OUT.tif".',
        )
    return header.height, header.width


def find_swap(image_path: str, mask_path: str) -> RasterError | None:
    """Say so if an image and its mask seem to have changed places.

    To be asked when one of the two was refused: only headers are read.
    """
    try:
        bands = [open_raster(path).count for path in (image_path, mask_path)]
    except RasterError:
        return None
    if bands != [1, 3]:
        return None
    return RasterError(
        'image and mask look swapped: the image has one band, its mask has '
        'three',
        'Exchange the folders of images and masks, or the paths in '
        'data_prefix.',
    )


def mismatch(
    mask_path: str, image: tuple[int, int], mask: tuple[int, int]
) -> str:
    """Word the fault of a mask of another size than its image.

    Args:
        mask_path: The mask's file.
        image: Height and width of the image in pixels.
        mask: Height and width of the mask in pixels.

    Returns:
        The fault, empty if the sizes agree.
    """
    if image == mask:
        return ''
    return (
        f'{mask_path}: mask is {mask[1]} x {mask[0]} pixels, its image is '
        f'{image[1]} x {image[0]}. Cut both from the same extent.'
    )
