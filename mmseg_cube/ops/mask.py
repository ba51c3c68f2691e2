"""Spatial mask over the lattice.

Source: the Cube Kernel's lightweight spatial attention; the formula is this
project's, with the channel statistics of CBAM (arXiv 1807.06521)::

    m = sigmoid(conv([mean_g z, max_g z]; weight (1, 2, k, k)) + bias)
    z <- m * z
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_cube.ops.layout import cells_of, layout_of


def spatial_mask(
    input: Tensor, weight: Tensor, bias: Tensor, scale: int = 1
) -> Tensor:
    """One value between 0 and 1 per lattice pixel.

    Args:
        input: Lattice of shape (N, G, rH, rW); or, with its ``scale``, the
            cells of shape (N, C, H, W) that are to be laid out on it.
        weight: Tensor of shape (1, 2, k, k), k odd.
        bias: Tensor of shape (1,).
        scale: Lattice pixels per cell and axis, r.

    Returns:
        Tensor of shape (N, 1, rH, rW).
    """
    places = input.unflatten(1, (-1, scale**2))
    # Of each place in the cells, (N, 2 * r^2, H, W).
    statistics = torch.cat((places.mean(1), places.amax(1)), 1)
    if scale > 1:
        statistics = F.pixel_shuffle(statistics, scale)
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return torch.sigmoid(F.conv2d(statistics, weight, bias, padding=padding))


def mask_cells(
    input: Tensor, weight: Tensor, bias: Tensor, scale: int
) -> Tensor:
    """Mask cells of shape (N, C, H, W) as the lattice would be."""
    mask = spatial_mask(input, weight, bias, scale)
    # Not pixel_unshuffle: exporters to ONNX get its channel order wrong.
    mask = cells_of(mask, scale).flatten(2, 3)
    masked = (input.unflatten(1, (-1, scale**2)) * mask).flatten(1, 2)
    return masked.contiguous(memory_format=layout_of(input))
