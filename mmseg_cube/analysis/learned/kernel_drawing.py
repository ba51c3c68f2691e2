"""Picture of the coarse kernels of Cube layers."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from mmseg_cube.analysis.learned.kernels import Kernel
from mmseg_cube.utils.figures import new_figure
from mmseg_cube.utils.words import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

PER_ROW = 4
PANEL = 2.6  # inches
LETTERS = 34  # that fit over a panel
BOLD = 3  # standard deviations of random weights
EXTREME = 0.5  # least distance from 1 at which the colours end
KEY = (
    'thick lines: cells of the coarse grid; dots: not read; +: centre of the '
    'replaced window; x: centre of mass; bold: more than '
    f'{BOLD} standard deviations from random. Axes in lattice pixels'
)
COLOURS = 'PuOr_r'  # told apart with any kind of colour vision


def draw_kernels(kernels: Mapping[str, Kernel]) -> Figure:
    """Draw the energy of every tap where it lies on the lattice.

    Args:
        kernels: Kernels by name.
    """
    from matplotlib.colors import Normalize

    columns = min(PER_ROW, len(kernels))
    rows = -(-len(kernels) // columns)
    size = PANEL * columns + 1, (PANEL + 0.3) * rows + 0.5
    figure, grid = new_figure(rows, columns, size)
    energies = [tap.energy for k in kernels.values() for tap in k.taps]
    width = max(EXTREME, *(abs(energy - 1) for energy in energies))
    scale = Normalize(1 - width, 1 + width)
    for axes in grid.flat[len(kernels) :]:
        axes.axis('off')
    for axes, (name, kernel) in zip(grid.flat, kernels.items(), strict=False):
        image = _draw(axes, kernel, scale)
        down, right = kernel.lean
        axes.set_title(
            f'{cut(name, LETTERS)}\n'
            f'leans {abs(down):.2f} cells {"down" if down > 0 else "up"}, '
            f'{abs(right):.2f} {"right" if right > 0 else "left"}\n'
            f'random: 1 ± {kernel.noise:.3f}',
            fontsize=8,
        )
    bar = figure.colorbar(image, ax=grid, shrink=0.8)
    bar.set_label('energy over that of the kernel', fontsize=8)
    bar.ax.tick_params(labelsize=7)
    figure.supxlabel(fill(KEY, int(16 * size[0])), fontsize=8)
    return figure


def _draw(axes: Axes, kernel: Kernel, scale: Normalize) -> AxesImage:
    """Draw one kernel; both axes are offsets from the centre."""
    from matplotlib.patches import Rectangle

    offsets = np.array([tap.offset for tap in kernel.taps])
    # Upper left corner of the cell that each tap falls into.
    corners = offsets - 0.5 - [tap.parity for tap in kernel.taps]
    top, left = corners.min(0)
    bottom, right = corners.max(0) + kernel.scale
    sites = np.full((round(bottom - top), round(right - left)), np.nan)
    rows, columns = (offsets - (top, left)).astype(int).T
    sites[rows, columns] = [tap.energy for tap in kernel.taps]
    image = axes.imshow(
        sites, cmap=COLOURS, norm=scale, extent=(left, right, bottom, top)
    )
    for (row, column), value in np.ndenumerate(sites):
        y, x = top + row + 0.5, left + column + 0.5
        if np.isnan(value):
            axes.plot(x, y, '.', color='0.7', markersize=2)
            continue
        far = abs(value - 1)
        axes.text(
            x,
            y + 0.27,  # below the middle, where the centre of mass often lies
            f'{value:.2f}',
            ha='center',
            va='center',
            fontsize=8,
            color='white' if far > 0.6 * (scale.vmax - 1) else 'black',
            weight='bold' if far > BOLD * kernel.noise else 'normal',
        )
    for y, x in np.unique(corners, axis=0):
        cell = Rectangle(
            (x, y), kernel.scale, kernel.scale, fill=False, lw=1.5
        )
        axes.add_patch(cell)
    down, aside = np.multiply(kernel.lean, kernel.scale)
    axes.plot(0, 0, 'k+', markersize=9)
    axes.plot(aside, down, 'kx', markersize=6)
    axes.set(xticks=np.unique(offsets[:, 1]), yticks=np.unique(offsets[:, 0]))
    axes.tick_params(labelsize=6, length=2)
    return image
