"""The spatial mask computed on the coarse grid, with its gradients.

This project. The mask's convolution has two inputs and one output on the
lattice. Seen from the coarse grid it is a convolution of ``2 * r^2`` inputs
and ``r^2`` outputs with a sparse kernel, of which libraries compute the
gradient ten times faster. Nothing here is seen by autograd.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.coarse import fold_weight, unfold_weight
from mmseg_cube.ops.geometry import Geometry
from mmseg_cube.ops.layout import LAST, cells_of, is_channels_last, to_layout
from mmseg_cube.ops.mask import channel_statistics


def conv_gradients(
    grad: Tensor,
    input: Tensor,
    weight: Tensor,
    arguments: tuple,
    wanted: tuple[bool, bool, bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of ``F.conv2d``: of input, weight and bias, where wanted."""
    *options, groups = arguments
    # Not transposed, so without padding of the output.
    others = False, (0, 0), groups, wanted
    find = torch.ops.aten.convolution_backward.default
    return find(grad, input, weight, [len(weight)], *options, *others)


def mask_pixels(
    cells: Tensor, pixels: Tensor, weight: Tensor, bias: Tensor, scale: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Mask pixels in place, which are the cells laid out on the lattice.

    What the gradients need is returned: statistics, mask (N, 1, rH, rW), and
    its kernel on the coarse grid, with one output and two inputs for each
    place in a cell, (r^2, 2 * r^2, K, K).
    """
    statistics = cell_statistics(cells, pixels, scale)
    kernel = fold_weight(weight, _mask_geometry(weight, scale))
    kernel = kernel.contiguous(memory_format=LAST)
    wide, padding = statistics.dtype, kernel.shape[2] // 2
    bias = bias.to(wide).expand(len(kernel))
    logits = F.conv2d(statistics, kernel.to(wide), bias, padding=padding)
    mask = F.pixel_shuffle(logits.sigmoid_(), scale).contiguous()
    mask = mask.to(pixels.dtype)
    pixels.mul_(mask)
    return statistics, mask, kernel


def cell_statistics(cells: Tensor, pixels: Tensor, scale: int) -> Tensor:
    """Channel statistics of the cells in float32, channels last."""
    if is_channels_last(cells):
        return _few_to_cells(channel_statistics(pixels, 1), scale)
    # Reductions over whole planes are the faster ones.
    statistics = channel_statistics(cells, scale)
    return to_layout(statistics.to(_wide(statistics)), LAST)


def _few_to_cells(pixels: Tensor, scale: int) -> Tensor:
    """Bring a few channels from the lattice to the coarse grid."""
    cells = cells_of(pixels, scale).permute(0, 4, 5, 1, 2, 3).flatten(3)
    return cells.to(_wide(pixels)).contiguous().permute(0, 3, 1, 2)


def _wide(input: Tensor) -> torch.dtype:
    return torch.promote_types(input.dtype, torch.float32)


def mask_gradients(
    grad: Tensor,
    masked: Tensor,
    statistics: Tensor,
    mask: Tensor,
    kernel: Tensor,
    scale: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the pixels, the folded kernel and the bias.

    ``grad`` and ``masked`` are used up.
    """
    wide = statistics.dtype
    # d mask = sum_g grad * pixels, times the slope m * (1 - m).
    d_logits = (grad * masked).sum(1, keepdim=True, dtype=wide) * (1 - mask)
    padding = [kernel.shape[2] // 2] * 2
    d_statistics, d_kernel, d_bias = conv_gradients(
        _few_to_cells(d_logits, scale),
        statistics,
        kernel.to(wide),
        ((1, 1), padding, (1, 1), 1),
        (True, True, True),
    )
    both = F.pixel_shuffle(d_statistics, scale).contiguous()
    d_mean, d_largest = both.split(1, 1)
    d_mean = (d_mean / masked.shape[1]).to(grad.dtype)
    torch.addcmul(d_mean, grad, mask, out=grad)
    # Equal maxima share the gradient, as in torch.amax.
    largest = F.pixel_shuffle(statistics[:, scale**2 :], scale)
    largest = largest.to(mask.dtype) * mask
    holds = torch.eq(masked, largest, out=masked)
    share = d_largest / holds.sum(1, keepdim=True, dtype=wide)
    grad.addcmul_(holds, share.to(grad.dtype))
    return grad, d_kernel, d_bias.sum().view(1)


def unfold_mask(folded: Tensor, weight: Tensor, scale: int) -> Tensor:
    """Gradient of the mask's weight from that of its folded kernel."""
    return unfold_weight(folded, weight, _mask_geometry(weight, scale))


def _mask_geometry(weight: Tensor, scale: int) -> Geometry:
    """The mask's convolution: a window around each pixel of a cell."""
    taps = weight.shape[2], weight.shape[3]
    return Geometry((1, 1), taps, scale=scale, lattice_stride=1)
