from mmseg_cube.models.losses.building_dice_loss import BuildingDiceLoss

__all__ = ['BuildingDiceLoss']
