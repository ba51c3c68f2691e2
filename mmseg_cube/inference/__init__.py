"""Prediction of images of any size: probabilities, masks, archives."""

from mmseg_cube.inference.matching import Matches, match
from mmseg_cube.inference.network import BuildingNetwork
from mmseg_cube.inference.raster import (
    Tiling,
    predict_bands,
    predict_mask,
    predict_raster,
    predict_strip,
)

__all__ = [
    'BuildingNetwork',
    'Matches',
    'Tiling',
    'match',
    'predict_bands',
    'predict_mask',
    'predict_raster',
    'predict_strip',
]
