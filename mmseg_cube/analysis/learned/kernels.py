"""The parity structure of the coarse kernels that Cube layers have learned.

Seen from the coarse grid, a tap of the lattice kernel reads one cell and
there the channels of one parity, the place within the cell. So the weights of
one tap are those of one pair of cell and parity. Their energy is the root
mean square over all output and lattice channels. At random initialisation,
whatever its spread, every tap has the energy of the whole kernel.
"""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops.geometry import cell_taps
from mmseg_cube.utils.figures import new_panels
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
        within these cells (both those of the first window of a cell that has
        several); ``energies`` of the taps over that of the kernel, 1 at
        random, their ``least`` and ``largest``, and their standard deviation
        at random, ``noise``.
    """
    geometry, cells, parities = layer.geometry, [], []
    for axis in (0, 1):
        taps = cell_taps(geometry, axis)
        reach = geometry.dilation[axis] * (geometry.kernel_size[axis] - 1)
        centre = reach / 2 - geometry.pads[axis][0] + taps.before
        cells.append([cell - centre for cell, _ in taps.sites[0]])
        parities.append([parity for _, parity in taps.sites[0]])
    weight = layer.weight.double().cpu()
    squares = weight.square().mean((0, 1))
    # Those of a kernel of zeros are 0.
    energies = (squares / squares.mean()).sqrt().nan_to_num()
    return dict(
        cells=cells,
        parities=parities,
        energies=energies.tolist(),
        least=energies.min().item(),
        largest=energies.max().item(),
        noise=(2 * weight[:, :, 0, 0].numel()) ** -0.5,
    )


def draw_kernels(kernels: Mapping[str, Mapping]) -> Figure:
    """Draw the energy of every tap; ticks name cell and parity."""
    figure, panels = new_panels(len(kernels), COLUMNS, PANEL, PANEL)
    least = min(kernel['least'] for kernel in kernels.values())
    largest = max(kernel['largest'] for kernel in kernels.values())
    width = max(WIDTH, 1 - least, largest - 1)
    for axes, (name, kernel) in zip(panels, kernels.items(), strict=True):
        values = np.array(kernel['energies'])
        scale = dict(cmap=COLOURS, vmin=1 - width, vmax=1 + width)
        image = axes.imshow(values, **scale)
        for (row, column), value in np.ndenumerate(values):
            colour = 'white' if abs(value - 1) > 0.6 * width else 'black'
            style = dict(ha='center', va='center', color=colour, fontsize=8)
            axes.text(column, row, f'{value:.2f}', **style)
        rows, columns = (
            [f'{cell:g}, {parity}' for cell, parity in zip(*pair, strict=True)]
            for pair in zip(kernel['cells'], kernel['parities'], strict=True)
        )
        axes.set_yticks(range(len(rows)), rows, fontsize=6)
        axes.set_xticks(range(len(columns)), columns, fontsize=6)
        title = f'{cut(name, LETTERS)}\nrandom: 1 ± {kernel["noise"]:.3f}'
        axes.set_title(title, fontsize=8)
    label = 'energy over that of the kernel'
    figure.colorbar(image, ax=list(panels), shrink=0.8, label=label)
    return figure
