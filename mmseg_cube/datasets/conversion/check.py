"""Check of a dataset on disk before anybody trains on it."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

from mmseg_cube.datasets.bands import RGB, Channels
from mmseg_cube.datasets.conversion.check_report import summarise
from mmseg_cube.datasets.conversion.config_tiles import find_in_config
from mmseg_cube.datasets.conversion.inspect_tile import inspect_tile
from mmseg_cube.datasets.conversion.meanings import decide_splits
from mmseg_cube.datasets.conversion.output import MANIFEST
from mmseg_cube.datasets.conversion.recipes import find_inria
from mmseg_cube.datasets.conversion.twins import find_alike, find_same
from mmseg_cube.datasets.decision import NO_BUILDING, Declared
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.listing import list_files
from mmseg_cube.datasets.meaning import MaskMeaning, name_value
from mmseg_cube.datasets.sample_city.layouts import MARKER
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import Tile, find_tiles
from mmseg_cube.utils.words import not_found

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
    root: Path,
    dataset: str | None = None,
    workers: int | None = None,
    building_values: Declared = None,
    ignore_values: Declared = None,
    channels: Channels = RGB,
) -> dict:
    """Read every file of a dataset once and look for what is wrong.

    Args:
        root: Folder that holds the splits, or a parent of it; or a config,
            whose datasets say how their files are read.
        dataset: ``inria``, ``whu`` or ``wbd``; guessed by default, from the
            manifest of a conversion, the names of tiles and of folders.
        workers: Tiles at a time; as many as there are cores by default.
        building_values: As of ``BuildingDataset``; by default all masks of a
            split tell.
        ignore_values: Likewise.
        channels: What of images the network sees.

    Returns:
        What ``report.json`` holds: ``root``, ``dataset`` (None if unknown),
        ``fine``, ``splits`` (counts of each), ``findings`` (faults that make
        training wrong, one line each), ``notes`` (what else to know),
        ``lacking`` (of the published tiles, by split), ``channels``,
        ``meanings`` (of the masks in each split), ``tiles`` (what was found
        out about each).

    Raises:
        DatasetError: If there is no dataset.
    """
    root, manifest = root.absolute(), {}
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
        manifest = _manifest(root)
        found, findings, dataset = _find(root, dataset, manifest)
    work = partial(inspect_tile, root, channels)
    by_tile = dict(work_through(work, found, 'Reading tiles', workers))
    tiles = [by_tile[tile] for tile in found]
    masks = {t: by_tile[t]['counted'] for t in found if by_tile[t]['counted']}
    meanings, unclear, doubts = decide_splits(masks, declared)
    for tile in tiles:
        if tile['counted']:
            _label(tile, meanings[tile['split']], unclear)
    findings += doubts + [tile['fault'] for tile in tiles if tile['fault']]
    twins, notes = find_same(tiles)
    findings += twins
    by_split = defaultdict(list)
    for tile in tiles:
        by_split[tile['split']].append(tile)
    notes += find_alike(by_split.values())
    splits = {}
    for split, some in by_split.items():
        splits[split], texts = summarise(split, some)
        notes += texts
        clear = splits[split]['labelled'] and not splits[split]['faults']
        built = any(tile['building'] for tile in some)
        if split == 'train' and clear and not built:
            findings.append(f'train: {NO_BUILDING}')
    if manifest.get('complete') is False:
        notes.append(
            f'{MANIFEST} says that the conversion is not complete: run it '
            'again'
        )
    counts = {split: summary['tiles'] for split, summary in splits.items()}
    texts, lacking = compare(counts, dataset, manifest)
    notes += texts
    for tile in tiles:
        del tile['digest'], tile['thumb'], tile['counted']
    return dict(
        root=str(root),
        dataset=dataset,
        fine=not findings,
        splits=splits,
        findings=findings,
        notes=notes,
        lacking=lacking,
        channels=asdict(channels),
        meanings={s: meaning._asdict() for s, meaning in meanings.items()},
        tiles=tiles,
    )


def compare(
    counts: Mapping[str, int], dataset: str | None, manifest: Mapping
) -> tuple[list[str], list[str]]:
    """Compare the tiles per split with the likeliest published set.

    Returned are a line for each split that differs, and what is not there,
    such as "3 of 25 tiles of val".
    """
    if dataset == 'inria' and 'protocol' in manifest:
        sizes = {manifest.get('size'), manifest.get('stride')}
        dataset = manifest['protocol'] if sizes == {PATCH_SIZE} else None
    sets = []
    for name, numbers in PUBLISHED.get(dataset, {}).items():
        lines, lacking = [], []
        for split, number in numbers.items():
            count = counts.get(split, 0)
            if count != number:
                text = f'{split}: {count:,} tiles, published for {name}'
                lines.append(f'{text}: {number:,}')
            if count < number:
                lacking.append(f'{count:,} of {number:,} tiles of {split}')
        # A set of the same splits is the likeliest.
        other = set(numbers) != set(counts)
        sets.append((other, len(lines), lines, lacking))
    *_, lines, lacking = min(sets, default=([], []))
    return lines, lacking


def _manifest(root: Path) -> dict:
    """Settings of the conversion that made a folder, if they can be read."""
    try:
        content = json.loads((root / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    content = content if isinstance(content, dict) else {}
    return {k: v for k, v in content.items() if isinstance(v, str | int)}


def _find(
    root: Path, dataset: str | None, manifest: Mapping
) -> tuple[list[Tile], list[str], str | None]:
    """Find the tiles and faults, and tell which dataset they are of."""
    if not root.is_dir():
        advice = 'give the folder that holds train, val and test; unpack or '
        advice += 'convert archives first'
        raise DatasetError(not_found('folder', root, advice))
    files = list_files(root)
    dataset = dataset or manifest.get('dataset')
    if dataset in (None, 'inria') and not manifest:
        try:
            tiles, faults = find_inria(root, files)
            if tiles or dataset:
                return tiles, faults, 'inria'
        except DatasetError:
            if dataset:  # others have the same folders
                raise
    if not dataset and not (root / MARKER).exists():
        name = f'{root.parent.name}/{root.name}'.lower()
        dataset = next((HINTS[hint] for hint in HINTS if hint in name), None)
    return *find_tiles(root, files), dataset


def _label(tile: dict, meaning: MaskMeaning, unclear: Mapping) -> None:
    """Say of a mask what it holds, by what its values mean."""
    labels = Counter()
    for value in tile['counted']:
        tile['values'][name_value(value.code(meaning.colours))] = value.pixels
        labels[meaning.label_of(value)] += value.pixels
    tile['fault'] = unclear.get(tile['mask'], '')
    if known := not tile['fault'] and labels[0] + labels[1]:
        tile['building'] = labels[1] / known
        tile['pixels'] = [labels[0], labels[1]]
