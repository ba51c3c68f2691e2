"""Kinds of score: what is counted in an image and what the sums give."""

from collections.abc import Mapping
from dataclasses import asdict
from numbers import Real
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from mmseg_cube.evaluation.confusion import Confusion, count_pixels
from mmseg_cube.evaluation.sample import Sample
from mmseg_cube.ops.geometry import check_whole

RATIO = 0.02  # of the diagonal, as the paper sets it for common photographs
STRUCTURES = {4: ndimage.generate_binary_structure(2, 1), 8: np.ones((3, 3))}


def require(met: bool, rule: str, value: object) -> None:
    """Raise ValueError with the rule and the value, unless it is met."""
    if not met:
        raise ValueError(f'{rule}, not {value!r}')


class ScoreKind:
    """Base of the kinds of score, whose counts add up over images."""

    zero: Any = Confusion()  # counts of no image
    options: Mapping[str, Any] = {}  # what the counts depend on
    names: Mapping[str, str] = {}  # by name of a score, that in the confusion

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
        scores, background = counts.scores(), counts.background.scores()
        mean = (scores['IoU'] + background['IoU']) / 2
        return dict(scores, Accuracy=counts.accuracy, mIoU=mean)

    def as_json(self, counts: Confusion) -> dict[str, int]:
        """Return the four numbers of pixels."""
        return asdict(counts)


class BoundaryScore(ScoreKind):
    """IoU of the inner edges of buildings.

    Boundary IoU of Cheng et al., CVPR 2021 (arXiv 2103.16562): of truth and
    prediction only the band counts that an erosion takes away, a square of
    ``2 * width + 1`` pixels. Bands of all images go into one count. Nothing
    is built beyond the edge of the image and in ignored pixels, neither in
    the truth nor in the prediction.

    Args:
        ratio: Width as a share of the image's diagonal; 0.02 by default.
        width: Width in pixels instead. Large tiles need it: 0.02 of the
            diagonal of 5000 x 5000 pixels are 141, wider than most houses.
    """

    names = dict(BoundaryIoU='IoU')

    def __init__(
        self, ratio: float | None = None, width: int | None = None
    ) -> None:
        if ratio is not None and width is not None:
            raise ValueError(
                'boundary takes ratio or width, but both are given: '
                f'{ratio} and {width}'
            )
        ratio = RATIO if ratio is None else ratio
        met = isinstance(ratio, Real) and 0 < ratio < 1
        require(met, 'the ratio of boundary must be between 0 and 1', ratio)
        check_whole(1, width=1 if width is None else width)
        self.ratio, self.width = ratio, width
        self.options = dict(width=width) if width else dict(ratio=ratio)

    def count(self, sample: Sample) -> Confusion:
        """Count pixels of the two bands of an image."""
        predicted, built, ignored = sample.masks
        diagonal = float(np.hypot(*built.shape))
        width = self.width or max(1, round(self.ratio * diagonal))
        predicted = _band(predicted & ~ignored, width)
        built = _band(built, width)
        pairs = predicted & built, predicted & ~built, built & ~predicted
        return Confusion(*(int(np.count_nonzero(mask)) for mask in pairs))


def _band(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels of a mask that an erosion by ``width`` pixels takes away."""
    padded = np.pad(mask, 1).astype(np.uint8)
    # Chessboard distances to the outside take one pass for any width.
    distance = cv2.distanceTransform(padded, cv2.DIST_C, 3)
    return mask & (distance[1:-1, 1:-1] <= width)


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
    """

    names = {f'Object{key}': key for key in ('Precision', 'Recall', 'F1')}

    def __init__(
        self, iou: float = 0.5, connectivity: int = 8, min_area: int = 1
    ) -> None:
        met = isinstance(iou, Real) and 0.5 <= iou <= 1
        require(met, 'the iou of objects must be from 0.5 to 1', iou)
        rule = 'the connectivity of objects must be 4 or 8'
        require(connectivity in STRUCTURES, rule, connectivity)
        check_whole(1, min_area=min_area)
        self.iou, self.min_area = iou, min_area
        self.structure = STRUCTURES[connectivity]
        self.options = dict(
            iou=iou, connectivity=connectivity, min_area=min_area
        )

    def count(self, sample: Sample) -> Confusion:
        """Count the buildings of an image that are right, false, missed."""
        predicted, built, ignored = sample.masks
        found, real = self._label(predicted & ~ignored), self._label(built)
        found_areas = np.bincount(found.ravel())
        real_areas = np.bincount(real.ravel())
        both = (found > 0) & (real > 0)
        codes = found[both].astype(np.int64) * len(real_areas) + real[both]
        codes, overlaps = np.unique(codes, return_counts=True)
        first, second = np.divmod(codes, len(real_areas))
        unions = found_areas[first] + real_areas[second] - overlaps
        # No building has two partners: they would be its two halves, which
        # touch, so they would be one.
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
        return ndimage.label(mask, self.structure)[0]


def _mostly_ignored(
    found: np.ndarray, whole: np.ndarray, ignored: np.ndarray
) -> np.ndarray:
    """Tell for each predicted building where it lay before the cut."""
    areas = np.bincount(whole.ravel())
    hidden = np.bincount(whole[ignored], minlength=len(areas))
    parents = np.zeros(found.max() + 1, np.int64)
    parents[found] = whole
    return 2 * hidden[parents] > areas[parents]
