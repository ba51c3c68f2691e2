"""The spatial mask computed on the coarse grid, with its gradients.

This project. The mask's convolution has two inputs and one output on the
lattice. Seen from the coarse grid it is a convolution of ``2 * r^2`` inputs
and ``r^2`` outputs with a sparse kernel, of which libraries compute the
gradient ten times faster. Nothing here is seen by autograd.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.layout import LAST, is_channels_last, to_channels_last

conv_backward = torch.ops.aten.convolution_backward.default


def cell_statistics(cells: Tensor, pixels: Tensor, scale: int) -> Tensor:
    """Mean and maximum over the channels of the lattice, in float32.

    Args:
        cells: Tensor of shape (N, C, H, W).
        pixels: The same of shape (N, G, rH, rW).
        scale: Lattice pixels per cell and axis, r.

    Returns:
        Tensor of shape (N, 2 * r^2, H, W), channels last.
    """
    if is_channels_last(cells):
        mean, largest = pixels.mean(1, True), pixels.amax(1, True)
        return _small_cells(torch.cat((mean, largest), 1), scale)
    # Reductions over whole planes are the faster ones.
    parities = cells.unflatten(1, (-1, scale**2))
    both = torch.cat((parities.mean(1), parities.amax(1)), 1)
    wide = torch.promote_types(both.dtype, torch.float32)
    return to_channels_last(both.to(wide))


def _small_cells(pixels: Tensor, scale: int) -> Tensor:
    """Bring a few channels from the lattice to the coarse grid."""
    wide = torch.promote_types(pixels.dtype, torch.float32)
    cells = pixels.unflatten(3, (-1, scale)).unflatten(2, (-1, scale))
    cells = cells.permute(0, 2, 4, 1, 3, 5).flatten(3).to(wide)
    return cells.contiguous().permute(0, 3, 1, 2)


def cell_mask(
    statistics: Tensor, kernel: Tensor, bias: Tensor, scale: int
) -> Tensor:
    """Mask of shape (N, 1, rH, rW)."""
    bias = bias.to(statistics.dtype).expand(len(kernel))
    padding = (kernel.shape[2] // 2, kernel.shape[3] // 2)
    logits = F.conv2d(
        statistics, kernel.to(statistics.dtype), bias, padding=padding
    )
    mask = F.pixel_shuffle(logits.sigmoid_(), scale)
    return mask.contiguous()


def cell_mask_gradients(
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
    d_statistics, d_kernel, d_bias = conv_backward(
        _small_cells(d_logits, scale),
        statistics,
        kernel.to(wide),
        [len(kernel)],
        (1, 1),
        (kernel.shape[2] // 2, kernel.shape[3] // 2),
        (1, 1),
        False,
        (0, 0),
        1,
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


def fold_mask(weight: Tensor, scale: int) -> Tensor:
    """Kernel of the mask on the coarse grid.

    Args:
        weight: Tensor of shape (1, 2, k, k) over lattice pixels.
        scale: Lattice pixels per cell and axis, r.

    Returns:
        Tensor of shape (r^2, 2 * r^2, K, K), channels last: one output and
        two inputs for each place in a cell.
    """
    span, places = _mask_places(weight.shape[2], scale)
    cell = scale**2
    folded = weight.new_zeros(2, cell * cell * span**2)
    taps = weight[0].flatten(1).repeat(1, cell)
    folded[:, torch.tensor(places, device=weight.device)] = taps
    folded = folded.unflatten(1, (cell, cell, span, span)).transpose(0, 1)
    return folded.flatten(1, 2).contiguous(memory_format=LAST)


def unfold_mask(folded: Tensor, weight: Tensor, scale: int) -> Tensor:
    """Gradient of the mask's weight from that of its folded kernel."""
    span, places = _mask_places(weight.shape[2], scale)
    taps = folded.unflatten(1, (2, -1)).transpose(0, 1).flatten(1)
    taps = taps[:, torch.tensor(places, device=weight.device)]
    taps = taps.unflatten(1, (scale**2, -1)).sum(1)
    return taps.view_as(weight).to(weight.dtype)


@lru_cache
def _mask_places(taps: int, scale: int) -> tuple[int, list[int]]:
    """Span of the folded kernel, and where each tap goes in it.

    A place is counted in (output place, input place, row, column), one per
    output place in the cell and tap.
    """
    reach = taps // 2
    margin = -(-reach // scale)
    span = 2 * margin + 1
    cell = range(scale)
    around = range(-reach, reach + 1)

    def split(pixel: int) -> tuple[int, int]:
        return pixel // scale + margin, pixel % scale

    places = []
    for i, j in ((i, j) for i in cell for j in cell):
        for down, right in ((a, b) for a in around for b in around):
            (row, p), (column, q) = split(i + down), split(j + right)
            place = (i * scale + j) * scale**2 + p * scale + q
            places.append((place * span + row) * span + column)
    return span, places
