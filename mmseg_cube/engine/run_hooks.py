"""Hooks around a run: the layout of weights, what is Cube, and pictures."""

import logging
from pathlib import Path

import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn.functional import pad

from mmseg_cube.datasets import BuildingDataset
from mmseg_cube.datasets.bands import RGB, as_picture
from mmseg_cube.datasets.contract import read_rgb
from mmseg_cube.datasets.windows import Window
from mmseg_cube.evaluation.views import average_views, probabilities
from mmseg_cube.layers import CubeConv2d, summarise
from mmseg_cube.utils.networks import refuse_other_channels

SHAPES = 'ori_shape', 'img_shape', 'pad_shape'  # of an image, as mmseg says


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
class ChannelsHook(Hook):
    """Refuse to run a network on images of other channels than it takes.

    Raises:
        ValueError: If the ``bands`` of a dataset do not fit the network.
    """

    def before_run(self, runner) -> None:
        """Compare datasets, in wrappers as well, with the network."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        loops = runner._train_loop, runner._val_loop, runner._test_loop
        loaders = (getattr(loop, 'dataloader', None) for loop in loops)
        found = [loader.dataset for loader in loaders if loader is not None]
        for dataset in found:
            found += getattr(dataset, 'datasets', [])
            if hasattr(dataset, 'dataset'):
                found.append(dataset.dataset)
            if isinstance(dataset, BuildingDataset):
                refuse_other_channels(model, dataset.channels.count)


@HOOKS.register_module()
class ViewsHook(Hook):
    """Average the probabilities of views, as ``mmseg-cube predict`` does.

    mmseg's own test-time augmentation cannot turn images, and gives no logits.
    Here those of the test are of the mean probabilities, for scores that need
    them.

    Args:
        tta: Which views, a key of ``evaluation.views.VIEWS``.
    """

    def __init__(self, tta: str) -> None:
        self.tta = tta

    def before_test(self, runner) -> None:
        """Wrap how the network looks at images."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        look = model.inference

        def inference(images: Tensor, metas: list[dict]) -> Tensor:
            _, right, _, below = metas[0].get('img_padding_size', [0] * 4)
            height, width = images.shape[2] - below, images.shape[3] - right
            value = model.data_preprocessor.pad_val

            def predict(view: Tensor) -> Tensor:
                # A view is padded as an image is: on the right and below.
                high, wide = view.shape[2:]
                turned = (high, wide) != (height, width)
                more = (0, below, 0, right) if turned else (0, right, 0, below)
                view = pad(view, more, value=value)
                shapes = dict.fromkeys(SHAPES, view.shape[2:])
                logits = look(view, [meta | shapes for meta in metas])
                return probabilities(logits[..., :high, :wide])

            images = images[..., :height, :width]
            mean = average_views(predict, images, self.tta)
            mean = pad(mean, (0, right, 0, below))  # which mmseg cuts off
            if mean.shape[1] == 1:
                return mean.logit(1e-7)
            return mean.clamp(torch.finfo(mean.dtype).tiny).log()

        model.inference = inference


@HOOKS.register_module()
class CubeSummaryHook(Hook):
    """Say once, before training or testing, what is Cube and what is not.

    A ``conv_cfg`` leaves plain what a Cube convolution cannot stand in for;
    the line of :func:`mmseg_cube.layers.summarise` counts them by reason. It
    is a warning if nothing is Cube, as with a head of 1 x 1 ones.
    """

    said = None

    @master_only
    def before_run(self, runner) -> None:
        """Log the summary; runners call this before every loop."""
        text = summarise(runner.model)
        if text != self.said:
            kinds = map(type, runner.model.modules())
            level = logging.INFO if CubeConv2d in kinds else logging.WARNING
            runner.logger.log(level, text)
            self.said = text


@HOOKS.register_module()
class WindowVisualizationHook(SegVisualizationHook):
    """Draw predictions over their images, or over their part of a raster.

    Images are read as the network sees them. mmseg's own hook, whose
    arguments are the same, reads whole files with OpenCV.
    """

    drawn = 0

    def after_val_iter(self, runner, batch_idx, data_batch, outputs) -> None:
        """Draw the first sample of every ``interval``-th batch."""
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            self._draw('val', outputs[0], step)

    def after_test_iter(self, runner, batch_idx, data_batch, outputs) -> None:
        """Draw every sample."""
        if self.draw:
            for sample in outputs:
                self.drawn += 1
                self._draw('test', sample, self.drawn)

    def _draw(self, mode: str, sample: SegDataSample, step: int) -> None:
        path, window = sample.img_path, sample.get('window')
        name = f'{mode}_{Path(path).name}'
        if window is not None:
            window = Window(*window)
            name = f'{mode}_{Path(path).stem}_{window.y}_{window.x}'
        image = as_picture(read_rgb(path, window, sample.get('channels', RGB)))
        options = dict(show=self.show, wait_time=self.wait_time, step=step)
        self._visualizer.add_datasample(name, image, sample, **options)
