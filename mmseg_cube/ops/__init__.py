"""The mathematics: functions on tensors, free of OpenMMLab."""

from mmseg_cube.ops.cube_conv2d import (
    AUTO,
    FEW_CHANNELS,
    check_choice,
    choose_form,
    convolve,
    cube_conv2d,
    to_pair,
)
from mmseg_cube.ops.forms import FORMS, fold_weight
from mmseg_cube.ops.fused_lattice import apply_order
from mmseg_cube.ops.geometry import (
    PHASES,
    CubeRuleError,
    Geometry,
    cell_pads,
    check_cube_rules,
    folding_saves,
    output_size,
)
from mmseg_cube.ops.reconstruct import reconstruct
from mmseg_cube.ops.routing import riffle, route, sinkhorn, softsort
from mmseg_cube.ops.spatial_mask import mask_cells, spatial_mask

__all__ = [
    'AUTO',
    'FEW_CHANNELS',
    'FORMS',
    'PHASES',
    'CubeRuleError',
    'Geometry',
    'apply_order',
    'cell_pads',
    'check_choice',
    'check_cube_rules',
    'choose_form',
    'convolve',
    'cube_conv2d',
    'fold_weight',
    'folding_saves',
    'mask_cells',
    'output_size',
    'reconstruct',
    'riffle',
    'route',
    'sinkhorn',
    'softsort',
    'spatial_mask',
    'to_pair',
]
