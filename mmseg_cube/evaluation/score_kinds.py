"""Kinds of score: what is counted in an image and what the sums give."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mmseg_cube.evaluation.confusion import Confusion, count_pixels
from mmseg_cube.evaluation.sample import Sample


class ScoreKind:
    """Base of the kinds of score, whose counts add up over images.

    Attributes:
        zero: Counts of no image.
        options: Options that decide the counts.
        names: By name of a score, its name in the confusion.
    """

    zero: Any = Confusion()
    options: Mapping[str, Any] = {}
    names: Mapping[str, str] = {}

    def count(self, sample: Sample) -> Any:
        """Count one image."""
        raise NotImplementedError

    def scores(self, counts: Any) -> dict[str, float]:
        """Return scores by name, in percent."""
        scores = counts.scores()
        return {name: scores[key] for name, key in self.names.items()}

    def as_json(self, counts: Any) -> dict:
        """Return counts in numbers and lists."""
        return dict(tp=counts.tp, fp=counts.fp, fn=counts.fn)


class PixelScore(ScoreKind):
    """Scores of all pixels, the building class first."""

    def count(self, sample: Sample) -> Confusion:
        """Count pixels; sizes and labels are checked."""
        pred, target = sample.pred, sample.target
        try:
            return count_pixels(pred, target, sample.ignore_index)
        except ValueError as error:
            raise ValueError(f'{sample.path}: {error}') from error

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


def require(met: bool, rule: str, value: object) -> None:
    """Raise ValueError with the rule and the value, unless it is met."""
    if not met:
        raise ValueError(f'{rule}, not {value!r}')
