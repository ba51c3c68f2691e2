"""Picture of what channel routers learned: curves and final orders."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmseg_cube.layers import layer_name

CELLS = 64  # most rows of a drawn matrix
COLUMNS = 6  # matrices side by side
CURVES = 2  # rows of matrices that the curves take
PANEL = 2.0  # inches
TITLE = 26  # letters that fit over a matrix


def draw_report(history: dict[str, dict]) -> Figure:
    """Draw distance and changes over iterations, and the last orders.

    The orders are permutation matrices, output channels downwards, framed in
    the colour of the router's curves.

    Args:
        history: Record per router, as in ``routers.report``; if no router was
            looked at twice, there are no curves.

    Returns:
        The figure.
    """
    colours = colormaps['turbo'](np.linspace(0.05, 0.95, len(history)))
    seen = max(len(r['looks']['iteration']) for r in history.values())
    top = CURVES if seen > 1 else 0
    rows = top - (-len(history) // COLUMNS)
    figure = Figure((PANEL * COLUMNS, PANEL * rows), layout='tight')
    grid = figure.add_gridspec(rows, COLUMNS)
    if top:
        half = COLUMNS // 2
        distance = figure.add_subplot(grid[:top, :half])
        changed = figure.add_subplot(grid[:top, half:])
        distance.set(xlabel='iteration', ylabel='distance from the identity')
        changed.set(xlabel='iteration', ylabel='share changed since last look')
        for record, colour in zip(history.values(), colours, strict=True):
            looks = record['looks']
            share = np.array(looks['changed']) / record['channels']
            style = dict(color=colour, marker='.')
            distance.plot(looks['iteration'], looks['distance'], **style)
            changed.plot(looks['iteration'], share, **style)
    for i, (name, record) in enumerate(history.items()):
        row, column = divmod(i, COLUMNS)
        axes = figure.add_subplot(grid[top + row, column])
        _draw_order(axes, record)
        axes.spines[:].set(color=colours[i], linewidth=2)
        axes.set_title(_title(name), fontsize=7)
    return figure


def _draw_order(axes: Axes, record: dict) -> None:
    """Draw a permutation matrix that is legible at any size.

    Blocks are laid over each other and long orders are pooled: the darker a
    cell, the more channels.
    """
    block = record['block']
    outputs = np.arange(record['channels']) % block
    inputs = np.array(record['order']) % block
    edges = np.linspace(-0.5, block - 0.5, min(block, CELLS) + 1)
    counts = np.histogram2d(outputs, inputs, (edges, edges))[0]
    axes.imshow(counts, cmap='Greys', vmin=0)
    axes.set(xticks=[], yticks=[])


def _title(name: str) -> str:
    title = layer_name(name)
    return title if len(title) <= TITLE else f'...{title[3 - TITLE :]}'
