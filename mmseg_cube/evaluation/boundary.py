"""Boundary IoU: how well the outlines of buildings are met."""

from numbers import Integral, Real

import cv2
import numpy as np

from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.evaluation.sample import Sample
from mmseg_cube.evaluation.score_kinds import ScoreKind, require

RATIO = 0.02  # of the diagonal, as the paper sets it for common photographs


class BoundaryScore(ScoreKind):
    """IoU of the inner edges of buildings.

    Boundary IoU of Cheng et al., CVPR 2021 (arXiv 2103.16562): of truth and
    prediction only the band counts that an erosion takes away, a square of
    ``2 * width + 1`` pixels. Bands of all images go into one count. Nothing
    is built beyond the edge of the image and in ignored pixels, neither in
    the truth nor in the prediction.

    Args:
        ratio: Width as a share of the image's diagonal; 0.02 by default.
        width: Width in pixels instead. On large tiles it has to be given:
            0.02 of a diagonal of 5000 x 5000 pixels are 141 pixels, wider
            than most houses.

    Raises:
        ValueError: If both are given or one is out of its range.
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
        met = width is None or (isinstance(width, Integral) and width >= 1)
        rule = 'the width of boundary must be 1, 2, ... pixels'
        require(met, rule, width)
        self.ratio, self.width = ratio, width
        self.options = dict(width=width) if width else dict(ratio=ratio)

    def count(self, sample: Sample) -> Confusion:
        """Count pixels of the two bands of an image."""
        predicted, built, ignored = sample.masks
        diagonal = float(np.hypot(*built.shape))
        width = self.width or max(1, round(self.ratio * diagonal))
        predicted = _band(predicted & ~ignored, width)
        built = _band(built, width)
        tp, found, real = (
            int(np.count_nonzero(mask))
            for mask in (predicted & built, predicted, built)
        )
        return Confusion(tp, found - tp, real - tp)


def _band(mask: np.ndarray, width: int) -> np.ndarray:
    """Pixels of a mask that an erosion by ``width`` pixels takes away."""
    padded = np.pad(mask, 1).astype(np.uint8)
    # A pixel goes if its chessboard distance to the outside is at most the
    # width. That takes one pass for any width.
    distance = cv2.distanceTransform(padded, cv2.DIST_C, 3)
    return mask & (distance[1:-1, 1:-1] <= width)
