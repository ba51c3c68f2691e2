"""Cooling of the channel routers over the course of training."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS

from mmseg_cube.layers import ChannelRouter


@HOOKS.register_module()
class RouterTemperatureHook(Hook):
    """Cool every channel router geometrically from ``start`` to ``end``.

    A high temperature lets distant channels feel each other, a low one only
    neighbours in the order. Routers apply a true permutation at any
    temperature, so training without this hook is sound as well.

    Args:
        start: Temperature of the first iteration.
        end: Temperature of the last one.

    Raises:
        ValueError: If a temperature is not positive.
    """

    def __init__(self, start: float = 4.0, end: float = 0.25) -> None:
        if min(start, end) <= 0:
            raise ValueError(
                f'temperatures must be positive, but got {start} and {end}'
            )
        self.start = start
        self.end = end

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Set the temperature of this iteration."""
        progress = runner.iter / max(runner.max_iters - 1, 1)
        temperature = self.start * (self.end / self.start) ** progress
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        for module in model.modules():
            if isinstance(module, ChannelRouter):
                module.temperature = temperature
