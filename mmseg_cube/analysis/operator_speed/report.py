"""Tables, numbers and chart of the operator's benchmark."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from mmseg_cube.analysis.benchmark.chart import Panel, draw_ratios
from mmseg_cube.analysis.benchmark.files import (
    Table,
    judge,
    write_benchmark,
)
from mmseg_cube.analysis.operator_speed.candidates import Setting
from mmseg_cube.analysis.operator_speed.comparison import (
    MEASURES,
    MEMORY,
    Result,
)
from mmseg_cube.analysis.operator_speed.profile import Operation

MEMORY_LIMITS = {'reference': 1.0}
# Operations of the folded form, and of the others, over the reference's.
TIME_LIMITS = MEMORY_LIMITS | {
    '0.444, folded': 4 / 9,
    '0.25, lattice': 1 / 4,
}
MILLISECONDS = 1e3
MEBIBYTES = 2**-20
SMALL_SHARE = 0.02  # of a pass, below which an operation is left out

Profiles = Mapping[Setting, Mapping[str, list[Operation]]]


def tabulate(results: list[Result], measure: str) -> Table:
    """Lay out one measure: a head, then a row per setting.

    References show their time in ms or memory in MiB, the others their ratio
    to it and, where the project has set one, the bar.
    """
    factor = MEBIBYTES if measure == MEMORY else MILLISECONDS
    results = [r for r in results if r.measure == measure]
    barred = {r.name for r in results if r.bar is not None}
    head, rows = ['C x H', 'layout'], {}
    for result in results:
        row = rows.setdefault(
            result.setting, [_place(result.setting), result.setting.layout]
        )
        if result.is_reference:
            row.append(f'{factor * result.value.median:.2f}')
        else:
            row.append(f'{result.ratio.median:.2f}')
        titles = [result.name]
        if result.name in barred:
            titles.append('bar <=')
            row.append(judge(result))
        if len(rows) == 1:
            head += titles
    return [head, *rows.values()]


def title_of(measure: str) -> str:
    """Title of the table of a measure."""
    unit = 'MiB' if measure == MEMORY else 'ms'
    return f'{measure}: references in {unit}, others as ratio to theirs'


def tabulate_profile(operations: list[Operation]) -> Table:
    """Lay out a profile: times in ms, and shares of the pass."""
    whole = sum(operation.seconds for operation in operations)
    rows = [
        [
            name,
            f'{calls:g}',
            f'{MILLISECONDS * seconds:.2f}',
            f'{100 * seconds / whole:.1f}',
        ]
        for name, calls, seconds in operations
        if seconds >= SMALL_SHARE * whole
    ]
    total = ['all', '', f'{MILLISECONDS * whole:.2f}', '100.0']
    return [['operation', 'calls', 'ms', '%'], total, *rows]


def make_tables(results: list[Result], profiles: Profiles) -> dict[str, Table]:
    """Lay out all measures and profiles, by title.

    Args:
        results: All results of a run.
        profiles: Operations by setting and candidate.
    """
    tables = {title_of(m): tabulate(results, m) for m in MEASURES}
    for setting, by_name in profiles.items():
        for name, operations in by_name.items():
            title = f'{name}, {_place(setting)}, {setting.layout}: inference'
            tables[title] = tabulate_profile(operations)
    return tables


def write_report(
    results: list[Result], profiles: Profiles, facts: dict, out: Path
) -> None:
    """Write table.md, results.json and chart.png, each whole or not at all.

    Args:
        results: All results of a run.
        profiles: Operations by setting and candidate.
        facts: What they depend on besides the code.
        out: Folder.
    """
    layouts = list(dict.fromkeys(r.setting.layout for r in results))
    panels = {
        (measure, layout): Panel(
            f'{measure}, {layout}',
            {},
            MEMORY_LIMITS if measure == MEMORY else TIME_LIMITS,
        )
        for measure in MEASURES
        for layout in layouts
    }
    for result in results:
        if not result.is_reference:
            panel = panels[result.measure, result.setting.layout]
            group = panel.groups.setdefault(_place(result.setting), {})
            group[result.name] = result.ratio.median
    draw = partial(draw_ratios, list(panels.values()), len(layouts))
    numbers = dict(
        results=[r.to_dict() for r in results],
        profiles=[
            dict(
                channels=setting.channels,
                size=setting.size,
                layout=setting.layout,
                name=name,
                operations=[x._asdict() for x in operations],
            )
            for setting, by_name in profiles.items()
            for name, operations in by_name.items()
        ],
    )
    tables = make_tables(results, profiles)
    write_benchmark(out, facts, tables, numbers, draw)


def _place(setting: Setting) -> str:
    return f'{setting.channels} x {setting.size}'
