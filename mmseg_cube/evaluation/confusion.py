"""Pixel counts of a two-class segmentation and the scores made of them."""

from dataclasses import astuple, dataclass
from itertools import product

import torch
from torch import Tensor


@dataclass(frozen=True)
class Confusion:
    """Counts of pixels; buildings are the positive class.

    Python integers, so that sums over any number of images stay exact.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: 'Confusion') -> 'Confusion':
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Confusion(*map(sum, pairs))

    @property
    def background(self) -> 'Confusion':
        """The same pixels with the background as the positive class."""
        return Confusion(self.tn, self.fn, self.fp, self.tp)

    @property
    def accuracy(self) -> float:
        """Share of pixels that are right, in percent."""
        return _percent(self.tp + self.tn, sum(astuple(self)))

    def scores(self) -> dict[str, float]:
        """Return IoU, F1, Precision and Recall in percent.

        A score without a pixel to judge by (0 / 0) is 0: a model that finds
        no building at all must not come out well.
        """
        tp, fp, fn = self.tp, self.fp, self.fn
        return dict(
            IoU=_percent(tp, tp + fp + fn),
            F1=_percent(2 * tp, 2 * tp + fp + fn),
            Precision=_percent(tp, tp + fp),
            Recall=_percent(tp, tp + fn),
        )


def count_pixels(pred: Tensor, target: Tensor, ignore_index: int) -> Confusion:
    """Count one image's pixels, from labels 0 and 1 of any shape.

    Raises:
        ValueError: If the shapes differ or there is another label than 0, 1
            and, in the target, ``ignore_index``.
    """
    if pred.shape != target.shape:
        raise ValueError(
            f'prediction is {tuple(pred.shape)}, ground truth is '
            f'{tuple(target.shape)} pixels. Predict at the original size'
        )
    target = target.to(pred.device)
    pairs = product((pred == 1, pred == 0), (target == 1, target == 0))
    counts = [int(torch.count_nonzero(a & b)) for a, b in pairs]
    if sum(counts) != pred.numel():
        for what, labels in (('ground truth', target), ('prediction', pred)):
            values = labels[target != ignore_index].unique().tolist()
            if not set(values) <= {0, 1}:
                raise ValueError(
                    f'{what} holds the labels {values}, expected 0 '
                    '(background) and 1 (building). Load masks with '
                    'LoadBuildingMask and give the head two classes'
                )
    return Confusion(*counts)


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
