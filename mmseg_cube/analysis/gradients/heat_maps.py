"""Pictures of matrices of correlations."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from mmseg_cube.analysis.gradients.capture import GRADIENTS
from mmseg_cube.analysis.gradients.comparison import Look

CELLS = 512  # most rows of a drawn matrix
PANEL = 4.6  # inches
TOP = 99  # percentile of pairs at which the colours end
LETTERS = 48  # that fit over a matrix
DEAD = 'lightsteelblue'


def draw_heat_maps(
    names: Sequence[str], looks: Sequence[Look], layer: str
) -> Figure:
    """Draw the sizes of all correlations of one layer.

    Networks stand side by side and share their colours, one row per
    gradient. Channels are in the order in which they arrive.

    Args:
        names: Names of the networks.
        looks: A look at each.
        layer: Name of the layer.
    """
    columns = len(looks)
    figure = Figure(
        (PANEL * columns + 0.6, PANEL * len(GRADIENTS)), layout='constrained'
    )
    grid = figure.subplots(len(GRADIENTS), columns, squeeze=False)
    for row, gradient in zip(grid, GRADIENTS, strict=True):
        found = [look.layers[gradient, layer] for look in looks]
        top = find_top([f.matrix for f in found])
        for axes, name, correlations in zip(row, names, found, strict=True):
            image = _draw_matrix(axes, correlations.matrix, top)
            axes.set_title(name[:LETTERS], fontsize=8)
        row[0].set_ylabel(f'gradient of the {gradient}s')
        figure.colorbar(
            image, ax=list(row), label='|correlation|', extend='max'
        )
    figure.suptitle(layer, fontsize=10)
    return figure


def find_top(matrices: Sequence[Tensor]) -> float:
    """Size of correlation that all but the largest pairs stay below."""
    sizes = []
    for matrix in matrices:
        off = ~np.eye(len(matrix), dtype=bool)
        sizes.append(matrix.abs().numpy()[off])
    sizes = np.concatenate(sizes)
    sizes = sizes[np.isfinite(sizes)]
    return float(np.percentile(sizes, TOP)) if len(sizes) else 1.0


def pool(matrix: np.ndarray, cells: int = CELLS) -> np.ndarray:
    """Shrink a matrix (C, C) by means over blocks of nearly equal size.

    Dead channels do not count; blocks of nothing else are NaN.
    """
    if len(matrix) <= cells:
        return matrix
    starts = np.arange(cells) * len(matrix) // cells
    living = np.isfinite(matrix)
    sums, counts = (
        np.add.reduceat(np.add.reduceat(x, starts, 0), starts, 1)
        for x in (np.where(living, matrix, 0), living.astype(float))
    )
    counts[counts == 0] = np.nan
    return sums / counts


def _draw_matrix(axes: Axes, matrix: Tensor, top: float) -> AxesImage:
    channels = len(matrix)
    colours = colormaps['magma'].with_extremes(bad=DEAD)
    axes.set_xlabel('channel')
    return axes.imshow(
        pool(matrix.abs().numpy()),
        cmap=colours,
        vmin=0,
        vmax=top,
        extent=(0, channels, channels, 0),
    )
