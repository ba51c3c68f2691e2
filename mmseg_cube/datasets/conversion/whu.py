"""WHU's tiles to the folders of ``WHUBuildingDataset``."""

from pathlib import Path

import numpy as np

from ..layout import Layout
from .convert import convert_tiles
from .result import Conversion
from .source import open_source
from .tiles import find_tiles


def convert_whu(
    source: Path,
    out: Path,
    image_format: str = 'png',
    workers: int | None = None,
) -> Conversion:
    """Write tiles of the aerial set or of satellite set II in one form.

    ``{train,val,test}/{image,label}/<tile>.png``, masks of one band with 0
    and 255. Tiles of the folders ``train_no`` and ``test_no`` of satellite
    set II join ``train`` and ``test`` under the name ``no_<tile>``.

    Args:
        source: Zip archive or folder that holds the splits.
        out: Folder to fill.
        image_format: ``png`` or ``tif``.
        workers: Processes; all cores by default.

    Raises:
        DatasetError: If the work cannot start, or must stop; the text says
            how much is done.
        ValueError: If an argument is wrong.
    """
    data = open_source(source)
    tiles, faults = find_tiles(data, Layout())
    return convert_tiles(
        data,
        out,
        dict(dataset='whu', protocol='tiles'),
        tiles,
        faults,
        _whole,
        image_format,
        workers,
    )


def _whole(
    name: str, shape: tuple[int, int], mask: np.ndarray | None
) -> dict[str, None]:
    return {name: None}
