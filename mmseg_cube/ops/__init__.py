"""The mathematics: functions on tensors, free of OpenMMLab."""

from mmseg_cube.ops.coarse import fold_weight
from mmseg_cube.ops.convolution import (
    AUTO,
    FEW_CHANNELS,
    FORMS,
    choose_form,
    convolve,
    forms_of,
)
from mmseg_cube.ops.geometry import PHASES, Geometry, cell_pads
from mmseg_cube.ops.mask import mask_cells, spatial_mask
from mmseg_cube.ops.operands import Operands
from mmseg_cube.ops.routing import apply_order, riffle, sinkhorn, softsort
from mmseg_cube.ops.rules import CubeRuleError

__all__ = [
    'AUTO',
    'FEW_CHANNELS',
    'FORMS',
    'PHASES',
    'CubeRuleError',
    'Geometry',
    'Operands',
    'apply_order',
    'cell_pads',
    'choose_form',
    'convolve',
    'fold_weight',
    'forms_of',
    'mask_cells',
    'riffle',
    'sinkhorn',
    'softsort',
    'spatial_mask',
]
