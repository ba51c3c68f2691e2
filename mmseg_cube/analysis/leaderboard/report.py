"""Markdown, CSV and JSON of the leaderboard."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mmseg_cube.analysis.leaderboard.rows import Row
from mmseg_cube.analysis.leaderboard.runs import Skipped
from mmseg_cube.utils.whole_files import write_text_whole

TITLES = dict(
    IoU='IoU',
    F1='F1',
    Precision='P',
    Recall='R',
    BoundaryIoU='Boundary IoU',
)
MEGA, GIGA, MILLI = 1e6, 1e9, 1e-3


def tabulate(rows: Sequence[Row]) -> list[list[str]]:
    """Lay out the leaderboard: a head, then a row each.

    Columns that are empty in all rows are left out.
    """
    head = ['Model', 'Protocol', 'Data', 'Seeds', *TITLES.values()]
    head += ['Params (M)', 'FLOPs (G)', 'Latency (ms)', 'Source']
    table = [head]
    for row in rows:
        line = [row.model, row.protocol, row.data]
        line.append(str(len(row.seeds) or ''))
        line += [_show(row.scores.get(name)) for name in TITLES]
        line.append(_scale(row.parameters, MEGA))
        line.append(_scale(row.flops, GIGA))
        line.append(_scale(row.latency, MILLI))
        line.append(f'quoted: {row.source}' if row.source else 'own runs')
        table.append(line)
    used = [any(column) for column in zip(*table[1:], strict=True)]
    return [
        [cell for cell, kept in zip(line, used, strict=True) if kept]
        for line in table
    ]


def make_notes(size: int, latency: str | None) -> list[str]:
    """Say how the numbers are to be read.

    Args:
        size: Side of the image of which operations are counted.
        latency: What latencies were measured on; None if there are none.
    """
    notes = [
        'Scores are percent of the building class: the mean over seeds, and '
        'the sample standard deviation behind ±.',
        'Scores under different protocols cannot be compared.',
        f'Own FLOPs are those of one {size} x {size} image, two per '
        'multiplication and addition; quoted ones are as printed, and most '
        'papers count one.',
    ]
    if latency is not None:
        notes.append(f'Latency of one image, deployed: {latency}.')
    return notes


def write_report(
    out: Path,
    rows: Sequence[Row],
    skipped: Sequence[Skipped],
    notes: Sequence[str],
) -> None:
    """Write leaderboard.md, leaderboard.csv and leaderboard.json, each whole.

    Args:
        out: Folder; made if needed.
        rows: The leaderboard.
        skipped: What does not count.
        notes: How the numbers are to be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    table = tabulate(rows)
    content = dict(
        notes=list(notes),
        rows=[_to_dict(row) for row in rows],
        skipped=[dict(path=str(s.path), reason=s.reason) for s in skipped],
    )
    lines = io.StringIO()
    csv.writer(lines, lineterminator='\n').writerows(table)
    for suffix, text in (
        ('md', _markdown(table, skipped, notes)),
        ('csv', lines.getvalue()),
        ('json', json.dumps(content, indent=2, ensure_ascii=False) + '\n'),
    ):
        write_text_whole(out / f'leaderboard.{suffix}', text)


def _to_dict(row: Row) -> dict:
    content = asdict(row)
    content['scores'] = {
        name: dict(mean=value, sd=sd)
        for name, (value, sd) in row.scores.items()
    }
    content['runs'] = [str(path) for path in row.runs]
    return dict(content, quoted=row.source is not None)


def _markdown(
    table: Sequence[Sequence[str]],
    skipped: Sequence[Skipped],
    notes: Sequence[str],
) -> str:
    head, *rows = (
        [cell.replace('|', r'\|') for cell in line] for line in table
    )
    text = '\n'.join(
        f'| {" | ".join(line)} |'
        for line in (head, ['---'] * len(head), *rows)
    )
    text += '\n\n' + '\n'.join(f'* {note}' for note in notes) + '\n'
    if skipped:
        text += '\nSkipped:\n\n'
        text += ''.join(f'* `{s.path}`: {s.reason}\n' for s in skipped)
    return text


def _show(score: tuple[float, float | None] | None) -> str:
    if score is None:
        return ''
    value, sd = score
    return f'{value:.2f}' if sd is None else f'{value:.2f} ± {sd:.2f}'


def _scale(value: float | None, unit: float) -> str:
    return '' if value is None else f'{value / unit:.2f}'
