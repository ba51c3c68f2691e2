"""The parity structure of the coarse kernels that Cube layers have learned.

Seen from the coarse grid, a tap of the lattice kernel reads one cell and
there the channels of one parity, the place within the cell. So the weights of
one tap are those of one pair of cell and parity. Their energy is the root
mean square over all output and lattice channels.

At random initialisation all weights have one distribution. Whatever its
spread, every tap then has the energy of the whole kernel, and the centre of
mass of the squared weights is the middle of the window.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import Geometry
from mmseg_cube.ops.geometry import cell_taps, first_tap, lattice_step
from mmseg_cube.utils.figures import new_panels, save_figure
from mmseg_cube.utils.words import cut

COLUMNS = 4  # panels side by side
PANEL = 3.0  # inches
LETTERS = 34  # that fit over a panel
WIDTH = 0.5  # least distance from 1 at which the colours end
COLOURS = 'PuOr_r'  # told apart with any kind of colour vision


@torch.no_grad()
def describe_kernel(layer: CubeConv2d) -> dict[str, object]:
    """Measure the coarse kernel of a layer with q x q' taps.

    Returns:
        ``cells``: for rows and columns, the cell that each tap reads, counted
        down and right from the centre of the replaced convolution's window: 0
        is its own one, -1 that above or to the left; ``parities``: the places
        within these cells; ``energies`` of the taps over that of the kernel,
        1 at random, their ``least`` and ``largest``, and their standard
        deviation at random, ``noise``; ``lean``: from the centre of the
        replaced window to the centre of mass of the squared weights, in cells
        down and right; ``random_lean``: that at random, due to the phase.
    """
    weight = layer.weight.detach().double().cpu()
    squares = weight.square().mean((0, 1)).numpy()
    shares = squares / squares.sum() if squares.any() else squares
    energies = np.sqrt(shares * shares.size)
    places = [_places(layer.geometry, axis) for axis in (0, 1)]
    cells, parities, offsets = zip(*places, strict=True)
    lean = [shares.sum(1) @ offsets[0], shares.sum(0) @ offsets[1]]
    return dict(
        cells=cells,
        parities=parities,
        energies=energies.tolist(),
        least=float(energies.min()),
        largest=float(energies.max()),
        noise=(2 * weight[:, :, 0, 0].numel()) ** -0.5,
        lean=np.array(lean).tolist(),
        random_lean=[float(np.mean(along)) for along in offsets],
    )


def _places(
    geometry: Geometry, axis: int
) -> tuple[list[float], list[int], list[float]]:
    """Cells and parities of the taps on an axis, and their offsets in cells.

    Cells and offsets start from the centre of the replaced window. Where a
    cell has several windows, cells and parities are those of the first one,
    and offsets the mean ones.
    """
    scale, dilation = geometry.scale, geometry.dilation[axis]
    reach = dilation * (geometry.kernel_size[axis] - 1)
    taps = cell_taps(geometry, axis)
    places = taps.sites[0]
    # Further sites read the same window, further on.
    further = (geometry.scale - lattice_step(geometry)) / 2
    shift = geometry.pads[axis][0] - taps.before - reach / 2
    # Lattice pixels from the first window's centre to the first tap's middle.
    centre = scale * ((reach + 1) / 2 - geometry.pads[axis][0])
    first = first_tap(geometry, axis) + 0.5 + further - centre
    offsets = [(first + dilation * t) / scale for t in range(len(places))]
    cells, parities = zip(*places, strict=True)
    return [cell + shift for cell in cells], list(parities), offsets


def draw_kernels(kernels: Mapping[str, Mapping], path: Path) -> None:
    """Draw the energy of every tap; ticks name cell and parity."""
    figure, panels = new_panels(len(kernels), COLUMNS, PANEL, PANEL)
    energies = [np.array(kernel['energies']) for kernel in kernels.values()]
    width = max(WIDTH, *(abs(x - 1).max() for x in energies))
    scale = dict(cmap=COLOURS, vmin=1 - width, vmax=1 + width)
    for axes, (name, kernel) in zip(panels, kernels.items(), strict=True):
        values = np.array(kernel['energies'])
        image = axes.imshow(values, **scale)
        for (row, column), value in np.ndenumerate(values):
            colour = 'white' if abs(value - 1) > 0.6 * width else 'black'
            style = dict(ha='center', va='center', color=colour, fontsize=8)
            axes.text(column, row, f'{value:.2f}', **style)
        ticks = [
            [f'{cell:g}, {parity}' for cell, parity in zip(*pair, strict=True)]
            for pair in zip(kernel['cells'], kernel['parities'], strict=True)
        ]
        axes.set_yticks(range(len(ticks[0])), ticks[0], fontsize=6)
        axes.set_xticks(range(len(ticks[1])), ticks[1], fontsize=6)
        title = f'{cut(name, LETTERS)}\nrandom: 1 ± {kernel["noise"]:.3f}'
        axes.set_title(title, fontsize=8)
    label = 'energy over that of the kernel'
    figure.colorbar(image, ax=list(panels), shrink=0.8, label=label)
    save_figure(figure, path)
