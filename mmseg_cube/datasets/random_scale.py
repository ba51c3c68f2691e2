"""Random change of the ground resolution."""

from collections.abc import Sequence

import numpy as np
from mmseg.datasets.transforms import Resize
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomScale(Resize):
    """Resize an image and its mask by a random factor.

    Unlike mmcv's ``RandomResize``, which brings images of all sizes to one,
    it changes the ground resolution of all alike.

    Args:
        ratio_range: Smallest and largest factor, above 0. Its logarithm is
            drawn by ``np.random``: half and double are equally likely. A
            ValueError refuses others.
    """

    def __init__(self, ratio_range: Sequence[float]) -> None:
        low, high = self.ratio_range = tuple(ratio_range)
        if not 0 < low <= high:
            raise ValueError(
                'ratio_range must be two positive factors, the smaller one '
                f'first, but is {self.ratio_range}'
            )
        super().__init__(scale_factor=1.0, keep_ratio=True)

    def transform(self, results: dict) -> dict:
        """Resize one sample."""
        factor = float(np.exp(np.random.uniform(*np.log(self.ratio_range))))
        self.scale_factor = factor, factor
        return super().transform(results)
