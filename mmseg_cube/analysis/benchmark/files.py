"""What benchmarks leave behind: table.md, results.json and chart.png."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from mmseg_cube.utils.whole_files import write_text_whole, write_whole

TABLES, RESULTS, CHART = 'table.md', 'results.json', 'chart.png'
Table = list[list[str]]  # the first row is the head


class Judged(Protocol):
    """A result that may have a bar."""

    bar: float | None
    passes: bool | None


def describe(facts: Mapping[str, object]) -> str:
    """Say in one line what the results depend on besides the code."""
    return ', '.join(f'{key} {value}' for key, value in facts.items())


def judge(result: Judged) -> str:
    """Cell of a table: the bar, and whether the result keeps to it."""
    if result.passes is None:
        return ''
    return f'{result.bar:.2f} {"pass" if result.passes else "miss"}'


def count_bars(results: Iterable[Judged]) -> str:
    """Say how many results keep to their bars."""
    passes = [r.passes for r in results if r.passes is not None]
    if not passes:
        return 'no bars are set for this'
    return f'{sum(passes)} of {len(passes)} bars met'


def write_benchmark(
    out: Path,
    facts: dict,
    tables: Mapping[str, Table],
    numbers: dict,
    draw: Callable[[Path], object],
) -> None:
    """Write the three files, each whole or not at all.

    Args:
        out: Folder.
        facts: What the results depend on besides the code.
        tables: Tables by title.
        numbers: Everything for JSON besides the facts.
        draw: Writes the chart to a path, as PNG.
    """
    texts = [describe(facts)]
    for title, (head, *rows) in tables.items():
        lines = [head, ['---', *['---:'] * len(head[1:])], *rows]
        texts.append(f'**{title}**')
        texts.append('\n'.join(f'| {" | ".join(x)} |' for x in lines))
    numbers = dict(facts=facts, **numbers)
    for name, text in (
        (TABLES, '\n\n'.join(texts)),
        (RESULTS, json.dumps(numbers, indent=1)),
    ):
        write_text_whole(out / name, text + '\n')
    write_whole(out / CHART, draw)
