"""Layers, registered in mmengine's root registry like mmcv's bricks."""

from mmseg_cube.layers.channel_router import ChannelRouter
from mmseg_cube.layers.conv_cfg import CubeOrPlainConv2d
from mmseg_cube.layers.cube_conv2d import CubeConv2d
from mmseg_cube.layers.cube_kernel_block import CubeKernelBlock
from mmseg_cube.layers.fold import switch_to_deploy
from mmseg_cube.layers.spatial_mask import SpatialMask
from mmseg_cube.layers.summary import layer_name, learned_routers, summarise

__all__ = [
    'ChannelRouter',
    'CubeConv2d',
    'CubeKernelBlock',
    'SpatialMask',
    'CubeOrPlainConv2d',
    'layer_name',
    'learned_routers',
    'summarise',
    'switch_to_deploy',
]
