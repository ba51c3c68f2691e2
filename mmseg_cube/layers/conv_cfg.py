"""Entry for ``conv_cfg=dict(type='CubeConv2d')`` in any OpenMMLab config.

A head or backbone hands its ``conv_cfg`` to all of its convolutions, also to
those that a Cube convolution cannot stand in for: 1 x 1 ones, the stem with
its three channels, depthwise ones. Those stay what they were.
"""

import logging

from mmengine.logging import print_log
from mmengine.registry import MODELS
from torch import nn

from mmseg_cube.layers.cube_conv2d import CubeConv2d
from mmseg_cube.ops import CubeRuleError

CUBE_ARGUMENTS = (
    'scale',
    'lattice_kernel_size',
    'phase',
    'form',
    'router',
    'mask',
)


@MODELS.register_module(name='CubeConv2d')
def build_cube_conv2d(*args, fallback: bool = True, **kwargs) -> nn.Conv2d:
    """Build a Cube convolution, or a plain one where it cannot serve.

    Args:
        *args: Positional arguments of :class:`CubeConv2d`.
        fallback: Whether to build an ``nn.Conv2d`` where a Cube convolution
            would skip channels or split cells; the log says which and why.
        **kwargs: Keyword arguments of :class:`CubeConv2d`.

    Raises:
        CubeRuleError: If the operator cannot serve and ``fallback`` is off.
        ValueError: If an option of the layer is out of its domain.
    """
    try:
        return CubeConv2d(*args, **kwargs)
    except CubeRuleError as error:
        if not fallback:
            raise
        for name in CUBE_ARGUMENTS:
            kwargs.pop(name, None)
        conv = nn.Conv2d(*args, **kwargs)
        print_log(f'Not a Cube: {conv}: {error}', 'current', logging.DEBUG)
        return conv
