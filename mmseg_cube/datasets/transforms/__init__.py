from mmseg_cube.datasets.transforms.load_building_mask import LoadBuildingMask
from mmseg_cube.datasets.transforms.load_raster_window import LoadRasterWindow

__all__ = ['LoadBuildingMask', 'LoadRasterWindow']
