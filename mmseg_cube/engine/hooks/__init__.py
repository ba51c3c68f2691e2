from mmseg_cube.engine.hooks.router_temperature_hook import (
    RouterTemperatureHook,
)

__all__ = ['RouterTemperatureHook']
