"""The parity structure of the coarse kernels that Cube layers have learned.

Seen from the coarse grid, a tap of the lattice kernel reads one cell and
there the channels of one parity, the place within the cell. So the weights of
one tap are those of one pair of cell and parity. Their energy is the root
mean square over all output and lattice channels.

At random initialisation all weights have one distribution. Whatever its
spread, every tap then has the energy of the whole kernel, and the centre of
mass of the squared weights is the middle of the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import Geometry
from mmseg_cube.ops.geometry import cell_taps, first_tap
from mmseg_cube.utils.figures import new_figure
from mmseg_cube.utils.words import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PER_ROW = 4
PANEL = 2.8  # inches
LETTERS = 34  # that fit over a panel
BOLD = 3  # standard deviations of random weights
EXTREME = 0.5  # least distance from 1 at which the colours end
COLOURS = 'PuOr_r'  # told apart with any kind of colour vision
KEY = f'bold: more than {BOLD} standard deviations from random; lines: cells'

Place = tuple[float, float]  # down and right


@dataclass(frozen=True)
class Kernel:
    """The coarse kernel of a layer with q x q' taps.

    Attributes:
        cells: For rows and columns, the cell that each tap reads, counted
            down and right from the centre of the replaced convolution's
            window: 0 is its own one, -1 that above or to the left.
        parities: For rows and columns, the place within that cell.
        energies: Energy of each tap over that of the kernel, (q, q'); 1 at
            random.
        noise: Standard deviation of the energies of a kernel whose weights
            are normally distributed.
        lean: From the centre of the replaced window to the centre of mass of
            the squared weights, in cells.
        random_lean: The same at random, which is due to the phase alone.
    """

    cells: tuple[list[float], list[float]]
    parities: tuple[list[int], list[int]]
    energies: list[list[float]]
    noise: float
    lean: Place
    random_lean: Place


@torch.no_grad()
def describe_kernel(layer: CubeConv2d) -> Kernel:
    """Measure the energies and the lean of a layer's kernel."""
    weight = layer.weight.detach().double().cpu()
    squares = weight.square().mean((0, 1)).numpy()
    shares = squares / squares.sum() if squares.any() else squares
    cells, parities, offsets = zip(
        *(_places(layer.geometry, axis) for axis in (0, 1)), strict=True
    )
    return Kernel(
        cells,
        parities,
        np.sqrt(shares * shares.size).tolist(),
        (2 * weight[:, :, 0, 0].numel()) ** -0.5,
        (float(shares.sum(1) @ offsets[0]), float(shares.sum(0) @ offsets[1])),
        (float(np.mean(offsets[0])), float(np.mean(offsets[1]))),
    )


def _places(
    geometry: Geometry, axis: int
) -> tuple[list[float], list[int], list[float]]:
    """Cells and parities of the taps on an axis, and their offsets in cells.

    Both are seen from the centre of the replaced convolution's window.
    """
    scale, dilation = geometry.scale, geometry.dilation[axis]
    reach = dilation * (geometry.kernel_size[axis] - 1)
    taps = cell_taps(geometry, axis)
    shift = geometry.pads[axis][0] - taps.before - reach / 2
    # Lattice pixels from the first window's centre to the first tap's middle.
    centre = scale * ((reach + 1) / 2 - geometry.pads[axis][0])
    first = first_tap(geometry, axis) + 0.5 - centre
    offsets = [(first + dilation * t) / scale for t in range(len(taps.places))]
    cells, parities = zip(*taps.places, strict=True)
    return [cell + shift for cell in cells], list(parities), offsets


def draw_kernels(kernels: Mapping[str, Kernel]) -> Figure:
    """Draw the energy of every tap, by cell and parity.

    Args:
        kernels: Kernels by name.
    """
    from matplotlib.colors import Normalize

    columns = min(PER_ROW, len(kernels))
    rows = -(-len(kernels) // columns)
    size = PANEL * columns + 1, (PANEL + 0.3) * rows + 0.4
    figure, grid = new_figure(rows, columns, size)
    energies = [np.array(kernel.energies) for kernel in kernels.values()]
    width = max(EXTREME, *(abs(x - 1).max() for x in energies))
    for axes in grid.flat[len(kernels) :]:
        axes.axis('off')
    for axes, (name, kernel) in zip(grid.flat, kernels.items(), strict=False):
        values = np.array(kernel.energies)
        scale = Normalize(1 - width, 1 + width)
        image = axes.imshow(values, cmap=COLOURS, norm=scale)
        for (row, column), value in np.ndenumerate(values):
            far = abs(value - 1)
            colour = 'white' if far > 0.6 * width else 'black'
            weight = 'bold' if far > BOLD * kernel.noise else 'normal'
            style = dict(ha='center', va='center', color=colour, weight=weight)
            axes.text(column, row, f'{value:.2f}', fontsize=8, **style)
        for cells, line in zip(
            kernel.cells, (axes.axhline, axes.axvline), strict=True
        ):
            for border in np.flatnonzero(np.diff(cells)):
                line(border + 0.5, color='black', lw=1.5)
        down, right = (
            [f'{cell:g}, {i}' for cell, i in zip(*pair, strict=True)]
            for pair in zip(kernel.cells, kernel.parities, strict=True)
        )
        axes.set_yticks(range(len(down)), down, fontsize=6)
        axes.set_xticks(range(len(right)), right, fontsize=6)
        lean = '{:+.2f} down, {:+.2f} right'.format(*kernel.lean)
        axes.set_title(
            f'{cut(name, LETTERS)}\nlean in cells: {lean}\n'
            f'random: 1 ± {kernel.noise:.3f}',
            fontsize=8,
        )
    bar = figure.colorbar(image, ax=grid, shrink=0.8)
    bar.set_label('energy over that of the kernel', fontsize=8)
    figure.supxlabel(f'ticks: cell, parity; {KEY}', fontsize=8)
    return figure
