"""Three exact ways to execute the convolution of the lattice.

This project. A tap of the lattice kernel falls into one cell of the coarse
grid and reads there only the channels of one parity. So beside the plain

* ``lattice`` form, a strided convolution of the reconstructed lattice, with
  the fewest operations,

the same result comes from the coarse grid without any lattice:

* ``folded``: the taps scattered into a dense coarse kernel with zeros where a
  parity does not reach; 4/9 of a 3 x 3 convolution for r = 2, q = 3;
* ``parity``: the shifted channels of every tap side by side and one matrix
  product; 1/4 of a 3 x 3 convolution, but 9/4 of the input in memory.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.geometry import (
    Geometry,
    Pair,
    cell_pads,
    cell_taps,
    lattice_pads,
)
from mmseg_cube.ops.layout import LAST, is_channels_last

FORMS = ('lattice', 'folded', 'parity')


def lattice_padding(geometry: Geometry) -> tuple[Pair, tuple[Pair, Pair]]:
    """Padding of the lattice, by the convolution where it can.

    Args:
        geometry: Geometry of the convolution.

    Returns:
        Padding for ``F.conv2d``, the same on both sides and free of copies,
        and that to be added beforehand, one of them zero.
    """
    rows, columns = lattice_pads(geometry, 0), lattice_pads(geometry, 1)
    # Windows advance by whole cells, so less than a cell too much behind
    # adds no window.
    if all(
        before >= 0 and 0 <= before - after < geometry.scale
        for before, after in (rows, columns)
    ):
        return (rows[0], columns[0]), ((0, 0), (0, 0))
    return (0, 0), (rows, columns)


def lattice_form(
    lattice: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
) -> Tensor:
    """Convolve the lattice back to the coarse grid.

    Args:
        lattice: Tensor of shape (N, G, r * H, r * W).
        weight: Tensor of shape (D, G / groups, q, q).
        bias: Tensor of shape (D,), or None.
        geometry: Geometry of the convolution.

    Returns:
        Tensor of shape (N, D, H', W').
    """
    padding, pads = lattice_padding(geometry)
    if any(map(any, pads)):
        lattice = F.pad(lattice, (*pads[1], *pads[0]))
    return F.conv2d(
        lattice,
        weight,
        bias,
        tuple(geometry.scale * s for s in geometry.stride),
        padding,
        geometry.dilation,
        geometry.groups,
    )


def fold_weight(weight: Tensor, geometry: Geometry) -> Tensor:
    """Scatter the lattice kernel into the dense coarse kernel.

    Args:
        weight: Tensor of shape (D, G / groups, q, q).
        geometry: Geometry of the convolution.

    Returns:
        Tensor of shape (D, C / groups, K, K') with the weights of an
        equivalent convolution of the coarse grid, in the same layout.
    """
    scale = geometry.scale
    rows, columns = cell_taps(geometry, 0), cell_taps(geometry, 1)
    places = [
        ((i * scale + j) * rows.span + h) * columns.span + w
        for h, i in rows.places
        for w, j in columns.places
    ]
    size = scale**2 * rows.span * columns.span
    index = torch.tensor(places, device=weight.device)
    folded = weight.new_zeros(*weight.shape[:2], size)
    folded = folded.index_copy(2, index, weight.flatten(2))
    folded = folded.unflatten(2, (scale**2, rows.span, columns.span))
    folded = folded.flatten(1, 2)
    if is_channels_last(weight):
        return folded.contiguous(memory_format=LAST)
    return folded


def folded_form(
    input: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
) -> Tensor:
    """Convolve the coarse grid with the dense coarse kernel.

    Args:
        input: Tensor of shape (N, C, H, W).
        weight: Tensor of shape (D, G / groups, q, q).
        bias: Tensor of shape (D,), or None.
        geometry: Geometry of the convolution.

    Returns:
        Tensor of shape (N, D, H', W').
    """
    kernel = fold_weight(weight, geometry)
    rows, columns = cell_pads(geometry, 0), cell_pads(geometry, 1)
    padding = (0, 0)
    if rows[0] == rows[1] >= 0 and columns[0] == columns[1] >= 0:
        padding = (rows[0], columns[0])
    else:
        input = F.pad(input, (*columns, *rows))
    return F.conv2d(
        input, kernel, bias, geometry.stride, padding, 1, geometry.groups
    )
