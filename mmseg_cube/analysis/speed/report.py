"""Tables of measured times and memory, on the terminal and in files."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mmseg_cube.analysis.speed.chart import draw_ratios
from mmseg_cube.analysis.speed.comparison import (
    MEMORY,
    THROUGHPUT,
    TIME,
    Result,
)
from mmseg_cube.analysis.speed.profile import WHOLE
from mmseg_cube.utils.report import write_report
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.words import quantity

NAME = 'speed'  # of the page and of the file of numbers
MILLISECONDS, MEBIBYTES = 1e3, 2**-20
# Operations of the folded form, and of the others, over the reference's.
OPERATOR_LIMITS = {
    'reference': 1.0,
    '0.444, folded': 4 / 9,
    '0.25, lattice': 1 / 4,
}
SMALL_SHARE = 0.01  # of a profile, below which a part is left out

Times = Mapping[str, tuple[float, ...]]


def report_operator(
    results: Sequence[Result],
    profiles: Mapping[str, Times],
    facts: Mapping[str, object],
    out: Path | None,
) -> None:
    """Print what was measured of the operator, and write it to a folder.

    Args:
        results: All results of a run.
        profiles: Calls and seconds of operations, by title.
        facts: What the numbers depend on besides the code.
        out: Folder for speed.md, speed.json and chart.png; None for none.
    """
    tables = [
        tabulate_operator(
            [r for r in results if (r.task, r.measure) == (task, measure)]
        )
        for task in dict.fromkeys(r.task for r in results)
        for measure in (TIME, MEMORY)
    ]
    tables += [tabulate_operations(*item) for item in profiles.items()]
    naming = lambda r: f'{r.task}, {r.measure}', place_of
    chart = (results, *naming, OPERATOR_LIMITS)
    _report(results, tables, profiles, facts, out, chart)


def report_networks(
    results: Sequence[Result],
    profiles: Mapping[str, Times],
    facts: Mapping[str, object],
    out: Path | None,
) -> None:
    """Print what was measured of networks, and write it to a folder.

    Args:
        results: All results of a run.
        profiles: Seconds of modules in inference, and forward and backward
            in a training step, by title.
        facts: What the numbers depend on besides the code.
        out: Folder for speed.md, speed.json and chart.png; None for none.
    """
    tables = [
        tabulate_networks([r for r in results if r.task == task])
        for task in dict.fromkeys(r.task for r in results)
    ]
    tables += [tabulate_modules(*item) for item in profiles.items()]
    naming = lambda r: r.measure, lambda r: r.task
    chart = (results, *naming, {'baseline': 1.0})
    _report(results, tables, profiles, facts, out, chart)


def tabulate_operator(results: Sequence[Result]) -> Table:
    """Lay out one task and measure: a row per setting.

    References show their time in ms or memory in MiB, the others their ratio
    to it and, where the project has set one, the bar.
    """
    task, measure = results[0].task, results[0].measure
    factor, unit = MILLISECONDS, 'ms'
    if measure == MEMORY:
        factor, unit = MEBIBYTES, 'MiB'
    barred = {r.name for r in results if r.bar is not None}
    head, rows = ['C x H', 'layout'], {}
    for result in results:
        row = rows.setdefault(
            result.setting, [place_of(result), result.setting.layout]
        )
        value = result.ratio.median
        if result.is_reference:
            value = factor * result.value.median
        row.append(f'{value:.2f}')
        titles = [result.name]
        if result.name in barred:
            titles.append('bar <=')
            row.append(result.verdict)
        if len(rows) == 1:
            head += titles
    title = f'{task}, {measure}: references in {unit}, others as ratio to it'
    return Table(head, list(rows.values()), title)


def tabulate_networks(results: Sequence[Result]) -> Table:
    """Lay out one task: a row per network and layout.

    A ratio of times stands with its quartiles; below 1 is better than the
    baseline, for throughput as well.
    """
    task, images = results[0].task, results[0].setting.batch
    unit = 'images/s' if task == THROUGHPUT else 'ms'
    head = ['network', 'layout', unit, 'time ratio', 'bar <=']
    head += ['peak MiB', 'ratio', 'bar <=']
    rows = {}
    for result in results:
        layout, value = result.setting.layout, result.value.median
        row = rows.setdefault((layout, result.name), [result.name, layout])
        low, ratio, high = (f'{x:.2f}' for x in result.ratio)
        if result.measure == MEMORY:
            row.append(f'{MEBIBYTES * value:.1f}')
        elif task == THROUGHPUT:
            row.append(f'{images / value:.2f}')
        else:
            row.append(f'{MILLISECONDS * value:.1f}')
        if result.measure == TIME:
            ratio += f' ({low} - {high})'
        row += ['', ''] if result.is_reference else [ratio, result.verdict]
    return Table(
        head, list(rows.values()), f'{task}, {quantity(images, "image")}'
    )


def tabulate_operations(title: str, operations: Times) -> Table:
    """Lay out a profile of operations: times in ms, and shares of a pass."""
    whole = sum(seconds for _, seconds in operations.values())
    rows = [['all', '', f'{MILLISECONDS * whole:.2f}', '100.0']]
    for name, (calls, seconds) in operations.items():
        if seconds >= SMALL_SHARE * whole:
            milliseconds = f'{MILLISECONDS * seconds:.2f}'
            share = f'{100 * seconds / whole:.1f}'
            rows.append([name, f'{calls:g}', milliseconds, share])
    return Table(['operation', 'calls', 'ms', '%'], rows, title)


def tabulate_modules(title: str, modules: Times) -> Table:
    """Lay out a profile of modules: times in ms, and shares of the whole."""
    whole = modules[WHOLE]
    rows = []
    for name, (inference, forward, backward) in modules.items():
        shares = inference / whole[0], (forward + backward) / sum(whole[1:])
        if max(shares) >= SMALL_SHARE:
            times = (inference, forward, backward)
            first, *others = (f'{MILLISECONDS * x:.2f}' for x in times)
            share, other = (f'{100 * share:.1f}' for share in shares)
            rows.append([name, first, share, *others, other])
    head = ['module', 'inference', '%', 'forward', 'backward', '%']
    return Table(head, rows, title)


def place_of(result: Result) -> str:
    """Name the input of an operator."""
    return f'{result.setting.channels} x {result.setting.size}'


def count_bars(results: Iterable[Result]) -> str:
    """Say how many results keep to their bars."""
    passes = [r.passes for r in results if r.bar is not None]
    if not passes:
        return 'no bars are set for this'
    return f'{sum(passes)} of {len(passes)} bars met'


def _report(
    results: Sequence[Result],
    tables: Sequence[Table],
    profiles: Mapping[str, Times],
    facts: Mapping[str, object],
    out: Path | None,
    chart: tuple,
) -> None:
    conditions = ', '.join(f'{key} {value}' for key, value in facts.items())
    print(conditions, end='\n\n')
    for table in tables:
        print(table.terminal(), end='\n\n')
    print(count_bars(results))
    if out is None:
        return
    numbers = dict(
        facts=facts,
        results=[result.to_dict() for result in results],
        profiles=profiles,
    )
    figures = {}
    if not all(result.is_reference for result in results):
        figures['chart'] = draw_ratios(*chart)
    write_report(out, NAME, numbers, tables, [conditions], figures)
    print(f'written to {out}')
