from .building import BuildingDataset
from .errors import DatasetError
from .inria import InriaDataset
from .transforms import LoadBuildingMask, LoadRasterWindow
from .wbd import WBDDataset
from .whu import WHUBuildingDataset

__all__ = [
    'BuildingDataset',
    'DatasetError',
    'InriaDataset',
    'LoadBuildingMask',
    'LoadRasterWindow',
    'WBDDataset',
    'WHUBuildingDataset',
]
