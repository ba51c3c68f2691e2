"""The two forms that stay on the coarse grid.

This project. The folded one takes 4/9 of the operations of a 3 x 3
convolution (r = 2, q = 3), for its dense kernel has zeros where a parity does
not reach. The parity form takes 1/4, but the taps that it gathers take 9/4 of
the memory of the input and are kept for the backward pass: to gather them
again was measured to cost what this form gains, in time and in memory.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.context import is_traced
from mmseg_cube.ops.geometry import (
    Geometry,
    cell_pads,
    cell_taps,
    output_size,
    own_padding,
)
from mmseg_cube.ops.layout import LAST, is_channels_last, layout_of, pad
from mmseg_cube.ops.operands import Operands


def folded_form(operands: Operands) -> Tensor:
    """Convolve the coarse grid with the dense coarse kernel."""
    geometry, cells = operands.geometry, operands.cells()
    kernel = fold_weight(operands.weight, geometry)
    pads = cell_pads(geometry)
    padding = own_padding(pads)
    if padding is None:
        cells, padding = pad(cells, pads), (0, 0)
    options = geometry.stride, padding, 1, geometry.groups
    return F.conv2d(cells, kernel, operands.bias, *options)


def fold_weight(weight: Tensor, geometry: Geometry) -> Tensor:
    """Scatter the lattice kernel into the dense coarse kernel.

    Of a weight (D, G / groups, q, q) it has the shape (D, C / groups, K, K')
    and the layout. It is that of an equivalent convolution of the cells. A
    weight (D / n^2, G / groups, q, q) that serves n x n sites is repeated.
    """
    shape, places = _folding(geometry)
    index = _index(places, weight.device)
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
    index = _index(places, folded.device)
    depth = weight.shape[1]
    folded = folded.unflatten(1, (depth, -1)).unflatten(0, (-1, shape[0]))
    taps = folded.transpose(1, 2).flatten(2).index_select(2, index)
    taps = taps.unflatten(2, (shape[0], -1)).sum(2)
    return taps.view_as(weight).to(weight.dtype)


def _folding(geometry: Geometry) -> tuple[tuple[int, ...], tuple[int, ...]]:
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
    return shape, tuple(places)


def _index(places: tuple[int, ...], device: torch.device) -> Tensor:
    """Places as a tensor; a GPU keeps it, for a copy would have to wait."""
    if device.type != 'cuda' or is_traced():
        return torch.tensor(places, device=device)
    return _kept_index(places, device)


@lru_cache(maxsize=256)
def _kept_index(places: tuple[int, ...], device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # the next use may need a gradient
        return torch.tensor(places, device=device)


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
    scale, (down, right) = geometry.scale, geometry.stride
    cells = pad(cells, cell_pads(geometry))
    parities = cells.unflatten(1, (geometry.groups, -1, scale**2)).unbind(3)
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
