"""Pixels of an image and its mask, as training on the raw data sees them."""

from pathlib import Path

import cv2
import numpy as np

from ..building_windows import find_swap, mismatch, read_image
from ..errors import RasterError
from ..masks import read_building_mask
from ..rasters import check_image, is_tiff


def read_pair(
    image_path: Path, mask_path: Path | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read an image and its mask.

    Args:
        image_path: 8-bit RGB.
        mask_path: Building mask, if there is one.

    Returns:
        BGR of shape (H, W, 3), and 0 for background and 1 for building of
        shape (H, W), both uint8.

    Raises:
        RasterError: If one of them cannot be used.
    """
    try:
        image = read_pixels(image_path)
        if mask_path is None:
            return image, None
        try:
            mask = read_building_mask(str(mask_path), mask_path.name)
        except RasterError as error:
            found = f'its {error.found}'
            if not error.found.startswith('mask'):
                found = f'its mask {error.found}'
            raise RasterError(found, error.advice) from error
    except RasterError as error:
        raise find_exchange(image_path, mask_path) or error from error
    fault = mismatch('its mask', image.shape[:2], mask.shape)
    if fault:
        found, _, advice = fault.partition('. ')
        raise RasterError(found, advice)
    return image, mask


def read_pixels(path: Path) -> np.ndarray:
    """Read an image.

    Args:
        path: 8-bit RGB.

    Returns:
        BGR of shape (H, W, 3), uint8.

    Raises:
        RasterError: If it cannot be used.
    """
    if is_tiff(path):
        return read_image(str(path))
    check_image(str(path))
    return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)


def find_exchange(image: Path, mask: Path | None) -> RasterError | None:
    """Say so if an image and its mask changed places, by their content.

    To be asked when one of the two was refused.
    """
    if mask is None:
        return None
    if is_tiff(image) and is_tiff(mask):
        found = find_swap(str(image), str(mask))
        if found:
            return found
    try:
        drawn = read_building_mask(str(image), image.name).any()
        read_pixels(mask)
    except RasterError:
        return None
    if not drawn:  # a black image proves nothing
        return None
    return RasterError(
        'image and mask look swapped: the image holds a building mask',
        'Exchange the folders of images and masks.',
    )
