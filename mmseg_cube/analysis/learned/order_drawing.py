"""Picture of the orders that routers learned, beside their relaxations."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmseg_cube.analysis.learned.orders import Order
from mmseg_cube.analysis.learned.pages import fit_title

CELLS = 64  # most rows of a drawn matrix
PER_ROW = 3  # layers side by side
ORDERS_PER_PAGE = 12
PANEL = 2.1  # inches
CAPTION = 0.45  # inches

Matrices = tuple[np.ndarray, np.ndarray | None]


def draw_orders(layers: Mapping[str, tuple[Order, Matrices]]) -> Figure:
    """Draw permutation and relaxation of every layer.

    Output positions go downwards, input channels to the right. Blocks are
    laid over each other and long orders are pooled: the darker a cell, the
    more channels.

    Args:
        layers: Order and matrices of :func:`order_matrices` by name.

    Returns:
        The figure.
    """
    per_row = min(PER_ROW, len(layers))
    rows = -(-len(layers) // per_row)
    size = 2 * PANEL * per_row, (PANEL + CAPTION) * rows
    figure = Figure(size, layout='constrained')
    parts = np.ravel(figure.subfigures(rows, per_row))
    for part, (name, (order, matrices)) in zip(
        parts, layers.items(), strict=False
    ):
        part.suptitle(f'{fit_title(name)}\n{_describe(order)}', fontsize=8)
        left, right = part.subplots(1, 2)
        _draw_matrix(left, matrices[0], 'order')
        if matrices[1] is None:
            right.axis('off')
            right.text(0.5, 0.5, 'not learned', ha='center', fontsize=8)
        else:
            label = f'relaxation at {order.temperature:.3g}'
            _draw_matrix(right, matrices[1], label)
    figure.supxlabel(
        'positions downwards, input channels to the right', fontsize=8
    )
    return figure


def _describe(order: Order) -> str:
    return (
        f'{order.method}, {order.moved:.0%} of {order.channels} moved; '
        f'new cell {order.new_cell}, new parity {order.new_parity}'
    )


def _draw_matrix(axes: Axes, matrix: np.ndarray, label: str) -> None:
    axes.imshow(_pool(matrix), cmap='Greys', vmin=0)
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(label, fontsize=7)


def _pool(matrix: np.ndarray) -> np.ndarray:
    """Add up cells of a matrix that is too large to be seen."""
    size = len(matrix)
    if size <= CELLS:
        return matrix
    starts = np.linspace(0, size, CELLS, endpoint=False).astype(int)
    rows = np.add.reduceat(matrix, starts, axis=0)
    return np.add.reduceat(rows, starts, axis=1)
