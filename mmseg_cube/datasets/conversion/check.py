"""Check of a dataset on disk before anybody trains on it."""

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..errors import DatasetError
from ..layout import Layout
from .describe import describe
from .duplicates import near_images, same_images
from .inria import find_inria_tiles
from .inspect_tile import Record, inspect_tile
from .output import MANIFEST
from .published import compare, published
from .source import FolderSource
from .tiles import Tile, find_tiles
from .workers import cores, work_through

DATASETS = ('inria', 'whu', 'wbd')
PARTS = ('train', 'val', 'test')


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

    def parts(self) -> dict[str, list[Record]]:
        """Records per part, parts that are there only."""
        return {
            part: records
            for part in PARTS
            if (records := [r for r in self.records if r.tile.part == part])
        }


def check_data(
    root: Path, dataset: str | None = None, workers: int | None = None
) -> Check:
    """Read every file of a dataset once and look for what is wrong.

    Args:
        root: Folder that holds the splits, or a parent of it.
        dataset: ``inria``, ``whu`` or ``wbd``; guessed by default, from the
            manifest of a conversion, the names of tiles and of folders.
        workers: Processes; all cores by default.

    Raises:
        DatasetError: If there is no dataset.
        ValueError: If an argument is wrong.
        BrokenProcessPool: If a worker was killed.
    """
    if workers is not None and workers < 1:
        raise ValueError(f'workers must be 1 or more, not {workers}')
    root = root.absolute()
    if not root.is_dir():
        raise DatasetError(
            f'no folder {root}.\nNext: give the folder that holds train, val '
            'and test; archives must be unpacked or converted first.'
        )
    manifest = _manifest(root)
    tiles, faults, dataset = _find(root, dataset, manifest)
    work = partial(inspect_tile, root)
    jobs = work_through(work, tiles, workers or cores(), 'Reading tiles')
    with closing(jobs):
        records = list(jobs)
    order = {tile: index for index, tile in enumerate(tiles)}
    records.sort(key=lambda record: order[record.tile])
    check = Check(root, dataset, records, list(faults))
    check.findings += [r.fault for r in records if r.fault]
    _look_for_duplicates(check)
    for part, of_part in check.parts().items():
        check.notes += describe(part, of_part)
    if manifest.get('complete') is False:
        check.notes.append(
            f'{MANIFEST} says that the conversion is not complete: run it '
            'again'
        )
    counts = Counter(tile.part for tile in tiles)
    check.notes += compare(counts, published(dataset, manifest))
    return check


def _find(
    root: Path, dataset: str | None, manifest: dict
) -> tuple[list[Tile], list[str], str | None]:
    """Find the tiles and tell which dataset they are of."""
    source, patches = FolderSource(root), Layout()
    dataset = dataset or manifest.get('dataset')
    if dataset in (None, 'inria') and not manifest:
        try:
            return *find_inria_tiles(source), 'inria'
        except DatasetError:
            if dataset is None:
                dataset = _guess(root)
    return *find_tiles(source, patches), dataset


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
        parts = sorted({r.tile.part for r in group}, key=PARTS.index)
        names = ', '.join(str(record.tile.image) for record in group)
        if group[0].blank:
            check.notes.append(f'{len(group)} blank images: {names}')
        elif len(parts) > 1:
            check.findings.append(
                f'the same image in {" and ".join(parts)}: {names}'
            )
        else:
            check.notes.append(f'the same image twice: {names}')
    for one, other in near_images(check.records):
        check.notes.append(
            f'nearly the same image in {one.tile.part} and '
            f'{other.tile.part}: {one.tile.image}, {other.tile.image}'
        )
