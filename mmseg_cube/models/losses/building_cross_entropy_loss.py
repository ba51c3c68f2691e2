"""Cross entropy of the pixels that count, also with weights of classes."""

from collections.abc import Sequence

import torch
from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class BuildingCrossEntropyLoss(CrossEntropyLoss):
    """Mean cross entropy of all pixels that are not ignored.

    That of mmseg with ``avg_non_ignore=True``, which ``class_weight`` stops
    at the first ignored pixel: it looks up the weight of label 255 upstream,
    and counts ignored pixels twice in OneDL. Here the mean is the weighted
    one, as PyTorch has it.

    Args:
        class_weight: Weights of background and building, or a file of them.
        loss_weight: Factor of the loss.
        loss_name: Name in the log; must start with ``loss_``.

    Raises:
        ValueError: If there are not two weights.
    """

    def __init__(
        self,
        class_weight: Sequence[float] | str | None = None,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ce',
    ) -> None:
        super().__init__(
            class_weight=class_weight,
            loss_weight=loss_weight,
            loss_name=loss_name,
            avg_non_ignore=True,
        )
        if self.class_weight is not None and len(self.class_weight) != 2:
            raise ValueError(
                'class_weight needs two numbers, of background and building, '
                f'but is {self.class_weight}'
            )

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Compute the loss.

        Args:
            cls_score: Logits of shape (N, 2, H, W).
            label: Labels 0, 1 or ``ignore_index`` of shape (N, H, W).
            weight: Weight of each pixel, of shape (N, H, W).
            avg_factor: What the sum is divided by in place of the weights.
            reduction_override: ``'none'`` for the loss of each pixel.
            ignore_index: Label of pixels that do not count.
        """
        mean = reduction_override in (None, 'mean')
        if mean and avg_factor is None and self.class_weight is not None:
            # In full precision: sums of pixels leave the range of the half.
            weights = torch.tensor(self.class_weight, device=label.device)
            avg_factor = weights[label[label != ignore_index]].sum()
        return super().forward(
            cls_score,
            label,
            weight,
            avg_factor,
            reduction_override,
            ignore_index,
        )
