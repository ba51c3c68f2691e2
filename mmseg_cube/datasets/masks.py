"""What building masks must be, and how their values become 0 and 1.

Masks hold 0 for background and 255 or 1 for building. All functions raise a
RasterError if a file is anything else, or unreadable.
"""

import numpy as np
import rasterio

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.headers import PNG, Source
from mmseg_cube.datasets.rasters import open_raster, read_raster
from mmseg_cube.datasets.windows import Window
from mmseg_cube.utils.words import name_some

BUILDING_VALUES = (1, 255)  # either marks a building, but not both at once
IGNORED = 255  # the label of pixels that do not count
SHOWN_VALUES = 8
TO_BINARY = (
    'Write one band of 0 for background and 255 (or 1) for building; grey '
    'edges of a resized or JPEG mask can be cut at 128.'
)


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
