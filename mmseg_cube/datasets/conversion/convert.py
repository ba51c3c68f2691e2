"""Conversion of raw tiles to patches on disk, tile by tile."""

import errno
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from mmseg_cube.datasets.checks import check_files, inspect_tiles
from mmseg_cube.datasets.contract import read_rgb
from mmseg_cube.datasets.conversion.output import MANIFEST, NOT_COUNTED, Output
from mmseg_cube.datasets.decision import Declared
from mmseg_cube.datasets.errors import DatasetError, FileError, errors_of
from mmseg_cube.datasets.masks import read_mask
from mmseg_cube.datasets.meaning import IGNORED, MaskMeaning
from mmseg_cube.datasets.split_meanings import settle_splits
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import Tile, find_tiles
from mmseg_cube.datasets.validity import read_valid, state_of
from mmseg_cube.datasets.windows import Window, take_window

IGNORES = (
    f'pixels that do not count are {NOT_COUNTED} in the masks: set '
    f'ignore_values={NOT_COUNTED} in the dataset that reads them'
)
FULL = (errno.ENOSPC, errno.EDQUOT)

# From height, width and mask of a tile to its windows; None keeps it whole.
Cut = Callable[[int, int, np.ndarray | None], list[Window] | None]
# By the name of a patch, what makes its image and maybe its labels.
Patches = Mapping[str, Callable[[], Sequence[np.ndarray]]]


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
    workers: int | None = None,
    cut: Cut | None = None,
    find: Callable = find_tiles,
    black: bool = False,
    building_values: Declared = None,
    ignore_values: Declared = None,
) -> Conversion:
    """Write the patches of tiles; what is there already stays.

    Args:
        source: Folder that an archive unpacks to.
        out: Folder for ``{split}/{image,label}/<patch>.png``.
        settings: What the patches depend on, for the manifest.
        workers: Tiles at a time; as many as there are cores by default.
        cut: Gives the windows of a tile; by default tiles stay whole.
        find: Finds the tiles, as :func:`find_tiles`.
        black: Whether windows are black, not reflected, beyond their tile.
        building_values: As of ``BuildingDataset``.
        ignore_values: Likewise; written as 128.

    Raises:
        DatasetError: If the work cannot start, or must stop; the text says
            how much is done.
    """
    source = source.absolute()
    refuse_nested(source, out)
    tiles, faults = find(source)
    tiles = [tile.at(source) for tile in tiles]
    seen, broken = inspect_tiles(
        lambda tile, facts: check_files(facts, tile.image, tile.mask),
        tiles,
        source,
        'Reading tiles',
        workers=workers,
    )
    masks = {tile: mask for tile, (_, mask) in seen.items() if mask}
    declared = building_values, ignore_values
    meanings, unclear = settle_splits(masks, declared)
    faults += [*broken.values(), *unclear.values()]
    usable = [tile for tile in seen if tile not in unclear]
    means = {tile: meanings.get(tile.split) for tile in usable}
    result = Conversion(out.absolute(), tiles, faults)
    make = partial(_cut_tile, cut, black, means)
    settings = settings | dict(source=str(source))
    fill(result, settings, means, make, workers)
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


def fill(
    result: Conversion,
    settings: dict,
    means: Mapping[Tile, MaskMeaning | None],
    make: Callable[[Tile], Patches],
    workers: int | None,
) -> None:
    """Write the patches that ``make`` makes of tiles, if they are not there.

    ``means`` has the tiles, with what their masks mean; ``result`` is told
    what was done, and which tiles could not be used.

    Raises:
        DatasetError: If the folder cannot be written.
    """
    # These tell the present state of a tile from others.
    stamps = {
        tile: [*map(state_of, filter(None, tile[2:])), str(meaning)]
        for tile, meaning in means.items()
    }
    output = Output(result.root, settings, stamps)

    def work(tile: Tile) -> tuple[list[str], int]:
        patches = make(tile)
        missing = output.begin(tile, [*patches])
        try:
            for name in missing:
                output.write_patch(tile, name, *patches[name]())
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            fault = 'its name is too long for patches; shorten it'
            raise FileError(f'{tile.image}: {fault}') from error
        return [*patches], len(missing)

    try:
        with output.opened() as finished:
            there = [(tile, (x, 0), '') for tile, x in finished.items()]
            todo = [tile for tile in stamps if tile not in finished]
            jobs = work_through(work, todo, 'Writing tiles', workers)
            with closing(jobs):
                for tile, done, fault in chain(there, jobs):
                    if fault:
                        result.faults.append(fault)
                        continue
                    result.tiles[tile.split] += 1
                    result.patches[tile.split] += len(done[0])
                    result.written += done[1]
            counts = {
                split: dict(tiles=count, patches=result.patches[split])
                for split, count in sorted(result.tiles.items())
            }
            output.save(not result.faults, counts)
            if output.ignores:
                result.notes.append(IGNORES)
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


def _cut_tile(
    cut: Cut | None,
    black: bool,
    means: Mapping[Tile, MaskMeaning | None],
    tile: Tile,
) -> Patches:
    """Read a tile and cut it; a ValueError names the file at fault."""
    mask = None
    with errors_of(tile.image):
        image, valid = read_rgb(tile.image), read_valid(tile.image)
    if tile.mask:
        with errors_of(tile.mask):
            mask = read_mask(tile.mask, meaning=means[tile])
    height, width = image.shape[1:]
    with errors_of(tile.image):
        windows = cut and cut(height, width, mask)
    if mask is not None and valid is not None:
        mask[~valid] = IGNORED

    def take(window: Window) -> list[np.ndarray]:
        layers = [image] if mask is None else [image, mask]
        parts = [take_window(layer, window) for layer in layers]
        for part in parts if black else ():
            part[..., height - window.y :, :] = 0
            part[..., width - window.x :] = 0
        return parts

    if windows is None:
        return {tile.name: partial(take, Window(0, 0, width, height))}
    return {patch_name(tile.name, x): partial(take, x) for x in windows}
