"""What masks of raw data mean, split by split, as its dataset decides."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from mmseg_cube.datasets.decision import decide
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.masks import learn_mask, values_of
from mmseg_cube.datasets.meaning import MaskMeaning, Value
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.utils.words import listing


class Meanings:
    """The meaning of the masks of every split.

    Args:
        masks: Values of the mask of each tile.
        declared: ``building_values`` and ``ignore_values`` of
            ``BuildingDataset``.

    Attributes:
        splits: The meaning in each split.
        faults: What is wrong with the mask of a tile.
        findings: What is not clear, one line each.
    """

    def __init__(
        self, masks: Mapping[Tile, Sequence[Value]], declared: tuple
    ) -> None:
        self.faults, self.findings = {}, []
        self.splits: dict[str, MaskMeaning] = {}
        by_split = defaultdict(dict)
        for tile, values in masks.items():
            by_split[tile.split][tile] = values
        for split, values in by_split.items():
            names = {str(tile.mask): values[tile] for tile in values}
            meaning, unclear, findings = decide(names, *declared)
            self.splits[split] = meaning
            self.findings += [f'{split}: {text}' for text in findings]
            for tile in values:
                if fault := unclear.get(str(tile.mask)):
                    self.faults[tile] = f'{tile.mask}: {fault}'

    def of(self, tile: Tile) -> MaskMeaning | None:
        """Return the meaning of a tile's mask."""
        return self.splits.get(tile.split) if tile.mask else None


def learn_meanings(
    read: Callable, tiles: Sequence[Tile], declared: tuple, workers: int | None
) -> Meanings:
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
    jobs = work_through(look, masked, 'Reading masks', workers)
    with closing(jobs):
        found = Meanings(dict(jobs), declared)
    if found.findings:
        raise DatasetError(
            f'it is not clear what the masks mean:\n{listing(found.findings)}'
            '\nNext: name the values, by --building-values or '
            'building_values=..., or correct the masks.'
        )
    return found
