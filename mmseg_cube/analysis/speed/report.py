"""Measured times and memory as tables and as a chart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmseg_cube.analysis.report import write_report
from mmseg_cube.analysis.speed.comparison import (
    MEMORY,
    OPERATIONS,
    TIME,
    Result,
)
from mmseg_cube.analysis.speed.network import THROUGHPUT
from mmseg_cube.utils.figures import new_figure, plain
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.words import quantity

MILLISECONDS = 1e3
UNITS = {
    TIME: (MILLISECONDS, 'ms'),
    OPERATIONS: (1e-9, 'GFLOPs an image'),
    MEMORY: (2**-20, 'peak MiB'),
}
GROUP_WIDTH = 0.86  # filled with columns, of the distance between groups


def report(
    results: Sequence[Result], facts: Mapping[str, object], out: Path | None
) -> None:
    """Print results and what they depend on; write them to a folder."""
    conditions = ', '.join(f'{key} {value}' for key, value in facts.items())
    by_task = {}
    for result in results:
        by_task.setdefault(result.task, []).append(result)
    tables = [tabulate(group) for group in by_task.values()]
    for text in (conditions, *(table.terminal() for table in tables)):
        print(text, end='\n\n')
    if out is None:
        return
    numbers = dict(facts=facts, results=[x.to_dict() for x in results])
    others = [x for x in results if x.name != x.reference]
    figures = dict(chart=draw_ratios(others)) if others else {}
    write_report(out, 'speed', numbers, tables, [conditions], figures)
    print(f'speed.md and speed.json in {out}')


def tabulate(results: Sequence[Result]) -> Table:
    """Lay out one task, with a row per candidate and setting."""
    task, images = results[0].task, results[0].setting.batch
    head, rows = ['candidate', 'C x H, layout or engine'], {}
    names = list(dict.fromkeys(result.name for result in results))
    for measure in dict.fromkeys(result.measure for result in results):
        unit, title = UNITS[measure]
        fast = measure == TIME and task == THROUGHPUT
        head += ['images/s' if fast else title, 'ratio']
        own = [x for x in results if x.measure == measure]
        for result in sorted(own, key=lambda x: names.index(x.name)):
            key = result.name, str(result.setting)
            row, value = rows.setdefault(key, [*key]), result.value.median
            row.append(f'{images / value if fast else unit * value:.2f}')
            # Of times, for throughput as well: below 1 is better.
            ratio = result.ratio
            ratio = ratio if measure == TIME else f'{ratio.median:.2f}'
            row.append('' if result.name == result.reference else f'{ratio}')
    title = f'{task}, {quantity(images, "image")}'
    return Table(head, list(rows.values()), title)


def draw_ratios(results: Sequence[Result]) -> Figure:
    """Draw ratios as columns, a group per task and setting."""
    groups = list(dict.fromkeys(result.place for result in results))
    names = list(dict.fromkeys(result.name for result in results))
    width = GROUP_WIDTH / len(names)
    size = max(6, 1.5 * len(groups)), 7
    measures = list(dict.fromkeys(result.measure for result in results))
    figure, grid = new_figure(len(measures), 1, size, sharex=True)
    for axis, measure in zip(grid[:, 0], measures, strict=True):
        plain(axis).set_ylabel(f'{measure}, ratio to reference')
        axis.axhline(1, color='black', lw=1)
        for i, name in enumerate(names):
            key = measure, name
            own = [x for x in results if (x.measure, x.name) == key]
            left = np.arange(len(groups)) + (i - len(names) / 2) * width
            ratios = [x.ratio.median for x in own]
            columns = axis.bar(
                left, ratios, 0.92 * width, align='edge', label=name
            )
            axis.bar_label(
                columns, fmt='%.2f', rotation=90, fontsize=7, padding=2
            )
        axis.margins(y=0.1)  # for the numbers of the highest columns
    labels = [group.replace(', ', '\n') for group in groups]
    axis.set_xticks(range(len(groups)), labels, fontsize=7)
    entries = grid[0, 0].get_legend_handles_labels()
    figure.legend(*entries, loc='outside upper right', ncols=len(names))
    return figure
