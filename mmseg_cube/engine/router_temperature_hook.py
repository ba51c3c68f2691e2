"""Cooling of the channel routers."""

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmseg_cube.layers import learned_routers

# Under this name the log shows it, like the learning rate, and checkpoints
# keep it.
TEMPERATURE = 'train/router_temperature'


@HOOKS.register_module()
class RouterTemperatureHook(Hook):
    """Cool every channel router from ``start`` to ``end``, geometrically.

    A high temperature lets distant channels feel each other, a low one only
    neighbours in the order. Routers apply a true permutation at any
    temperature, so training without this hook is sound as well, and what is
    tested, averaged or deployed does not depend on it.

    The temperature follows from the iteration alone, so a resumed run goes on
    where it was. Compiled networks follow it, but not those that torch 2.1
    compiles: their routers keep the temperature of the first iteration.
    """

    def __init__(self, start: float = 1.0, end: float = 0.001) -> None:
        if min(start, end) <= 0:
            pair = f'{start} and {end}'
            raise ValueError(f'temperatures must be positive, but got {pair}')
        self.start, self.end = start, end

    def before_train(self, runner) -> None:
        """Say so if there is nothing to cool."""
        if not learned_routers(runner.model):
            runner.logger.warning(
                'RouterTemperatureHook: no channel router of the model learns '
                'an order, so the temperature has no effect'
            )

    def temperature(self, iteration: int, iterations: int) -> float:
        """Return that of an iteration, counted from 0."""
        # With fewer iterations than before, a resumed run is past the end.
        progress = min(iteration / max(iterations - 1, 1), 1.0)
        return self.start * (self.end / self.start) ** progress

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Set the temperature of this iteration."""
        temperature = self.temperature(runner.iter, runner.max_iters)
        routers = learned_routers(runner.model).values()
        for router in routers:
            router.temperature = temperature
        if routers:
            runner.message_hub.update_scalar(TEMPERATURE, temperature)
