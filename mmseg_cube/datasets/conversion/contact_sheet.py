"""A picture of sample tiles with the outlines of their masks."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from mmseg_cube.datasets.contract import read_image, read_mask
from mmseg_cube.datasets.conversion.inspect_tile import Record
from mmseg_cube.utils.whole_files import write_whole

COLUMNS, ROWS_PER_SPLIT = 8, 2
SIDE = 192  # of a tile on the sheet, in pixels
GAP, CAPTION = 6, 16
OUTLINE = (255, 170, 0)  # RGB, the palette's building


def draw_contact_sheet(
    root: Path, splits: Mapping[str, Sequence[Record]], path: Path
) -> None:
    """Draw tiles of every split, from the emptiest to the fullest.

    Args:
        root: Folder of the dataset.
        splits: What was found out about each tile, per split.
        path: PNG file to write.

    Raises:
        OSError: If it cannot be written.
    """
    rows = []
    for records in splits.values():
        chosen = choose(records, COLUMNS * ROWS_PER_SPLIT)
        rows += [chosen[:COLUMNS], chosen[COLUMNS:]]
    rows = list(filter(None, rows))
    pitch = SIDE + CAPTION + GAP
    size = GAP + COLUMNS * (SIDE + GAP), GAP + max(len(rows), 1) * pitch
    sheet = Image.new('RGB', size, 'white')
    pen = ImageDraw.Draw(sheet)
    for row, records in enumerate(rows):
        for column, record in enumerate(records):
            x, y = GAP + column * (SIDE + GAP), GAP + row * pitch
            sheet.paste(Image.fromarray(_draw(root, record)), (x, y))
            pen.text((x, y + SIDE + 1), _caption(record), fill='black')
    write_whole(path, partial(sheet.save, format='PNG'))


def choose(records: Sequence[Record], count: int) -> list[Record]:
    """Choose readable tiles, evenly spread over their share of building.

    Args:
        records: Tiles of a split.
        count: How many at most.
    """
    usable = [record for record in records if not record.fault]
    usable.sort(key=lambda record: record.building or 0.0)
    places = np.linspace(0, len(usable) - 1, min(count, len(usable)))
    return [usable[round(place)] for place in places]


def _draw(root: Path, record: Record) -> np.ndarray:
    """Thumbnail of a tile, RGB of shape (SIDE, SIDE, 3)."""
    image = read_image(root / record.tile.image)[..., ::-1]
    size = SIDE, SIDE
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if record.tile.mask is not None:
        mask = read_mask(root / record.tile.mask)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        edge = mask - cv2.erode(mask, np.ones((3, 3), np.uint8))
        small[edge > 0] = OUTLINE
    return small


def _caption(record: Record) -> str:
    share = '-' if record.building is None else f'{record.building:.1%}'
    text = f'{record.tile.split} {record.tile.name}'
    return f'{text[-22:]}  {share}'
