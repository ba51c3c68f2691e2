"""Tables of measured times and memory, on the terminal and in files."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from mmseg_cube.analysis.speed.chart import draw_ratios
from mmseg_cube.analysis.speed.comparison import (
    MEMORY,
    THROUGHPUT,
    Profile,
    Result,
)
from mmseg_cube.analysis.speed.profile import WHOLE
from mmseg_cube.utils.report import write_report
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.words import quantity

NAME = 'speed'  # of the page and of the file of numbers
MILLISECONDS, MEBIBYTES = 1e3, 2**-20
SMALL_SHARE = 0.01  # of a profile, below which a part is left out


def report(
    results: Sequence[Result],
    profiles: Mapping[str, Profile],
    facts: Mapping[str, object],
    out: Path | None,
) -> None:
    """Print what was measured, and write it to a folder.

    Args:
        results: All results of a run.
        profiles: Where the time goes, by title.
        facts: What the numbers depend on besides the code.
        out: Folder for speed.md, speed.json and chart.png; None for none.
    """
    conditions = ', '.join(f'{key} {value}' for key, value in facts.items())
    tables = [
        tabulate([result for result in results if result.task == task])
        for task in dict.fromkeys(result.task for result in results)
    ]
    tables += [tabulate_profile(*item) for item in profiles.items()]
    for text in (conditions, *(table.terminal() for table in tables)):
        print(text, end='\n\n')
    passes = [result.passes for result in results if result.bar is not None]
    kept = f'{sum(passes)} of {len(passes)} bars met'
    print(kept if passes else 'no bars are set for this')
    if out is None:
        return
    numbers = dict(
        facts=facts,
        results=[result.to_dict() for result in results],
        profiles=profiles,
    )
    figures = {}
    if not all(result.is_reference for result in results):
        figures['chart'] = draw_ratios(results)
    write_report(out, NAME, numbers, tables, [conditions], figures)
    print(f'{NAME}.md and {NAME}.json in {out}')


def tabulate(results: Sequence[Result]) -> Table:
    """Lay out one task: a row per candidate and setting.

    A ratio of times stands with its quartiles; below 1 is better than the
    reference, for throughput as well.
    """
    task, images = results[0].task, results[0].setting.batch
    unit = 'images/s' if task == THROUGHPUT else 'ms'
    head = ['candidate', 'C x H, layout', unit, 'ratio', 'bar <=']
    head += ['peak MiB', 'ratio', 'bar <=']
    names = list(dict.fromkeys(result.name for result in results))
    rows = {}
    for result in sorted(results, key=lambda x: names.index(x.name)):
        setting, value = result.setting, result.value.median
        row = rows.setdefault(
            (result.name, setting), [result.name, str(setting)]
        )
        if result.measure == MEMORY:
            row.append(f'{MEBIBYTES * value:.1f}')
        elif task == THROUGHPUT:
            row.append(f'{images / value:.2f}')
        else:
            row.append(f'{MILLISECONDS * value:.2f}')
        ratio, verdict = str(result.ratio), ''
        if result.measure == MEMORY:  # measured once
            ratio = f'{result.ratio.median:.2f}'
        if result.bar is not None:
            word = 'pass' if result.passes else 'miss'
            verdict = f'{result.bar:.2f} {word}'
        row += ['', ''] if result.is_reference else [ratio, verdict]
    title = f'{task}, {quantity(images, "image")}'
    return Table(head, list(rows.values()), title)


def tabulate_profile(title: str, passes: Profile) -> Table:
    """Lay out a profile: times in ms and shares of the whole, by pass."""
    rows = []
    for name in dict.fromkeys(chain(*passes.values())):
        shares = [x[name] / x[WHOLE] for x in passes.values()]
        if max(shares) >= SMALL_SHARE:
            row = [name]
            for seconds, share in zip(passes.values(), shares, strict=True):
                row.append(f'{MILLISECONDS * seconds[name]:.2f}')
                row.append(f'{100 * share:.1f}')
            rows.append(row)
    head = chain(*((f'{name}, ms', '%') for name in passes))
    return Table(['part', *head], rows, title)
