"""Dice loss of the building class over a whole batch."""

import torch
from mmengine.dist import is_distributed
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


@MODELS.register_module()
class BuildingDiceLoss(nn.Module):
    """One minus the soft F1 of the building class.

    Counts go over all pixels of the batch, as those of the metric go over
    all pixels of the test set, so crops without a building do not dominate.
    The batch is that of all processes, which have to compute this loss
    together. Source: V-Net (arXiv 1606.04797), with first powers.

    Args:
        loss_weight: Factor of the loss.
        smooth: Pixels added to numerator and denominator, so that a batch
            without buildings has a defined loss.
        loss_name: Name in the log; must start with ``loss_``.

    Raises:
        ValueError: In use, if there are not two logits.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        smooth: float = 1.0,
        loss_name: str = 'loss_dice',
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.smooth = smooth
        self.loss_name = loss_name

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
        **kwargs,
    ) -> Tensor:
        """Compute the loss.

        Args:
            cls_score: Logits of shape (N, 2, H, W).
            label: Labels 0, 1 or ``ignore_index`` of shape (N, H, W).
            weight: Weight of each pixel, of shape (N, H, W).
            ignore_index: Label of pixels that do not count.
            **kwargs: What mmseg hands to other losses.
        """
        if cls_score.shape[1] != 2:
            raise ValueError(
                'BuildingDiceLoss needs two logits, background and building, '
                f'but got {cls_score.shape[1]}; set out_channels=2'
            )
        # Sums over a batch leave the range of half precision.
        building = cls_score.float().softmax(1)[:, 1]
        counts = (label != ignore_index).float()
        if weight is not None:
            counts = counts * weight
        truth = (label == 1).float()
        overlap = (counts * building * truth).sum()
        total = (counts * (building + truth)).sum()
        if is_distributed():
            # On the way back this adds up the gradients of all processes, of
            # which DDP takes the mean: that of one process with all images.
            overlap, total = all_reduce(torch.stack((overlap, total)))
        dice = (2 * overlap + self.smooth) / (total + self.smooth)
        return self.loss_weight * (1 - dice)
