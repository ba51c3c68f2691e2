"""The mathematics: functions on tensors, free of OpenMMLab."""

from mmseg_cube.ops.cube_conv2d import (
    cube_conv2d,
    lattice_conv2d,
    reconstruct,
    to_pair,
)
from mmseg_cube.ops.geometry import (
    PHASES,
    CubeRuleError,
    check_cube_rules,
    lattice_pads,
    output_size,
)
from mmseg_cube.ops.routing import riffle, route, sinkhorn, softsort
from mmseg_cube.ops.spatial_mask import spatial_mask

__all__ = [
    'PHASES',
    'CubeRuleError',
    'check_cube_rules',
    'cube_conv2d',
    'lattice_conv2d',
    'lattice_pads',
    'output_size',
    'reconstruct',
    'riffle',
    'route',
    'sinkhorn',
    'softsort',
    'spatial_mask',
    'to_pair',
]
