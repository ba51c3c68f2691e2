"""Pixel counts of a two-class segmentation and the scores made of them."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from .scored_image import ScoredImage

LABELS = (0, 1)  # background, building


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
        return Confusion(
            self.tp + other.tp,
            self.fp + other.fp,
            self.fn + other.fn,
            self.tn + other.tn,
        )

    @property
    def background(self) -> 'Confusion':
        """The same pixels with the background as the positive class."""
        return Confusion(self.tn, self.fn, self.fp, self.tp)

    @property
    def accuracy(self) -> float:
        """Share of pixels that are right, in percent."""
        right = self.tp + self.tn
        return _percent(right, right + self.fp + self.fn)

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


class PixelScore:
    """Scores of all pixels, the building class first."""

    zero = Confusion()

    def count(self, image: ScoredImage) -> Confusion:
        """Count the pixels of an image.

        Raises:
            ValueError: If sizes differ or there is another label.
        """
        return count_pixels(image.pred, image.target, image.ignore_index)

    def scores(self, counts: Confusion) -> dict[str, float]:
        """Return IoU, F1, Precision, Recall, Accuracy and mIoU."""
        building, background = counts.scores(), counts.background.scores()
        return dict(
            **building,
            Accuracy=counts.accuracy,
            mIoU=(building['IoU'] + background['IoU']) / 2,
        )

    def options(self) -> dict:
        """Return what decides the counts: nothing."""
        return {}

    def as_json(self, counts: Confusion) -> dict[str, int]:
        """Return the four numbers of pixels."""
        return asdict(counts)


def count_pixels(pred: Tensor, target: Tensor, ignore_index: int) -> Confusion:
    """Count one image's pixels.

    Args:
        pred: Predicted labels 0 and 1, of any shape.
        target: True labels 0, 1 and ``ignore_index``, of the same shape.
        ignore_index: Label of pixels that do not count.

    Raises:
        ValueError: If the shapes differ or there is another label.
    """
    if pred.shape != target.shape:
        raise ValueError(
            f'prediction is {tuple(pred.shape)}, ground truth is '
            f'{tuple(target.shape)} pixels. Predict at the original size'
        )
    target = target.to(pred.device)
    built, predicted = target == 1, pred == 1
    cleared = pred == 0
    tp = _count(built & predicted)
    fn = _count(built & cleared)
    ground = target == 0
    fp = _count(ground & predicted)
    tn = _count(ground & cleared)
    counted = tp + fp + fn + tn
    if counted != pred.numel():
        ignored = target == ignore_index
        _check_labels('ground truth', target[~ignored])
        _check_labels('prediction', pred[~ignored])
    return Confusion(tp, fp, fn, tn)


def _check_labels(what: str, labels: Tensor) -> None:
    found = labels.unique().tolist()
    if not set(found) <= set(LABELS):
        raise ValueError(
            f'{what} holds the labels {found}, expected 0 (background) and 1 '
            '(building). Load masks with LoadBuildingMask and give the head '
            'two classes'
        )


def _count(mask: Tensor) -> int:
    return int(torch.count_nonzero(mask))


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
