"""Networks, registered in mmseg's registry."""

from mmseg_cube.models.backbones import CubeBackbone
from mmseg_cube.models.decode_heads import UNetHead
from mmseg_cube.models.losses import BuildingCrossEntropyLoss, BuildingDiceLoss

__all__ = [
    'BuildingCrossEntropyLoss',
    'BuildingDiceLoss',
    'CubeBackbone',
    'UNetHead',
]
