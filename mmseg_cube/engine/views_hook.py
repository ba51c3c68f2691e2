"""A hook that shows a network several views of each image in a test."""

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch import Tensor

from mmseg_cube.evaluation.views import average_views

SHAPES = 'ori_shape', 'img_shape', 'pad_shape'


@HOOKS.register_module()
class ViewsHook(Hook):
    """Average the probabilities of views, as ``mmseg-cube predict`` does.

    mmseg's own test-time augmentation cannot turn images. The logits of the
    test are those of the mean probabilities, for scores that need them.

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
            def predict(view: Tensor) -> Tensor:
                shapes = dict.fromkeys(SHAPES, view.shape[2:])
                logits = look(view, [meta | shapes for meta in metas])
                alone = logits.shape[1] == 1
                return logits.sigmoid() if alone else logits.softmax(1)

            mean = average_views(predict, images, self.tta)
            least = torch.finfo(mean.dtype).tiny
            return (
                mean.logit(1e-7) if len(mean[0]) == 1 else (mean + least).log()
            )

        model.inference = inference
