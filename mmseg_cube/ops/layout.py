"""Fast changes between the two layouts of a batch of feature maps.

This project. On a CPU the convolution of the lattice, which has few channels
and many pixels, is two to three times faster with channels last, but torch
copies between the layouts element by element. Its channel shuffle, on the
other hand, is a blocked transposition; a feature map seen as one pixel with
``C * H * W`` channels in ``C`` groups turns it into the copy that is needed.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.context import is_compiling, is_traced
from mmseg_cube.ops.geometry import Pads

LAST = torch.channels_last
# The compiler of torch 2.1 cannot ask a tensor for its layout.
LAYOUT_IS_HIDDEN = not hasattr(torch.compiler, 'is_compiling')


def is_batched(input: Tensor) -> bool:
    """Whether a tensor hides a dimension of ``vmap``, and so its layout."""
    try:
        input.is_contiguous(memory_format=LAST)
    except RuntimeError:
        return True
    return False


def is_channels_last(input: Tensor) -> bool:
    """Whether a 4d tensor is laid out with its channels last only."""
    if (LAYOUT_IS_HIDDEN and is_compiling()) or is_batched(input):
        return False
    last = input.is_contiguous(memory_format=LAST)
    return last and not input.is_contiguous()


def layout_of(input: Tensor) -> torch.memory_format:
    """Layout of a 4d tensor; the usual one where both are the same."""
    return LAST if is_channels_last(input) else torch.contiguous_format


def on_cpu(input: Tensor) -> bool:
    """Whether to go the ways that are fast on a CPU; tests go both."""
    return input.device.type == 'cpu'


def like(input: Tensor, other: Tensor) -> Tensor:
    """Bring a 4d tensor into the layout of another one."""
    return to_layout(input, layout_of(other))


def to_layout(input: Tensor, layout: torch.memory_format) -> Tensor:
    """Lay a tensor of shape (N, C, H, W) out in either of two layouts."""
    # The shuffle of torch 2.1 ends the process on an empty batch.
    fast = on_cpu(input) and input.dtype == torch.float32 and input.numel() > 0
    if input.is_contiguous(memory_format=layout) or not fast:
        return input.contiguous(memory_format=layout)
    # Each sample is a matrix in memory, which is to be transposed.
    n, c, h, w = input.shape
    if layout == LAST:
        given, rows = input.contiguous(), c
        strides = (c * h * w, 1, w * c, c)
    else:
        given, rows = input.contiguous(memory_format=LAST), h * w
        strides = (c * h * w, h * w, w, 1)
    size = c * h * w
    pixel = given.as_strided((n, size, 1, 1), (size, 1, size, size))
    turned = torch.native_channel_shuffle(pixel, rows)
    return _as_new(turned.as_strided(input.shape, strides))


def permute_channels(
    input: Tensor, order: Tensor, out: Tensor | None = None
) -> Tensor:
    """``input[:, order]`` in the layout of the input, or in ``out``."""
    if not is_channels_last(input):
        return torch.index_select(input, 1, order, out=out)
    n, c, h, w = input.shape
    if out is not None:
        out = out.permute(0, 2, 3, 1).view(-1, c)
    pixels = input.permute(0, 2, 3, 1).view(-1, c)
    out = torch.index_select(pixels, 1, order, out=out)
    return _as_new(out.view(n, h, w, c).permute(0, 3, 1, 2))


def _as_new(view: Tensor) -> Tensor:
    """Of an autograd function: no view, which may be changed in place.

    Exporters know no such step, nor do they need it.
    """
    if is_traced():
        return view
    return torch.ops.aten._unsafe_view(view, view.shape)


def cells_of(lattice: Tensor, scale: int) -> Tensor:
    """View a lattice of shape (N, G, r * H, r * W) as (N, G, r, r, H, W)."""
    cells = lattice.unflatten(3, (-1, scale)).unflatten(2, (-1, scale))
    return cells.permute(0, 1, 3, 5, 2, 4)


def pad(input: Tensor, pads: Pads, mode: str = 'constant') -> Tensor:
    """Pad (before, after) per axis of a tensor (N, C, H, W), as ``F.pad``."""
    if any(map(any, pads)):
        return F.pad(input, (*pads[1], *pads[0]), mode)
    return input


def inside(lattice: Tensor, margins: Pads) -> Tensor:
    """View of a lattice without margins (before, after) per axis."""
    if not any(map(any, margins)):
        return lattice  # exported, a slice of everything is a copy
    (top, bottom), (left, right) = margins
    height, width = lattice.shape[2:]
    return lattice[..., top : height - bottom, left : width - right]
