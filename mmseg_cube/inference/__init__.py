"""Prediction of rasters of any size: probabilities, masks, archives."""

from mmseg_cube.inference.matching import Matches, match
from mmseg_cube.inference.network import BuildingNetwork
from mmseg_cube.inference.predictor import (
    Output,
    RasterPredictor,
    RasterResult,
)
from mmseg_cube.inference.raster import (
    Tiling,
    predict_bands,
    predict_raster,
    predict_strip,
)
from mmseg_cube.inference.scene import Bands, Scene

__all__ = [
    'Bands',
    'BuildingNetwork',
    'Matches',
    'Output',
    'RasterPredictor',
    'RasterResult',
    'Scene',
    'Tiling',
    'match',
    'predict_bands',
    'predict_raster',
    'predict_strip',
]
