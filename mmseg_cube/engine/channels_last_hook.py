"""Networks whose feature maps keep the channels of a pixel together."""

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Lay out the weights as channels_last before training or testing.

    Convolutions hand the layout on to their feature maps. Results are the
    same up to rounding; on CPUs and on GPUs with tensor cores convolutions
    are often faster with it, Cube convolutions among them (docs/operator.md).
    """

    def before_run(self, runner) -> None:
        """Change the layout; the values, optimizer and names stay."""
        runner.model.to(memory_format=torch.channels_last)
