"""Cross entropy of the pixels that count, also with weights of classes."""

from collections.abc import Sequence

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
        **options: ``loss_weight`` and ``loss_name`` of mmseg's.

    Raises:
        ValueError: If there are not two weights.
    """

    def __init__(
        self, class_weight: Sequence[float] | str | None = None, **options
    ) -> None:
        super().__init__(
            class_weight=class_weight, **options, avg_non_ignore=True
        )
        if self.class_weight is not None and len(self.class_weight) != 2:
            raise ValueError(
                'class_weight needs two numbers, of background and building, '
                f'but is {self.class_weight}'
            )

    def forward(
        self, cls_score: Tensor, label: Tensor, ignore_index: int = 255, **more
    ) -> Tensor:
        """Compute the loss of logits (N, 2, H, W) and labels (N, H, W).

        ``more`` is what mmseg's takes, such as a ``weight`` of each pixel.
        """
        how = more.get('reduction_override') or self.reduction
        if how == 'mean' and more.get('avg_factor') is None:
            # A tensor: mmseg's number would have to wait for the GPU.
            weights = enumerate(self.class_weight or (1.0, 1.0))
            known = [w * (label == c) for c, w in weights if c != ignore_index]
            more['avg_factor'] = sum(known).sum()
        return super().forward(
            cls_score, label, ignore_index=ignore_index, **more
        )
