"""Spatial mask over the lattice.

Source: the Cube Kernel's lightweight spatial attention; the formula is this
project's, with the channel statistics of CBAM (arXiv 1807.06521)::

    m = sigmoid(conv([mean_g z, max_g z]; weight (1, 2, k, k)) + bias)
    z <- m * z
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.layout import LAST, is_channels_last


def spatial_mask(lattice: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """One value between 0 and 1 per lattice pixel.

    Args:
        lattice: Tensor of shape (N, G, rH, rW).
        weight: Tensor of shape (1, 2, k, k), k odd.
        bias: Tensor of shape (1,).

    Returns:
        Tensor of shape (N, 1, rH, rW).
    """
    statistics = torch.cat(
        (lattice.mean(1, keepdim=True), lattice.amax(1, keepdim=True)), 1
    )
    return mask_of_statistics(statistics, weight, bias)


def mask_of_statistics(
    statistics: Tensor, weight: Tensor, bias: Tensor
) -> Tensor:
    """Mask from the mean and the maximum over channels.

    Args:
        statistics: Tensor of shape (N, 2, rH, rW).
        weight: Tensor of shape (1, 2, k, k), k odd.
        bias: Tensor of shape (1,).

    Returns:
        Tensor of shape (N, 1, rH, rW).
    """
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return torch.sigmoid(F.conv2d(statistics, weight, bias, padding=padding))


def mask_cells(
    input: Tensor, weight: Tensor, bias: Tensor, scale: int
) -> Tensor:
    """Mask the lattice without laying it out.

    Only the two statistics are brought onto the lattice.

    Args:
        input: Tensor of shape (N, C, H, W).
        weight: Tensor of shape (1, 2, k, k), k odd.
        bias: Tensor of shape (1,).
        scale: Lattice pixels per cell and axis, r.

    Returns:
        Tensor of shape (N, C, H, W), the masked input, in its layout.
    """
    parities = input.unflatten(1, (-1, scale**2))
    statistics = torch.cat((parities.mean(1), parities.amax(1)), 1)
    statistics = F.pixel_shuffle(statistics, scale)
    mask = mask_of_statistics(statistics, weight, bias)
    # Not pixel_unshuffle: exporters to ONNX get its channel order wrong.
    cells = mask.unflatten(3, (-1, scale)).unflatten(2, (-1, scale))
    cells = cells.permute(0, 1, 3, 5, 2, 4).flatten(2, 3)
    masked = (parities * cells).flatten(1, 2)
    if is_channels_last(input):
        return masked.contiguous(memory_format=LAST)
    return masked
