"""Report of what the channel routers learn, written during training."""

from pathlib import Path

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmseg_cube.engine.router_history import (
    HISTORY,
    look,
    summarise,
    write_report,
)
from mmseg_cube.layers import layer_name, learned_routers


@HOOKS.register_module()
class RouterReportHook(Hook):
    """Follow the order of every channel router that learns one.

    At every look a line in the log says how far the orders are from the
    identity and how much they changed, mean over the routers; the visualizer
    gets the same and the numbers of every router under ``router/``. At the
    end ``router_report.json`` and ``router_report.png`` are written next to
    the log. The numbers are explained in ``engine/router_history.py``.

    Looks are at the weights that are trained; those that ``EMAHook`` keeps
    may be in another order, see ``mmseg-cube router``.

    Args:
        interval: Iterations between two looks; there is one more at the
            start and at the end.

    Raises:
        ValueError: If the interval is not positive.
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
        if self.every_n_train_iters(
            runner, self.interval
        ) or self.is_last_train_iter(runner):
            self._look(runner, runner.iter + 1)

    @master_only
    def after_train(self, runner) -> None:
        """Write the report, also if training was stopped early."""
        self._look(runner, runner.iter)
        history = runner.message_hub.get_info(HISTORY)
        if history:
            folder = Path(runner.log_dir)
            write_report(history, summarise(history), folder)
            runner.logger.info(f'router report: {folder}/router_report.*')

    @master_only
    def _look(self, runner, iteration: int) -> None:
        history = runner.message_hub.get_info(HISTORY)
        if not look(history, learned_routers(runner.model), iteration):
            return
        scalars, means = {}, {}
        for key in ('moved', 'distance', 'changed'):
            latest = {name: r['looks'][key][-1] for name, r in history.items()}
            means[key] = float(np.mean(list(latest.values())))
            scalars[f'router/{key}'] = means[key]
            for name, value in latest.items():
                scalars[f'router/{key}/{layer_name(name)}'] = value
        runner.logger.info(
            f'routers at iteration {iteration}: '
            f'{100 * means["moved"]:.1f} % of the channels moved, distance '
            f'{means["distance"]:.2f}, {means["changed"]:.1f} changed since '
            f'the last look (mean of {len(history)})'
        )
        runner.visualizer.add_scalars(scalars, step=iteration)
