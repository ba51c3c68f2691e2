"""Scores over thresholds of the building probability.

A probability p is above a threshold t where the margin of the two logits,
building minus background, is above log(t / (1 - t)). Margins are compared,
since p rounds to 1 where margins still differ, and 0.5 gives the labels of
argmax exactly.
"""

import math
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.evaluation.score_kinds import ScoredImage, ScoreKind


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many pixels are above 0, 1, 2, ... of the thresholds.

    Attributes:
        built: True buildings, int64 of shape (thresholds + 1,).
        ground: True background, likewise.
    """

    built: np.ndarray
    ground: np.ndarray

    def __add__(self, other: 'Histogram') -> 'Histogram':
        return Histogram(self.built + other.built, self.ground + other.ground)

    def points(self) -> list[Confusion]:
        """Counts at threshold 0, and then at each one from the lowest."""
        tp, fp = (
            counts[::-1].cumsum()[::-1].tolist()
            for counts in (self.built, self.ground)
        )
        return [
            Confusion(hit, false, tp[0] - hit, fp[0] - false)
            for hit, false in zip(tp, fp, strict=True)
        ]


class ThresholdCurve(ScoreKind):
    """Precision and recall at thresholds ``1 / (n + 1), ..., n / (n + 1)``.

    A pixel is a building if its probability is above the threshold. The
    average precision is the sum of precision times gain in recall over the
    thresholds, as scikit-learn defines it, and over 0.

    Args:
        thresholds: Their number n, from 1 to 9999.
        split: ``train``, ``val`` or ``test``, for a dataset that does not
            say it in its meta information.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(self, thresholds: int = 99, split: str | None = None) -> None:
        if not (isinstance(thresholds, Integral) and 1 <= thresholds <= 9999):
            raise ValueError(
                'the number of thresholds of curve must be from 1 to 9999, '
                f'not {thresholds!r}'
            )
        if split not in (None, 'train', 'val', 'test'):
            raise ValueError(
                f'the split of curve must be train, val or test, not {split!r}'
            )
        count = int(thresholds)
        self.split = split
        self.thresholds = [k / (count + 1) for k in range(1, count + 1)]

    @property
    def zero(self) -> Histogram:
        """Counts of no image."""
        nothing = np.zeros(len(self.thresholds) + 1, np.int64)
        return Histogram(nothing, nothing)

    def count(self, image: ScoredImage) -> Histogram:
        """Count an image's pixels by their margins."""
        margin, target = image.margin, image.target.to(image.margin.device)
        edges = [margin_at(threshold) for threshold in self.thresholds]
        above = torch.bucketize(margin, margin.new_tensor(edges))
        built, ground = (
            torch.bincount(above[target == label], minlength=1 + len(edges))
            for label in (1, 0)
        )
        return Histogram(built.cpu().numpy(), ground.cpu().numpy())

    def scores(self, counts: Histogram) -> dict[str, float]:
        """Return ``AveragePrecision`` in percent."""
        total, recall = 0.0, 0.0
        for point in reversed(counts.points()):
            scores = point.scores()
            total += (scores['Recall'] - recall) * scores['Precision'] / 100
            recall = scores['Recall']
        return dict(AveragePrecision=total)

    def options(self) -> dict:
        """Return what decides the counts."""
        return dict(thresholds=len(self.thresholds))

    def as_json(self, counts: Histogram) -> dict[str, list[int]]:
        """Return the two histograms."""
        return dict(built=counts.built.tolist(), ground=counts.ground.tolist())


def margin_at(threshold: float) -> float:
    """Margin of logits at which the probability is the threshold."""
    return math.log(threshold / (1 - threshold))


def labels_at(margin: Tensor, threshold: float) -> Tensor:
    """Label pixels whose building probability is above a threshold.

    Args:
        margin: Logit of building minus logit of background, of any shape.
        threshold: Probability between 0 and 1.

    Returns:
        Labels 0 and 1 of the same shape.
    """
    return (margin > margin.new_tensor(margin_at(threshold))).long()
