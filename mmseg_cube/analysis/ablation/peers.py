"""Cheaper convolutions that a user would try in place of a Cube kernel.

Each stands in for a 3 x 3 ``nn.Conv2d`` of C inputs and D outputs, as
``baseline+type=NAME`` among the variants of an ablation.
"""

from collections import OrderedDict

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import riffle

GROUPS = 4
# What mmcv's ConvModule asks a convolution for.
ASKED = 'kernel_size', 'stride', 'padding', 'dilation'
ASKED = *ASKED, 'groups', 'transposed', 'output_padding'


@MODELS.register_module()
class ShuffledGroupConv2d(nn.Conv2d):
    """Convolve four groups of channels, interleaved before.

    A quarter of the weights and operations. Source: ShuffleNet
    (arXiv 1707.01083).
    """

    def __init__(self, in_channels: int, *args, **kwargs) -> None:
        super().__init__(in_channels, *args, **dict(kwargs, groups=GROUPS))
        order = riffle(in_channels, GROUPS)
        self.register_buffer('order', order, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shuffle and convolve."""
        return super().forward(x[:, self.order])


class TwoSteps(nn.Sequential):
    """A convolution in space, then one of 1 x 1 to D channels."""

    def __init__(
        self, spatial: nn.Module, in_channels: int, out_channels: int
    ) -> None:
        # The norm that follows has a bias.
        mixing = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        super().__init__(OrderedDict(spatial=spatial, mixing=mixing))
        self.in_channels, self.out_channels = in_channels, out_channels
        for name in ASKED:
            setattr(self, name, getattr(spatial, name))


@MODELS.register_module()
class SeparableConv2d(TwoSteps):
    """Convolve every channel by itself, then mix them at each place.

    9 * C + C * D weights. Source: MobileNet (arXiv 1704.04861).
    """

    def __init__(self, channels: int, width: int, size: int, **kwargs) -> None:
        options = dict(kwargs, groups=channels, bias=False)
        spatial = nn.Conv2d(channels, channels, size, **options)
        super().__init__(spatial, channels, width)


@MODELS.register_module()
class PartialConv2d(TwoSteps):
    """Convolve the first quarter of the channels, then mix all of them.

    9 * C^2 / 16 + C * D weights. Source: FasterNet (arXiv 2303.03667).
    """

    def __init__(self, channels: int, width: int, size: int, **kwargs) -> None:
        some = channels // GROUPS
        spatial = nn.Conv2d(some, some, size, **dict(kwargs, bias=False))
        super().__init__(spatial, channels, width)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and mix."""
        some = self.spatial.in_channels
        parts = self.spatial(x[:, :some]), x[:, some:]
        return self.mixing(torch.cat(parts, 1))


@MODELS.register_module()
class SharedCubePointwiseConv2d(TwoSteps):
    """A Cube convolution of shared weights, then one of 1 x 1.

    What the sharing ties together can come apart again. C * D * 9 / 16 + D^2
    weights. Source: this project.
    """

    def __init__(self, channels: int, width: int, size: int, **kwargs) -> None:
        options = dict(kwargs, lattice_stride=1, bias=False)
        spatial = CubeConv2d(channels, width, size, **options)
        super().__init__(spatial, width, width)
        self.in_channels = channels
