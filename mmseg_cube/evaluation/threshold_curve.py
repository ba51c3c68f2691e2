"""Scores over thresholds of the building probability.

A probability p is above a threshold t where the margin of the two logits,
building minus background, is above log(t / (1 - t)). Margins are compared,
since p rounds to 1 where margins still differ, and 0.5 gives the labels of
argmax exactly.
"""

import math
from collections.abc import Mapping
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from mmseg_cube.evaluation.chosen_threshold import may_choose, name_data
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.evaluation.score_kinds import ScoredImage, ScoreKind


class ThresholdCurve(ScoreKind):
    """Precision and recall at thresholds ``1 / (n + 1), ..., n / (n + 1)``.

    A pixel is a building if its probability is above the threshold. The
    average precision is the sum of precision times gain in recall over the
    thresholds, as scikit-learn defines it, and over 0.

    Counts are int64 of shape (2, n + 1): how many pixels of true buildings,
    and of true background, are above 0, 1, ..., n of the thresholds.

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
        self.zero = np.zeros((2, count + 1), np.int64)

    def count(self, image: ScoredImage) -> np.ndarray:
        """Count an image's pixels by their margins."""
        margin, target = image.margin, image.target.to(image.margin.device)
        edges = [margin_at(threshold) for threshold in self.thresholds]
        above = torch.bucketize(margin, margin.new_tensor(edges))
        counts = [
            torch.bincount(above[target == label], minlength=1 + len(edges))
            for label in (1, 0)
        ]
        return torch.stack(counts).cpu().numpy()

    def scores(self, counts: np.ndarray) -> dict[str, float]:
        """Return ``AveragePrecision`` in percent."""
        total, recall = 0.0, 0.0
        for point in reversed(self.points(counts)):
            scores = point.scores()
            total += (scores['Recall'] - recall) * scores['Precision'] / 100
            recall = scores['Recall']
        return dict(AveragePrecision=total)

    def points(self, counts: np.ndarray) -> list[Confusion]:
        """Return the confusion at threshold 0 and then at each threshold."""
        tp, fp = counts[:, ::-1].cumsum(1)[:, ::-1].tolist()
        return [
            Confusion(hit, false, tp[0] - hit, fp[0] - false)
            for hit, false in zip(tp, fp, strict=True)
        ]

    def best(
        self, counts: np.ndarray, data: Mapping[str, str]
    ) -> tuple[dict[str, float] | None, str | None]:
        """Choose the threshold of the largest IoU, which has the largest F1.

        F1 is ``2 * IoU / (1 + IoU)``, so both have one best threshold. Of
        equal ones it is the nearest to 0.5.

        Args:
            counts: Counts of images.
            data: What ``describe_data`` gives for them.

        Returns:
            The threshold and its scores, and None; or None, and why there is
            none.
        """
        if 'split' not in data:
            return None, (
                'the dataset does not say its split. Set curve=dict(split=...)'
            )
        if not may_choose(data):
            return None, (
                f'the images are those of {name_data(data)}. A threshold is '
                'chosen on val: evaluate val, and give its curve.json to '
                'threshold=... here'
            )
        # The first point is that of threshold 0: everything is a building.
        best = max(
            (
                dict(threshold=threshold, **point.scores())
                for threshold, point in zip(
                    self.thresholds, self.points(counts)[1:], strict=True
                )
            ),
            key=lambda row: (row['IoU'], -abs(row['threshold'] - 0.5)),
        )
        if best['IoU'] == 0:
            return None, 'no building is found at any threshold'
        return best, None

    def options(self) -> dict:
        """Return what decides the counts."""
        return dict(thresholds=len(self.thresholds))

    def as_json(self, counts: np.ndarray) -> dict[str, list[int]]:
        """Return the counts of buildings and of background."""
        built, ground = counts.tolist()
        return dict(built=built, ground=ground)


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
