"""The parity structure of the coarse kernels that Cube layers have learned.

Seen from the coarse grid, a tap of the lattice kernel reads one cell and
there the channels of one parity, the place within the cell. So the weights of
one tap are those of one pair of cell and parity. Their energy is the root
mean square over all output and lattice channels.

At random initialisation all weights have one distribution. Whatever its
spread, every tap then has the energy of the whole kernel, a cell's share of
the squared weights is its share of the taps, and the centre of mass of the
squared weights is the middle of the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import Geometry
from mmseg_cube.ops.geometry import cell_taps, first_tap

Place = tuple[float, float]  # down and right
Shares = dict[str, Place]  # learned and at random, by name


@dataclass(frozen=True)
class Tap:
    """A tap of the lattice kernel.

    Attributes:
        offset: From the centre of the replaced convolution's window to the
            middle of the tap, in lattice pixels.
        cell: The coarse cell it reads, as seen from that centre.
        parity: Row and column within the cell.
        energy: That of its weights over that of the kernel; 1 at random.
    """

    offset: Place
    cell: str
    parity: tuple[int, int]
    energy: float


@dataclass(frozen=True)
class Kernel:
    """The coarse kernel of a layer.

    Attributes:
        scale: Lattice pixels per cell and axis, r.
        noise: Standard deviation of the energies of a kernel whose weights
            are normally distributed.
        taps: Taps, row by row.
        cells: Share of the squared weights by cell.
        parities: The same by parity, ``'row, column'``.
        lean: From the centre of the replaced window to the centre of mass of
            the squared weights, in cells.
        random_lean: The same at random, which is due to the phase alone.
    """

    scale: int
    noise: float
    taps: list[Tap]
    cells: Shares
    parities: Shares
    lean: Place
    random_lean: Place


@torch.no_grad()
def describe_kernel(layer: CubeConv2d) -> Kernel:
    """Measure the energies, the shares and the lean of a layer's kernel."""
    geometry = layer.geometry
    weight = layer.weight.detach().double().cpu()
    squares = weight.square().mean((0, 1)).numpy()
    shares = squares / squares.sum() if squares.any() else squares
    energies = np.sqrt(shares * shares.size)
    rows, columns = (_places(geometry, axis) for axis in (0, 1))
    taps = [
        Tap((down, right), name_cell(row, column), (i, j), energies[y, x])
        for y, (down, row, i) in enumerate(rows)
        for x, (right, column, j) in enumerate(columns)
    ]
    offsets = np.array([tap.offset for tap in taps]) / geometry.scale
    lean = shares.reshape(-1) @ offsets
    return Kernel(
        geometry.scale,
        (2 * weight[:, :, 0, 0].numel()) ** -0.5,
        taps,
        _add_up([tap.cell for tap in taps], shares),
        _add_up(['{}, {}'.format(*tap.parity) for tap in taps], shares),
        tuple(lean.tolist()),
        tuple(offsets.mean(0).tolist()),
    )


def name_cell(down: float, right: float) -> str:
    """Name a cell by its distance from the centre, such as 'upper-left'.

    Cells of an even kernel lie half a cell beside the centre.
    """
    parts = [
        ('' if abs(distance) == 1 else f'{abs(distance):g} ')
        + names[distance > 0]
        for distance, names in (
            (down, ('upper', 'lower')),
            (right, ('left', 'right')),
        )
        if distance
    ]
    return '-'.join(parts) or 'own'


def _places(geometry: Geometry, axis: int) -> list[tuple[float, float, int]]:
    """Offset in lattice pixels, cell and parity of the taps on an axis."""
    scale, dilation = geometry.scale, geometry.dilation[axis]
    reach = dilation * (geometry.kernel_size[axis] - 1)
    before = geometry.pads[axis][0]
    # Centre of the first window of the replaced convolution.
    centre = scale * ((reach + 1) / 2 - before)
    first, taps = first_tap(geometry, axis), cell_taps(geometry, axis)
    return [
        (
            first + dilation * t + 0.5 - centre,
            cell - taps.before + before - reach / 2,
            parity,
        )
        for t, (cell, parity) in enumerate(taps.places)
    ]


def _add_up(names: Sequence[str], shares: np.ndarray) -> Shares:
    total: Shares = {}
    for name, share in zip(names, shares.reshape(-1).tolist(), strict=True):
        learned, random = total.get(name, (0.0, 0.0))
        total[name] = learned + share, random + 1 / len(names)
    return total
