"""Tiles of WHU and WBD, and orthophotos, to patches in one form."""

from pathlib import Path

import numpy as np

from mmseg_cube.datasets.conversion.convert import (
    Conversion,
    Recipe,
    Shape,
    convert,
    whole_tile,
)
from mmseg_cube.datasets.conversion.inria import patch_name
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.datasets.windows import Window

TILE_SIZE = 512


def convert_whu(
    source: Path,
    out: Path,
    image_format: str = 'png',
    workers: int | None = None,
) -> Conversion:
    """Write tiles of the aerial set or of satellite set II in one form.

    ``{train,val,test}/{image,label}/<tile>.png``, masks of one band with 0
    and 255. Tiles of the folders ``train_no`` and ``test_no`` of satellite
    set II join ``train`` and ``test`` under the name ``no_<tile>``.

    Arguments and errors are those of :func:`convert`.
    """
    recipe = Recipe(dict(dataset='whu', protocol='tiles'))
    return convert(source, out, recipe, image_format, workers)


def convert_wbd(
    source: Path,
    out: Path,
    size: int = TILE_SIZE,
    image_format: str = 'png',
    workers: int | None = None,
) -> Conversion:
    """Write tiles in one form, and cut larger images into tiles.

    As :func:`convert_whu`, but an image of more than ``size`` pixels, such
    as an orthophoto of 8350 x 8350, is cut from its upper left corner, 17 x
    17, into ``<image>_<y>_<x>.png``; tiles of the last row and column are
    filled up with black and background.

    Arguments and errors are those of :func:`convert`; ``size`` is the side
    of a tile in pixels.
    """
    if size < 1:
        raise ValueError(f'size must be 1 or more, not {size}')

    def cut(tile: Tile, shape: Shape, mask: np.ndarray | None) -> dict:
        if max(shape) <= size:
            return whole_tile(tile, shape, mask)
        windows = [
            Window(x, y, size, size)
            for y in range(0, shape[0], size)
            for x in range(0, shape[1], size)
        ]
        return {patch_name(tile.name, window): window for window in windows}

    settings = dict(dataset='wbd', protocol='tiles', size=size)
    recipe = Recipe(settings, cut=cut, take=take_filled)
    return convert(source, out, recipe, image_format, workers)


def take_filled(values: np.ndarray, window: Window) -> np.ndarray:
    """Take a window of values, with zeros beyond the lower and right edge.

    Args:
        values: Array of shape (..., H, W).
        window: The window; its upper left corner is inside.
    """
    height, width = values.shape[-2:]
    inside = values[(..., *window.inside(Window(0, 0, width, height)))]
    rest = zip((window.height, window.width), inside.shape[-2:], strict=True)
    beyond = [(0, 0)] * (values.ndim - 2) + [(0, a - b) for a, b in rest]
    return np.pad(inside, beyond)
