"""Pictures with matplotlib, which is loaded only when something is drawn."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmseg_cube.utils.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110


def new_figure(
    rows: int = 1,
    columns: int = 1,
    size: tuple[float, float] = (7, 4),
    **options,
) -> tuple[Figure, np.ndarray]:
    """Make a figure, nothing of it on a screen, and a grid of its axes.

    ``size`` is that of the whole figure, in inches; ``options`` go to
    matplotlib's ``Figure.subplots``, such as ``sharex``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout='constrained')
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def new_panels(
    count: int, columns: int, width: float, height: float
) -> tuple[Figure, np.ndarray]:
    """Make a figure of so many axes, row by row, each of a size in inches."""
    columns = min(count, columns)
    rows = -(-count // columns)
    size = width * columns, height * rows
    figure, grid = new_figure(rows, columns, size)
    for axes in grid.flat[count:]:
        axes.remove()
    return figure, grid.flat[:count]


def plain(axis: Axes) -> Axes:
    """Take the upper and the right border of a chart away; return it."""
    axis.spines[['top', 'right']].set_visible(False)
    return axis


def is_figure(path: Path) -> bool:
    """Tell whether a file is a drawing of matplotlib's, and no image."""
    with suppress(OSError), Image.open(path) as image:
        return image.info.get('Software', '').startswith('Matplotlib')
    return False


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    write_whole(path, partial(figure.savefig, format='png', dpi=DPI))
