"""Reading of building masks: their values, and what these were counted to be.

A value is a grey value, an index of a palette, or a colour (see
:func:`code_of`). Every function raises a RasterError if a file is no mask, or
unreadable.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import rasterio

from mmseg_cube.datasets.decision import TO_BINARY, Declared, decide
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.headers import JPEG, PNG, Source
from mmseg_cube.datasets.meaning import (
    MaskMeaning,
    Palette,
    Value,
    code_of,
    name_values,
)
from mmseg_cube.datasets.rasters import open_header, open_raster, read_raster
from mmseg_cube.datasets.windows import Window

MOST_VALUES = 256  # an image or a map of heights has more
LARGE = 1024  # pixels of a side above which pieces are seen coarsely


def read_mask(
    source: Source,
    window: Window | None = None,
    meaning: MaskMeaning | None = None,
    building_values: Declared = None,
    ignore_values: Declared = None,
) -> np.ndarray:
    """Read a building mask, or a window of it.

    It is read by what is named, see :func:`decide`; else by the meaning that
    its dataset found; else by the values that are in it alone.

    Returns:
        0 for background, 1 for building and 255 for pixels that do not
        count; uint8 of shape (H, W).
    """
    values, palette = read_values(source, window)
    options = building_values, ignore_values
    if meaning is None or options != (None, None):
        found = count_values(values, palette, pieces=False)
        alone = decide({'this': found}, *options, polarity=False)
        # A mask alone may well lack what is named.
        findings = alone.findings if building_values is None else []
        for fault in [*alone.faults.values(), *findings]:
            raise RasterError(fault)
        meaning = alone.meaning
    return meaning.labels(values, palette)


def learn_mask(source: Source) -> tuple:
    """Return height, width, and each Value of a mask."""
    values, palette = read_values(source)
    found = count_values(values, palette)
    if len(found) > 2 and open_raster(source).driver == JPEG:
        names = name_values(each.value for each in found)
        raise RasterError(f'mask is a JPEG file with {names}', TO_BINARY)
    return *values.shape, *found


def values_of(facts: Sequence) -> list[Value]:
    """Return the values that :func:`learn_mask` counted, also from JSON."""
    return [Value(*each) for each in facts[2:]]


def read_values(
    source: Source, window: Window | None = None
) -> tuple[np.ndarray, Palette]:
    """Read the values (H, W) of a mask, and its palette."""
    header = refuse_inverted(open_raster(source))
    values, palette = read_raster(source, window), _palette(header)
    alpha = open_header(source).alpha
    if alpha == len(values) in (2, 4) and (values[-1] == 255).all():
        values = values[:-1]  # opaque everywhere, as drawing programs write
    if len(values) not in (1, 3):
        raise RasterError(f'mask has {len(values)} bands', TO_BINARY)
    if values.dtype.kind not in 'biu':
        raise RasterError(f'mask holds {values.dtype} values', TO_BINARY)
    band, bits = values[0], header.tags(1, ns='IMAGE_STRUCTURE').get('NBITS')
    if any((band != other).any() for other in values[1:]):
        if values.max() > 255 or values.min() < 0:
            raise RasterError('mask holds colours of 16 bits', TO_BINARY)
        return code_of(values.astype(np.int32)), {}
    if header.driver == PNG and not palette and bits in ('1', '2', '4'):
        band = band * np.uint8(255 // (2 ** int(bits) - 1))  # as it looks
    return band, palette


def count_values(
    values: np.ndarray, palette: Palette, pieces: bool = True
) -> list[Value]:
    """Count the values (H, W) of a mask.

    The first two colours of a palette are told even if nothing has them.
    Pieces are looked for where two values make them.
    """
    if values.dtype == np.uint8:
        # Strip by strip: bincount needs eight bytes per pixel.
        parts = np.array_split(values, 1 + (values.size >> 20))
        counts = sum(np.bincount(x.ravel(), minlength=256) for x in parts)
        found = np.flatnonzero(counts)
        counts = counts[found]
    else:
        found, counts = np.unique(values, return_counts=True)
    pixels = dict(zip(found.tolist(), counts.tolist(), strict=True))
    if len(pixels) > MOST_VALUES:
        raise RasterError(f'mask holds {name_values(pixels)}', TO_BINARY)
    places = {*pixels, *({0, 1} & set(palette))}
    two = pieces and len(pixels) == 2
    return [
        Value(
            value,
            code_of(palette.get(value, (0, 0, 0))) if palette else -1,
            pixels.get(value, 0),
            _inside(values, value) if two and value in pixels else 0,
        )
        for value in sorted(places)
    ]


def _inside(values: np.ndarray, value: int) -> int:
    """Pixels of a value's connected pieces that touch no edge of the mask."""
    step = -(-max(values.shape) // LARGE)
    small = (values[::step, ::step] == value).view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=4)
    x, y, width, height, areas = stats[1:].T
    bottom, right = small.shape
    inside = (x > 0) & (y > 0) & (x + width < right) & (y + height < bottom)
    return int(areas[inside].sum()) * step**2


def refuse_inverted(header: rasterio.DatasetReader) -> rasterio.DatasetReader:
    """Return an open mask, unless it says that its values would mislead."""
    if header.tags(ns='IMAGE_STRUCTURE').get('MINISWHITE') == 'YES':
        raise RasterError(
            'mask is stored white-is-zero, so its values are inverted',
            'Rewrite it with PHOTOMETRIC=MINISBLACK.',
        )
    return header


def _palette(header: rasterio.DatasetReader) -> Palette:
    # Not by colorinterp: it raises what GDAL last said in this thread, also
    # when that was about another, damaged file.
    try:
        return header.colormap(1)
    except ValueError:
        return {}
