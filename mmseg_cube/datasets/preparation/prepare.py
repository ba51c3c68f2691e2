"""Writing of tiles of one ground resolution."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmseg_cube.datasets.bands import Channels, Scale
from mmseg_cube.datasets.checks import FileFacts, check_files, inspect_tiles
from mmseg_cube.datasets.contract import refuse_elsewhere
from mmseg_cube.datasets.conversion.check import check_data
from mmseg_cube.datasets.conversion.check_report import write_check
from mmseg_cube.datasets.conversion.convert import (
    Conversion,
    Patches,
    fill,
    patch_name,
    refuse_nested,
)
from mmseg_cube.datasets.conversion.output import NOT_COUNTED
from mmseg_cube.datasets.decision import Declared
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.mask_folder import BUILDING_VALUE
from mmseg_cube.datasets.masks import read_mask
from mmseg_cube.datasets.meaning import MaskMeaning
from mmseg_cube.datasets.preparation.places import split_by_place
from mmseg_cube.datasets.preparation.resampled import Resampled, open_resampled
from mmseg_cube.datasets.preparation.sources import (
    UNSPLIT,
    find_images,
    is_vector,
)
from mmseg_cube.datasets.split_meanings import settle_splits
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.datasets.windows import Window
from mmseg_cube.utils.words import listing

LEAST = 0.25  # of a tile must have data, or it is left out
Pieces = dict[Tile, tuple[Resampled, Window]]  # by the tiles they become


@dataclass(frozen=True)
class Aim:
    """What tiles are to be, and how to read what they are made of."""

    size: int = 512  # side in pixels; a smaller image becomes one tile
    resolution: float = 0.3  # metres of a pixel, true on the ground
    ground: float | None = None  # those of images without a georeference
    val: float = 0.1  # share of the tiles, unless there are splits
    test: float = 0.1  # likewise
    seed: int = 0  # of this draw
    bands: Sequence[int] | None = None  # of images, as of Channels; three
    scale: Scale | None = None  # likewise
    building_values: Declared = None  # of masks, as of BuildingDataset
    ignore_values: Declared = None  # likewise; they become 128
    layer: str | None = None  # of a vector file that has several
    crs: str | None = None  # of a vector file that does not say it

    def __post_init__(self) -> None:
        val, test = self.val, self.test
        for name, wanted, right in (
            ('size', '1 or more', self.size >= 1),
            ('resolution', 'metres', 0 < self.resolution < inf),
            ('ground', 'metres', 0 < (self.ground or 1) < inf),
            ('test', '0 or more', test >= 0),
            ('val', '0 or more, under 1 with test', 0 <= val < 1 - test),
            ('bands', 'three, for RGB', self.channels.count == 3),
        ):
            if not right:
                value = getattr(self, name)
                raise ValueError(f'{name} must be {wanted}, not {value!r}')

    @property
    def channels(self) -> Channels:
        """What is read of images."""
        return Channels(self.bands, self.scale)


class Look(NamedTuple):
    """What was seen of an image."""

    learnt: Sequence[int] | None  # of its mask
    view: Resampled
    windows: Sequence[Window]  # with enough data
    left_out: int  # windows without


def prepare(
    sources: Sequence[Path],
    out: Path,
    aim: Aim | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Write tiles in ``{split}/{image,label}``; what is there already stays.

    Args:
        sources: As of :func:`find_images`. Splits are kept, others made by
            :func:`split_by_place`.
        out: Folder to fill; pixels of masks that do not count are 128.
        aim: What tiles are to be.
        workers: Files at a time; as many as there are cores by default.

    Returns:
        The check of what is there, as of :func:`check_data`, and how many
        tiles were ``written`` now, or ``left_out`` for want of data.

    Raises:
        DatasetError: If the sources cannot be used as they are.
        FileError: If one of them changes or breaks meanwhile.
    """
    aim, footprints = aim or Aim(), None
    for source in sources:
        refuse_nested(source, out)
    images = find_images(sources)
    if is_vector(sources[-1]):
        from mmseg_cube.datasets.preparation.footprints import Footprints

        footprints = Footprints(sources[-1], aim.layer, aim.crs)
    looks, meanings = _look(images, aim, footprints, out, workers)
    pieces = _cut(looks, aim)
    means = {tile: meanings.get(tile.mask) for tile in pieces}
    about = dict(sources=[str(source.absolute()) for source in sources])
    about |= json.loads(json.dumps(asdict(aim)))  # as it is read again

    def make(tile: Tile) -> Patches:
        return {tile.name: partial(layers, tile)}

    def layers(tile: Tile) -> list[np.ndarray]:
        view, window = pieces[tile]
        with errors_of(tile.image):
            found = [view.image(window)]
        if tile.mask:
            read = partial(read_mask, tile.mask, meaning=means[tile])
            if footprints:
                read = partial(footprints.labels, tile.image)
            with errors_of(tile.mask):
                found.append(view.labels(window, read))
        return found

    result = Conversion(out.absolute(), [*pieces], [])
    fill(result, dict(dataset='own', **about), means, make, workers)
    _refuse(result.faults, len(images))
    values = BUILDING_VALUE, NOT_COUNTED
    check = check_data(out, workers, *values)
    write_check(check, out)
    left_out = sum(look.left_out for look in looks.values())
    return dict(check, written=result.written, left_out=left_out)


def _look(
    images: Sequence[Tile],
    aim: Aim,
    footprints: Any,
    out: Path,
    workers: int | None,
) -> tuple[dict[Tile, Look], dict[Path, MaskMeaning]]:
    """Read images and masks before anything is written.

    Returned are what was seen of each image, and the meaning of each mask.
    """

    def look(image: Tile, facts: FileFacts) -> Look:
        path, mask = image.image, image.mask
        if footprints:
            mask = None
            with errors_of(path):
                footprints.check(path)
        _, learnt = check_files(facts, path, mask, aim.channels)
        if mask:
            with errors_of(mask):
                refuse_elsewhere(path, mask)
        with errors_of(path):
            options = aim.channels, aim.resolution, aim.ground
            view = open_resampled(path, *options)
            windows = view.windows(aim.size)
            full = [w for w in windows if view.valid(w).mean() >= LEAST]
        return Look(learnt, view, full, len(windows) - len(full))

    options = out, 'Reading images', aim.channels, workers
    looks, faults = inspect_tiles(look, images, *options)
    _refuse(faults.values(), len(images))
    masks = {x: look.learnt for x, look in looks.items() if look.learnt}
    declared = aim.building_values, aim.ignore_values
    meanings, unclear = settle_splits(masks, declared)
    _refuse(unclear.values(), len(images))
    return looks, {image.mask: meanings[image.split] for image in masks}


def _refuse(faults: Iterable[str], count: int) -> None:
    """Raise a DatasetError for what is wrong with some of so many images."""
    if faults := [*dict.fromkeys(faults)]:  # all may have one vector file
        raise DatasetError(
            f'{len(faults)} fault(s) in {count} images:\n{listing(faults)}\n'
            'Next: mend these files, or take image and mask away.'
        )


def _cut(looks: Mapping[Tile, Look], aim: Aim) -> Pieces:
    """Cut images into tiles, and give them splits if they have none."""
    pieces = {}
    for image, look in looks.items():
        for window in look.windows:
            whole = window[2:] == look.view.shape[::-1]
            name = image.name if whole else patch_name(image.name, window)
            pieces[image._replace(name=name)] = look.view, window
    splits = {tile: tile.split for tile in pieces}
    wanted = {image.split for image in looks}
    if wanted == {UNSPLIT}:
        shares = dict(train=1 - aim.val - aim.test, val=aim.val, test=aim.test)
        shares = {split: share for split, share in shares.items() if share}
        wanted, side = {*shares}, aim.size * aim.resolution
        if pieces:
            splits = split_by_place(pieces, side, shares, aim.seed)
    if missing := wanted - {*splits.values()}:
        raise DatasetError(
            f'of {len(pieces)} tiles with data none is left for split '
            f'{min(missing)!r}.\nNext: give more images, a smaller --size, or '
            '--val 0 --test 0.'
        )
    names = Counter((split, tile.name) for tile, split in splits.items())
    [((_, name), count)] = names.most_common(1)
    if count > 1:
        raise DatasetError(
            f'two tiles would be named {name!r}.\nNext: rename one of their '
            'images.'
        )
    return {
        tile._replace(split=split): pieces[tile]
        for tile, split in splits.items()
    }
