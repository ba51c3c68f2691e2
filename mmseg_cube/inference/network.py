"""A segmentor as one function from windows of an image to probabilities."""

import numpy as np
import torch
from mmseg.models import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_cube.datasets.bands import as_mmcv
from mmseg_cube.evaluation.views import average_views, probabilities


class BuildingNetwork:
    """Windows in, building probabilities out.

    Normalises and pads as the segmentor's data preprocessor does in a test,
    and passes every window through the network as a whole, whatever mode its
    ``test_cfg`` names.

    Args:
        model: Segmentor of background and building, with weights. It is put
            into evaluation mode and stays on its device.
        tta: Views of each window whose probabilities are averaged, a key of
            ``VIEWS``: ``mmseg-cube test`` scores what prediction writes.
        amp: Run under autocast: float16 on CUDA, bfloat16 on CPUs.
    """

    def __init__(
        self, model: BaseSegmentor, tta: str = 'none', amp: bool = False
    ) -> None:
        model.eval()
        self.model, self.tta, self.amp = model, tta, amp

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.model.parameters()).device

    @torch.no_grad()
    def __call__(self, windows: np.ndarray) -> Tensor:
        """Return the building probabilities of windows.

        Windows are RGB images, uint8 of shape (N, 3, H, W), or of as many
        channels as the network was trained with; probabilities are float32
        of shape (N, H, W), on the device of the network.
        """
        # Preprocessors expect BGR, as mmcv loads it, and turn it round.
        images = torch.from_numpy(np.ascontiguousarray(as_mmcv(windows)))
        return average_views(
            lambda view: building_probability(self.logits(view)),
            images,
            self.tta,
        )

    def logits(self, images: Tensor) -> Tensor:
        """Return logits (N, classes, H, W) of images as the model loads them.

        Images are uint8 of shape (N, C, H, W), in the order of mmcv.
        """
        height, width = images.shape[2:]
        samples = [SegDataSample() for _ in images]
        batch = dict(inputs=list(images), data_samples=samples)
        x = self.model.data_preprocessor(batch, False)['inputs']
        names = 'ori_shape', 'img_shape', 'pad_shape'
        meta = dict.fromkeys(names, x.shape[2:])
        metas = [dict(meta, padding_size=[0] * 4) for _ in images]
        with torch.autocast(x.device.type, enabled=self.amp):
            logits = self.model.encode_decode(x, metas)
        # Padding is on the right and below.
        return logits.float()[:, :, :height, :width]


def threshold_of(model: BaseSegmentor) -> float:
    """Probability above which a test says building.

    That is where the larger of two logits is; a single one has its own.
    """
    single = getattr(model, 'out_channels', 2) == 1
    return model.decode_head.threshold if single else 0.5


def building_probability(logits: Tensor) -> Tensor:
    """Probability of the building class, from two logits or from its own."""
    classes = logits.shape[1]
    if classes <= 2:
        return probabilities(logits)[:, -1]
    raise ValueError(
        f'the network tells {classes} classes apart, but must tell two, '
        'background and building. Set num_classes=2 in its decode_head'
    )
