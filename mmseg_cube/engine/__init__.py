"""Hooks into the training loop, registered in mmengine's registry."""

from mmseg_cube.engine.hooks import (
    ChannelsLastHook,
    CubeSummaryHook,
    RouterReportHook,
    RouterTemperatureHook,
    WindowVisualizationHook,
)

__all__ = [
    'ChannelsLastHook',
    'CubeSummaryHook',
    'RouterReportHook',
    'RouterTemperatureHook',
    'WindowVisualizationHook',
]
