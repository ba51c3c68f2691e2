from .network import BuildingNetwork
from .raster import Band, Tiling, predict_bands, predict_mask, predict_raster

__all__ = [
    'Band',
    'BuildingNetwork',
    'Tiling',
    'predict_bands',
    'predict_mask',
    'predict_raster',
]
