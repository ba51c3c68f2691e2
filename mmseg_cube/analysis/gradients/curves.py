"""Charts of statistics of correlations: by layer, and over training."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmseg_cube.analysis.gradients.capture import GRADIENTS
from mmseg_cube.analysis.gradients.comparison import Look
from mmseg_cube.analysis.gradients.estimate import Estimate
from mmseg_cube.analysis.gradients.statistics import MEAN_ABS, RANK_SHARE, RMS
from mmseg_cube.analysis.gradients.tables import mean_of_layers

STATISTICS = {
    MEAN_ABS: 'mean |correlation|',
    RMS: 'rms of correlations',
    RANK_SHARE: 'effective rank / C',
}
PANEL = (4.8, 3.4)  # inches
LEGEND = 0.4
STYLES = ('-', '--')
MARKERS = ('o', 's')
LEGEND_COLUMNS = 4


def draw_layers(
    names: Sequence[str], looks: Sequence[Look], short: Mapping[str, str]
) -> Figure:
    """Draw each statistic by layer, with standard errors.

    Args:
        names: Names of the networks.
        looks: A look at each.
        short: Short names of the layers, by name.
    """

    def draw(axes: Axes, gradient: str, statistic: str) -> None:
        places = range(len(short))
        for name, look, marker in zip(names, looks, MARKERS, strict=False):
            _draw_errors(
                axes,
                places,
                [
                    look.layers[gradient, x].statistics[statistic]
                    for x in short
                ],
                label=name,
                marker=marker,
            )
        axes.set_xticks(places, short.values(), rotation=30, ha='right')

    return _draw_grid(draw, len(names))


def draw_curves(
    names: Sequence[str],
    looks: Sequence[Sequence[Look]],
    short: Mapping[str, str],
) -> Figure:
    """Draw each statistic over iterations, a line per layer and network.

    Args:
        names: Names of the networks.
        looks: Looks at each, in the order of training.
        short: Short names of the layers, by name.
    """
    colours = colormaps['turbo'](np.linspace(0.05, 0.95, len(short)))

    def draw(axes: Axes, gradient: str, statistic: str) -> None:
        for name, series, style in zip(names, looks, STYLES, strict=False):
            times = [look.checkpoint.iteration for look in series]
            for layer, colour in zip(short, colours, strict=True):
                values = [
                    look.layers[gradient, layer].statistics[statistic].value
                    for look in series
                ]
                label = short[layer] if series is looks[0] else None
                line = dict(color=colour, ls=style, lw=1, label=label)
                axes.plot(times, values, **line)
            _draw_errors(
                axes,
                times,
                [mean_of_layers(look, gradient)[statistic] for look in series],
                label=f'mean, {name}',
                color='black',
                ls=style,
                lw=2,
            )
        axes.set_xlabel('iteration')

    return _draw_grid(draw, len(names) + len(short))


def _draw_errors(
    axes: Axes, places: Sequence[int], numbers: Sequence[Estimate], **style
) -> None:
    values = [number.value for number in numbers]
    errors = np.nan_to_num([number.error for number in numbers])
    axes.errorbar(places, values, errors, capsize=2, **style)


def _draw_grid(draw: Callable[[Axes, str, str], None], lines: int) -> Figure:
    """Draw a panel per gradient and statistic under one legend."""
    width, height = PANEL
    rows = -(-lines // LEGEND_COLUMNS)
    size = (
        width * len(STATISTICS),
        height * len(GRADIENTS) + LEGEND * rows,
    )
    figure = Figure(size, layout='constrained')
    grid = figure.subplots(len(GRADIENTS), len(STATISTICS), squeeze=False)
    for row, gradient in zip(grid, GRADIENTS, strict=True):
        for axes, (statistic, label) in zip(
            row, STATISTICS.items(), strict=True
        ):
            draw(axes, gradient, statistic)
            axes.set_ylabel(label)
            axes.set_title(f'gradient of the {gradient}s', fontsize=9)
            axes.set_ylim(bottom=0)
            axes.spines[['top', 'right']].set_visible(False)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(),
        loc='outside upper center',
        ncols=LEGEND_COLUMNS,
        fontsize=8,
    )
    return figure
