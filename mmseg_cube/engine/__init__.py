"""Hooks into the training loop, registered in mmengine's registry."""

from mmseg_cube.engine.channels_last_hook import ChannelsLastHook
from mmseg_cube.engine.cube_summary_hook import CubeSummaryHook
from mmseg_cube.engine.router_report_hook import RouterReportHook
from mmseg_cube.engine.router_temperature_hook import RouterTemperatureHook
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
