"""Conversion of raw tiles to patches on disk, tile by tile."""

import errno
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from mmseg_cube.datasets.contract import read_pair
from mmseg_cube.datasets.conversion.output import FORMATS, MANIFEST, Output
from mmseg_cube.datasets.conversion.source import Source
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import (
    Layout,
    Tile,
    Wants,
    find_tiles,
    want_all,
)
from mmseg_cube.datasets.windows import Window, take_window

FULL = (errno.ENOSPC, errno.EDQUOT)

Shape = tuple[int, int]


def whole_tile(
    tile: Tile, shape: Shape, mask: np.ndarray | None
) -> dict[str, Window]:
    """Keep a tile as it is."""
    return {tile.name: Window(0, 0, shape[1], shape[0])}


@dataclass(frozen=True)
class Recipe:
    """How raw data becomes patches.

    Attributes:
        settings: What the patches depend on, for the manifest.
        layout: Folders of the raw data.
        wants: Tells whether a file belongs to a split, by its stem.
        cut: Gives the windows of a tile by the names of the patches, from
            its height and width and its mask (0 / 1).
        take: Takes a window of bands (..., H, W), of which a part may lie
            beyond the edges.
        unlabelled: Whether tiles without a mask are converted.
    """

    settings: dict
    layout: Layout = Layout()
    wants: Wants = want_all
    cut: Callable[[Tile, Shape, np.ndarray | None], dict] = whole_tile
    take: Callable[[np.ndarray, Window], np.ndarray] = take_window
    unlabelled: bool = True


@dataclass
class Conversion:
    """What a conversion did.

    Attributes:
        root: The folder that was filled.
        found: The tiles in the raw data.
        faults: One line of text per tile or file that could not be used.
        tiles: Number of finished tiles per split.
        patches: Number of patches per split.
        written: Patches of which a file was written now.
        notes: What else a person should know.
    """

    root: Path
    found: list[Tile]
    faults: list[str]
    tiles: Counter = field(default_factory=Counter)
    patches: Counter = field(default_factory=Counter)
    written: int = 0
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        splits = [
            f'{split} {self.patches[split]} patches of {count} tiles'
            for split, count in self.tiles.items()
        ]
        return f'{self.root}: {"; ".join(splits) or "nothing"}'

    def count(self, tile: Tile, patches: Sequence[str]) -> None:
        """Count a finished tile, by the names of its patches."""
        self.tiles[tile.split] += 1
        self.patches[tile.split] += len(patches)

    def counts(self) -> dict[str, dict[str, int]]:
        """Tiles and patches per split."""
        return {
            split: dict(tiles=count, patches=self.patches[split])
            for split, count in sorted(self.tiles.items())
        }


def convert(
    source: Path,
    out: Path,
    recipe: Recipe,
    image_format: str = 'png',
    workers: int | None = None,
) -> Conversion:
    """Write the patches of tiles; what is there already stays.

    Args:
        source: Zip archive, or folder that it unpacks to.
        out: Folder for ``{split}/{image,label}/<patch>.<format>``.
        recipe: How the data becomes patches.
        image_format: ``png`` or ``tif``.
        workers: Tiles at a time; as many as there are cores by default.

    Raises:
        DatasetError: If the work cannot start, or must stop; the text says
            how much is done.
        ValueError: If an argument is wrong.
    """
    if image_format not in FORMATS:
        raise ValueError(
            f'format must be one of {", ".join(FORMATS)}, not {image_format!r}'
        )
    data = Source(source)
    _keep_apart(data.path, out.absolute())
    tiles, faults = find_tiles(
        data.path, data.files(), recipe.layout, wants=recipe.wants
    )
    tiles = [tile for tile in tiles if tile.mask or recipe.unlabelled]
    settings = dict(format=image_format, source=str(data.path))
    output = Output(out, {**recipe.settings, **settings})
    result = Conversion(output.root, tiles, faults)
    try:
        with output.opened():
            _convert_tiles(data, output, recipe, result, workers)
    except OSError as error:
        reason = f'a file cannot be written or read ({error})'
        if error.errno in FULL:
            reason = 'the disk is full'
        raise DatasetError(
            f'{reason}; {sum(result.tiles.values())} of {len(tiles)} tiles '
            f'are done in {result.root}, and whatever was written stays.\n'
            'Next: make room or mend this, then run the same command again to '
            'continue.'
        ) from error
    return result


def _convert_tiles(
    source: Source,
    output: Output,
    recipe: Recipe,
    result: Conversion,
    workers: int | None,
) -> None:
    """Convert the tiles that are not finished, and count all of them."""
    finished = output.finished(result.found)
    for tile, names in finished.items():
        result.count(tile, names)
    todo = [tile for tile in result.found if tile not in finished]
    work = partial(_convert_tile, source, output, recipe)
    jobs = work_through(work, todo, 'Converting tiles', workers)
    with closing(jobs):
        for tile, names, written, fault in jobs:
            result.written += written
            if fault:
                result.faults.append(fault)
            else:
                output.note(tile, names)
                result.count(tile, names)
    output.save(None if result.faults else result.counts())


def _convert_tile(
    source: Source, output: Output, recipe: Recipe, tile: Tile
) -> tuple[Tile, list[str], int, str]:
    """Write what is missing of a tile.

    Returns:
        The tile, the names of its patches, how many were written, and what
        is wrong with it, empty if nothing is.
    """
    try:
        image, mask = _read(source, tile)
        with errors_of(tile.image):
            windows = recipe.cut(tile, image.shape[:2], mask)
    except ValueError as error:
        return tile, [], 0, str(error)
    missing = [name for name in windows if not output.has(tile, name)]
    bands = image.transpose(2, 0, 1)
    for name in missing:
        window = windows[name]
        patch = recipe.take(bands, window).transpose(1, 2, 0)
        label = None if mask is None else recipe.take(mask, window)
        output.write_patch(tile, name, patch, label)
    return tile, list(windows), len(missing), ''


def _read(source: Source, tile: Tile) -> tuple[np.ndarray, np.ndarray | None]:
    """Read an image, BGR of (H, W, 3), and its mask, 0 / 1 of (H, W)."""
    names, files = (tile.image, tile.mask), []
    for name in names:
        with errors_of(name):
            files.append(name and source.read(name))
    return read_pair(*files, names=names)


def _keep_apart(source: Path, out: Path) -> None:
    source, out = source.resolve(), out.resolve()
    if source == out or source in out.parents or out in source.parents:
        raise DatasetError(
            f'source {source} and output {out} must not lie in each other.\n'
            f'Next: give a folder outside for the output; {MANIFEST} and the '
            'patches go there.'
        )
