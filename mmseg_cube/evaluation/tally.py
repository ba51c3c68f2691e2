from collections.abc import Mapping
from typing import Any, Protocol

from .scored_image import ScoredImage


class Score(Protocol):
    """A kind of score: counts of images, which add up, and what they give.

    Attributes:
        zero: Counts of no image.
    """

    zero: Any

    def count(self, image: ScoredImage) -> Any:
        """Count one image."""

    def scores(self, counts: Any) -> dict[str, float]:
        """Return scores by name, in percent."""

    def options(self) -> dict:
        """Return the options that decide the counts."""

    def as_json(self, counts: Any) -> dict:
        """Return counts in numbers and lists."""


class Tally:
    """Counts of several images, and their scores.

    Args:
        kinds: Kinds of score by name.
    """

    def __init__(self, kinds: Mapping[str, Score]) -> None:
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
        return {
            key: value
            for name, kind in self._kinds.items()
            for key, value in kind.scores(self.counts[name]).items()
        }

    def as_json(self) -> dict:
        """Return images, scores and counts in numbers and lists."""
        counts = {
            name: kind.as_json(self.counts[name])
            for name, kind in self._kinds.items()
        }
        return dict(images=self.images, scores=self.scores(), counts=counts)
