"""Cube Kernel block: router, reconstruction, mask, convolution, norm, act."""

import torch
from mmcv.cnn import ConvModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from mmseg_cube.ops.geometry import check_whole

ROUTER = dict(method='sinkhorn')
MASK = dict(kernel_size=5)
BATCH_NORM = dict(type='BN')
RELU = dict(type='ReLU')


@MODELS.register_module()
class CubeKernelBlock(ConvModule):
    """The whole Cube Kernel as a block for any place in a network.

    A :class:`mmcv.cnn.ConvModule` whose convolution is a
    :class:`CubeConv2d`, with the same parameter names. The residual form adds
    the block to its input through a layer scale that starts near zero, so
    that a pretrained network computes at first what it did without it.

    Args:
        in_channels: Input channels, C.
        out_channels: Output channels, D; defaults to ``in_channels``, as a
            plugin of mmseg's ResNet needs.
        kernel_size: Kernel of the convolution that it stands in for.
        stride: Stride in cells.
        padding: Padding in cells; by default odd kernels keep the size.
        dilation, groups, scale, lattice_kernel_size, lattice_stride, phase:
            As in :class:`CubeConv2d`.
        router: Arguments of the :class:`ChannelRouter`, or None.
        mask: Arguments of the :class:`SpatialMask`, or None.
        norm_cfg: Norm layer, or None.
        act_cfg: Activation, or None.
        residual: Whether to add the block to its input.
        layer_scale: Initial factor of the block in the residual form.

    Shape:
        (N, C, H, W) to (N, D, H', W').

    Raises:
        ValueError: If the operator cannot serve, or the residual form would
            change the shape.
    """

    _abbr_ = 'cube_kernel_block'

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int | None = None,
        dilation: int = 1,
        groups: int = 1,
        scale: int = 2,
        lattice_kernel_size: int | None = None,
        lattice_stride: int | None = None,
        phase: str = 'up_left',
        router: dict | None = ROUTER,
        mask: dict | None = MASK,
        norm_cfg: dict | None = BATCH_NORM,
        act_cfg: dict | None = RELU,
        residual: bool = False,
        layer_scale: float = 1e-6,
    ) -> None:
        check_whole(1, kernel_size=kernel_size, dilation=dilation)
        out_channels = out_channels or in_channels
        reach = dilation * (kernel_size - 1)
        padding = reach // 2 if padding is None else padding
        shape = out_channels, stride, 2 * padding
        if residual and shape != (in_channels, 1, reach):
            raise ValueError(
                'a residual block must keep the shape of its input, but got '
                f'{in_channels} to {out_channels} channels, kernel_size='
                f'{kernel_size}, stride={stride}, padding={padding}, '
                f'dilation={dilation}'
            )
        cube = dict(
            type='CubeConv2d',
            fallback=False,
            scale=scale,
            lattice_kernel_size=lattice_kernel_size,
            lattice_stride=lattice_stride,
            phase=phase,
            router=router,
            mask=mask,
        )
        layers = dict(conv_cfg=cube, norm_cfg=norm_cfg, act_cfg=act_cfg)
        conv = kernel_size, stride, padding, dilation, groups
        super().__init__(in_channels, out_channels, *conv, **layers)
        self.gamma = None
        if residual:
            shape = (out_channels, 1, 1)
            self.gamma = nn.Parameter(torch.full(shape, layer_scale))

    def forward(
        self, x: Tensor, activate: bool = True, norm: bool = True
    ) -> Tensor:
        """Apply the block; other arguments are those of ConvModule."""
        out = super().forward(x, activate, norm)
        return out if self.gamma is None else x + self.gamma * out
