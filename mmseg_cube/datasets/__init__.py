from mmseg_cube.datasets.building import BuildingDataset
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.inria import InriaDataset
from mmseg_cube.datasets.random_scale import RandomScale
from mmseg_cube.datasets.transforms import LoadBuildingMask, LoadRasterWindow
from mmseg_cube.datasets.wbd import WBDDataset
from mmseg_cube.datasets.whu import WHUBuildingDataset

__all__ = [
    'BuildingDataset',
    'DatasetError',
    'InriaDataset',
    'LoadBuildingMask',
    'LoadRasterWindow',
    'RandomScale',
    'WBDDataset',
    'WHUBuildingDataset',
]
