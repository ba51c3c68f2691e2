"""Check of a dataset on disk before anybody trains on it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np

from mmseg_cube.datasets.conversion.convert import find_splits
from mmseg_cube.datasets.conversion.duplicates import find_alike, find_same
from mmseg_cube.datasets.conversion.inspect_tile import inspect_tile
from mmseg_cube.datasets.conversion.output import MANIFEST
from mmseg_cube.datasets.conversion.recipes import find_inria
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import Tile, list_files
from mmseg_cube.utils.words import name_some

MOSTLY = 60  # percent of building above which masks may well be inverted
FRAMED = 0.1  # share of black among the outermost pixels
SHOWN = 8  # names of tiles in a note
HINTS = dict(whu='whu', wbd='wbd', waterloo='wbd', inria='inria')
PATCH_SIZE = 512  # of the patches of Inria that were counted
PUBLISHED = {
    # Satellite set II keeps tiles without buildings apart; both halves count.
    'whu': {
        'the aerial set': dict(train=4736, val=1036, test=2416),
        'satellite set II': dict(train=3135 + 10527, test=903 + 2823),
    },
    'wbd': {'WBD': dict(val=6887)},
    'inria': {'the tiles': dict(train=155, val=25, test=180)},
    'buildformer': {'buildformer': dict(train=9737, val=1942)},
    'full': {'full': dict(train=15500, val=2500, test=18000)},
}


def check_data(
    root: Path, dataset: str | None = None, workers: int | None = None
) -> dict:
    """Read every file of a dataset once and look for what is wrong.

    Args:
        root: Folder that holds the splits, or a parent of it.
        dataset: ``inria``, ``whu`` or ``wbd``; guessed by default, from the
            manifest of a conversion, the names of tiles and of folders.
        workers: Tiles at a time; as many as there are cores by default.

    Returns:
        What ``report.json`` holds: ``root``, ``dataset`` (None if unknown),
        ``fine``, ``splits`` (counts of each), ``findings`` (faults that make
        training wrong, one line each), ``notes`` (what else a person should
        know), ``tiles`` (what was found out about each).

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
    found, findings, dataset = _find(root, dataset, manifest)
    work = partial(inspect_tile, root)
    with closing(work_through(work, found, 'Reading tiles', workers)) as jobs:
        by_tile = dict(jobs)
    tiles = [by_tile[tile] for tile in found]
    findings += [tile['fault'] for tile in tiles if tile['fault']]
    twins, notes = find_same(tiles)
    groups = groupby(tiles, itemgetter('split'))
    by_split = {split: list(group) for split, group in groups}
    notes += find_alike(by_split.values())
    splits = {split: _summarise(some) for split, some in by_split.items()}
    for split, summary in splits.items():
        texts = _describe(summary, by_split[split])
        notes += [f'{split}: {text}' for text in texts]
    if manifest.get('complete') is False:
        notes.append(
            f'{MANIFEST} says that the conversion is not complete: run it '
            'again'
        )
    counts = {split: len(some) for split, some in by_split.items()}
    notes += compare(counts, dataset, manifest)
    for tile in tiles:
        del tile['digest'], tile['thumb']
    return dict(
        root=str(root),
        dataset=dataset,
        fine=not findings + twins,
        splits=splits,
        findings=findings + twins,
        notes=notes,
        tiles=tiles,
    )


def compare(
    counts: Mapping[str, int], dataset: str | None, manifest: Mapping
) -> list[str]:
    """Word how the tiles per split differ from the likeliest published set."""
    if dataset == 'inria' and 'protocol' in manifest:
        sizes = {manifest.get('size'), manifest.get('stride')}
        dataset = manifest['protocol'] if sizes == {PATCH_SIZE} else None
    texts = {
        # A set of the same splits is the likeliest.
        (set(numbers) != set(counts), name): [
            f'{split}: {counts.get(split, 0):,} tiles, published for {name}: '
            f'{number:,}'
            for split, number in numbers.items()
            if counts.get(split, 0) != number
        ]
        for name, numbers in PUBLISHED.get(dataset, {}).items()
    }
    nearest = min(texts, key=lambda key: (key[0], len(texts[key])), default='')
    return texts.get(nearest, [])


def _find(
    root: Path, dataset: str | None, manifest: Mapping
) -> tuple[list[Tile], list[str], str | None]:
    """Find the tiles and faults, and tell which dataset they are of."""
    files = list_files(root)
    dataset = dataset or manifest.get('dataset')
    if dataset in (None, 'inria') and not manifest:
        try:
            return *find_inria(root, files), 'inria'
        except DatasetError:
            name = f'{root.parent.name}/{root.name}'.lower()
            hints = [HINTS[hint] for hint in HINTS if hint in name]
            dataset = dataset or next(iter(hints), None)
    return *find_splits(root, files), dataset


def _manifest(root: Path) -> dict:
    try:
        content = json.loads((root / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _summarise(tiles: Sequence[dict]) -> dict:
    """Sum up a split: ``values`` in pixels, ``building`` in percent."""
    shapes = [tile['shape'] for tile in tiles if tile['shape']]
    sizes = Counter(f'{width}x{height}' for height, width in shapes)
    values = sum((Counter(tile['values']) for tile in tiles), Counter())
    known = [t for t in tiles if t['building'] is not None and t['shape']]
    pixels = [np.prod(tile['shape']) for tile in known]
    share = None
    if known:
        covered = np.dot([tile['building'] for tile in known], pixels)
        share = round(float(100 * covered / sum(pixels)), 3)
    return dict(
        tiles=len(tiles),
        labelled=sum(tile['mask'] is not None for tile in tiles),
        sizes=dict(sizes.most_common()),
        values=dict(values.most_common()),
        building=share,
        empty=sum(tile['building'] == 0 for tile in tiles),
        black_borders=sum(tile['black_frame'] > FRAMED for tile in tiles),
        faults=sum(bool(tile['fault']) for tile in tiles),
    )


def _describe(summary: Mapping, tiles: Sequence[dict]) -> Iterator[str]:
    """Word what a person should know of a split."""
    if not summary['labelled']:
        yield 'no labels'
    if summary['empty']:
        yield f'{summary["empty"]} tiles without a building'
    framed = [t['name'] for t in tiles if t['black_frame'] > FRAMED]
    if framed:
        names = name_some(framed, SHOWN)
        yield f'{len(framed)} tiles with black borders: {names}'
    sizes = list(summary['sizes'])
    if len(sizes) > 1:
        yield f'images of {len(sizes)} sizes; most common is {sizes[0]}'
    building = summary['building'] or 0
    if building > MOSTLY:
        yield f'{building:.0f}% is building; are 0 and 255 exchanged?'
