"""The contract of a building mask: 0 is background, 1 is building."""

from io import BytesIO

import numpy as np

from .errors import RasterError
from .rasters import read_bands

BUILDING_VALUES = (1, 255)  # either marks a building, but not both at once
SHOWN_VALUES = 8


def read_building_mask(source: str | BytesIO, name: str) -> np.ndarray:
    """Read a mask file as 0 (background) and 1 (building).

    Args:
        source: Path of the file, or its bytes.
        name: File name; its suffix tells the format.

    Returns:
        uint8 of shape (H, W).

    Raises:
        RasterError: If the file cannot be decoded or is not a building mask.
    """
    return to_binary(read_bands(source, name))


def to_binary(values: np.ndarray) -> np.ndarray:
    """Turn stored mask values into 0 (background) and 1 (building).

    Args:
        values: 0 and 255, or 0 and 1, as (H, W), (1, H, W) or three equal
            bands (3, H, W).

    Returns:
        uint8 of shape (H, W).

    Raises:
        RasterError: If the values are anything else.
    """
    advice = (
        'Write one band of 0 for background and 255 (or 1) for building; '
        'grey edges of a resized or JPEG mask can be cut at 128.'
    )
    if values.ndim == 3:
        bands = len(values)
        if bands not in (1, 3):
            raise RasterError(f'mask has {bands} bands', advice)
        if any((values[0] != other).any() for other in values[1:]):
            raise RasterError('mask has three bands that differ', advice)
        values = values[0]
    if values.dtype.kind not in 'biu':
        raise RasterError(f'mask holds {values.dtype} values', advice)
    building = values != 0
    top = values.max()
    # Counting needs one byte per pixel; np.unique would sort 25 million.
    marked = np.count_nonzero(building)
    if marked and not (
        top in BUILDING_VALUES and np.count_nonzero(values == top) == marked
    ):
        raise RasterError(f'mask holds the values {_some(values)}', advice)
    return building.view(np.uint8)


def _some(values: np.ndarray) -> str:
    found = np.unique(values)
    text = ', '.join(str(value) for value in found[:SHOWN_VALUES])
    more = len(found) - SHOWN_VALUES
    return f'{text} and {more} more' if more > 0 else text
