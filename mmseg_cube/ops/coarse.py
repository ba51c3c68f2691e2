"""The two forms that stay on the coarse grid.

This project. The taps that the parity form gathers take 9/4 of the memory of
the input (r = 2, q = 3) and are kept for the backward pass. To gather them
once more there was measured to cost the time that this form gains, and to
raise the peak of memory, since their gradient is as large.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.geometry import (
    Geometry,
    cell_pads,
    cell_taps,
    output_size,
)
from mmseg_cube.ops.layout import LAST, is_channels_last, layout_of
from mmseg_cube.ops.operands import Operands


def folded_form(operands: Operands) -> Tensor:
    """Convolve the coarse grid with the dense coarse kernel."""
    geometry, cells = operands.geometry, operands.cells()
    kernel = fold_weight(operands.weight, geometry)
    rows, columns = cell_pads(geometry, 0), cell_pads(geometry, 1)
    padding = (0, 0)
    if rows[0] == rows[1] >= 0 and columns[0] == columns[1] >= 0:
        padding = (rows[0], columns[0])
    else:
        cells = F.pad(cells, (*columns, *rows))
    options = geometry.stride, padding, 1, geometry.groups
    return F.conv2d(cells, kernel, operands.bias, *options)


def fold_weight(weight: Tensor, geometry: Geometry) -> Tensor:
    """Scatter the lattice kernel into the dense coarse kernel.

    Of a weight (D, G / groups, q, q) it has the shape (D, C / groups, K, K')
    and the layout. It is that of an equivalent convolution of the cells. A
    weight (D / n^2, G / groups, q, q) that serves n x n sites is repeated.
    """
    shape, places = _folding(geometry)
    index = torch.tensor(places, device=weight.device)
    taps = weight.flatten(2).repeat(1, 1, shape[0])
    folded = weight.new_zeros(*weight.shape[:2], math.prod(shape))
    folded = folded.index_copy(2, index, taps).unflatten(2, shape)
    folded = folded.transpose(1, 2).flatten(2, 3).flatten(0, 1)
    return folded.contiguous(memory_format=layout_of(weight))


def unfold_weight(
    folded: Tensor, weight: Tensor, geometry: Geometry
) -> Tensor:
    """Gradient of a weight from that of its folded kernel."""
    shape, places = _folding(geometry)
    index = torch.tensor(places, device=folded.device)
    depth = weight.shape[1]
    folded = folded.unflatten(1, (depth, -1)).unflatten(0, (-1, shape[0]))
    taps = folded.transpose(1, 2).flatten(2).index_select(2, index)
    taps = taps.unflatten(2, (shape[0], -1)).sum(2)
    return taps.view_as(weight).to(weight.dtype)


def _folding(geometry: Geometry) -> tuple[tuple[int, ...], list[int]]:
    """Shape (n^2, r^2, K, K') of folded taps, and where they lie in it.

    Places in the flat shape: site by site those of all taps.
    """
    rows, columns = cell_taps(geometry, 0), cell_taps(geometry, 1)
    scale, sites = geometry.scale, len(rows.sites)
    places = [
        (((y * sites + x) * scale + i) * scale + j) * rows.span * columns.span
        + h * columns.span
        + w
        for y, taps_down in enumerate(rows.sites)
        for x, taps_right in enumerate(columns.sites)
        for h, i in taps_down
        for w, j in taps_right
    ]
    shape = sites**2, scale**2, rows.span, columns.span
    return shape, places


def parity_form(operands: Operands) -> Tensor:
    """Multiply the kernel with the shifted channels of every tap."""
    weight, geometry = operands.weight, operands.geometry
    cells = operands.cells()
    # (groups, D / groups, q * q * G / groups)
    kernel = weight.unflatten(0, (geometry.groups, -1)).flatten(3)
    kernel = kernel.transpose(2, 3).flatten(2)
    height = output_size(cells.shape[2], geometry, 0)
    width = output_size(cells.shape[3], geometry, 1)
    out = kernel @ _gather_taps(cells, geometry, height, width)
    out = out.flatten(1, 2).unflatten(2, (height, width))
    if operands.bias is not None:
        # Autocast has cast the product alone.
        out = out + operands.bias.to(out.dtype)[:, None, None]
    # As in torch, either of them asks for channels last.
    last = is_channels_last(cells) or is_channels_last(weight)
    return out.contiguous(memory_format=LAST) if last else out


def _gather_taps(
    cells: Tensor, geometry: Geometry, height: int, width: int
) -> Tensor:
    """Channels that each tap reads, (N, groups, q * q * G / groups, H'W')."""
    rows, columns = cell_pads(geometry, 0), cell_pads(geometry, 1)
    scale, (down, right) = geometry.scale, geometry.stride
    parities = (
        F.pad(cells, (*columns, *rows))
        .unflatten(1, (geometry.groups, -1, scale**2))
        .unbind(3)
    )
    shifted = [
        parities[i * scale + j][
            ...,
            h : h + down * (height - 1) + 1 : down,
            w : w + right * (width - 1) + 1 : right,
        ]
        for h, i in cell_taps(geometry, 0).sites[0]
        for w, j in cell_taps(geometry, 1).sites[0]
    ]
    return torch.stack(shifted, 2).flatten(4).flatten(2, 3)
