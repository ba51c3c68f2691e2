"""Picture of the coarse kernels of Cube layers."""

from collections.abc import Mapping
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from mmseg_cube.analysis.learned.kernels import Kernel
from mmseg_cube.analysis.learned.pages import fit_title

PER_ROW = 4
KERNELS_PER_PAGE = 12
PANEL = 2.6  # inches
BOLD = 3  # standard deviations of random weights
EXTREME = 0.5  # least distance from 1 at which the colours end
LETTERS = 16  # of the key, per inch
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

    Returns:
        The figure.
    """
    per_row = min(PER_ROW, len(kernels))
    rows = -(-len(kernels) // per_row)
    size = PANEL * per_row + 1, (PANEL + 0.3) * rows + 0.5
    figure = Figure(size, layout='constrained')
    grid = figure.subplots(rows, per_row, squeeze=False).ravel()
    furthest = max(
        abs(tap.relative - 1) for k in kernels.values() for tap in k.taps
    )
    width = max(furthest, EXTREME)
    scale = Normalize(1 - width, 1 + width)
    for axes, (name, kernel) in zip(grid, kernels.items(), strict=False):
        image = _draw(axes, kernel, scale)
        axes.set_title(f'{fit_title(name)}\n{_describe(kernel)}', fontsize=8)
    for axes in grid[len(kernels) :]:
        axes.axis('off')
    bar = figure.colorbar(image, ax=grid, shrink=0.8)
    bar.set_label('energy over that of the kernel', fontsize=8)
    bar.ax.tick_params(labelsize=7)
    figure.supxlabel(fill(KEY, int(LETTERS * size[0])), fontsize=8)
    return figure


def _describe(kernel: Kernel) -> str:
    down, right = kernel.lean
    return (
        f'leans {abs(down):.2f} cells {"down" if down > 0 else "up"}, '
        f'{abs(right):.2f} {"right" if right > 0 else "left"}\n'
        f'random: 1 ± {kernel.noise:.3f}'
    )


def _draw(axes: Axes, kernel: Kernel, scale: Normalize) -> AxesImage:
    """Draw one kernel; both axes are offsets from the centre."""
    offsets = np.array([tap.offset for tap in kernel.taps])
    # Upper left corner of the cell that each tap falls into.
    corners = np.array(
        [
            np.array(tap.offset) - 0.5 - np.array(tap.parity)
            for tap in kernel.taps
        ]
    )
    top, left = corners.min(0)
    bottom, right = corners.max(0) + kernel.scale
    sites = np.full((round(bottom - top), round(right - left)), np.nan)
    places = (offsets - (top, left)).astype(int)
    for (row, column), tap in zip(places, kernel.taps, strict=True):
        sites[row, column] = tap.relative
    image = axes.imshow(
        sites, cmap=COLOURS, norm=scale, extent=(left, right, bottom, top)
    )
    for (row, column), value in np.ndenumerate(sites):
        y, x = top + row + 0.5, left + column + 0.5
        if np.isnan(value):
            axes.plot(x, y, '.', color='0.7', markersize=2)
        else:
            dark = abs(value - 1) > 0.6 * (scale.vmax - 1)
            colour = 'white' if dark else 'black'
            sure = abs(value - 1) > BOLD * kernel.noise
            # Below the middle, where the centre of mass often lies.
            axes.text(
                x,
                y + 0.27,
                f'{value:.2f}',
                ha='center',
                va='center',
                fontsize=8,
                color=colour,
                weight='bold' if sure else 'normal',
            )
    for y, x in np.unique(corners, axis=0):
        size = kernel.scale
        axes.add_patch(Rectangle((x, y), size, size, fill=False, lw=1.5))
    axes.plot(0, 0, 'k+', markersize=9)
    down, aside = (kernel.scale * value for value in kernel.lean)
    axes.plot(aside, down, 'kx', markersize=6)
    axes.set_xticks(np.unique(offsets[:, 1]))
    axes.set_yticks(np.unique(offsets[:, 0]))
    axes.tick_params(labelsize=6, length=2)
    return image
