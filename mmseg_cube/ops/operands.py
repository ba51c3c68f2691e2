"""What a Cube convolution works on."""

from typing import NamedTuple

from torch import Tensor

from mmseg_cube.ops.geometry import Geometry
from mmseg_cube.ops.mask import mask_cells
from mmseg_cube.ops.routing import apply_order


class Operands(NamedTuple):
    """Tensors and geometry of one Cube convolution."""

    input: Tensor  # (N, C, H, W)
    weight: Tensor  # (D, G / groups, q, q), G = C / r^2
    bias: Tensor | None  # (D,)
    geometry: Geometry
    mask: tuple[Tensor, Tensor] | None = None  # weight (1, 2, k, k), bias (1,)
    order: Tensor | None = None  # permutation of the input channels, (C,)
    relaxed: Tensor | None = None  # gets its gradient, (B, C / B, C / B)

    def routed(self) -> Tensor:
        """The input in its order."""
        return apply_order(self.input, self.order, self.relaxed)

    def cells(self) -> Tensor:
        """What the kernel reads: the input, routed and masked."""
        routed = self.routed()
        if self.mask is None:
            return routed
        return mask_cells(routed, *self.mask, self.geometry.scale)
