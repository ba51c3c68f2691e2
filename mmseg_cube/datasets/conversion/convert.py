"""Conversion of raw tiles to patches on disk, tile by tile."""

from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import DatasetError, RasterError
from ..raster_windows import take_window
from ..windows import Window
from .output import FORMATS, MANIFEST, Output
from .pixels import read_pair
from .result import Conversion
from .source import Source
from .tiles import Tile
from .workers import cores, work_through

Plan = Callable[
    [str, tuple[int, int], np.ndarray | None], dict[str, Window | None]
]
Take = Callable[[np.ndarray, Window], np.ndarray]


def convert_tiles(
    source: Source,
    out: Path,
    settings: dict,
    tiles: Sequence[Tile],
    faults: Sequence[str],
    plan: Plan,
    image_format: str = 'png',
    workers: int | None = None,
    take: Take = take_window,
) -> Conversion:
    """Write the patches of tiles; what is there already stays.

    Args:
        source: Where the tiles are.
        out: Folder for ``{part}/{image,label}/<patch>.<format>``.
        settings: What the patches depend on, for the manifest.
        tiles: Tiles.
        faults: What is wrong with the source, to be listed at the end.
        plan: Gives the windows of a tile by name, from its name, its height
            and width and its mask (0 / 1); None is all of the tile.
        image_format: ``png`` or ``tif``.
        workers: Processes; all cores by default.
        take: Takes a window of bands (..., H, W), of which a part may lie
            beyond the edges.

    Raises:
        DatasetError: If the work cannot start, or must stop; the text says
            how much is done.
        ValueError: If an argument is wrong.
    """
    if image_format not in FORMATS:
        raise ValueError(
            f'format must be one of {", ".join(FORMATS)}, not {image_format!r}'
        )
    if workers is not None and workers < 1:
        raise ValueError(f'workers must be 1 or more, not {workers}')
    _keep_apart(source.path, out.absolute())
    settings = dict(settings, format=image_format, source=str(source.path))
    output = Output(out, settings)
    result = Conversion(output.root, faults=list(faults))
    try:
        with output.opened():
            todo = _skip_finished(output, tiles, result)
            work = partial(_convert_tile, source, output, plan, take)
            jobs = work_through(
                work, todo, workers or cores(), 'Converting tiles'
            )
            with closing(jobs):
                for tile, names, written, fault in jobs:
                    result.written += written
                    if fault:
                        result.faults.append(fault)
                    else:
                        output.note(_key(tile), names)
                        result.count(tile.part, names)
            output.save(None if result.faults else result.counts())
    except OSError as error:
        raise result.stopped(error, len(tiles)) from error
    except BrokenProcessPool as error:
        raise result.killed(len(tiles)) from error
    return result


def _convert_tile(
    source: Source, output: Output, plan: Plan, take: Take, tile: Tile
) -> tuple[Tile, list[str], int, str]:
    """Write what is missing of a tile.

    Returns:
        The tile, the names of its patches, how many were written, and what
        is wrong with it, empty if nothing is.
    """
    try:
        with ExitStack() as stack:
            files = [tile.image, tile.mask] if tile.mask else [tile.image]
            paths = [
                stack.enter_context(source.local(file, output.scratch))
                for file in files
            ]
            image, mask = read_pair(*(*paths, None)[:2])
        windows = plan(tile.name, image.shape[:2], mask)
    except RasterError as error:
        return tile, [], 0, f'{tile.image}: {error}'
    written = 0
    for name, window in windows.items():
        if _exists(output, tile, name):
            continue
        layers = image.transpose(2, 0, 1), mask
        if window is not None:
            layers = [x if x is None else take(x, window) for x in layers]
        bands, label = layers
        output.write_patch(tile.part, name, bands.transpose(1, 2, 0), label)
        written += 1
    return tile, list(windows), written, ''


def _skip_finished(
    output: Output, tiles: Sequence[Tile], result: Conversion
) -> list[Tile]:
    finished, todo = output.finished(), []
    for tile in tiles:
        names = finished.get(_key(tile))
        if names is not None and all(_exists(output, tile, n) for n in names):
            result.count(tile.part, names)
        else:
            todo.append(tile)
    return todo


def _exists(output: Output, tile: Tile, name: str) -> bool:
    paths = output.paths(tile.part, name, tile.mask is not None)
    return all(path.exists() for path in paths)


def _key(tile: Tile) -> str:
    return f'{tile.part}/{tile.name}'


def _keep_apart(source: Path, out: Path) -> None:
    source, out = source.resolve(), out.resolve()
    if source == out or source in out.parents or out in source.parents:
        raise DatasetError(
            f'source {source} and output {out} must not lie in each other.\n'
            f'Next: give a folder outside for the output; {MANIFEST} and the '
            'patches go there.'
        )
