from mmseg_cube.engine.hooks.cube_summary_hook import CubeSummaryHook
from mmseg_cube.engine.hooks.router_report_hook import RouterReportHook
from mmseg_cube.engine.hooks.router_temperature_hook import (
    RouterTemperatureHook,
)

__all__ = ['CubeSummaryHook', 'RouterReportHook', 'RouterTemperatureHook']
