"""Entry for ``conv_cfg=dict(type='CubeConv2d')`` in any OpenMMLab config.

A head or backbone hands its ``conv_cfg`` to all of its convolutions, also to
those that a Cube convolution cannot stand in for: 1 x 1 ones, the stem with
its three channels, depthwise ones. Those stay what they were.
"""

import inspect
import logging
from abc import ABC

from mmengine.logging import print_log
from mmengine.registry import MODELS
from torch import nn

from mmseg_cube.layers.cube_conv2d import CubeConv2d
from mmseg_cube.ops.rules import CubeRuleError, check_cube_rules

# What it has beyond an nn.Conv2d: all that is given by keyword only.
CUBE_ARGUMENTS = tuple(inspect.getfullargspec(CubeConv2d.__init__).kwonlyargs)


@MODELS.register_module(name='CubeConv2d')
class CubeOrPlainConv2d(ABC):  # noqa: B024
    """What builds a Cube convolution, or a plain one where it cannot serve.

    A class, as mmcv expects of its registry; what it builds is its instance.

    Args:
        *args: Positional arguments of :class:`CubeConv2d`.
        fallback: Whether to build an ``nn.Conv2d`` where a Cube convolution
            would skip channels, split cells or, 1 x 1 with a
            ``lattice_kernel_size``, grow. Its attribute ``cube_obstacle``
            keeps the reason for :func:`summarise`.
        **kwargs: Keyword arguments of :class:`CubeConv2d`.

    Raises:
        CubeRuleError: If the operator cannot serve and ``fallback`` is off.
        ValueError: If an option of the layer is out of its domain.
    """

    def __new__(cls, *args, fallback: bool = True, **kwargs) -> nn.Conv2d:
        """Build either of them."""
        cube = {k: kwargs.pop(k) for k in CUBE_ARGUMENTS if k in kwargs}
        try:
            conv = CubeConv2d(*args, **kwargs, **cube)
            channels = conv.in_channels, conv.out_channels
            check_cube_rules(*channels, conv.geometry, may_grow=not fallback)
        except CubeRuleError as error:
            if not fallback:
                raise
            conv = nn.Conv2d(*args, **kwargs)
            conv.cube_obstacle = error.reason
            print_log(f'Not a Cube: {conv}: {error}', 'current', logging.DEBUG)
        return conv


CubeOrPlainConv2d.register(nn.Conv2d)
