"""Inria, WHU and WBD: how the raw data of each becomes patches."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_cube.datasets.conversion.convert import Conversion, convert
from mmseg_cube.datasets.inria_tiles import (
    LAYOUT,
    PROTOCOLS,
    WINDOW_SIZE,
    built_patches,
    in_split,
    tiles_of,
)
from mmseg_cube.datasets.tiles import SPLITS, Tile, find_tiles
from mmseg_cube.datasets.windows import (
    Window,
    cut_grid,
    cut_tiles,
    refuse_smaller,
)
from mmseg_cube.ops.geometry import check_choice, check_whole
from mmseg_cube.utils.words import name_some

SHOWN = 8  # names of missing tiles in a note
OVERLAP = (
    'where patches overlap, as the last ones of a row do with their '
    'neighbours, scores of patches count pixels twice; a score by protocol '
    '"full" comes from InriaDataset, which counts them once'
)

find_inria = partial(find_tiles, layout=LAYOUT, wants=in_split)


def convert_inria(
    source: Path,
    out: Path,
    protocol: str = 'full',
    size: int = WINDOW_SIZE,
    **options: Any,
) -> Conversion:
    """Write the patches that ``InriaDataset`` reads from the tiles.

    ``{train,val,test}/{image,label}/<tile>_<y>_<x>.png``, with row y and
    column x of the patch in the tile, negative in the padding of
    ``buildformer``. Test tiles have no labels: ``full`` gives them images
    only, and ``buildformer``, which needs labels, leaves them out.

    ``protocol`` and ``size`` of windows are as of ``InriaDataset``, other
    arguments and errors as of :func:`convert`.
    """
    check_whole(1, size=size)
    check_choice('protocol', protocol, PROTOCOLS)
    full = protocol == 'full'

    def cut(height: int, width: int, mask: np.ndarray | None) -> list[Window]:
        if not full:
            return built_patches(mask, size)
        refuse_smaller((height, width), size, 'the size')
        return [window for window, _ in cut_grid(height, width, size)]

    settings = dict(dataset='inria', protocol=protocol, size=size)
    find = partial(find_inria, splits=SPLITS if full else ('train', 'val'))
    options |= dict(cut=cut, find=find)
    result = convert(source, out, settings, **options)
    result.notes += name_missing(source, result.found)
    if full:
        result.notes.append(OVERLAP)
    return result


def name_missing(source: Path, tiles: Sequence[Tile]) -> list[str]:
    """Say which labelled tiles of Inria are not there, in a line or none."""
    there = {tile.name for tile in tiles}
    known = tiles_of('train+val')
    missing = [name for name in known if name not in there]
    return missing and [
        f'{len(missing)} of the {len(known)} labelled tiles are not in '
        f'{source}: {name_some(missing, SHOWN)}'
    ]


def convert_whu(source: Path, out: Path, **options: Any) -> Conversion:
    """Write tiles of the aerial set or of satellite set II in one form.

    ``{train,val,test}/{image,label}/<tile>.png``, masks of one band with 0
    and 255. Tiles of the folders ``train_no`` and ``test_no`` of satellite
    set II join ``train`` and ``test`` under the name ``no_<tile>``.

    Arguments and errors are those of :func:`convert`.
    """
    settings = dict(dataset='whu', protocol='tiles')
    return convert(source, out, settings, **options)


def convert_wbd(
    source: Path, out: Path, size: int = WINDOW_SIZE, **options: Any
) -> Conversion:
    """Write tiles in one form, and cut larger images into tiles.

    As :func:`convert_whu`, but an image of more than ``size`` pixels, such
    as an orthophoto of 8350 x 8350, is cut into ``<image>_<y>_<x>.png`` of
    this side; those of the last row and column are filled up with black and
    background.
    """

    def cut(height: int, width: int, mask: object) -> list[Window] | None:
        larger = max(height, width) > size
        return cut_tiles(height, width, size) if larger else None

    settings = dict(dataset='wbd', protocol='tiles', size=size)
    return convert(source, out, settings, cut=cut, black=True, **options)
