"""Inria's 5000 x 5000 tiles to patches."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import DatasetError, RasterError
from ..inria import InriaDataset
from ..inria_tiles import TEST_REGIONS, TRAINING_REGIONS, in_part, parse_tile
from ..inria_windows import WINDOW_SIZE, tile_windows
from ..windows import Window
from .convert import convert_tiles
from .result import Conversion
from .source import Source, open_source
from .tiles import Tile, find_tiles

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

    Args:
        source: Zip archive or folder that holds ``train/{images,gt}``.
        out: Folder to fill.
        protocol: ``full`` or ``buildformer``.
        size: Side of a patch in pixels.
        stride: Distance of neighbouring patches; ``size`` by default.
        image_format: ``png`` or ``tif``.
        workers: Processes; all cores by default.

    Raises:
        DatasetError: If the work cannot start, or must stop; the text says
            how much is done.
        ValueError: If an argument is wrong.
    """
    if size < 1:
        raise ValueError(f'size must be 1 or more, not {size}')
    # Refuses wrong options before any tile is read.
    tile_windows(protocol, (size, size), np.zeros((size, size)), size, stride)
    data = open_source(source)
    tiles, faults = find_inria_tiles(data)
    if protocol == 'buildformer':
        tiles = [tile for tile in tiles if tile.mask]
        stride = size
    settings = dict(
        dataset='inria', protocol=protocol, size=size, stride=stride or size
    )
    plan = partial(_windows, protocol=protocol, size=size, stride=stride)
    result = convert_tiles(
        data, out, settings, tiles, faults, plan, image_format, workers
    )
    missing = missing_tiles(tiles)
    if missing:
        names = ', '.join(missing[:SHOWN]) + ', ...' * (len(missing) > SHOWN)
        result.notes.append(
            f'{len(missing)} of the {len(TRAINING_REGIONS) * PER_REGION} '
            f'labelled tiles are not in {source}: {names}'
        )
    if protocol == 'full':
        result.notes.append(OVERLAP)
    return result


def find_inria_tiles(source: Source) -> tuple[list[Tile], list[str]]:
    """Find the tiles of Inria, with tiles 1-5 of each region as ``val``.

    Args:
        source: Folder or archive.

    Returns:
        Tiles, and one line of text per fault.

    Raises:
        DatasetError: If there is nothing, or it is ambiguous.
    """
    return find_tiles(source, InriaDataset.LAYOUT, _part)


def missing_tiles(tiles: Sequence[Tile]) -> list[str]:
    """Names of the labelled tiles of the published set that are not there.

    Args:
        tiles: The tiles that are there.
    """
    there = {tile.name for tile in tiles if tile.part != 'test'}
    return [
        f'{region}{number}'
        for region in TRAINING_REGIONS
        for number in range(1, PER_REGION + 1)
        if f'{region}{number}' not in there
    ]


def _part(part: str, stem: str) -> str:
    region, number = parse_tile(stem)
    known = TEST_REGIONS if part == 'test' else TRAINING_REGIONS
    if region not in known:
        raise DatasetError(
            f'{stem} lies among the tiles of {part!r}, where only '
            f'{", ".join(known)} belong.\nNext: put it into its own folder.'
        )
    if part == 'test':
        return part
    return 'val' if in_part(number, 'val') else 'train'


def _windows(
    name: str,
    shape: tuple[int, int],
    mask: np.ndarray | None,
    protocol: str,
    size: int,
    stride: int | None,
) -> dict[str, Window]:
    if protocol == 'full' and size > min(shape):
        raise RasterError(
            f'has {shape[1]} x {shape[0]} pixels, less than a window of '
            f'{size}',
            f'Set the size to {min(shape)} or less.',
        )
    cuts = tile_windows(protocol, shape, mask, size, stride)
    return {patch_name(name, window): window for window, _ in cuts}


def patch_name(tile: str, window: Window) -> str:
    """Name of a patch, which says where in its tile it lies."""
    return f'{tile}_{window.y:0{DIGITS}d}_{window.x:0{DIGITS}d}'
