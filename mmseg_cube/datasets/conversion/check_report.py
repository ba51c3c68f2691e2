"""A check summed up: words, table, JSON and picture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from mmseg_cube.datasets.bands import Channels, as_picture
from mmseg_cube.datasets.contract import read_rgb
from mmseg_cube.datasets.masks import read_mask
from mmseg_cube.datasets.meaning import MaskMeaning
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_json, write_whole
from mmseg_cube.utils.words import listing, name_some

SHOWN = 20  # findings and notes on the screen; the JSON has all
REPORT, SHEET = 'report.json', 'contact_sheet.png'
HEAD = ['split', 'tiles', 'labels', 'sizes', 'values', 'built %', 'empty']
HEAD += ['faults']  # short enough for a screen of 80 columns
COLUMNS, PER_SPLIT = 8, 16  # tiles on the sheet
SIDE, GAP, CAPTION = 192, 6, 16  # of a tile on the sheet, in pixels
OUTLINE = (255, 170, 0)  # RGB, the palette's building


def summarise(
    split: str, tiles: Sequence[dict]
) -> tuple[dict[str, Any], list[str]]:
    """Sum up a split, and word what a person should know of it.

    ``values`` are in pixels, ``building`` in percent.
    """
    shapes = [tile['shape'] for tile in tiles if tile['shape']]
    sizes = Counter(f'{width}x{height}' for height, width in shapes)
    sizes = dict(sizes.most_common())
    values = sum((Counter(tile['values']) for tile in tiles), Counter())
    known = sum(sum(tile['pixels']) for tile in tiles)
    built = sum(tile['pixels'][1] for tile in tiles)
    labelled = sum(tile['mask'] is not None for tile in tiles)
    empty = sum(tile['building'] == 0 for tile in tiles)
    summary = dict(
        tiles=len(tiles),
        labelled=labelled,
        sizes=sizes,
        values=dict(values.most_common()),
        building=round(100 * built / known, 3) if known else None,
        empty=empty,
        faults=sum(bool(tile['fault']) for tile in tiles),
    )
    notes = {
        'no labels': not labelled,
        f'{empty} tiles without a building': empty,
        f'images of {len(sizes)} sizes; most common is '
        f'{next(iter(sizes), None)}': len(sizes) > 1,
    }
    return summary, [f'{split}: {x}' for x, holds in notes.items() if holds]


def describe(check: Mapping) -> str:
    """Lay out the table, the findings and the notes of a check as text."""
    rows = [
        [split, *map(_cell, summary.values())]
        for split, summary in check['splits'].items()
    ]
    text = [Table(HEAD, rows, check['root']).terminal()]
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
    """Write a check as JSON, and samples of its tiles as a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / REPORT, check)
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
        cells = [_draw_tile(check, usable[round(place)]) for place in places]
        cells += [blank] * (-len(cells) % COLUMNS)
        for start in range(0, len(cells), COLUMNS):
            rows.append(np.hstack(cells[start : start + COLUMNS]))
    return Image.fromarray(np.vstack(rows or [blank]))


def _draw_tile(check: Mapping, tile: Mapping) -> np.ndarray:
    """Draw a thumbnail of a tile with the outlines of its mask, RGB."""
    root = Path(check['root'])
    channels = Channels(**check['channels'])
    image = as_picture(read_rgb(root / tile['image'], channels=channels))
    size = SIDE, SIDE
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if tile['mask'] is not None:
        meaning = MaskMeaning(**check['meanings'][tile['split']])
        labels = read_mask(root / tile['mask'], meaning=meaning)
        mask = np.uint8(labels == 1)  # not 255, which does not count
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
