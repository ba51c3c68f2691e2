"""The tiles of Inria: names, folders, splits, and the windows that count.

Published scores differ by several points only because of which windows count,
so a score is worth nothing without the name of its protocol.
"""

import re

import numpy as np

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.tiles import Layout
from mmseg_cube.datasets.windows import Window, cut_tiles, take_window

TRAINING_REGIONS = ('austin', 'chicago', 'kitsap', 'tyrol-w', 'vienna')
TEST_REGIONS = ('bellingham', 'bloomington', 'innsbruck', 'sfo', 'tyrol-e')
LAST_VAL_TILE = 5
LAYOUT = Layout(
    dict(train=['train'], val=['train'], test=['test']),
    images=['images'],
    masks=['gt'],
)

PER_REGION = 36
PROTOCOLS = ('full', 'buildformer')
WINDOW_SIZE = 512
LEAST_BUILDING = 5  # percent of a patch; BuildFormer keeps those with more


def regions_of(split: str) -> tuple[str, ...]:
    """Return the regions that a split has tiles of."""
    return TEST_REGIONS if split == 'test' else TRAINING_REGIONS


def parse_tile(stem: str) -> tuple[str, int]:
    """Split a tile's name, such as ``tyrol-w12``, into region and number."""
    name = re.fullmatch(r'([a-z-]+)([1-9][0-9]*)', stem)
    regions = TRAINING_REGIONS + TEST_REGIONS
    if name is None or name[1] not in regions or int(name[2]) > PER_REGION:
        raise DatasetError(
            f'{stem!r} is not the name of a tile of Inria, such as '
            '"austin12"; keep other files elsewhere, read tiles that were cut '
            'into patches with BuildingDataset'
        )
    return name[1], int(name[2])


def in_split(split: str, stem: str) -> bool:
    """Tell whether a tile belongs to ``train``, ``val`` or ``test``.

    Raises:
        DatasetError: If the split's folder should not hold such a file.
    """
    region, number = parse_tile(stem)
    if region not in regions_of(split):
        raise DatasetError(
            f'the regions of split {split!r} are '
            f'{", ".join(regions_of(split))}; put it into the other folder'
        )
    return split == 'test' or (number <= LAST_VAL_TILE) == (split == 'val')


def tiles_of(split: str) -> list[str]:
    """Name all tiles of a split, such as train+val."""
    return [
        name
        for part in split.split('+')
        for region in regions_of(part)
        for number in range(1, PER_REGION + 1)
        if in_split(part, name := f'{region}{number}')
    ]


def built_patches(mask: np.ndarray, size: int = WINDOW_SIZE) -> list[Window]:
    """List the patches of a tile that ``buildformer`` keeps, row by row.

    The tile, whose labels (H, W) these are, is padded to a multiple of
    ``size`` on all sides, by reflection, and cut without overlap; a patch is
    kept if more than 5 % of it, padding included, is building.
    """
    least = LEAST_BUILDING * size * size
    return [
        window
        for window in cut_tiles(*mask.shape, size, padded=True)
        if 100 * np.count_nonzero(take_window(mask, window) == 1) > least
    ]
