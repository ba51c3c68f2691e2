"""The running average of a network in training, as ``EMAHook`` keeps it."""

import torch
from mmengine.config import Config
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mmseg_cube.analysis.ablation.variants import kind_of

HOOK = 'EMAHook'
OPTIONS = {'type', '_scope_', 'momentum', 'update_buffers', 'priority'}


class RunningAverage:
    """Average of the weights, and of the statistics where that is asked for.

    Args:
        model: Network in training.
        options: Those of mmengine's ``EMAHook``.

    Raises:
        ValueError: If there are others than ``momentum`` and
            ``update_buffers``.
    """

    def __init__(self, model: nn.Module, options: dict[str, object]) -> None:
        other = ', '.join(sorted(options.keys() - OPTIONS))
        if other:
            raise ValueError(
                f'{HOOK}: variants side by side are averaged with momentum '
                f'and update_buffers, not with {other}; leave it out'
            )
        self.move = get_ema_multi_avg_fn(1 - options.get('momentum', 2e-4))
        kept = model.parameters()
        if options.get('update_buffers'):
            kept = model.state_dict().values()
        self.source = [v.detach() for v in kept if v.is_floating_point()]
        self.values: list[Tensor] = []

    def update(self) -> None:
        """Move towards the network; the first time to where it is."""
        if not self.values:
            self.values = [value.clone() for value in self.source]
        self.move(self.values, self.source, None)

    @torch.no_grad()
    def apply(self) -> None:
        """Put the average in the place of the network's own weights."""
        for value, source in zip(self.values, self.source, strict=True):
            source.copy_(value)


def average_of(cfg: Config) -> dict[str, object] | None:
    """Options of the ``EMAHook`` of a config, if it has one."""
    hooks = [*(cfg.get('default_hooks') or {}).values()]
    hooks += cfg.get('custom_hooks') or []
    return next((dict(x) for x in hooks if kind_of(x) == HOOK), None)
