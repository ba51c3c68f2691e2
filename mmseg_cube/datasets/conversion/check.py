"""Check of a dataset on disk before anybody trains on it."""

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mmseg_cube.datasets.conversion.duplicates import near_images, same_images
from mmseg_cube.datasets.conversion.inria import in_inria_split
from mmseg_cube.datasets.conversion.inspect_tile import Record, inspect_tile
from mmseg_cube.datasets.conversion.output import MANIFEST
from mmseg_cube.datasets.conversion.published import compare
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.inria_tiles import LAYOUT
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import (
    SPLITS,
    Layout,
    Tile,
    find_tiles,
    list_files,
)
from mmseg_cube.utils.words import name_some

DATASETS = ('inria', 'whu', 'wbd')
MOSTLY = 0.6  # share of building above which masks may well be inverted
FRAMED = 0.1  # share of black among the outermost pixels
SHOWN = 8  # names of tiles in a note


@dataclass
class Check:
    """The result of a check.

    Attributes:
        root: The folder.
        dataset: ``inria``, ``whu``, ``wbd``, or None if that is unknown.
        records: What was found out about each tile.
        findings: Faults that make training wrong, one line each.
        notes: What else a person should know, one line each.
    """

    root: Path
    dataset: str | None
    records: list[Record]
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def splits(self) -> dict[str, list[Record]]:
        """Records per split, splits that are there only."""
        return {
            split: records
            for split in SPLITS
            if (records := [r for r in self.records if r.tile.split == split])
        }


def check_data(
    root: Path, dataset: str | None = None, workers: int | None = None
) -> Check:
    """Read every file of a dataset once and look for what is wrong.

    Args:
        root: Folder that holds the splits, or a parent of it.
        dataset: ``inria``, ``whu`` or ``wbd``; guessed by default, from the
            manifest of a conversion, the names of tiles and of folders.
        workers: Tiles at a time; as many as there are cores by default.

    Raises:
        DatasetError: If there is no dataset.
    """
    root = root.absolute()
    if not root.is_dir():
        raise DatasetError(
            f'no folder {root}.\nNext: give the folder that holds train, val '
            'and test; archives must be unpacked or converted first.'
        )
    manifest = _manifest(root)
    tiles, faults, dataset = _find(root, dataset, manifest)
    work = partial(inspect_tile, root)
    with closing(work_through(work, tiles, 'Reading tiles', workers)) as jobs:
        by_tile = {record.tile: record for record in jobs}
    records = [by_tile[tile] for tile in tiles]
    check = Check(root, dataset, records, list(faults))
    check.findings += [r.fault for r in records if r.fault]
    _look_for_duplicates(check)
    for split, of_split in check.splits().items():
        check.notes += _describe(split, of_split)
    if manifest.get('complete') is False:
        check.notes.append(
            f'{MANIFEST} says that the conversion is not complete: run it '
            'again'
        )
    counts = Counter(tile.split for tile in tiles)
    check.notes += compare(counts, dataset, manifest)
    return check


def building_share(records: list[Record]) -> float | None:
    """Share of building among all labelled pixels; None without any."""
    labelled = [r for r in records if r.building is not None and r.shape]
    pixels = [r.shape[0] * r.shape[1] for r in labelled]
    if not pixels:
        return None
    covered = zip(labelled, pixels, strict=True)
    return sum(r.building * count for r, count in covered) / sum(pixels)


def _find(
    root: Path, dataset: str | None, manifest: dict
) -> tuple[list[Tile], list[str], str | None]:
    """Find the tiles and tell which dataset they are of."""
    files = list_files(root)
    dataset = dataset or manifest.get('dataset')
    if dataset in (None, 'inria') and not manifest:
        try:
            found = find_tiles(root, files, LAYOUT, wants=in_inria_split)
            return *found, 'inria'
        except DatasetError:
            if dataset is None:
                dataset = _guess(root)
    return *find_tiles(root, files, Layout()), dataset


def _guess(root: Path) -> str | None:
    name = f'{root.parent.name}/{root.name}'.lower()
    hints = dict(whu='whu', wbd='wbd', waterloo='wbd', inria='inria')
    return next((hints[hint] for hint in hints if hint in name), None)


def _manifest(root: Path) -> dict:
    try:
        content = json.loads((root / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _look_for_duplicates(check: Check) -> None:
    for group in same_images(check.records):
        splits = sorted({r.tile.split for r in group}, key=SPLITS.index)
        names = ', '.join(str(record.tile.image) for record in group)
        if group[0].blank:
            check.notes.append(f'{len(group)} blank images: {names}')
        elif len(splits) > 1:
            check.findings.append(
                f'the same image in {" and ".join(splits)}: {names}'
            )
        else:
            check.notes.append(f'the same image twice: {names}')
    for one, other in near_images(check.splits()):
        check.notes.append(
            f'nearly the same image in {one.tile.split} and '
            f'{other.tile.split}: {one.tile.image}, {other.tile.image}'
        )


def _describe(split: str, records: list[Record]) -> list[str]:
    """Word what a person should know of a split, one line of text each."""
    notes = []
    if not any(record.tile.mask for record in records):
        notes.append('no labels')
    empty = [record for record in records if record.building == 0]
    if empty:
        notes.append(f'{len(empty)} tiles without a building')
    framed = [r.tile.name for r in records if r.black_frame > FRAMED]
    if framed:
        names = name_some(framed, SHOWN)
        notes.append(f'{len(framed)} tiles with black borders: {names}')
    sizes = Counter(r.shape for r in records if r.shape)
    if len(sizes) > 1:
        ((height, width), _), *_ = sizes.most_common()
        notes.append(
            f'images of {len(sizes)} sizes; most common is {width} x {height}'
        )
    share = building_share(records)
    if share is not None and share > MOSTLY:
        notes.append(f'{share:.0%} is building; are 0 and 255 exchanged?')
    return [f'{split}: {note}' for note in notes]
