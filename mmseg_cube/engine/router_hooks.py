"""Cooling of the channel routers, and a report of what they learn."""

from pathlib import Path

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmseg_cube.evaluation.channel_orders import HISTORY, look, write_report
from mmseg_cube.layers import layer_name, learned_routers

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

    ``start`` is the temperature of the first iteration, ``end`` of the last.
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


@HOOKS.register_module()
class RouterReportHook(Hook):
    """Follow the order of every channel router that learns one.

    At every look a line in the log says how far the orders are from the
    identity and how much they changed, mean over the routers; the visualizer
    gets this of every router, too, under ``router/``. At the end
    ``router_report.json`` and ``router_report.png`` are written next to the
    log, as ``evaluation/channel_orders.py`` explains.

    Looks are at the weights that are trained; those that ``EMAHook`` keeps
    may be in another order, see ``mmseg-cube router``. They come at the
    start, at the end, and each ``interval`` iterations.
    """

    def __init__(self, interval: int = 100) -> None:
        if interval < 1:
            raise ValueError(f'interval must be positive, but got {interval}')
        self.interval = interval

    def before_train(self, runner) -> None:
        """Take up the history of a resumed run, or start one."""
        old = runner.message_hub.get_info(HISTORY, {})
        routers = learned_routers(runner.model)
        history = {name: old[name] for name in routers if name in old}
        runner.message_hub.update_info(HISTORY, history)
        if not routers:
            runner.logger.warning(
                'RouterReportHook: no channel router of the model learns an '
                "order, so there is nothing to report. router=dict(method='"
                "sinkhorn') in a CubeConv2d or CubeKernelBlock adds one"
            )
        self._look(runner, runner.iter)

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Look at the orders; checkpoints are saved after this."""
        due = self.every_n_train_iters(runner, self.interval)
        if due or self.is_last_train_iter(runner):
            self._look(runner, runner.iter + 1)

    @master_only
    def after_train(self, runner) -> None:
        """Write the report, also if training was stopped early."""
        self._look(runner, runner.iter)
        history = runner.message_hub.get_info(HISTORY)
        if history:
            write_report(history, Path(runner.log_dir))
            runner.logger.info(f'router report: {runner.log_dir}/{HISTORY}.*')

    @master_only
    def _look(self, runner, iteration: int) -> None:
        history = runner.message_hub.get_info(HISTORY)
        if not look(history, learned_routers(runner.model), iteration):
            return
        scalars = {}
        for key in ('moved', 'distance', 'changed'):
            latest = {
                f'router/{key}/{layer_name(name)}': record['looks'][key][-1]
                for name, record in history.items()
            }
            mean = float(np.mean(list(latest.values())))
            scalars |= {f'router/{key}': mean, **latest}
        runner.logger.info(
            f'routers at iteration {iteration}: '
            f'{100 * scalars["router/moved"]:.1f} % of the channels moved, '
            f'distance {scalars["router/distance"]:.2f}, '
            f'{scalars["router/changed"]:.1f} changed since the last look '
            f'(mean of {len(history)})'
        )
        runner.visualizer.add_scalars(scalars, step=iteration)
