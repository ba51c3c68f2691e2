from mmseg_cube.engine.hooks.channels_last_hook import ChannelsLastHook
from mmseg_cube.engine.hooks.cube_summary_hook import CubeSummaryHook
from mmseg_cube.engine.hooks.router_report_hook import RouterReportHook
from mmseg_cube.engine.hooks.router_temperature_hook import (
    RouterTemperatureHook,
)
from mmseg_cube.engine.hooks.window_visualization_hook import (
    WindowVisualizationHook,
)

__all__ = [
    'ChannelsLastHook',
    'CubeSummaryHook',
    'RouterReportHook',
    'RouterTemperatureHook',
    'WindowVisualizationHook',
]
