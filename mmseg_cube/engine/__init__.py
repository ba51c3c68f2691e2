"""Hooks into the training loop, registered in mmengine's registry."""

from mmseg_cube.engine.hooks import RouterReportHook, RouterTemperatureHook

__all__ = ['RouterReportHook', 'RouterTemperatureHook']
