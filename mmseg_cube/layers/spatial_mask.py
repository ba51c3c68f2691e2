"""Learnable spatial mask over the lattice."""

import math

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmseg_cube.ops import spatial_mask

# A fresh mask keeps this share of every pixel (this project).
INITIAL_MASK = 0.95


@MODELS.register_module()
class SpatialMask(nn.Module):
    """Scale every lattice pixel by a value between 0 and 1.

    A fresh mask is the same everywhere and close to one. It holds no
    ``nn.Conv2d``, so a network's initialisation of convolutions leaves it
    alone.

    Args:
        kernel_size: Kernel over the two channel statistics, in lattice
            pixels; odd.
        device, dtype: Those of the parameters.

    Shape:
        (N, G, rH, rW) in and out.

    Raises:
        ValueError: If ``kernel_size`` is not a positive odd number.
    """

    def __init__(
        self,
        kernel_size: int = 5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        whole = not isinstance(kernel_size, float)
        if not whole or kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                'kernel_size of a spatial mask must be a positive odd '
                f'number, but got {kernel_size}'
            )
        self.kernel_size = kernel_size
        factory = dict(device=device, dtype=dtype)
        shape = (1, 2, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(shape, **factory))
        self.bias = nn.Parameter(torch.empty(1, **factory))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the mask constant and nearly one."""
        nn.init.zeros_(self.weight)
        logit = math.log(INITIAL_MASK / (1 - INITIAL_MASK))
        nn.init.constant_(self.bias, logit)

    def forward(self, lattice: Tensor) -> Tensor:
        """Return the lattice of shape (N, G, rH, rW), masked."""
        return lattice * spatial_mask(lattice, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Arguments, as in the constructor."""
        return f'kernel_size={self.kernel_size}'
