"""A picture of sample tiles with the outlines of their masks."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from mmseg_cube.utils.quiet import quiet_libraries
from mmseg_cube.utils.whole_files import write_whole

from ..masks import read_building_mask
from .check import Check
from .inspect_tile import Record
from .pixels import read_pixels

COLUMNS = 8
SIDE = 192  # of a tile on the sheet, in pixels
GAP, CAPTION = 6, 16
OUTLINE = (255, 170, 0)  # RGB, the palette's building
ROWS_PER_PART = 2


def draw_contact_sheet(check: Check, path: Path) -> None:
    """Draw tiles of every part, from the emptiest to the fullest.

    Args:
        check: A check.
        path: PNG file to write.
    """
    rows = []
    for records in check.parts().values():
        chosen = choose(records, COLUMNS * ROWS_PER_PART)
        rows += [
            chosen[start : start + COLUMNS]
            for start in range(0, len(chosen), COLUMNS)
        ]
    pitch = SIDE + CAPTION + GAP
    size = GAP + COLUMNS * (SIDE + GAP), GAP + max(len(rows), 1) * pitch
    sheet = Image.new('RGB', size, 'white')
    pen = ImageDraw.Draw(sheet)
    for row, records in enumerate(rows):
        for column, record in enumerate(records):
            x, y = GAP + column * (SIDE + GAP), GAP + row * pitch
            with quiet_libraries():
                picture = Image.fromarray(_draw(check.root, record))
            sheet.paste(picture, (x, y))
            pen.text((x, y + SIDE + 1), _caption(record), fill='black')
    write_whole(path, partial(sheet.save, format='PNG'))


def choose(records: Sequence[Record], count: int) -> list[Record]:
    """Choose readable tiles, evenly spread over their share of building.

    Args:
        records: Tiles of a part.
        count: How many at most.
    """
    usable = [record for record in records if not record.fault]
    usable.sort(key=lambda record: record.building or 0.0)
    places = np.linspace(0, len(usable) - 1, min(count, len(usable)))
    return [usable[round(place)] for place in places]


def _draw(root: Path, record: Record) -> np.ndarray:
    """Thumbnail of a tile, RGB of shape (SIDE, SIDE, 3)."""
    image = read_pixels(root / record.tile.image)[..., ::-1]
    size = SIDE, SIDE
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if record.tile.mask is not None:
        path = root / record.tile.mask
        mask = read_building_mask(str(path), path.name)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        edge = mask - cv2.erode(mask, np.ones((3, 3), np.uint8))
        small[edge > 0] = OUTLINE
    return small


def _caption(record: Record) -> str:
    share = '-' if record.building is None else f'{record.building:.1%}'
    text = f'{record.tile.part} {record.tile.name}'
    return f'{text[-22:]}  {share}'
