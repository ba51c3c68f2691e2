"""Reconstruction of channels onto the finer lattice, and back.

Source: the Cube Kernel. With N batch, C channels, H x W the coarse grid, r
the lattice scale and G = C / r^2::

    z[n, g, r*h + i, r*w + j] = x[n, g*r^2 + i*r + j, h, w]

:func:`reconstruct` is the plain expression. :func:`to_lattice` and
:func:`to_cells` do the same outside autograd and faster on a CPU.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.geometry import Pair
from mmseg_cube.ops.layout import is_channels_last, to_channels_last


def reconstruct(input: Tensor, scale: int = 2) -> Tensor:
    """Lay channels out on the finer lattice.

    Args:
        input: Tensor of shape (N, C, H, W).
        scale: Lattice pixels per cell and axis, r.

    Returns:
        Tensor of shape (N, C / r^2, r * H, r * W).
    """
    return F.pixel_shuffle(input, scale)


def to_lattice(
    input: Tensor, scale: int, pads: tuple[Pair, Pair] = ((0, 0), (0, 0))
) -> Tensor:
    """Lay channels out on a new lattice with room for padding.

    Args:
        input: Tensor of shape (N, C, H, W).
        scale: Lattice pixels per cell and axis, r.
        pads: Zeros (before, after) per axis, in lattice pixels.

    Returns:
        The padded lattice: on a CPU with its channels last, elsewhere in the
        layout of the input.
    """
    if input.device.type == 'cpu':
        lattice = F.pixel_shuffle(to_channels_last(input), scale)
    else:
        n, c, h, w = input.shape
        last = is_channels_last(input)
        lattice = torch.empty(
            (n, c // scale**2, scale * h, scale * w),
            dtype=input.dtype,
            device=input.device,
            memory_format=(
                torch.channels_last if last else torch.contiguous_format
            ),
        )
        _cells_of(lattice, scale).copy_(input.unflatten(1, (-1, scale, scale)))
    if any(map(any, pads)):
        lattice = F.pad(lattice, (*pads[1], *pads[0]))
    return lattice


def to_cells(lattice: Tensor, scale: int) -> Tensor:
    """Undo :func:`to_lattice`.

    Args:
        lattice: Tensor of shape (N, G, r * H, r * W) in either layout.
        scale: Lattice pixels per cell and axis, r.

    Returns:
        Tensor of shape (N, C, H, W): on a CPU with its channels last,
        elsewhere in the layout of the lattice.
    """
    cells = _cells_of(lattice, scale)
    if lattice.device.type != 'cpu' or lattice.numel() == 0:
        layout = torch.contiguous_format
        if lattice.stride(1) == 1:
            layout = torch.channels_last
        return cells.flatten(1, 3).contiguous(memory_format=layout)
    # Whole runs of channels first, then a transposition inside the pixels,
    # for which torch has a fast kernel.
    blocks = cells.permute(0, 4, 5, 2, 3, 1).flatten(3)
    return torch.native_channel_shuffle(
        blocks.contiguous().permute(0, 3, 1, 2), scale**2
    )


def split_pads(
    pads: tuple[Pair, Pair],
) -> tuple[tuple[Pair, Pair], tuple[Pair, Pair]]:
    """Split padding into what is added and what, negative, is cut off.

    Args:
        pads: Padding (before, after) per axis.

    Returns:
        Pixels to add and pixels to cut off, none of them negative.
    """
    added = tuple((max(b, 0), max(a, 0)) for b, a in pads)
    cut = tuple((max(-b, 0), max(-a, 0)) for b, a in pads)
    return added, cut


def inside(lattice: Tensor, margins: tuple[Pair, Pair]) -> Tensor:
    """View of a lattice without margins (before, after) per axis."""
    for axis, (before, after) in zip((2, 3), margins, strict=True):
        if before or after:
            size = lattice.shape[axis] - before - after
            lattice = lattice.narrow(axis, before, size)
    return lattice


def _cells_of(lattice: Tensor, scale: int) -> Tensor:
    """View of shape (N, G, r, r, H, W)."""
    cells = lattice.unflatten(3, (-1, scale)).unflatten(2, (-1, scale))
    return cells.permute(0, 1, 3, 5, 2, 4)
