"""Kinds of score: what is counted in an image and what the sums give."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from mmseg_cube.evaluation.confusion import Confusion, count_pixels


@dataclass(frozen=True)
class ScoredImage:
    """One image, as the scores see it.

    Attributes:
        pred: Predicted labels 0 and 1 of shape (H, W).
        target: True labels 0, 1 and ``ignore_index`` of shape (H, W).
        ignore_index: Label of pixels that do not count.
        margin: Logit of building minus logit of background of shape (H, W);
            only the scores over thresholds need it.
    """

    pred: Tensor
    target: Tensor
    ignore_index: int
    margin: Tensor | None = None

    @cached_property
    def predicted(self) -> np.ndarray:
        """Predicted buildings, in ignored pixels too."""
        return (self.pred == 1).cpu().numpy()

    @cached_property
    def built(self) -> np.ndarray:
        """True buildings."""
        return (self.target == 1).cpu().numpy()

    @cached_property
    def ignored(self) -> np.ndarray:
        """Pixels that do not count."""
        return (self.target == self.ignore_index).cpu().numpy()


class ScoreKind:
    """Base of the kinds of score, whose counts add up over images.

    Attributes:
        zero: Counts of no image.
    """

    zero: Any = Confusion()

    def count(self, image: ScoredImage) -> Any:
        """Count one image."""
        raise NotImplementedError

    def scores(self, counts: Any) -> dict[str, float]:
        """Return scores by name, in percent."""
        raise NotImplementedError

    def options(self) -> dict:
        """Return the options that decide the counts."""
        return {}

    def as_json(self, counts: Any) -> dict:
        """Return counts in numbers and lists."""
        return dict(tp=counts.tp, fp=counts.fp, fn=counts.fn)


class PixelScore(ScoreKind):
    """Scores of all pixels, the building class first."""

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

    def as_json(self, counts: Confusion) -> dict[str, int]:
        """Return the four numbers of pixels."""
        return asdict(counts)


class ScoreSum:
    """Counts of several images, and their scores.

    Args:
        kinds: Kinds of score by name.
    """

    def __init__(self, kinds: Mapping[str, ScoreKind]) -> None:
        self._kinds = kinds
        self.images = 0
        self.counts = {name: kind.zero for name, kind in kinds.items()}

    def add(self, counts: Mapping[str, Any]) -> None:
        """Add the counts of one image."""
        self.images += 1
        for name in self.counts:
            self.counts[name] = self.counts[name] + counts[name]

    def scores(self) -> dict[str, float]:
        """Return the scores of all kinds."""
        scores = {}
        for name, kind in self._kinds.items():
            scores.update(kind.scores(self.counts[name]))
        return scores

    def as_json(self) -> dict:
        """Return images, scores and counts in numbers and lists."""
        counts = {
            name: kind.as_json(self.counts[name])
            for name, kind in self._kinds.items()
        }
        return dict(images=self.images, scores=self.scores(), counts=counts)
