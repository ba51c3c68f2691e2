"""Cooling of the channel routers over the course of training."""

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmseg_cube.layers import learned_routers

# Under this name the log shows it, like the learning rate, and checkpoints
# keep it.
TEMPERATURE = 'train/router_temperature'


@HOOKS.register_module()
class RouterTemperatureHook(Hook):
    """Cool every channel router geometrically from ``start`` to ``end``.

    A high temperature lets distant channels feel each other, a low one only
    neighbours in the order. Routers apply a true permutation at any
    temperature, so training without this hook is sound as well, and what is
    tested, averaged or deployed does not depend on it.

    The temperature follows from the iteration alone, so a resumed run goes on
    where it was. Compiled networks follow it, but not those that torch 2.1
    compiles: their routers keep the temperature of the first iteration.

    Args:
        start: Temperature of the first iteration.
        end: Temperature of the last one.

    Raises:
        ValueError: If a temperature is not positive.
    """

    def __init__(self, start: float = 1.0, end: float = 0.001) -> None:
        if min(start, end) <= 0:
            raise ValueError(
                f'temperatures must be positive, but got {start} and {end}'
            )
        self.start = start
        self.end = end

    def before_train(self, runner) -> None:
        """Say so if there is nothing to cool."""
        if not learned_routers(runner.model):
            runner.logger.warning(
                'RouterTemperatureHook: no channel router of the model learns '
                'an order, so the temperature has no effect'
            )

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Set the temperature of this iteration."""
        # With fewer iterations than before, a resumed run is past the end.
        progress = min(runner.iter / max(runner.max_iters - 1, 1), 1.0)
        temperature = self.start * (self.end / self.start) ** progress
        routers = learned_routers(runner.model).values()
        for router in routers:
            router.temperature = temperature
        if routers:
            runner.message_hub.update_scalar(TEMPERATURE, temperature)
