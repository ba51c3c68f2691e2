"""Table and JSON of a check."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from mmseg_cube.utils.whole_files import write_text_whole

from .check import Check
from .describe import FRAMED, building_share
from .inspect_tile import Record

SHOWN = 20  # findings and notes on the screen; the JSON has all
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
    """Sum up the tiles of a part.

    Args:
        records: What was found out about each tile.

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


def print_report(check: Check, console: Console) -> None:
    """Print the table, the findings and the notes of a check.

    Args:
        check: The check.
        console: Where to.
    """
    console.print(
        f'{check.root} ({check.dataset or "unknown dataset"})',
        markup=False,
        soft_wrap=True,
    )
    table = Table(box=SIMPLE)
    table.add_column('part', no_wrap=True)
    for title in COLUMNS.values():
        table.add_column(title, justify='right', no_wrap=True)
    for part, records in check.parts().items():
        table.add_row(part, *map(_cell, summarise(records).values()))
    console.print(table)
    for title, lines in (
        ('Training would be wrong', check.findings),
        ('Notes', check.notes),
    ):
        if lines:
            console.print(f'{title} ({len(lines)}):')
        for line in lines[:SHOWN]:
            console.print(f'  - {line}', markup=False, soft_wrap=True)
        if len(lines) > SHOWN:
            console.print(f'  ... and {len(lines) - SHOWN} more')
    if not check.findings:
        console.print('Fine: nothing that makes training wrong.')


def write_report(check: Check, path: Path) -> None:
    """Write a check as JSON.

    Args:
        check: The check.
        path: File to write.
    """
    content = dict(
        root=str(check.root),
        dataset=check.dataset,
        fine=not check.findings,
        parts={p: summarise(r) for p, r in check.parts().items()},
        findings=check.findings,
        notes=check.notes,
        tiles=[
            dict(
                part=record.tile.part,
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
    write_text_whole(path, json.dumps(content, indent=1) + '\n')


def _cell(value: object) -> str:
    if isinstance(value, dict):
        names = [str(name) for name in value][:3]
        return ', '.join(names) + ', ...' * (len(value) > len(names)) or '-'
    if isinstance(value, float):
        return f'{value:.2f}'
    return '-' if value is None else f'{value:,}'
