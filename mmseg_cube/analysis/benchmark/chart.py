"""Chart of measured ratios against limits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

PANEL_INCHES = (11.0, 3.2)
LEGEND_INCHES = 0.3  # per line of it, and around it
LETTERS_PER_INCH = 12  # of the legend
LINE_LETTERS = 6  # width of the line or patch in front of a label
GROUP_WIDTH = 0.86  # filled with bars, of the distance between groups
HEADROOM = 1.2  # over the highest bar, for its number
LINE_STYLES = ('-', '--', ':')
GOAL = 'goal: not above'


class Panel(NamedTuple):
    """One diagram: ratios by group and series.

    Attributes:
        title: Title.
        groups: Ratios by group and series.
        limits: Lines across all groups, by label.
        goals: Lines across single groups, by group.
    """

    title: str
    groups: Mapping[str, Mapping[str, float]]
    limits: Mapping[str, float]
    goals: Mapping[str, float] = {}


def draw_ratios(panels: Sequence[Panel], columns: int, path: Path) -> None:
    """Draw panels of grouped bars with lines across, as a PNG.

    Args:
        panels: Panels, row by row; each has the same series in all groups.
        columns: Panels per row.
        path: File to write.
    """
    rows = -(-len(panels) // columns)
    width, height = PANEL_INCHES
    figure = Figure(layout='constrained')
    grid = figure.subplots(rows, columns, squeeze=False, sharey='row')
    legend = {}
    for axes, panel in zip(grid.flat, panels, strict=True):
        _draw(axes, panel)
        for handle, label in zip(
            *axes.get_legend_handles_labels(), strict=True
        ):
            legend.setdefault(label, handle)
    longest = max(map(len, legend)) + LINE_LETTERS
    fitting = int(width * columns * LETTERS_PER_INCH) // longest
    ncols = max(1, min(len(legend), fitting))
    lines = -(-len(legend) // ncols)
    figure.legend(
        legend.values(),
        legend.keys(),
        loc='outside upper center',
        ncols=ncols,
    )
    figure.set_size_inches(
        width * columns, height * rows + LEGEND_INCHES * (lines + 1)
    )
    figure.savefig(path, format='png', dpi=110)


def _draw(axes: Axes, panel: Panel) -> None:
    groups = list(panel.groups.values())
    series = list(groups[0])
    width = GROUP_WIDTH / len(series)
    halo = [withStroke(linewidth=2, foreground='white')]
    for i, name in enumerate(series):
        shift = (i - (len(series) - 1) / 2) * width
        places = [place + shift for place in range(len(groups))]
        heights = [group[name] for group in groups]
        bars = axes.bar(places, heights, 0.92 * width, label=name)
        axes.bar_label(
            bars,
            fmt='%.2f',
            rotation=90,
            fontsize=7,
            padding=2,
            path_effects=halo,
        )
    lines = zip(LINE_STYLES, panel.limits.items(), strict=False)
    for style, (label, limit) in lines:
        axes.axhline(limit, ls=style, lw=1, color='black', label=label)
    for place, group in enumerate(panel.groups):
        if group in panel.goals:
            ends = place - 0.5, place + 0.5
            goal = panel.goals[group]
            axes.hlines(goal, *ends, colors='crimson', label=GOAL)
    axes.set_title(panel.title, loc='left', fontsize=11)
    axes.set_ylabel('ratio')
    axes.set_xticks(range(len(groups)), panel.groups)
    axes.set_xlim(-0.5, len(groups) - 0.5)
    heights = [height for group in groups for height in group.values()]
    # The axis of a row is shared: never cut what its neighbour has drawn.
    limits = (*panel.limits.values(), *panel.goals.values())
    top = HEADROOM * max([*heights, *limits])
    axes.set_ylim(0, max(top, axes.get_ylim()[1]))
    axes.spines[['top', 'right']].set_visible(False)
