"""What masks of raw data mean, split by split, as its dataset decides."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from mmseg_cube.datasets.decision import decide
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.masks import learn_mask, values_of
from mmseg_cube.datasets.meaning import MaskMeaning, Value
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.utils.words import listing

Meanings = dict[str, MaskMeaning]  # by split


def decide_splits(
    masks: Mapping[Tile, Sequence[Value]], declared: tuple
) -> tuple[Meanings, dict[str, str], list[str]]:
    """Decide what masks mean, from the values of each and what users declare.

    Returned are the meaning in each split, what is wrong with masks by their
    paths, and one line for all that is not clear.
    """
    meanings, faults, findings = {}, {}, []
    splits = defaultdict(dict)
    for tile, values in masks.items():
        splits[tile.split][str(tile.mask)] = values
    for split, named in splits.items():
        meanings[split], unclear, doubts = decide(named, *declared)
        faults |= {path: f'{path}: {why}' for path, why in unclear.items()}
        findings += [f'{split}: {text}' for text in doubts]
    return meanings, faults, findings


def settle_splits(
    masks: Mapping[Tile, Sequence[Value]], declared: tuple
) -> tuple[Meanings, dict[str, str]]:
    """Decide as :func:`decide_splits`; a DatasetError says what is unclear."""
    *found, findings = decide_splits(masks, declared)
    if findings:
        raise DatasetError(
            f'it is not clear what the masks mean:\n{listing(findings)}'
            '\nNext: name the values, by --building-values or '
            'building_values=..., or correct the masks.'
        )
    return found


def learn_meanings(
    read: Callable, tiles: Sequence[Tile], declared: tuple, workers: int | None
) -> tuple[Meanings, dict[str, str]]:
    """Read the masks of all tiles to decide what they mean.

    Raises:
        DatasetError: If that is not clear.
    """

    def look(tile: Tile) -> tuple[Tile, list[Value]]:
        try:
            with errors_of(tile.mask):
                return tile, values_of(learn_mask(read(tile.mask)))
        except ValueError:  # it will be said when the tile is converted
            return tile, []

    masked = [tile for tile in tiles if tile.mask]
    masks = dict(work_through(look, masked, 'Reading masks', workers))
    return settle_splits(masks, declared)
