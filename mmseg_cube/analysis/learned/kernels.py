"""The parity structure of the coarse kernels that Cube layers have learned.

Seen from the coarse grid, a tap of the lattice kernel reads one cell and
there the channels of one parity, the place within the cell (see
``mmseg_cube.ops.forms``). So the weights of one tap are those of one pair of
cell and parity. Their energy is the root mean square over all output and
lattice channels.

At random initialisation all weights have one distribution. Whatever its
spread, every tap then has the energy of the whole kernel, a cell's share of
the squared weights is its share of the taps, and the centre of mass of the
squared weights is the middle of the window.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import Geometry
from mmseg_cube.ops.geometry import cell_taps, first_tap

Place = tuple[float, float]


@dataclass(frozen=True)
class Tap:
    """A tap of the lattice kernel.

    Attributes:
        offset: Down and right from the centre of the replaced convolution's
            window to the middle of the tap, in lattice pixels.
        cell: The coarse cell it reads, as seen from that centre.
        parity: Row and column within the cell.
        rms: Root mean square of its weights.
        relative: The same over that of the kernel; 1 at random.
    """

    offset: Place
    cell: str
    parity: tuple[int, int]
    rms: float
    relative: float


@dataclass(frozen=True)
class Share:
    """Share of the squared weights, and what it is at random."""

    learned: float
    random: float


@dataclass(frozen=True)
class Kernel:
    """The coarse kernel of a layer.

    Attributes:
        scale: Lattice pixels per cell and axis, r.
        rms: Root mean square of all weights.
        noise: Standard deviation of ``relative`` among the taps of a kernel
            whose weights are normally distributed.
        taps: Taps, row by row.
        cells: Share of every cell.
        parities: Share of every parity, as ``'row, column'``.
        lean: Down and right from the centre of the replaced window to the
            centre of mass of the squared weights, in cells.
        random_lean: The same at random, which is due to the phase alone.
        pixels: ``lean`` in pixels of the image; None if it is not known how
            large a cell is.
    """

    scale: int
    rms: float
    noise: float
    taps: list[Tap]
    cells: dict[str, Share]
    parities: dict[str, Share]
    lean: Place
    random_lean: Place
    pixels: Place | None


@torch.no_grad()
def describe_kernel(
    layer: CubeConv2d, cell_pixels: Place | None = None
) -> Kernel:
    """Measure the kernel of a layer.

    Args:
        layer: Layer.
        cell_pixels: Height and width of its cells in pixels of the image.

    Returns:
        Its energies, shares and lean.
    """
    geometry = layer.geometry
    weight = layer.weight.detach().double().cpu()
    energies = weight.square().mean((0, 1)).numpy()
    mean = float(energies.mean())
    rows, columns = (_axis_places(geometry, axis) for axis in (0, 1))
    taps = [
        Tap(
            offset=(down, right),
            cell=name_cell(row, column),
            parity=(i, j),
            rms=float(np.sqrt(energies[y, x])),
            relative=float(np.sqrt(energies[y, x] / mean)) if mean else 0.0,
        )
        for y, (down, row, i) in enumerate(rows)
        for x, (right, column, j) in enumerate(columns)
    ]
    shares = energies.reshape(-1) / energies.sum() if mean else energies * 0
    places = np.array([tap.offset for tap in taps]) / geometry.scale
    lean = tuple(map(float, shares.reshape(-1) @ places))
    by_parity = [f'{i}, {j}' for i, j in (tap.parity for tap in taps)]
    return Kernel(
        scale=geometry.scale,
        rms=mean**0.5,
        noise=(2 * weight[:, :, 0, 0].numel()) ** -0.5,
        taps=taps,
        cells=_add_up([tap.cell for tap in taps], shares),
        parities=_add_up(by_parity, shares),
        lean=lean,
        random_lean=tuple(map(float, places.mean(0))),
        pixels=cell_pixels
        and tuple(a * b for a, b in zip(lean, cell_pixels, strict=True)),
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


def _axis_places(
    geometry: Geometry, axis: int
) -> list[tuple[float, float, int]]:
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


def _add_up(names: list[str], shares: np.ndarray) -> Mapping[str, Share]:
    total: dict[str, Share] = {}
    for name, share in zip(names, shares.reshape(-1).tolist(), strict=True):
        old = total.get(name, Share(0.0, 0.0))
        random = old.random + 1 / len(names)
        total[name] = Share(old.learned + share, random)
    return total
