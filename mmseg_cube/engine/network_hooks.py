"""The network before a run: the layout of its weights, and what is Cube."""

import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmseg_cube.layers import summarise


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


@HOOKS.register_module()
class CubeSummaryHook(Hook):
    """Say once, before training or testing, what is Cube and what is not.

    A ``conv_cfg`` leaves plain what a Cube convolution cannot stand in for;
    the line counts those layers by reason, see
    :func:`mmseg_cube.layers.summarise`.
    """

    said = None

    @master_only
    def before_run(self, runner) -> None:
        """Log the summary; runners call this before every loop."""
        text = summarise(runner.model)
        if text != self.said:
            runner.logger.info(text)
            self.said = text
