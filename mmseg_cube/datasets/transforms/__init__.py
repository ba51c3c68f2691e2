from .load_building_mask import LoadBuildingMask
from .load_raster_window import LoadRasterWindow

__all__ = ['LoadBuildingMask', 'LoadRasterWindow']
