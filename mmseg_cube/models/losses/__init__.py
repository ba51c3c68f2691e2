from mmseg_cube.models.losses.building_cross_entropy_loss import (
    BuildingCrossEntropyLoss,
)
from mmseg_cube.models.losses.building_dice_loss import BuildingDiceLoss

__all__ = ['BuildingCrossEntropyLoss', 'BuildingDiceLoss']
