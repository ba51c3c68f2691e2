"""Fast changes between the two layouts of a batch of feature maps.

This project. On a CPU the convolution of the lattice, which has few channels
and many pixels, is two to three times faster with channels last, but torch
copies between the layouts element by element. Its channel shuffle, on the
other hand, is a blocked transposition; a feature map seen as one pixel with
``C * H * W`` channels in ``C`` groups turns it into the copy that is needed.
"""

import torch
from torch import Tensor

from mmseg_cube.ops.context import is_compiling

LAST = torch.channels_last
# The compiler of torch 2.1 cannot ask a tensor for its layout.
LAYOUT_IS_HIDDEN = not hasattr(torch.compiler, 'is_compiling')


def is_channels_last(input: Tensor) -> bool:
    """Whether a 4d tensor is laid out with its channels last only."""
    if LAYOUT_IS_HIDDEN and is_compiling():
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
    if is_channels_last(other):
        return to_channels_last(input)
    return to_contiguous(input)


def to_channels_last(input: Tensor) -> Tensor:
    """Lay a tensor of shape (N, C, H, W) out with its channels last."""
    if input.is_contiguous(memory_format=LAST) or not _fast(input):
        return input.contiguous(memory_format=LAST)
    n, c, h, w = input.shape
    strides = (c * h * w, 1, w * c, c)
    return _transpose(input.contiguous(), c, strides)


def to_contiguous(input: Tensor) -> Tensor:
    """Lay a tensor of shape (N, C, H, W) out with its columns last."""
    if input.is_contiguous() or not _fast(input):
        return input.contiguous()
    n, c, h, w = input.shape
    last = input.contiguous(memory_format=LAST)
    strides = (c * h * w, h * w, w, 1)
    return _transpose(last, h * w, strides)


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
    return out.view(n, h, w, c).permute(0, 3, 1, 2)


def cells_of(lattice: Tensor, scale: int) -> Tensor:
    """View a lattice of shape (N, G, r * H, r * W) as (N, G, r, r, H, W)."""
    cells = lattice.unflatten(3, (-1, scale)).unflatten(2, (-1, scale))
    return cells.permute(0, 1, 3, 5, 2, 4)


def _fast(input: Tensor) -> bool:
    # The shuffle of torch 2.1 ends the process on an empty batch.
    some = input.numel() > 0
    return some and input.dtype == torch.float32 and on_cpu(input)


def _transpose(input: Tensor, rows: int, strides: tuple) -> Tensor:
    """Transpose the matrix of ``rows`` rows that each sample is in memory."""
    n, size = len(input), input.shape[1:].numel()
    pixel = input.as_strided((n, size, 1, 1), (size, 1, size, size))
    turned = torch.native_channel_shuffle(pixel, rows)
    # Not a view: what an autograd function returns may be changed in place.
    out = torch.empty(0, dtype=input.dtype)
    return out.set_(turned.untyped_storage(), 0, input.shape, strides)
