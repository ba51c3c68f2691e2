"""Conversion of raw tiles to patches on disk, tile by tile."""

import errno
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from mmseg_cube.datasets.contract import (
    errors_of_pair,
    read_image,
    refuse_mismatch,
)
from mmseg_cube.datasets.conversion.meanings import Meanings, learn_meanings
from mmseg_cube.datasets.conversion.output import MANIFEST, NOT_COUNTED, Output
from mmseg_cube.datasets.conversion.source import open_source
from mmseg_cube.datasets.decision import Declared
from mmseg_cube.datasets.errors import DatasetError, FileError, errors_of
from mmseg_cube.datasets.masks import read_mask
from mmseg_cube.datasets.meaning import IGNORED
from mmseg_cube.datasets.rasters import open_raster
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import Tile, find_tiles
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window, take_window

FORMATS = ('png', 'tif')  # both lossless
IGNORES = (
    f'pixels that do not count are {NOT_COUNTED} in the masks: set '
    f'ignore_values={NOT_COUNTED} in the dataset that reads them'
)
FULL = (errno.ENOSPC, errno.EDQUOT)

# From height, width and mask of a tile to its windows; None keeps it whole.
Cut = Callable[[int, int, np.ndarray | None], list[Window] | None]


@dataclass
class Conversion:
    """What a conversion did."""

    root: Path  # the folder that was filled
    found: list[Tile]  # in the raw data
    faults: list[str]  # one line per tile or file that could not be used
    tiles: Counter = field(default_factory=Counter)  # finished, per split
    patches: Counter = field(default_factory=Counter)  # per split
    written: int = 0  # patches of which a file was written now
    notes: list[str] = field(default_factory=list)  # what else to know

    def __str__(self) -> str:
        splits = [
            f'{split} {self.patches[split]} patches of {count} tiles'
            for split, count in self.tiles.items()
        ]
        return f'{self.root}: {"; ".join(splits) or "nothing"}'


def patch_name(tile: str, window: Window) -> str:
    """Name a patch after the row and column where it lies in its tile."""
    return f'{tile}_{window.y:05d}_{window.x:05d}'


def convert(
    source: Path,
    out: Path,
    settings: dict,
    image_format: str = 'png',
    workers: int | None = None,
    cut: Cut | None = None,
    find: Callable = find_tiles,
    black: bool = False,
    building_values: Declared = None,
    ignore_values: Declared = None,
) -> Conversion:
    """Write the patches of tiles; what is there already stays.

    Args:
        source: Zip archive, or folder that it unpacks to.
        out: Folder for ``{split}/{image,label}/<patch>.<format>``.
        settings: What the patches depend on, for the manifest.
        image_format: ``png`` or ``tif``.
        workers: Tiles at a time; as many as there are cores by default.
        cut: Gives the windows of a tile; by default tiles stay whole.
        find: Finds the tiles, as :func:`find_tiles`.
        black: Whether windows are black, not reflected, beyond their tile.
        building_values: As of ``BuildingDataset``; by default all masks of a
            split tell.
        ignore_values: Likewise; written as 128.

    Raises:
        DatasetError: If the work cannot start, or must stop; the text says
            how much is done.
        ValueError: If an argument is wrong.
    """
    if image_format not in FORMATS:
        raise ValueError(
            f'format must be one of {", ".join(FORMATS)}, not {image_format!r}'
        )
    source = source.absolute()
    raw = open_source(source)
    refuse_nested(source, out)
    tiles, faults = find(source, raw.files)
    more = dict(format=image_format, source=str(source))
    output = Output(out, settings | more)
    result = Conversion(output.root, tiles, faults)
    declared = building_values, ignore_values
    meanings, unclear = learn_meanings(raw.read, tiles, declared, workers)
    result.faults += unclear.values()
    tiles = [tile for tile in tiles if str(tile.mask) not in unclear]
    stamps = {
        tile: [
            [raw.stamp(file) for file in (tile.image, tile.mask) if file],
            list(map(str, meanings.get(tile.split, ()))),
        ]
        for tile in tiles
    }
    write = partial(_convert_tile, raw.read, output, cut, black, meanings)

    def work(tile: Tile) -> tuple[Tile, list[str], int, str]:
        try:
            return tile, *write(tile), ''
        except ValueError as error:
            return tile, [], 0, str(error)

    try:
        with output.opened(stamps) as finished:
            there = [(tile, names, 0, '') for tile, names in finished.items()]
            todo = [tile for tile in tiles if tile not in finished]
            jobs = work_through(work, todo, 'Converting tiles', workers)
            with closing(jobs):
                for tile, names, written, fault in chain(there, jobs):
                    if fault:
                        result.faults.append(fault)
                        continue
                    result.tiles[tile.split] += 1
                    result.patches[tile.split] += len(names)
                    result.written += written
            counts = {
                split: dict(tiles=count, patches=result.patches[split])
                for split, count in sorted(result.tiles.items())
            }
            output.save(not result.faults, counts)
    except OSError as error:
        reason = f'a file cannot be written or read ({error})'
        if error.errno in FULL:
            reason = 'the disk is full'
        raise DatasetError(
            f'{reason}; {result.tiles.total()} of {len(result.found)} tiles '
            f'are done in {output.root}, and whatever was written stays.\n'
            'Next: make room or mend this, then run the same command again '
            'to continue.'
        ) from error
    if output.ignores:
        result.notes.append(IGNORES)
    return result


def refuse_nested(source: Path, out: Path) -> None:
    """Refuse an output folder in its source, or the other way round."""
    ends = source.resolve(), out.resolve()
    if any(a == b or a in b.parents for a, b in (ends, ends[::-1])):
        raise DatasetError(
            f'source {source} and output {out} must not lie in each other.\n'
            f'Next: give a folder outside for the output; {MANIFEST} and the '
            'patches go there.'
        )


def _convert_tile(
    read: Callable,
    output: Output,
    cut: Cut | None,
    black: bool,
    meanings: Meanings,
    tile: Tile,
) -> tuple[list[str], int]:
    """Write what is missing of a tile; name its patches, count the written.

    Raises:
        ValueError: If a file cannot be used, which it names.
    """
    files, mask = [], None
    for name in (tile.image, tile.mask):
        with errors_of(name):
            files.append(name and read(name))
    with errors_of_pair(*files, tile.image):
        with errors_of(tile.image):
            image = read_image(files[0])
        height, width = image.shape[:2]
        if tile.mask:
            with errors_of(tile.mask):
                refuse_mismatch((height, width), open_raster(files[1]).shape)
                mask = read_mask(files[1], meaning=meanings.get(tile.split))
    with errors_of(tile.image):
        windows = cut and cut(height, width, mask)
        valid = read_valid(files[0])
    layers = [image.transpose(2, 0, 1)]
    if mask is not None:
        layers.append(mask)
        if valid is not None:
            mask[~valid] = IGNORED
    if windows is None:
        patches = {tile.name: Window(0, 0, width, height)}
    else:
        patches = {patch_name(tile.name, window): window for window in windows}
    missing = output.begin(tile, list(patches))
    for name in missing:
        window = patches[name]
        parts = [take_window(layer, window) for layer in layers]
        if black:
            for part in parts:
                part[..., height - window.y :, :] = 0
                part[..., width - window.x :] = 0
        try:
            output.write_patch(tile, name, *parts)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            fault = 'its name is too long for patches; shorten it'
            raise FileError(f'{tile.image}: {fault}') from error
    return list(patches), len(missing)
