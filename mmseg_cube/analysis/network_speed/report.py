"""Tables, numbers and chart of the benchmark of networks."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from mmseg_cube.analysis.benchmark.chart import Panel, draw_ratios
from mmseg_cube.analysis.benchmark.files import (
    Table,
    judge,
    write_benchmark,
)
from mmseg_cube.analysis.network_speed.candidates import THROUGHPUT
from mmseg_cube.analysis.network_speed.clock import WHOLE
from mmseg_cube.analysis.network_speed.comparison import (
    MEASURES,
    TIME,
    Result,
)
from mmseg_cube.analysis.network_speed.profile import Row

LIMITS = {'baseline': 1.0}
MILLISECONDS = 1e3
MEBIBYTES = 2**-20
SMALL_SHARE = 0.01  # of a profile, below which a module is left out


def tabulate(results: list[Result], task: str) -> Table:
    """Lay out one task: a head, then a row per network and layout.

    A ratio of times stands with its quartiles; below 1 is better than the
    baseline, for throughput as well.
    """
    unit = 'images/s' if task == THROUGHPUT else 'ms'
    head = ['network', 'layout', unit, 'time ratio', 'bar <=']
    head += ['peak MiB', 'ratio', 'bar <=']
    rows = {}
    for result in results:
        if result.task != task:
            continue
        layout = result.setting.layout
        row = rows.setdefault((layout, result.name), [result.name, layout])
        low, ratio, high = (f'{x:.2f}' for x in result.ratio)
        if result.measure == TIME:
            row.append(_show_time(result))
            ratio += f' ({low} - {high})'
        else:
            row.append(f'{MEBIBYTES * result.value.median:.1f}')
        row += ['', ''] if result.is_reference else [ratio, judge(result)]
    return [head, *rows.values()]


def tabulate_profile(rows: list[Row]) -> Table:
    """Lay out a profile: times in ms, and shares of the whole."""
    whole = next(row for row in rows if row.module == WHOLE)
    head = ['module', 'inference', '%', 'forward', 'backward', 'update', '%']
    table = [head]
    for row in rows:
        shares = (
            row.inference / whole.inference,
            row.training / whole.training,
        )
        if max(shares) < SMALL_SHARE:
            continue
        inference, *training = (f'{MILLISECONDS * x:.2f}' for x in row[1:])
        first, second = (f'{100 * share:.1f}' for share in shares)
        table.append([row.module, inference, first, *training, second])
    return table


def make_tables(
    results: list[Result], profiles: Mapping[tuple[str, str], list[Row]]
) -> dict[str, Table]:
    """Lay out all tasks and profiles, by title.

    Args:
        results: All results of a run.
        profiles: Rows by network and layout.
    """
    tables = {}
    for task in dict.fromkeys(r.task for r in results):
        images = next(r.images for r in results if r.task == task)
        noun = 'image' if images == 1 else 'images'
        tables[f'{task}, {images} {noun}'] = tabulate(results, task)
    for (name, layout), rows in profiles.items():
        title = f'{name}, {layout}: inference and training step in ms'
        tables[title] = tabulate_profile(rows)
    return tables


def write_report(
    results: list[Result],
    profiles: Mapping[tuple[str, str], list[Row]],
    facts: dict,
    out: Path,
) -> None:
    """Write table.md, results.json and chart.png, each whole or not at all.

    Args:
        results: All results of a run.
        profiles: Rows by network and layout.
        facts: What they depend on besides the code.
        out: Folder.
    """
    layouts = list(dict.fromkeys(r.setting.layout for r in results))
    panels = {
        (measure, layout): Panel(f'{measure}, {layout}', {}, LIMITS, {})
        for measure in MEASURES
        for layout in layouts
    }
    for result in results:
        if not result.is_reference:
            panel = panels[result.measure, result.setting.layout]
            group = panel.groups.setdefault(result.task, {})
            group[result.name] = result.ratio.median
            panel.goals[result.task] = result.bar
    numbers = dict(
        results=[r.to_dict() for r in results],
        profiles=[
            dict(network=name, layout=layout, rows=[x._asdict() for x in rows])
            for (name, layout), rows in profiles.items()
        ],
    )
    tables = make_tables(results, profiles)
    draw = partial(draw_ratios, list(panels.values()), len(layouts))
    write_benchmark(out, facts, tables, numbers, draw)


def _show_time(result: Result) -> str:
    seconds = result.value.median
    if result.task == THROUGHPUT:
        return f'{result.images / seconds:.2f}'
    return f'{MILLISECONDS * seconds:.1f}'
