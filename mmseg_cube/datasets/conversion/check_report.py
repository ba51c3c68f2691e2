"""Text, JSON and picture of a check."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from mmseg_cube.datasets.contract import read_image, read_mask
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_text_whole, write_whole
from mmseg_cube.utils.words import listing, name_some

SHOWN = 20  # findings and notes on the screen; the JSON has all
REPORT, SHEET = 'report.json', 'contact_sheet.png'
HEAD = (  # short enough for a screen of 80 columns
    ['split', 'tiles', 'labels', 'sizes', 'values', 'built %', 'empty']
    + ['black', 'faults']
)
COLUMNS, PER_SPLIT = 8, 16  # tiles on the sheet
SIDE, GAP, CAPTION = 192, 6, 16  # of a tile on the sheet, in pixels
OUTLINE = (255, 170, 0)  # RGB, the palette's building


def describe(check: Mapping) -> str:
    """Lay out the table, the findings and the notes of a check as text."""
    rows = [
        [split, *map(_cell, summary.values())]
        for split, summary in check['splits'].items()
    ]
    title = f'{check["root"]} ({check["dataset"] or "unknown dataset"})'
    text = [Table(HEAD, rows, title).terminal()]
    for what, lines in (
        ('Training would be wrong', check['findings']),
        ('Notes', check['notes']),
    ):
        if lines:
            text.append(f'{what} ({len(lines)}):\n{listing(lines, SHOWN)}')
    if check['fine']:
        text.append('Fine: nothing that makes training wrong.')
    return '\n\n'.join(text)


def write_check(check: Mapping, folder: Path) -> None:
    """Write a check as JSON, and samples of its tiles as a picture.

    Args:
        check: The check.
        folder: Folder to write to; made if needed.

    Raises:
        OSError: If a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(check, indent=1) + '\n'
    write_text_whole(folder / REPORT, text)
    sheet = _draw_sheet(check)
    write_whole(folder / SHEET, partial(sheet.save, format='PNG'))


def _draw_sheet(check: Mapping) -> Image.Image:
    """Draw tiles of every split, from the emptiest to the fullest."""
    blank = np.full((SIDE + CAPTION, SIDE + GAP, 3), 255, np.uint8)
    rows = []
    for split in check['splits']:
        usable = [
            tile
            for tile in check['tiles']
            if tile['split'] == split and not tile['fault']
        ]
        usable.sort(key=lambda tile: tile['building'] or 0.0)
        places = np.linspace(0, len(usable) - 1, min(PER_SPLIT, len(usable)))
        root = Path(check['root'])
        cells = [_draw_tile(root, usable[round(place)]) for place in places]
        cells += [blank] * (-len(cells) % COLUMNS)
        for start in range(0, len(cells), COLUMNS):
            rows.append(np.hstack(cells[start : start + COLUMNS]))
    return Image.fromarray(np.vstack(rows or [blank]))


def _draw_tile(root: Path, tile: Mapping) -> np.ndarray:
    """Draw a thumbnail of a tile with the outlines of its mask, RGB."""
    image = read_image(root / tile['image'])[..., ::-1]
    size = SIDE, SIDE
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if tile['mask'] is not None:
        mask = read_mask(root / tile['mask'])
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        edge = mask - cv2.erode(mask, np.ones((3, 3), np.uint8))
        small[edge > 0] = OUTLINE
    cell = Image.new('RGB', (SIDE + GAP, SIDE + CAPTION), 'white')
    cell.paste(Image.fromarray(small))
    name, share = f'{tile["split"]} {tile["name"]}', tile['building']
    share = '-' if share is None else f'{share:.1%}'
    place, text = (0, SIDE + 1), f'{name[-22:]}  {share}'
    ImageDraw.Draw(cell).text(place, text, fill='black')
    return np.asarray(cell)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return name_some(list(value), 3) or '-'
    if isinstance(value, float):
        return f'{value:.2f}'
    return '-' if value is None else f'{value:,}'
