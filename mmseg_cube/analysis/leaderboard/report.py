"""The leaderboard on the terminal, as Markdown, CSV and JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from mmseg_cube.analysis.leaderboard.rows import GIGA, MEGA, Row
from mmseg_cube.analysis.leaderboard.runs import Skipped
from mmseg_cube.analysis.speed.comparison import DEPLOYED, TIME
from mmseg_cube.utils.report import write_report
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_text_whole

TITLES = dict(
    IoU='IoU',
    F1='F1',
    Precision='P',
    Recall='R',
    BoundaryIoU='Boundary IoU',
)
MILLI = 1e-3
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


def tabulate(rows: Sequence[Row]) -> Table:
    """Lay out the leaderboard; columns that are empty are left out."""
    lines = [
        {
            'Model': row.model,
            'Protocol': row.protocol,
            'Data': row.data,
            'Seeds': str(len(row.seeds) or ''),
            **{
                title: _show(**row.scores.get(name, {}))
                for name, title in TITLES.items()
            },
            'Params (M)': _scale(row.parameters, MEGA),
            'FLOPs (G)': _scale(row.flops, GIGA),
            'Latency (ms)': _scale(row.latency, MILLI),
            'Source': f'quoted: {row.source}' if row.source else 'own runs',
        }
        for row in rows
    ]
    head = [name for name in lines[0] if any(line[name] for line in lines)]
    return Table(head, [[line[name] for name in head] for line in lines])


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
    table = tabulate(rows)
    texts = ['\n'.join(f'* {note}' for note in notes)]
    if skipped:
        lines = [f'* `{entry.path}`: {entry.reason}' for entry in skipped]
        texts.append('\n'.join(['Skipped:\n', *lines]))
    numbers: Mapping = dict(
        notes=list(notes),
        rows=[asdict(row) for row in rows],
        skipped=[dict(path=str(x.path), reason=x.reason) for x in skipped],
    )
    write_report(out, NAME, numbers, [table], texts)
    write_text_whole(out / f'{NAME}.csv', table.csv())


def _show(mean: float | None = None, sd: float | None = None) -> str:
    if mean is None:
        return ''
    return f'{mean:.2f}' if sd is None else f'{mean:.2f} ± {sd:.2f}'


def _scale(value: float | None, unit: float) -> str:
    return '' if value is None else f'{value / unit:.2f}'
