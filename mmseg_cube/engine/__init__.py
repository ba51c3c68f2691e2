"""Hooks into the training loop, registered in mmengine's registry."""

from mmseg_cube.engine.hooks import (
    CubeSummaryHook,
    RouterReportHook,
    RouterTemperatureHook,
    WindowVisualizationHook,
)

__all__ = [
    'CubeSummaryHook',
    'RouterReportHook',
    'RouterTemperatureHook',
    'WindowVisualizationHook',
]
