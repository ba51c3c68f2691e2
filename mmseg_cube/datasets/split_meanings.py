"""What the masks of tiles mean, split by split."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from mmseg_cube.datasets.decision import decide
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.masks import values_of
from mmseg_cube.datasets.meaning import MaskMeaning
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.utils.words import listing

Meanings = dict[str, MaskMeaning]  # by split


def decide_splits(
    masks: Mapping[Tile, Sequence[int]], declared: tuple
) -> tuple[Meanings, dict[Tile, str], list[str]]:
    """Decide what masks mean, by what was learnt of each and is declared.

    Returned are the meaning in each split, what is wrong with masks, and one
    line for all that is not clear.
    """
    meanings, faults, findings = {}, {}, []
    splits = defaultdict(dict)
    for tile, learnt in masks.items():
        splits[tile.split][tile.mask] = values_of(learnt)
    for split, values in splits.items():
        meanings[split], unclear, doubts = decide(values, *declared)
        faults |= {
            tile: f'{tile.mask}: {unclear[tile.mask]}'
            for tile in masks
            if tile.split == split and tile.mask in unclear
        }
        findings += [f'{split}: {text}' for text in doubts]
    return meanings, faults, findings


def settle_splits(
    masks: Mapping[Tile, Sequence[int]], declared: tuple
) -> tuple[Meanings, dict[Tile, str]]:
    """Decide as :func:`decide_splits`; a DatasetError says what is unclear."""
    *found, findings = decide_splits(masks, declared)
    if findings:
        raise DatasetError(
            f'it is not clear what the masks mean:\n{listing(findings)}'
            '\nNext: name the values, by --building-values or '
            'building_values=..., or correct the masks.'
        )
    return found
