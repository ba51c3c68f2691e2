"""The tiles of a split: by folders, lists of names, or shares of a seed."""

import hashlib
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.listing import Naming, read_lines
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.datasets.tiles import SPLITS, Tile, find_tiles, match_folders
from mmseg_cube.utils.words import listing

if TYPE_CHECKING:
    from mmseg_cube.datasets.building import BuildingDataset


def choose_tiles(dataset: 'BuildingDataset') -> tuple[list[Tile], str]:
    """Find the tiles of a dataset's split, and say what part of it they are.

    A DatasetError says what is missing or unmatched.
    """
    owner, split = type(dataset).__name__, dataset.split
    place, prefix = dataset.data_root, dataset.data_prefix
    suffixes = dataset.img_suffix, dataset.seg_map_suffix
    namings = tuple(map(Naming.of, suffixes, dataset.patterns))
    named, halves, there = dataset.ann_file, split.split('+'), set()
    listed = read_names(named, namings[0]) if named else set()

    def wants(split: str, stem: str) -> bool:
        if not dataset.wants(split, stem):
            return False
        there.add((split, stem))
        return not named or stem in listed

    options = halves, wants, namings
    if prefix:
        tiles, faults = match_folders(prefix, *options)
        place = prefix['img_path']
    elif place is None:
        raise DatasetError(
            f'{owner}: neither data_root nor data_prefix is given.\nNext: set '
            'data_root to the folder that holds the dataset.'
        )
    else:
        tiles, faults = find_tiles(Path(place), dataset.LAYOUT, *options)
        tiles = [tile.at(Path(place)) for tile in tiles]
    names = {tile.name for tile in tiles}
    if listed and not faults:
        faults = [
            f'{stem}: listed in {named}, but no such image'
            for stem in sorted(listed - names)
        ]
    if faults:
        raise DatasetError(
            f'{owner}: {len(faults)} fault(s) in split {split!r} of {place}:\n'
            f'{listing(faults)}\nNext: every image needs one mask of the same '
            'stem and the other way round. Stems may differ by '
            "mask_pattern='{}_mask'; img_suffix and seg_map_suffix choose "
            f'between formats ({", ".join(RASTER_SUFFIXES)}).'
        )
    part = f'{len(tiles)} of {len(there)} tiles'
    if len(tiles) == len(there):
        part = ''  # but all
    if dataset.fractions:
        home = divide(names, dataset.fractions, dataset.seed)
        tiles = [x for x in tiles if home.get(x.name) == x.split]
        part = f'{len(tiles)} of {len(names)} tiles, seed {dataset.seed}'
    empty = set(halves) - {tile.split for tile in tiles}
    if empty and not listed:
        raise DatasetError(
            f'{owner}: no image for split {min(empty)!r} in {place}.\nNext: '
            'put some there, not into folders inside it; or draw them '
            '(data_prefix, fractions), or set split.'
        )
    # data_prefix gives both halves of train+val the same files.
    return list({tile.image: tile for tile in tiles}.values()), part


def read_names(path: str, naming: Naming) -> set[str]:
    """Read a text file of images, one a line, as the names of tiles.

    Folders and suffixes may be given, and what ``naming`` puts around names.
    """
    file = Path(path)
    if not file.is_file():
        raise DatasetError(
            f'no list of stems at {file.absolute()}.\nNext: correct '
            'ann_file, which is relative to data_root, or leave it out.'
        )
    lines = (line.replace('\\', '/') for line in read_lines(file))
    names = (PurePosixPath(line).name for line in lines)
    suffixes = *naming.suffixes, *RASTER_SUFFIXES, ''
    whole, bare = Naming(suffixes, naming.pattern), Naming(suffixes)
    return {whole.tile(x) or bare.tile(x) or x for x in names if x}


def refuse_wrong_patterns(*patterns: str) -> None:
    """Refuse what does not say where the name of a tile stands."""
    for pattern in patterns:
        if not isinstance(pattern, str) or pattern.count('{}') != 1:
            raise ValueError(
                'img_pattern and mask_pattern must hold {} once, such as '
                f"'{{}}_mask', not {pattern!r}"
            )


def refuse_wrong_fractions(
    fractions: Mapping[str, float], split: str, prefix: Mapping
) -> None:
    """Refuse shares that cannot be drawn, or lack the split, or folders."""
    shares = fractions if isinstance(fractions, Mapping) else {}
    good = set(split.split('+')) <= set(shares) <= set(SPLITS)
    good = good and all(isinstance(x, Real) and x > 0 for x in shares.values())
    if not good or sum(shares.values()) > 1 + 1e-6:
        raise ValueError(
            f'fractions must be shares of {split} and maybe others, above 0 '
            'and at most 1 together, such as dict(train=0.8, val=0.1, '
            f'test=0.1), not {fractions!r}'
        )
    if not prefix:
        raise ValueError(
            'fractions divide the folders of data_prefix=dict(img_path=..., '
            'seg_map_path=...), but none is given'
        )


def divide(
    names: Iterable[str], fractions: Mapping[str, float], seed: int
) -> dict[str, str]:
    """Give names, each to one split at most, by the seed.

    The order of the names does not matter, only what they are. Every split
    gets one at least, if there are enough.
    """

    def rank(name: str) -> bytes:
        text = f'{seed}:{name}'.encode(errors='replace')
        return hashlib.sha256(text).digest()

    names = sorted(set(names), key=rank)
    chosen = [split for split in SPLITS if split in fractions]
    home, start, share = {}, 0, 0.0
    for place, split in enumerate(chosen, 1):
        share += fractions[split]
        most = len(names) - (len(chosen) - place)  # leaves one to each other
        end = min(max(round(share * len(names)), start + 1), most)
        home |= dict.fromkeys(names[start:end], split)
        start = max(end, start)
    return home
