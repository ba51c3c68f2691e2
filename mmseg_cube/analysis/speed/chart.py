"""Chart of measured ratios, with their bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mmseg_cube.analysis.speed.comparison import Result
from mmseg_cube.utils.figures import new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = (11.0, 3.2)
LEGEND_INCHES = 0.3  # per line of it, and around it
LETTERS_PER_INCH = 12  # of the legend
LINE_LETTERS = 6  # width of the line or patch in front of a label
GROUP_WIDTH = 0.86  # filled with columns, of the distance between groups
HEADROOM = 1.2  # over the highest column, for its number
LINE_STYLES = ('-', '--', ':')
BAR = 'bar: not above'

Naming = Callable[[Result], str]


def draw_ratios(
    results: Sequence[Result],
    panel_of: Naming,
    group_of: Naming,
    limits: Mapping[str, float],
) -> Figure:
    """Draw ratios as columns: a row per panel, a column per layout.

    Args:
        results: What to show; references are left out.
        panel_of: Names the panel of a result.
        group_of: Names the group of a result within its panel.
        limits: Lines across all panels, by label.
    """
    shown = [result for result in results if not result.is_reference]
    panels = _distinct(map(panel_of, shown))
    layouts = _distinct(result.setting.layout for result in shown)
    figure, grid = new_figure(len(panels), len(layouts), sharey='row')
    for panel, row in zip(panels, grid, strict=True):
        for layout, axis in zip(layouts, row, strict=True):
            axis.set_title(f'{panel}, {layout}', loc='left', fontsize=11)
            mine = [
                result
                for result in shown
                if panel_of(result) == panel
                and result.setting.layout == layout
            ]
            _draw(plain(axis), mine, group_of, limits)
    _add_legend(figure, grid)
    return figure


def _draw(
    axis: Axes,
    results: Sequence[Result],
    group_of: Naming,
    limits: Mapping[str, float],
) -> None:
    groups = _distinct(map(group_of, results))
    names = _distinct(result.name for result in results)
    width = GROUP_WIDTH / len(names)
    for i, name in enumerate(names):
        mine = [result for result in results if result.name == name]
        shift = (i - (len(names) - 1) / 2) * width
        places = [groups.index(group_of(result)) + shift for result in mine]
        ratios = [result.ratio.median for result in mine]
        columns = axis.bar(places, ratios, 0.92 * width, label=name)
        axis.bar_label(columns, fmt='%.2f', rotation=90, fontsize=7, padding=2)
        for place, result in zip(places, mine, strict=True):
            if result.bar is not None:
                ends = place - width / 2, place + width / 2
                axis.hlines(result.bar, *ends, colors='crimson', label=BAR)
    lines = zip(LINE_STYLES, limits.items(), strict=False)
    for style, (label, limit) in lines:
        axis.axhline(limit, ls=style, lw=1, color='black', label=label)
    axis.set_ylabel('ratio')
    axis.set_xticks(range(len(groups)), groups)
    highest = max([*limits.values(), *(x.ratio.median for x in results)])
    # The axis of a row is shared: never cut what its neighbour has drawn.
    axis.set_ylim(0, max(HEADROOM * highest, axis.get_ylim()[1]))


def _add_legend(figure: Figure, grid: Sequence[Sequence[Axes]]) -> None:
    """Put one legend above all panels, as wide as they are."""
    entries = {}
    for row in grid:
        handles, labels = row[0].get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    width, height = PANEL_INCHES
    width, height = width * len(grid[0]), height * len(grid)
    longest = max(map(len, entries)) + LINE_LETTERS
    fitting = int(width * LETTERS_PER_INCH) // longest
    columns = max(1, min(len(entries), fitting))
    lines = -(-len(entries) // columns)
    figure.legend(
        entries.values(),
        entries.keys(),
        loc='outside upper center',
        ncols=columns,
    )
    figure.set_size_inches(width, height + LEGEND_INCHES * (lines + 1))


def _distinct(names) -> list[str]:
    return list(dict.fromkeys(names))
