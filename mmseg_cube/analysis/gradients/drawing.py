"""Pictures of correlations: statistics by layer and over training, matrices.

Matplotlib is loaded when something is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmseg_cube.analysis.gradients.capture import GRADIENTS
from mmseg_cube.analysis.gradients.records import (
    ALL,
    ROLES,
    Look,
    Record,
    select,
)
from mmseg_cube.analysis.gradients.statistics import MEAN_ABS, RANK_SHARE, RMS
from mmseg_cube.utils.figures import new_figure, plain
from mmseg_cube.utils.matrices import shrink
from mmseg_cube.utils.words import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STATISTICS = {
    MEAN_ABS: 'mean |correlation|',
    RMS: 'rms of correlations',
    RANK_SHARE: 'effective rank / C',
}
CHARTS = (14.4, 7.2)  # inches
MATRIX = 4.6  # inches
TITLE, LABEL = 48, 24  # letters over a matrix, under a chart
CELLS = 512  # most rows of a drawn matrix
DEAD = 'lightsteelblue'


def draw_statistics(
    names: Sequence[str], records: Sequence[Record], key: str
) -> Figure:
    """Draw each statistic with its standard errors, a line per network.

    Args:
        names: Names of the networks.
        records: Their records.
        key: ``'layer'``: by layer, of records at one time; ``'iteration'``:
            over training, the mean of the layers.
    """
    layers = list(dict.fromkeys(record['layer'] for record in records))
    # One layer has no mean.
    mean, layers = layers[-1], [name for name in layers if name != ALL]
    figure, grid = new_figure(len(GRADIENTS), len(STATISTICS), CHARTS)
    for (row, column), axes in np.ndenumerate(grid):
        gradient, statistic = GRADIENTS[row], list(STATISTICS)[column]
        for name, role in zip(names, ROLES, strict=False):
            rows = select(records, gradient=gradient, of=role)
            if key == 'iteration':
                rows = select(rows, layer=mean)
                places = [row['iteration'] for row in rows]
            else:
                rows = [row for row in rows if row['layer'] in layers]
                places = range(len(rows))
            values, errors = (
                np.array([row[statistic][part] for row in rows], dtype=float)
                for part in ('value', 'error')
            )
            style = dict(marker='o', capsize=2, label=name)
            axes.errorbar(places, values, np.nan_to_num(errors), **style)
        if key == 'layer':
            short = [cut(name, LABEL) for name in layers]
            axes.set_xticks(places, short, rotation=30, ha='right', size=7)
        else:
            axes.set_xlabel('iteration')
        axes.set(ylim=(0, None), ylabel=STATISTICS[statistic])
        axes.set_title(f'gradient of the {gradient}s', fontsize=9)
        plain(axes)
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc='outside upper center', ncols=len(names))
    return figure


def draw_heat_maps(
    names: Sequence[str], looks: Sequence[Look], layer: str
) -> Figure:
    """Draw the sizes of all correlations of one layer.

    Networks stand side by side, one row per gradient. Channels are in the
    order in which they arrive.

    Args:
        names: Names of the networks.
        looks: Correlations in each.
        layer: Name of the layer.
    """
    from matplotlib import colormaps
    from matplotlib.colors import PowerNorm

    colours = colormaps['magma'].with_extremes(bad=DEAD)
    columns = len(looks)
    size = MATRIX * columns + 0.6, MATRIX * len(GRADIENTS)
    figure, grid = new_figure(len(GRADIENTS), columns, size)
    for row, gradient in zip(grid, GRADIENTS, strict=True):
        matrices = [look[gradient, layer].matrix for look in looks]
        for axes, name, matrix in zip(row, names, matrices, strict=True):
            channels = len(matrix)
            image = axes.imshow(
                shrink(matrix.abs().numpy(), CELLS),
                cmap=colours,
                # Most are small.
                norm=PowerNorm(0.5, 0, 1),
                extent=(0, channels, channels, 0),
            )
            axes.set_xlabel('channel')
            axes.set_title(cut(name, TITLE), fontsize=8)
        row[0].set_ylabel(f'gradient of the {gradient}s')
        figure.colorbar(image, ax=list(row), label='|correlation|')
    figure.suptitle(layer, fontsize=10)
    return figure
