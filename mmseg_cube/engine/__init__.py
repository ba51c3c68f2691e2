"""Hooks into the training loop, registered in mmengine's registry."""

from mmseg_cube.engine.checkpoint_hook import SafeCheckpointHook
from mmseg_cube.engine.pretrained_weights_hook import PretrainedWeightsHook
from mmseg_cube.engine.router_temperature_hook import RouterTemperatureHook
from mmseg_cube.engine.run_hooks import (
    ChannelsHook,
    ChannelsLastHook,
    CubeSummaryHook,
    ViewsHook,
    WindowVisualizationHook,
)

__all__ = [
    'ChannelsHook',
    'ChannelsLastHook',
    'CubeSummaryHook',
    'PretrainedWeightsHook',
    'RouterTemperatureHook',
    'SafeCheckpointHook',
    'ViewsHook',
    'WindowVisualizationHook',
]
