"""Prediction of images of any size: probabilities, masks, archives."""

from mmseg_cube.inference.network import BuildingNetwork
from mmseg_cube.inference.raster import (
    Band,
    Tiling,
    predict_bands,
    predict_mask,
    predict_raster,
)

__all__ = [
    'Band',
    'BuildingNetwork',
    'Tiling',
    'predict_bands',
    'predict_mask',
    'predict_raster',
]
