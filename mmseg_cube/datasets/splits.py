"""Splits that are no folders: lists of names, and shares drawn by a seed."""

import hashlib
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path, PurePosixPath

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.listing import Naming, read_lines
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.datasets.tiles import SPLITS


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


def refuse_wrong_fractions(fractions: Mapping[str, float], split: str) -> None:
    """Refuse shares that cannot be drawn, or lack the split."""
    shares = fractions if isinstance(fractions, Mapping) else {}
    good = set(split.split('+')) <= set(shares) <= set(SPLITS)
    good = good and all(isinstance(x, Real) and x > 0 for x in shares.values())
    if not good or sum(shares.values()) > 1 + 1e-6:
        raise ValueError(
            f'fractions must be shares of {split} and maybe others, above 0 '
            'and at most 1 together, such as dict(train=0.8, val=0.1, '
            f'test=0.1), not {fractions!r}'
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
