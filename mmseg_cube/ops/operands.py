"""What a Cube convolution works on."""

from typing import NamedTuple

from torch import Tensor

from mmseg_cube.ops.geometry import Geometry
from mmseg_cube.ops.mask import mask_cells
from mmseg_cube.ops.routing import apply_order


class Operands(NamedTuple):
    """Tensors and geometry of one Cube convolution.

    Attributes:
        input: Tensor of shape (N, C, H, W).
        weight: Tensor of shape (D, G / groups, q, q), G = C / r^2.
        bias: Tensor of shape (D,), or None.
        geometry: Geometry of the convolution.
        mask: Weight (1, 2, k, k) and bias (1,) of a spatial mask, or None.
        order: Permutation of the input channels, of shape (C,), or None.
        relaxed: Relaxation of shape (B, C / B, C / B) that gets the gradient
            of ``order``, or None.
    """

    input: Tensor
    weight: Tensor
    bias: Tensor | None
    geometry: Geometry
    mask: tuple[Tensor, Tensor] | None = None
    order: Tensor | None = None
    relaxed: Tensor | None = None

    def routed(self) -> Tensor:
        """The input in its order."""
        return apply_order(self.input, self.order, self.relaxed)

    def cells(self) -> Tensor:
        """What the kernel reads: the input, routed and masked."""
        routed = self.routed()
        if self.mask is None:
            return routed
        return mask_cells(routed, *self.mask, self.geometry.scale)
