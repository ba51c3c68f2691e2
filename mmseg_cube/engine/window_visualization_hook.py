"""Pictures of predictions, also where a sample is a window of a raster."""

from pathlib import Path

from mmengine.registry import HOOKS
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.structures import SegDataSample

from mmseg_cube.datasets.rasters import read_raster
from mmseg_cube.datasets.windows import Window


@HOOKS.register_module()
class WindowVisualizationHook(SegVisualizationHook):
    """Draw predictions over their images, or over their part of a raster.

    mmseg's own hook reads the whole image file, which a prediction for a
    window of it does not fit. Other samples are left to that hook, whose
    arguments are the same.
    """

    drawn = 0

    def after_val_iter(self, runner, batch_idx, data_batch, outputs) -> None:
        """Draw the first sample of every ``interval``-th batch."""
        step = runner.iter + batch_idx
        if 'window' not in outputs[0]:
            super().after_val_iter(runner, batch_idx, data_batch, outputs)
        elif self.draw and step % self.interval == 0:
            self._draw_window('val', outputs[0], step)

    def after_test_iter(self, runner, batch_idx, data_batch, outputs) -> None:
        """Draw every sample."""
        if 'window' not in outputs[0]:
            super().after_test_iter(runner, batch_idx, data_batch, outputs)
        elif self.draw:
            for sample in outputs:
                self.drawn += 1
                self._draw_window('test', sample, self.drawn)

    def _draw_window(
        self, mode: str, sample: SegDataSample, step: int
    ) -> None:
        window = Window(*sample.window)
        image = read_raster(sample.img_path, window).transpose(1, 2, 0)
        self._visualizer.add_datasample(
            f'{mode}_{Path(sample.img_path).stem}_{window.y}_{window.x}',
            image,
            data_sample=sample,
            show=self.show,
            wait_time=self.wait_time,
            step=step,
        )
