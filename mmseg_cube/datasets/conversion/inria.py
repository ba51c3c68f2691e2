"""Inria's 5000 x 5000 tiles to patches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_cube.datasets.conversion.convert import (
    Conversion,
    Recipe,
    Shape,
    convert,
)
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.inria_tiles import (
    LAYOUT,
    TRAINING_REGIONS,
    WINDOW_SIZE,
    in_split,
    parse_tile,
    regions_of,
    tile_windows,
)
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.datasets.windows import Window, refuse_smaller
from mmseg_cube.utils.words import name_some

PER_REGION = 36
SHOWN = 8  # names of missing tiles in a note
OVERLAP = (
    'where patches overlap, as the last ones of a row do with their '
    'neighbours, scores of patches count pixels twice; a score by protocol '
    '"full" comes from InriaDataset, which counts them once'
)
DIGITS = 5  # of a pixel's row and column in a patch's name


def convert_inria(
    source: Path,
    out: Path,
    protocol: str = 'full',
    size: int = WINDOW_SIZE,
    stride: int | None = None,
    image_format: str = 'png',
    workers: int | None = None,
) -> Conversion:
    """Write the patches that ``InriaDataset`` reads from the tiles.

    ``{train,val,test}/{image,label}/<tile>_<y>_<x>.png``, where y and x are
    row and column of the patch's upper left pixel in the tile, negative in
    the padding of ``buildformer``. Tiles 1-5 of each region are ``val``. The
    test tiles have no labels: ``full`` gives them images only, and
    ``buildformer``, which needs labels, leaves them out.

    Patches of ``full`` are for training: where they overlap, scores of them
    count pixels twice, and ``InriaDataset`` counts each once.

    Other arguments and errors are those of :func:`convert`.

    Args:
        source: Zip archive or folder that holds ``train/{images,gt}``.
        out: Folder to fill.
        protocol: ``full`` or ``buildformer``.
        size: Side of a patch in pixels.
        stride: Distance of neighbouring patches; ``size`` by default.
        image_format: ``png`` or ``tif``.
        workers: Tiles at a time.
    """
    if size < 1:
        raise ValueError(f'size must be 1 or more, not {size}')
    # Refuses wrong options before any tile is read.
    tile_windows(protocol, (size, size), np.zeros((size, size)), size, stride)
    full = protocol == 'full'

    def cut(tile: Tile, shape: Shape, mask: np.ndarray | None) -> dict:
        if full:
            refuse_smaller(shape, size, 'the size')
        cuts = tile_windows(protocol, shape, mask, size, stride)
        return {patch_name(tile.name, window): window for window, _ in cuts}

    settings = dict(protocol=protocol, size=size, stride=stride or size)
    recipe = Recipe(
        dict(dataset='inria', **settings),
        LAYOUT,
        in_inria_split,
        cut,
        unlabelled=full,
    )
    result = convert(source, out, recipe, image_format, workers)
    missing = missing_tiles(result.found)
    if missing:
        result.notes.append(
            f'{len(missing)} of the {len(TRAINING_REGIONS) * PER_REGION} '
            f'labelled tiles are not in {source}: {name_some(missing, SHOWN)}'
        )
    if full:
        result.notes.append(OVERLAP)
    return result


def in_inria_split(split: str, stem: str) -> bool:
    """Tell whether a tile belongs to a split, by its name.

    Raises:
        DatasetError: If it is no tile of Inria, or lies in a wrong folder.
    """
    region, number = parse_tile(stem)
    known = regions_of(split)
    if region not in known:
        raise DatasetError(
            f'{stem} lies among the tiles of {split!r}, where only '
            f'{", ".join(known)} belong.\nNext: put it into its own folder.'
        )
    return in_split(number, split)


def missing_tiles(tiles: Sequence[Tile]) -> list[str]:
    """Names of the labelled tiles of the published set that are not there."""
    there = {tile.name for tile in tiles if tile.split != 'test'}
    return [
        f'{region}{number}'
        for region in TRAINING_REGIONS
        for number in range(1, PER_REGION + 1)
        if f'{region}{number}' not in there
    ]


def patch_name(tile: str, window: Window) -> str:
    """Name of a patch, which says where in its tile it lies."""
    return f'{tile}_{window.y:0{DIGITS}d}_{window.x:0{DIGITS}d}'
