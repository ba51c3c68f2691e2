"""A segmentor as one function from images to logits."""

import torch
import torch.nn.functional as F
from mmseg.models import BaseSegmentor, SegDataPreProcessor
from torch import Tensor, nn

from mmseg_cube.deploy.any_size import missing


class ExportableSegmentor(nn.Module):
    """Images in, logits out, mmseg's preprocessing and resizing within.

    It normalises and pads as the segmentor's data preprocessor does in a
    test, and gives the logits of mmseg's mode ``whole``, in evaluation mode.
    The windows of mode ``slide`` are left to the caller.

    Args:
        model: Segmentor with a ``SegDataPreProcessor``.
        shape: The only shape of images that it takes; by default it takes
            batches and images of any size.

    Shape:
        RGB images (N, 3, H, W), float32 from 0 to 255, to logits
        (N, num_classes, H, W); a softmax over axis 1 makes probabilities.

    Raises:
        ValueError: If the preprocessor is of another kind, or pads to a
            fixed size.
    """

    def __init__(
        self,
        model: BaseSegmentor,
        shape: tuple[int, int, int, int] | None = None,
    ) -> None:
        super().__init__()
        preprocessor = model.data_preprocessor
        if not isinstance(preprocessor, SegDataPreProcessor):
            raise ValueError(
                'model.data_preprocessor must be a SegDataPreProcessor to be '
                f'exported, but got {type(preprocessor).__name__}'
            )
        padding = preprocessor.test_cfg or {}
        if padding.get('size') is not None:
            raise ValueError(
                'an exported network takes images of any size, but '
                'data_preprocessor.test_cfg pads to '
                f'size={padding["size"]}; use size_divisor instead'
            )
        self.divisor = padding.get('size_divisor') or 1
        self.pad_val = float(preprocessor.pad_val)
        # mmcv loads BGR. The name differs between mmsegmentation and its fork.
        self.is_rgb = any(
            getattr(preprocessor, name, False)
            for name in ('channel_conversion', '_channel_conversion')
        )
        self.model, self.shape = model, shape
        mean, std = torch.zeros(3, 1, 1), torch.ones(3, 1, 1)
        if preprocessor._enable_normalize:
            mean, std = preprocessor.mean, preprocessor.std
        self.register_buffer('mean', mean.clone())
        self.register_buffer('std', std.clone())
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of a batch of images."""
        if self.shape is not None:
            images = images.expand(self.shape)  # stays in what is recorded
        height, width = images.shape[2:]
        x = images if self.is_rgb else images[:, [2, 1, 0]]
        x = (x - self.mean) / self.std
        if self.divisor > 1:
            # On the right and below, as mmseg does.
            right = missing(width, self.divisor)
            pads = (0, right, 0, missing(height, self.divisor))
            x = F.pad(x, pads, value=self.pad_val)
        logits = F.interpolate(
            self.model(x, mode='tensor'),
            x.shape[2:],
            mode='bilinear',
            align_corners=self.model.align_corners,
        )
        return logits[:, :, :height, :width]
