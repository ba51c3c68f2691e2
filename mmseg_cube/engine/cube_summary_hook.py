"""One line in the log on which convolutions of the network are Cubes."""

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmseg_cube.layers import summarise


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
