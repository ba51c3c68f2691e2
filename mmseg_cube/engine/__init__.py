"""Hooks into the training loop, registered in mmengine's registry."""

from mmseg_cube.engine.network_hooks import ChannelsLastHook, CubeSummaryHook
from mmseg_cube.engine.router_hooks import (
    RouterReportHook,
    RouterTemperatureHook,
)
from mmseg_cube.engine.window_visualization_hook import (
    WindowVisualizationHook,
)

__all__ = [
    'ChannelsLastHook',
    'CubeSummaryHook',
    'RouterReportHook',
    'RouterTemperatureHook',
    'WindowVisualizationHook',
]
