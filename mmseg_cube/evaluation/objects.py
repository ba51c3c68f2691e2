"""Scores of whole buildings in place of pixels."""

from numbers import Integral, Real

import numpy as np
from scipy import ndimage

from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.evaluation.sample import Sample
from mmseg_cube.evaluation.score_kinds import ScoreKind, require

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

    names = dict(
        ObjectPrecision='Precision', ObjectRecall='Recall', ObjectF1='F1'
    )

    def __init__(
        self, iou: float = 0.5, connectivity: int = 8, min_area: int = 1
    ) -> None:
        met = isinstance(iou, Real) and 0.5 <= iou <= 1
        require(met, 'the iou of objects must be from 0.5 to 1', iou)
        rule = 'the connectivity of objects must be 4 or 8'
        require(connectivity in STRUCTURES, rule, connectivity)
        met = isinstance(min_area, Integral) and min_area >= 1
        rule = 'the min_area of objects must be 1, 2, ... pixels'
        require(met, rule, min_area)
        self.iou, self.min_area = iou, min_area
        self.connectivity = connectivity
        self.options = dict(
            iou=iou, connectivity=connectivity, min_area=min_area
        )

    def count(self, sample: Sample) -> Confusion:
        """Count the buildings of an image that are right, false, missed."""
        predicted, built, ignored = sample.masks
        found = self._label(predicted & ~ignored)
        real = self._label(built)
        found_areas = np.bincount(found.ravel())
        real_areas = np.bincount(real.ravel())
        both = (found > 0) & (real > 0)
        codes = found[both].astype(np.int64) * len(real_areas) + real[both]
        codes, overlaps = np.unique(codes, return_counts=True)
        first, second = np.divmod(codes, len(real_areas))
        unions = found_areas[first] + real_areas[second] - overlaps
        # No building has two partners. Two that overlap a third by half of
        # it or more, and not each other, would be its two halves; but halves
        # of a connected building touch, so they would be one.
        pairs = overlaps / unions >= self.iou
        large = real_areas >= self.min_area
        tp = np.count_nonzero(large[second[pairs]])
        # Label 0 is what lies between buildings.
        fn = np.count_nonzero(large[1:]) - tp
        false = found_areas >= self.min_area
        false[0] = False
        false[first[pairs]] = False
        if ignored.any():
            false &= ~_mostly_ignored(found, self._label(predicted), ignored)
        return Confusion(int(tp), int(np.count_nonzero(false)), int(fn))

    def _label(self, mask: np.ndarray) -> np.ndarray:
        return ndimage.label(mask, STRUCTURES[self.connectivity])[0]


def _mostly_ignored(
    found: np.ndarray, whole: np.ndarray, ignored: np.ndarray
) -> np.ndarray:
    """Tell for each predicted building where it lay before the cut."""
    areas = np.bincount(whole.ravel())
    hidden = np.bincount(whole[ignored], minlength=len(areas))
    parents = np.zeros(found.max() + 1, np.int64)
    parents[found] = whole
    return 2 * hidden[parents] > areas[parents]
