"""Scores of whole buildings in place of pixels."""

from numbers import Integral, Real

import numpy as np
from scipy import ndimage

from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.evaluation.score_kinds import ScoredImage, ScoreKind

STRUCTURES = {4: ndimage.generate_binary_structure(2, 1), 8: np.ones((3, 3))}


class ObjectScore(ScoreKind):
    """Precision, recall and F1 of whole buildings.

    A building is a connected set of pixels, so houses that touch are one. A
    predicted one is right if it overlaps a true one with at least the given
    IoU. Ignored pixels belong to no building. A predicted one that is wrong
    does not count if more than half of it lies in ignored pixels.

    Args:
        iou: Overlap that makes a pair, from 0.5 to 1. From 0.5 on no
            building has two partners; below, counts would depend on a choice.
        connectivity: 8 if pixels also connect at their corners, else 4.
        min_area: Smallest building in pixels. A true one that is smaller
            does not count, whether it was found or not; neither does a
            smaller predicted one without partner.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self, iou: float = 0.5, connectivity: int = 8, min_area: int = 1
    ) -> None:
        if not (isinstance(iou, Real) and 0.5 <= iou <= 1):
            raise ValueError(
                f'the iou of objects must be from 0.5 to 1, not {iou}'
            )
        if connectivity not in STRUCTURES:
            raise ValueError(
                f'the connectivity of objects must be 4 or 8, not '
                f'{connectivity}'
            )
        if not (isinstance(min_area, Integral) and min_area >= 1):
            raise ValueError(
                'the min_area of objects must be 1, 2, ... pixels, not '
                f'{min_area}'
            )
        self.iou, self.min_area = iou, min_area
        self.connectivity = connectivity

    def count(self, image: ScoredImage) -> Confusion:
        """Count the buildings of an image that are right, false, missed."""
        found = self._label(image.predicted & ~image.ignored)
        real = self._label(image.built)
        first, second = self._pairs(found, real)
        large = np.bincount(real.ravel()) >= self.min_area
        tp = np.count_nonzero(large[second])
        # Label 0 is what lies between buildings.
        fn = np.count_nonzero(large[1:]) - tp
        false = np.bincount(found.ravel()) >= self.min_area
        false[0] = False
        false[first] = False
        if image.ignored.any():
            false &= ~self._mostly_ignored(found, image)
        return Confusion(int(tp), int(np.count_nonzero(false)), int(fn))

    def scores(self, counts: Confusion) -> dict[str, float]:
        """Return ``ObjectPrecision``, ``...Recall`` and ``...F1``."""
        scores = counts.scores()
        return {
            f'Object{name}': scores[name]
            for name in ('Precision', 'Recall', 'F1')
        }

    def options(self) -> dict:
        """Return what decides the counts."""
        names = ('iou', 'connectivity', 'min_area')
        return {name: getattr(self, name) for name in names}

    def _pairs(
        self, found: np.ndarray, real: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels of predicted and true buildings that belong together."""
        found_areas, real_areas = (
            np.bincount(labels.ravel()) for labels in (found, real)
        )
        both = (found > 0) & (real > 0)
        codes, overlaps = np.unique(
            found[both].astype(np.int64) * len(real_areas) + real[both],
            return_counts=True,
        )
        first, second = np.divmod(codes, len(real_areas))
        unions = found_areas[first] + real_areas[second] - overlaps
        enough = overlaps / unions >= self.iou
        # No building has two partners. Two that overlap a third by half of
        # it or more, and not each other, would be its two halves; but halves
        # of a connected building touch, so they would be one.
        return first[enough], second[enough]

    def _mostly_ignored(
        self, found: np.ndarray, image: ScoredImage
    ) -> np.ndarray:
        """Tell for each predicted building how it lay before the cut."""
        whole = self._label(image.predicted)
        areas = np.bincount(whole.ravel())
        hidden = np.bincount(whole[image.ignored], minlength=len(areas))
        parents = np.zeros(found.max() + 1, np.int64)
        inside = found > 0
        parents[found[inside]] = whole[inside]
        return 2 * hidden[parents] > areas[parents]

    def _label(self, mask: np.ndarray) -> np.ndarray:
        return ndimage.label(mask, STRUCTURES[self.connectivity])[0]
