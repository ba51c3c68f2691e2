"""Check of a dataset on disk before anybody trains on it."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from mmseg_cube.datasets.bands import RGB, Channels
from mmseg_cube.datasets.checks import FileFacts, check_files, inspect_tiles
from mmseg_cube.datasets.contract import refuse_elsewhere
from mmseg_cube.datasets.conversion.check_report import summarise
from mmseg_cube.datasets.conversion.config_tiles import find_in_config
from mmseg_cube.datasets.conversion.output import MANIFEST
from mmseg_cube.datasets.conversion.recipes import find_inria, name_missing
from mmseg_cube.datasets.decision import NO_BUILDING, Declared
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.masks import values_of
from mmseg_cube.datasets.meaning import MaskMeaning, name_value
from mmseg_cube.datasets.rasters import stamp
from mmseg_cube.datasets.split_meanings import decide_splits
from mmseg_cube.datasets.tiles import Tile, find_tiles
from mmseg_cube.utils.words import name_some, quantity


def check_data(
    root: Path,
    workers: int | None = None,
    building_values: Declared = None,
    ignore_values: Declared = None,
    channels: Channels = RGB,
) -> dict:
    """Read every file of a dataset once and look for what is wrong.

    Args:
        root: Folder that holds the splits, or a parent of it; or a config,
            whose datasets say how their files are read.
        workers: Tiles at a time; as many as there are cores by default.
        building_values: As of ``BuildingDataset``.
        ignore_values: Likewise.
        channels: What of images the network sees.

    Returns:
        What ``report.json`` holds: ``root``, ``fine``, ``splits`` (counts of
        each), ``findings`` (faults that make training wrong, one line each),
        ``notes`` (what else to know), ``channels``, ``meanings`` (of the
        masks in each split), ``tiles`` (what was found out about each).

    Raises:
        DatasetError: If there is no dataset.
    """
    root, notes = root.absolute(), []
    declared = building_values, ignore_values
    if root.suffix == '.py' and not root.is_dir():
        if (*declared, channels) != (None, None, RGB):
            raise ValueError(
                f'{root.name} says itself how its images and masks are read. '
                'Leave bands, scale and mask values out of the command'
            )
        found, named = find_in_config(root)
        findings, declared, channels = [], named.declared, named.channels
    else:
        found, findings, notes = _find(root)
    found = [tile.at(root) for tile in found]

    def look(tile: Tile, facts: FileFacts) -> tuple:
        image, mask = tile[2:]
        found = check_files(facts, image, mask, channels)
        if mask is not None:
            with errors_of(mask):
                beside = partial(refuse_elsewhere, image)
                facts.recall(f'place by {stamp(image)}', mask, beside)
        return found

    options = root, 'Reading tiles', channels, workers
    seen, faults = inspect_tiles(look, found, *options)
    masks = {tile: mask for tile, (_, mask) in seen.items() if mask}
    meanings, unclear, doubts = decide_splits(masks, declared)
    faults |= unclear
    by_split = defaultdict(list)

    def short(text: object) -> str:  # files are named below the folder
        return below.sub('', str(text))

    below = re.compile(rf'(?<!\S){re.escape(str(root))}/')
    for tile in found:
        meaning = None if tile in faults else meanings.get(tile.split)
        shape, mask = seen.get(tile, (None, None))
        by_split[tile.split].append(
            dict(
                split=tile.split,
                name=tile.name,
                image=short(tile.image),
                mask=tile.mask and short(tile.mask),
                shape=shape and shape[:2],  # height and width
                fault=short(faults.get(tile, '')),
                **_count(mask, meaning),
            )
        )
    doubts += [faults[tile] for tile in found if tile in faults]
    twins, more = _find_same({tile: x[0] for tile, x in seen.items()})
    findings += map(short, doubts + twins)
    notes, splits = notes + [*map(short, more)], {}
    for split, tiles in by_split.items():
        splits[split], texts = summarise(split, tiles)
        notes += texts
        clear = splits[split]['labelled'] and not splits[split]['faults']
        built = any(tile['building'] for tile in tiles)
        if split == 'train' and clear and not built:
            findings.append(f'train: {NO_BUILDING}')
    return dict(
        root=str(root),
        fine=not findings,
        splits=splits,
        findings=findings,
        notes=notes,
        channels=asdict(channels),
        meanings={s: meaning._asdict() for s, meaning in meanings.items()},
        tiles=sum(by_split.values(), []),
    )


def _find(root: Path) -> tuple[list[Tile], list[str], list[str]]:
    """Find the tiles of a folder, faults, and what to know of them."""
    try:
        tiles, faults = find_inria(root)
        if tiles:
            return tiles, faults, name_missing(root, tiles)
    except DatasetError:  # others have the same folders
        pass
    return *find_tiles(root), _incomplete(root)


def _incomplete(root: Path) -> list[str]:
    """Say if the conversion that fills a folder was not finished."""
    with suppress(OSError, ValueError, TypeError, KeyError):  # not ours
        if json.loads((root / MANIFEST).read_text())['complete'] is False:
            again = 'says that the conversion is not complete: run it again'
            return [f'{MANIFEST} {again}']
    return []


def _count(
    learnt: Sequence[int] | None, meaning: MaskMeaning | None
) -> dict[str, object]:
    """Count the values of a mask, and what they mean if that is clear."""
    values, labels = {}, Counter()
    for value in values_of(learnt or ()):
        code = value.code(meaning.colours) if meaning else value.value
        values[name_value(code)] = value.pixels
        if meaning:
            labels[meaning.label_of(value)] += value.pixels
    ground, built = labels[0], labels[1]
    share = built / (ground + built) if ground + built else None
    return dict(building=share, values=values, pixels=[ground, built])


def _find_same(
    images: Mapping[Tile, Sequence[int]],
) -> tuple[list[str], list[str]]:
    """Word which images have the same pixels: findings and notes."""
    groups = defaultdict(list)
    for tile, (*_, digest) in images.items():
        groups[digest].append(tile)
    blank = groups.pop(0, [])
    findings, notes = [], []
    if blank:
        names = name_some([str(tile.image) for tile in blank])
        notes.append(f'{quantity(len(blank), "blank image")}: {names}')
    for group in groups.values():
        names = ', '.join(str(tile.image) for tile in group)
        splits = dict.fromkeys(tile.split for tile in group)
        if len(splits) > 1:
            where = ' and '.join(splits)
            findings.append(f'the same image in {where}: {names}')
        elif len(group) > 1:
            notes.append(f'the same image twice: {names}')
    return findings, notes
