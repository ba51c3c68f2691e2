"""Table, JSON and picture of a check."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mmseg_cube.datasets.conversion.check import FRAMED, Check, building_share
from mmseg_cube.datasets.conversion.contact_sheet import draw_contact_sheet
from mmseg_cube.datasets.conversion.inspect_tile import Record
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_text_whole
from mmseg_cube.utils.words import listing, name_some

SHOWN = 20  # findings and notes on the screen; the JSON has all
REPORT, SHEET = 'report.json', 'contact_sheet.png'
COLUMNS = {  # short enough for a screen of 80 columns
    'tiles': 'tiles',
    'labelled': 'labels',
    'sizes': 'sizes',
    'values': 'values',
    'building': 'built %',
    'empty': 'empty',
    'black_borders': 'black',
    'faults': 'faults',
}


def summarise(records: Sequence[Record]) -> dict:
    """Sum up the tiles of a split.

    Returns:
        Counts; ``sizes`` as ``WIDTHxHEIGHT``, ``values`` in pixels,
        ``building`` in percent.
    """
    share = building_share(records)
    sizes = Counter(f'{r.shape[1]}x{r.shape[0]}' for r in records if r.shape)
    values = sum((Counter(r.values) for r in records), Counter())
    return dict(
        tiles=len(records),
        labelled=sum(r.tile.mask is not None for r in records),
        sizes=dict(sizes.most_common()),
        values=dict(values.most_common()),
        building=None if share is None else round(100 * share, 3),
        empty=sum(r.building == 0 for r in records),
        black_borders=sum(r.black_frame > FRAMED for r in records),
        faults=sum(bool(r.fault) for r in records),
    )


def describe(check: Check) -> str:
    """Lay out the table, the findings and the notes of a check as text."""
    rows = [
        [split, *map(_cell, summarise(records).values())]
        for split, records in check.splits().items()
    ]
    title = f'{check.root} ({check.dataset or "unknown dataset"})'
    text = [Table(['split', *COLUMNS.values()], rows, title).terminal()]
    for what, lines in (
        ('Training would be wrong', check.findings),
        ('Notes', check.notes),
    ):
        if lines:
            text.append(f'{what} ({len(lines)}):\n{listing(lines, SHOWN)}')
    if not check.findings:
        text.append('Fine: nothing that makes training wrong.')
    return '\n\n'.join(text)


def write_check(check: Check, folder: Path) -> None:
    """Write a check as JSON, and samples of its tiles as a picture.

    Args:
        check: The check.
        folder: Folder to write to; made if needed.

    Raises:
        OSError: If a file cannot be written.
    """
    content = dict(
        root=str(check.root),
        dataset=check.dataset,
        fine=not check.findings,
        splits={s: summarise(r) for s, r in check.splits().items()},
        findings=check.findings,
        notes=check.notes,
        tiles=[
            dict(
                split=record.tile.split,
                image=str(record.tile.image),
                mask=record.tile.mask and str(record.tile.mask),
                shape=record.shape,
                building=record.building,
                black_frame=round(record.black_frame, 4),
                fault=record.fault,
            )
            for record in check.records
        ],
    )
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1) + '\n'
    write_text_whole(folder / REPORT, text)
    draw_contact_sheet(check.root, check.splits(), folder / SHEET)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return name_some(list(value), 3) or '-'
    if isinstance(value, float):
        return f'{value:.2f}'
    return '-' if value is None else f'{value:,}'
