"""The leaderboard on the terminal, as Markdown, CSV and JSON."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from mmseg_cube.analysis.leaderboard.runs import Skipped
from mmseg_cube.analysis.speed.comparison import DEPLOYED, TIME
from mmseg_cube.utils.report import write_report
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_text_whole

PUBLISHED = Path(__file__).with_name('published.csv')
TITLES = dict(
    IoU='IoU',
    F1='F1',
    Precision='P',
    Recall='R',
    BoundaryIoU='Boundary IoU',
)
SCALES = {
    'Params (M)': ('parameters', 1e6),
    'FLOPs (G)': ('flops', 1e9),
    'Latency (ms)': ('latency', 1e-3),
}
NAME = 'leaderboard'


def read_latencies(path: Path) -> tuple[dict[str, float], str]:
    """Read the latency of deployed networks.

    Args:
        path: ``speed.json`` of ``mmseg-cube speed network``.

    Returns:
        Seconds of one image by name of the config, and what they were
        measured on.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        results = [
            result
            for result in content['results']
            if (result['task'], result['measure']) == (DEPLOYED, TIME)
        ]
        setting = results[0]['setting']
        seconds = {
            result['name']: float(result['value']['median'])
            for result in results
            if result['setting'] == setting
        }
        facts, size = content['facts'], setting['size']
        told = facts['device'], facts['dtype'], f'{size} x {size}'
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(
            f'{path} is no speed.json of mmseg-cube speed network '
            f'({type(error).__name__}: {error})'
        ) from error
    return seconds, ', '.join([*told, setting['layout']])


def quote() -> list[dict[str, str]]:
    """Published scores, as they are printed, by column of the table."""
    with PUBLISHED.open(encoding='utf-8', newline='') as file:
        lines = list(csv.DictReader(file))
    return [dict(x, Source=f'quoted: {x["Source"]}') for x in lines]


def tabulate(rows: Sequence[dict]) -> Table:
    """Lay out own rows above published ones; no column is empty."""
    lines = [*map(_show, rows), *quote()]
    head = [name for name in lines[0] if any(x.get(name) for x in lines)]
    cells = [[line.get(name, '') for name in head] for line in lines]
    return Table(head, cells)


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


def write(
    out: Path,
    rows: Sequence[dict],
    skipped: Sequence[Skipped],
    notes: Sequence[str],
) -> None:
    """Write leaderboard.md, leaderboard.csv and leaderboard.json, each whole.

    Args:
        out: Folder; made if needed.
        rows: Own rows.
        skipped: What does not count.
        notes: How the numbers are to be read.
    """
    left_out = [dict(path=str(x.path), reason=x.reason) for x in skipped]
    numbers = dict(notes=notes, rows=rows, quoted=quote(), skipped=left_out)
    texts = ['\n'.join(f'* {note}' for note in notes)]
    if skipped:
        lines = [f'* `{entry.path}`: {entry.reason}' for entry in skipped]
        texts.append('\n'.join(['Skipped:\n', *lines]))
    table = tabulate(rows)
    write_report(out, NAME, numbers, [table], texts)
    write_text_whole(out / f'{NAME}.csv', table.csv())


def _show(row: dict) -> dict[str, str]:
    """Cells of an own row, by column."""
    cells = dict(Model=row['model'], Protocol=row['protocol'])
    cells |= dict(Data=row['data'], Seeds=str(len(row['seeds'])))
    for name, title in TITLES.items():
        score = row['scores'].get(name)
        cells[title] = '' if score is None else f'{score["mean"]:.2f}'
        if score and score['sd'] is not None:
            cells[title] += f' ± {score["sd"]:.2f}'
    for title, (name, unit) in SCALES.items():
        value = row[name]
        cells[title] = '' if value is None else f'{value / unit:.2f}'
    return cells | dict(Source='own runs')
