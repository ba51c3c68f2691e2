"""Tables, numbers and the chart of the size of networks."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmseg_cube.analysis.complexity.configs import Sized, distinct
from mmseg_cube.analysis.complexity.count import UNITS
from mmseg_cube.analysis.report import write_report
from mmseg_cube.utils.figures import new_figure, plain
from mmseg_cube.utils.tables import Table

# What follows the network in a config's name: GPUs x images, schedule, data.
SCHEDULE = re.compile(r'_\d+xb\d+.*')
GAP = 0.5  # over a baseline of the chart, in rows


def tabulate(networks: Sequence[Sized], size: int) -> Table:
    """Lay out networks, counted for an image of ``size`` pixels a side."""
    head, rows = ['Config'], []
    for name in UNITS:
        head += [name, 'saved']
    for network in networks:
        rows.append([network.name])
        for key, unit in UNITS.values():
            saved = network.saved(key)
            rows[-1].append(f'{getattr(network.size, key) / unit:.3f}')
            rows[-1].append('' if saved is None else f'{saved:.2f} %')
    title = f'{len(networks)} configs, one image of {size} x {size}'
    return Table(head, rows, title)


def write(networks: Sequence[Sized], size: int, out: Path) -> None:
    """Write complexity.md, .json and .png into a folder."""
    numbers = dict(size=size, networks=list(map(_to_dict, networks)))
    figures = dict(complexity=draw_sizes(networks, size))
    table = tabulate(networks, size)
    write_report(out, 'complexity', numbers, [table], figures=figures)


def draw_sizes(networks: Sequence[Sized], size: int) -> Figure:
    """Draw parameters and operations as bars; equal networks only once."""
    rows = distinct(networks)
    places = np.cumsum([1 if row.baseline else 1 + GAP for row in rows])
    short = [SCHEDULE.sub('', row.name) for row in rows]
    # Schedule and data are named only where they tell networks apart.
    labels = [
        text if short.count(text) == 1 else row.name
        for text, row in zip(short, rows, strict=True)
    ]
    height = 1 + 0.27 * places[-1]
    figure, grid = new_figure(1, 2, (11, height), sharey=True)
    titles = 'Parameters (M)', f'FLOPs (G), {size} x {size}'
    parts = zip(grid[0], UNITS.values(), titles, strict=True)
    for axes, (key, unit), title in parts:
        values = [getattr(row.size, key) / unit for row in rows]
        texts = [f'{value:.1f}' for value in values]
        for i, row in enumerate(rows):
            if row.baseline:
                texts[i] += f'  ({-row.saved(key):+.1f} %)'
        colours = ['C1' if row.baseline else 'C0' for row in rows]
        bars = plain(axes).barh(places, values, 0.85, color=colours)
        axes.bar_label(bars, texts, fontsize=8, padding=3)
        axes.margins(x=0.35)  # for the number of the longest bar
        axes.set_title(title, loc='left', fontsize=11)
    grid[0, 0].set_yticks(places, labels, fontsize=9)
    grid[0, 0].set_ylim(places[-1] + 0.7, GAP)
    return figure


def _to_dict(network: Sized) -> dict:
    entry = dict(name=network.name, config=network.path.as_posix())
    if network.baseline:
        entry['baseline'] = network.baseline.name
        saved = {key: network.saved(key) for key, _ in UNITS.values()}
        entry['saved'] = saved
    return entry | asdict(network.size)
