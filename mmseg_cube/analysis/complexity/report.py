"""Tables, numbers and the chart of the size of networks."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure

from mmseg_cube.analysis.complexity.configs import Sized, distinct
from mmseg_cube.analysis.complexity.count import Complexity
from mmseg_cube.analysis.report import write_report
from mmseg_cube.utils.figures import new_figure, plain
from mmseg_cube.utils.tables import Table

# Unit of each number, and what it is called in a head.
UNITS = dict(
    parameters=(1e6, 'Params (M)'),
    flops=(1e9, 'FLOPs (G)'),
    activations=(1e6, 'Activations (M)'),
)
# What follows the network in a config's name: GPUs x images, schedule, data.
SCHEDULE = re.compile(r'_\d+xb\d+.*')
# Of the chart.
WIDTH_INCHES, ROW_INCHES, MARGIN_INCHES = 11.0, 0.27, 1.0
GAP = 0.5  # over a baseline, in rows
HEADROOM = 1.35  # over the longest bar, for its number
Sizes = Mapping[str, Complexity]


def tabulate(
    networks: Sequence[Sized], size: int, depth: int | None
) -> list[Table]:
    """Lay out all networks in a table, then the modules of each.

    Args:
        networks: Counted networks.
        size: Side of the image, in pixels.
        depth: Levels of modules to list, or None for none.
    """
    head = ['Config']
    for _, name in UNITS.values():
        head += [name, 'saved']
    rows = [
        [n.name, *_cells('', [n.baseline and n.baseline.modules, n.modules])]
        for n in networks
    ]
    title = f'{len(networks)} configs, one image of {size} x {size}'
    tables = [Table(head, rows, title)]
    if depth is not None:
        tables += [_table_of_modules(n, depth) for n in distinct(networks)]
    return tables


def write(
    networks: Sequence[Sized], size: int, depth: int | None, out: Path
) -> None:
    """Write complexity.md, complexity.json and complexity.png into a folder.

    The arguments are those of :func:`tabulate`.
    """
    numbers = dict(size=size, networks=[_to_dict(n, depth) for n in networks])
    tables = tabulate(networks, size, depth)
    figures = dict(complexity=draw_sizes(networks, size))
    write_report(out, 'complexity', numbers, tables, figures=figures)


def draw_sizes(networks: Sequence[Sized], size: int) -> Figure:
    """Draw parameters and operations as bars; equal networks only once."""
    seen = {}
    for network in networks:
        key = id(network.modules), network.baseline is None
        seen.setdefault(key, network)
    rows = list(seen.values())
    places, place = [], 0.0
    for row in rows:
        place += 1 if row.baseline else 1 + GAP
        places.append(place)
    names = [row.name for row in rows]
    short = [SCHEDULE.sub('', name) for name in names]
    # Schedule and data are named only where they tell networks apart.
    labels = short if len(set(short)) == len(short) else names
    height = MARGIN_INCHES + ROW_INCHES * place
    figure, grid = new_figure(1, 2, (WIDTH_INCHES, height), sharey=True)
    titles = 'Parameters (M)', f'FLOPs (G), {size} x {size}'
    for axes, key, title in zip(grid[0], UNITS, titles, strict=False):
        unit, _ = UNITS[key]
        values = [getattr(row.modules[''], key) / unit for row in rows]
        texts = []
        for row, value in zip(rows, values, strict=True):
            texts.append(f'{value:.1f}')
            if row.baseline is not None:
                saved = row.modules[''].saved(row.baseline.modules[''], key)
                texts[-1] += f'  ({-saved:+.1f} %)'
        colours = ['C1' if row.baseline else 'C0' for row in rows]
        bars = plain(axes).barh(places, values, 0.85, color=colours)
        axes.bar_label(bars, texts, fontsize=8, padding=3)
        axes.set_xlim(0, HEADROOM * max(values))
        axes.set_title(title, loc='left', fontsize=11)
    grid[0, 0].set_yticks(places, labels, fontsize=9)
    grid[0, 0].set_ylim(place + 0.7, GAP)
    return figure


def _table_of_modules(network: Sized, depth: int) -> Table:
    """Lay out the modules of a network beside those of its baseline."""
    head = ['Module']
    for _, name in UNITS.values():
        head += [f'{name} before', 'after', 'saved']
    baseline = network.baseline
    sides = [baseline.modules if baseline else {}, network.modules]
    rows = [
        [name or 'all', *_cells(name, sides, show_before=True)]
        for name in _names(sides, depth)
    ]
    title = f'{baseline.name} → {network.name}' if baseline else network.name
    return Table(head, rows, title)


def _cells(
    name: str, sides: Sequence[Sizes | None], show_before: bool = False
) -> Iterable[str]:
    """Yield the numbers of a module and what is saved in it."""
    before, after = (side.get(name) if side else None for side in sides)
    for key, (unit, _) in UNITS.items():
        for size in (before, after) if show_before else (after,):
            yield f'{getattr(size, key) / unit:.3f}' if size else ''
        comparable = before and after and getattr(before, key)
        yield f'{after.saved(before, key):.2f} %' if comparable else ''


def _names(sides: Sequence[Sizes], depth: int) -> list[str]:
    """Name the modules down to a depth, each below what it is in.

    Modules without parameters and costs are left out.
    """
    found = {}
    for side in sides:
        for name, size in side.items():
            parts = name.split('.') if name else []
            if len(parts) <= depth and any(asdict(size).values()):
                found[name] = ['.'.join(parts[: i + 1]) for i in range(depth)]
    place = {name: i for i, name in enumerate(found)}
    return sorted(found, key=lambda name: [place[x] for x in found[name]])


def _to_dict(network: Sized, depth: int | None) -> dict:
    modules, baseline = network.modules, network.baseline
    entry = dict(name=network.name, config=network.config.as_posix())
    if baseline is not None:
        before, after = baseline.modules[''], modules['']
        entry['baseline'] = baseline.name
        entry['saved'] = {key: after.saved(before, key) for key in UNITS}
    names = _names([modules], depth or 0)
    entry['modules'] = {name: asdict(modules[name]) for name in names}
    return entry | asdict(modules[''])
