from .load_building_mask import LoadBuildingMask

__all__ = ['LoadBuildingMask']
