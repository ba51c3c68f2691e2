"""Spatial mask over the lattice.

Source: the Cube Kernel's lightweight spatial attention; the formula is this
project's, with the channel statistics of CBAM (arXiv 1807.06521)::

    m = sigmoid(conv([mean_g z, max_g z]; weight (1, 2, k, k)) + bias)
    z <- m * z
"""

import torch
import torch.nn.functional as F
from torch import Tensor


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
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return torch.sigmoid(F.conv2d(statistics, weight, bias, padding=padding))
