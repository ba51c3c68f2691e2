"""WBD's tiles or orthophotos to the folders of ``WBDDataset``."""

from functools import partial
from pathlib import Path

import numpy as np

from ..layout import Layout
from ..windows import Window
from .convert import convert_tiles
from .inria import patch_name
from .result import Conversion
from .source import open_source
from .tiles import find_tiles

TILE_SIZE = 512


def convert_wbd(
    source: Path,
    out: Path,
    size: int = TILE_SIZE,
    image_format: str = 'png',
    workers: int | None = None,
) -> Conversion:
    """Write tiles in one form, and cut larger images into tiles.

    ``{train,val,test}/{image,label}/<tile>.png``, masks of one band with 0
    and 255. An image of more than ``size`` pixels, such as an orthophoto of
    8350 x 8350, is cut from its upper left corner, 17 x 17, into
    ``<image>_<y>_<x>.png``; tiles of the last row and column are filled up
    with black and background.

    Args:
        source: Zip archive or folder that holds the splits.
        out: Folder to fill.
        size: Side of a tile in pixels.
        image_format: ``png`` or ``tif``.
        workers: Processes; all cores by default.

    Raises:
        DatasetError: If the work cannot start, or must stop; the text says
            how much is done.
        ValueError: If an argument is wrong.
    """
    if size < 1:
        raise ValueError(f'size must be 1 or more, not {size}')
    data = open_source(source)
    tiles, faults = find_tiles(data, Layout())
    return convert_tiles(
        data,
        out,
        dict(dataset='wbd', protocol='tiles', size=size),
        tiles,
        faults,
        partial(_squares, size=size),
        image_format,
        workers,
        take_filled,
    )


def take_filled(values: np.ndarray, window: Window) -> np.ndarray:
    """Take a window of values, with zeros beyond the lower and right edge.

    Args:
        values: Array of shape (..., H, W).
        window: The window; its upper left corner is inside.
    """
    part = values[
        ...,
        window.y : window.y + window.height,
        window.x : window.x + window.width,
    ]
    rest = window.height - part.shape[-2], window.width - part.shape[-1]
    beyond = [(0, 0)] * (values.ndim - 2) + [(0, length) for length in rest]
    return np.pad(part, beyond)


def _squares(
    name: str, shape: tuple[int, int], mask: np.ndarray | None, size: int
) -> dict[str, Window | None]:
    if max(shape) <= size:
        return {name: None}
    windows = [
        Window(x, y, size, size)
        for y in range(0, shape[0], size)
        for x in range(0, shape[1], size)
    ]
    return {patch_name(name, window): window for window in windows}
