"""Names of the Inria tiles and the rule that splits them."""

import re

from .errors import DatasetError

TRAINING_REGIONS = ('austin', 'chicago', 'kitsap', 'tyrol-w', 'vienna')
TEST_REGIONS = ('bellingham', 'bloomington', 'innsbruck', 'sfo', 'tyrol-e')
LAST_VAL_TILE = 5


def parse_tile(stem: str) -> tuple[str, int]:
    """Split a tile's name into region and number.

    Args:
        stem: File name without its suffix, such as ``tyrol-w12``.

    Raises:
        DatasetError: If it is no tile of the ten regions.
    """
    name = re.fullmatch(r'([a-z-]+)(\d+)', stem)
    if name is None or name[1] not in TRAINING_REGIONS + TEST_REGIONS:
        raise DatasetError(
            f'InriaDataset: {stem!r} is not the name of a tile, such as '
            '"austin12".\nNext: keep other files elsewhere; read tiles that '
            'were cut into patches with BuildingDataset.'
        )
    return name[1], int(name[2])


def in_part(number: int, part: str) -> bool:
    """Tell whether a tile of a region belongs to a part of the dataset.

    Args:
        number: The tile's number in its region, from 1.
        part: ``train``, ``val`` or ``test``.
    """
    return part == 'test' or (number <= LAST_VAL_TILE) == (part == 'val')
