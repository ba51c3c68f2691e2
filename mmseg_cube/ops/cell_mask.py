"""The spatial mask computed on the coarse grid, with its gradients.

This project. The mask's convolution has two inputs and one output on the
lattice. Seen from the coarse grid it is a convolution of ``2 * r^2`` inputs
and ``r^2`` outputs with a sparse kernel, of which libraries compute the
gradient ten times faster. Nothing here is seen by autograd.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.coarse import fold_weight, unfold_weight
from mmseg_cube.ops.geometry import Geometry
from mmseg_cube.ops.layout import LAST, is_channels_last, on_cpu


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


def find_mask(
    cells: Tensor, weight: Tensor, bias: Tensor, scale: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Mask of cells (N, C, H, W), one value for each place in each of them.

    With the mask (N, r^2, 1, H, W) comes what its gradients need: the
    statistics (N, 2 * r^2, H, W), and its kernel on the coarse grid, with one
    output and two inputs for each place, (r^2, 2 * r^2, K, K).
    """
    statistics = cell_statistics(cells, scale)
    kernel = fold_weight(weight, _mask_geometry(weight, scale))
    kernel = kernel.contiguous(memory_format=LAST)
    wide, padding = statistics.dtype, kernel.shape[2] // 2
    bias = bias.to(wide).expand(len(kernel))
    logits = F.conv2d(statistics, kernel.to(wide), bias, padding=padding)
    mask = logits.sigmoid().to(cells.dtype).unsqueeze(2)
    return statistics, mask, kernel


def cell_statistics(cells: Tensor, scale: int) -> Tensor:
    """Mean and maximum over the channels of each place, in float32."""
    wide = torch.promote_types(cells.dtype, torch.float32)
    sums = largest = cells.unflatten(1, (-1, scale**2)).transpose(1, 2)
    channels = sums.shape[2]
    if on_cpu(cells) and is_channels_last(cells):
        # Half against half is long runs of memory, where reductions would go
        # from one value to the next.
        largest = _halve(largest, torch.maximum)
        if cells.dtype == wide:
            sums = _halve(sums, torch.add)
    sums = sums.sum(2, dtype=wide) / channels
    statistics = torch.cat((sums, largest.amax(2).to(wide)), 1)
    return statistics.contiguous(memory_format=LAST)


def _halve(places: Tensor, combine: Callable) -> Tensor:
    """Combine channels (N, r^2, G, H, W) with others while G is even."""
    while places.shape[2] % 2 == 0:
        places = combine(*places.chunk(2, 2))
    return places


def mask_gradients(
    grad: Tensor,
    places: Tensor,
    statistics: Tensor,
    mask: Tensor,
    kernel: Tensor,
    scale: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the places without a mask, the folded kernel, the bias.

    ``grad``, that of the masked places, is used up.
    """
    wide = statistics.dtype
    products = grad * places
    # d mask = sum_g grad * places, times the slope m * (1 - m).
    slope = (mask * (1 - mask)).squeeze(2)
    padding = [kernel.shape[2] // 2] * 2
    d_statistics, d_kernel, d_bias = conv_gradients(
        products.sum(2, dtype=wide) * slope,
        statistics,
        kernel.to(wide),
        ((1, 1), padding, (1, 1), 1),
        (True, True, True),
    )
    d_mean, d_largest = d_statistics.chunk(2, 1)
    d_mean = (d_mean / places.shape[2]).contiguous(memory_format=LAST)
    # Two passes over contiguous memory take a third of one addcmul.
    grad.mul_(mask).add_(d_mean.to(grad.dtype).unsqueeze(2))
    # Equal maxima share the gradient, as in torch.amax.
    largest = statistics[:, scale**2 :].to(places.dtype).unsqueeze(2)
    holds = torch.eq(places, largest, out=products)
    share = (d_largest / holds.sum(2, dtype=wide)).to(grad.dtype).unsqueeze(2)
    grad.addcmul_(holds, share)
    return grad, d_kernel, d_bias.sum().view(1)


def unfold_mask(folded: Tensor, weight: Tensor, scale: int) -> Tensor:
    """Gradient of the mask's weight from that of its folded kernel."""
    return unfold_weight(folded, weight, _mask_geometry(weight, scale))


def _mask_geometry(weight: Tensor, scale: int) -> Geometry:
    """The mask's convolution: a window around each pixel of a cell."""
    taps = weight.shape[2], weight.shape[3]
    return Geometry((1, 1), taps, scale=scale, sites=scale)
