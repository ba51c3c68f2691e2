"""Tables, numbers and the chart of the size of networks."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmseg_cube.analysis.complexity.configs import Sized, distinct
from mmseg_cube.analysis.report import write_report
from mmseg_cube.utils.figures import new_figure, plain
from mmseg_cube.utils.tables import Table

# Unit of each number, and what it is called in a head.
UNITS = dict(parameters=(1e6, 'Params (M)'), flops=(1e9, 'FLOPs (G)'))
# What follows the network in a config's name: GPUs x images, schedule, data.
SCHEDULE = re.compile(r'_\d+xb\d+.*')
GAP = 0.5  # over a baseline of the chart, in rows


def tabulate(
    networks: Sequence[Sized], size: int, depth: int | None
) -> list[Table]:
    """Lay out all networks in a table, then the modules of each.

    The image has ``size`` pixels a side; ``depth`` is how many levels of
    modules are listed, None for no modules at all.
    """
    head = ['Config']
    for _, name in UNITS.values():
        head += [name, 'saved']
    rows = [[network.name, *_cells(network, '')] for network in networks]
    title = f'{len(networks)} configs, one image of {size} x {size}'
    tables = [Table(head, rows, title)]
    if depth is not None:
        # Baselines stand beside what is compared with them.
        beside = [id(network.baseline) for network in networks]
        tables += [
            _table_of_modules(network, depth)
            for network in distinct(networks)
            if id(network) not in beside
        ]
    return tables


def write(
    networks: Sequence[Sized], size: int, depth: int | None, out: Path
) -> None:
    """Write complexity.md, .json and .png into a folder."""
    numbers = dict(size=size, networks=[_to_dict(n, depth) for n in networks])
    tables = tabulate(networks, size, depth)
    figures = dict(complexity=draw_sizes(networks, size))
    write_report(out, 'complexity', numbers, tables, figures=figures)


def draw_sizes(networks: Sequence[Sized], size: int) -> Figure:
    """Draw parameters and operations as bars; equal networks only once."""
    rows = distinct(networks)
    places = np.cumsum([1 if row.baseline else 1 + GAP for row in rows])
    names = [row.name for row in rows]
    short = [SCHEDULE.sub('', name) for name in names]
    # Schedule and data are named only where they tell networks apart.
    labels = short if len(set(short)) == len(short) else names
    height = 1 + 0.27 * places[-1]
    figure, grid = new_figure(1, 2, (11, height), sharey=True)
    titles = 'Parameters (M)', f'FLOPs (G), {size} x {size}'
    for axes, key, title in zip(grid[0], UNITS, titles, strict=False):
        unit, _ = UNITS[key]
        values = [getattr(row.modules[''], key) / unit for row in rows]
        texts = [f'{value:.1f}' for value in values]
        for i, row in enumerate(rows):
            before, after = row.sides('')
            if before:
                texts[i] += f'  ({-after.saved(before, key):+.1f} %)'
        colours = ['C1' if row.baseline else 'C0' for row in rows]
        bars = plain(axes).barh(places, values, 0.85, color=colours)
        axes.bar_label(bars, texts, fontsize=8, padding=3)
        axes.margins(x=0.35)  # for the number of the longest bar
        axes.set_title(title, loc='left', fontsize=11)
    grid[0, 0].set_yticks(places, labels, fontsize=9)
    grid[0, 0].set_ylim(places[-1] + 0.7, GAP)
    return figure


def _table_of_modules(network: Sized, depth: int) -> Table:
    """Lay out the modules of a network beside those of its baseline."""
    head = ['Module']
    for _, name in UNITS.values():
        head += [f'{name} before', 'after', 'saved']
    networks = [x for x in (network, network.baseline) if x]
    rows = [
        [name or 'all', *_cells(network, name, show_before=True)]
        for name in _names(networks, depth)
    ]
    return Table(head, rows, ' → '.join(x.name for x in networks[::-1]))


def _cells(
    network: Sized, name: str, show_before: bool = False
) -> Iterable[str]:
    """Yield the numbers of a module and what is saved in it."""
    before, after = network.sides(name)
    for key, (unit, _) in UNITS.items():
        for size in (before, after) if show_before else (after,):
            yield f'{getattr(size, key) / unit:.3f}' if size else ''
        comparable = before and after and getattr(before, key)
        yield f'{after.saved(before, key):.2f} %' if comparable else ''


def _names(networks: Iterable[Sized], depth: int) -> list[str]:
    """Name the modules that are no deeper and have parameters or costs."""
    found = chain(*(network.modules.items() for network in networks))
    names = [name for name, size in found if size.parameters or size.flops]
    levels = {name: len(name.split('.')) if name else 0 for name in names}
    return [name for name, level in levels.items() if level <= depth]


def _to_dict(network: Sized, depth: int | None) -> dict:
    before, after = network.sides('')
    entry = dict(name=network.name, config=network.config.as_posix())
    if before:
        entry['baseline'] = network.baseline.name
        entry['saved'] = {key: after.saved(before, key) for key in UNITS}
    names = _names([network], depth or 0)
    entry['modules'] = {name: asdict(network.modules[name]) for name in names}
    return entry | asdict(after)
