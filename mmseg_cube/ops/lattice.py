"""The lattice form: reconstruct channels on the finer lattice and convolve.

:func:`plain_lattice` is the whole form in plain expressions, the equations
of :mod:`mmseg_cube.ops.convolution`. :func:`to_lattice` and :func:`to_cells`
reconstruct and undo it outside autograd, faster on a CPU.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops import layout
from mmseg_cube.ops.geometry import (
    NOTHING,
    Geometry,
    Pads,
    Pair,
    lattice_pads,
    window_step,
)
from mmseg_cube.ops.layout import LAST, cells_of, inside, layout_of, pad
from mmseg_cube.ops.mask import spatial_mask
from mmseg_cube.ops.operands import Operands
from mmseg_cube.ops.places import take_up
from mmseg_cube.ops.routing import riffle


class LatticeConv(NamedTuple):
    """How the lattice is convolved; margins are (before, after) per axis."""

    arguments: tuple[Pair, Pair, Pair, int]  # from the stride on, of F.conv2d
    added: Pads = NOTHING  # zeros around it, where the convolution cannot pad
    cut: Pads = NOTHING  # pixels that no window reads


def lattice_conv(geometry: Geometry) -> LatticeConv:
    """Arguments of the convolution of the lattice."""
    pads = lattice_pads(geometry, 0), lattice_pads(geometry, 1)
    step = window_step(geometry)
    # Of several windows in a cell all are computed, in every cell.
    coarse = geometry.stride if geometry.sites == 1 else (1, 1)
    stride = step * coarse[0], step * coarse[1]
    options = geometry.dilation, geometry.groups
    # Less than a step too much behind adds no window: the convolution can
    # pad, without a copy.
    if all(b >= 0 and 0 <= b - a < step for b, a in pads):
        return LatticeConv((stride, (pads[0][0], pads[1][0]), *options))
    added = tuple((max(b, 0), max(a, 0)) for b, a in pads)
    cut = tuple((max(-b, 0), max(-a, 0)) for b, a in pads)
    return LatticeConv((stride, (0, 0), *options), added, cut)


def plain_lattice(operands: Operands) -> Tensor:
    """The lattice form in plain expressions, for compilers and exporters."""
    lattice = F.pixel_shuffle(operands.routed(), operands.geometry.scale)
    # Not ``cells()``, masked before: onnxruntime gets their shuffle wrong.
    if operands.mask is not None:
        lattice = lattice * spatial_mask(lattice, *operands.mask)
    conv = lattice_conv(operands.geometry)
    lattice = pad(inside(lattice, conv.cut), conv.added)
    sites, bias = operands.geometry.sites, operands.bias
    if sites == 1:
        return F.conv2d(lattice, operands.weight, bias, *conv.arguments)
    out = F.conv2d(lattice, operands.weight, None, *conv.arguments)
    # Not pixel_unshuffle: exporters to ONNX get its channel order wrong.
    down, right = operands.geometry.stride
    out = cells_of(out, sites).flatten(1, 3)[..., ::down, ::right]
    if bias is not None:
        out = out + bias.to(out.dtype)[:, None, None]
    return out.contiguous(memory_format=layout_of(lattice))


def to_lattice(input: Tensor, scale: int) -> Tensor:
    """Lay channels (N, C, H, W) out on a new lattice (N, G, rH, rW).

    On a CPU it has its channels last, elsewhere the layout of the input.
    """
    if layout.on_cpu(input):
        return F.pixel_shuffle(layout.to_layout(input, LAST), scale)
    n, c, h, w = input.shape
    shape = n, c // scale**2, scale * h, scale * w
    options = dict(dtype=input.dtype, device=input.device)
    options['memory_format'] = layout_of(input)
    lattice = torch.empty(shape, **options)
    cells_of(lattice, scale).copy_(input.unflatten(1, (-1, scale, scale)))
    return lattice


def to_cells(lattice: Tensor, scale: int) -> Tensor:
    """Undo :func:`to_lattice`.

    On a CPU the result has its channels last, elsewhere the layout of the
    lattice, of shape (N, G, r * H, r * W).
    """
    cells = cells_of(lattice, scale)
    if not layout.on_cpu(lattice) or lattice.numel() == 0:
        last = lattice.stride(1) == 1
        memory_format = LAST if last else torch.contiguous_format
        return cells.flatten(1, 3).contiguous(memory_format=memory_format)
    # Whole runs of channels first; then each of them to its place.
    places = take_up(lattice, scale).flatten(1, 2)
    order = riffle(places.shape[1], scale**2)
    return layout.permute_channels(places, order)
