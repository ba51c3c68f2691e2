"""Chart of measured ratios, with their bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

from mmseg_cube.analysis.speed.comparison import Result
from mmseg_cube.utils.figures import new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 11.0, 3.2  # of a panel, in inches
LETTERS = 120  # of a legend as wide as a panel
GROUP_WIDTH = 0.86  # filled with columns, of the distance between groups
HEADROOM = 1.2  # over the highest column, for its number


def draw_ratios(results: Sequence[Result]) -> Figure:
    """Draw ratios as columns, for every layout beside each other.

    With several inputs there is a row of panels per task and measure; with
    one, a row per measure.
    """
    results = [result for result in results if not result.is_reference]
    inputs = {(x.setting.channels, x.setting.size) for x in results}
    panels = {}
    for result in results:
        name, group, setting = result.measure, result.task, result.setting
        if len(inputs) > 1:
            name = f'{result.task}, {name}'
            group = f'{setting.channels} x {setting.size}'
        panel = panels.setdefault((name, setting.layout), {})
        panel.setdefault(result.name, {})[group] = result
    rows, layouts = map(dict.fromkeys, zip(*panels, strict=True))
    size = WIDTH * len(layouts), HEIGHT * len(rows) + 1
    figure, grid = new_figure(len(rows), len(layouts), size, sharey='row')
    for axis, title in zip(grid.flat, product(rows, layouts), strict=True):
        axis.set_title(', '.join(title), loc='left', fontsize=11)
        _draw(plain(axis), panels[title])
    handles, labels = grid[0, 0].get_legend_handles_labels()
    entries = dict(zip(labels, handles, strict=True))
    fitting = LETTERS * len(layouts) // max(map(len, entries))
    figure.legend(
        entries.values(),
        entries.keys(),
        loc='outside upper center',
        ncols=max(1, min(len(entries), fitting)),
    )
    return figure


def _draw(axis: Axes, panel: Mapping[str, Mapping[str, Result]]) -> None:
    """Draw the results of a panel, by candidate and group."""
    width = GROUP_WIDTH / len(panel)
    for i, (name, groups) in enumerate(panel.items()):
        shift = (i - (len(panel) - 1) / 2) * width
        places = [place + shift for place in range(len(groups))]
        ratios = [result.ratio.median for result in groups.values()]
        drawn = axis.bar(places, ratios, 0.92 * width, label=name)
        axis.bar_label(drawn, fmt='%.2f', rotation=90, fontsize=7, padding=2)
        for place, result in zip(places, groups.values(), strict=True):
            if result.bar is not None:
                ends = place - width / 2, place + width / 2
                label = 'bar: not above'
                axis.hlines(result.bar, *ends, 'black', lw=2.5, label=label)
    axis.axhline(1, color='black', lw=1, label='reference')
    axis.set_ylabel('ratio')
    axis.set_xticks(range(len(groups)), groups)
    highest = max(y.ratio.median for x in panel.values() for y in x.values())
    # The axis of a row is shared: never cut what its neighbour has drawn.
    axis.set_ylim(0, max(HEADROOM * max(1, highest), axis.get_ylim()[1]))
