"""Random change of the ground resolution."""

from collections.abc import Sequence

import numpy as np
from mmseg.datasets.transforms import Resize
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomScale(Resize):
    """Resize an image and its mask by a random factor.

    mmcv's ``RandomResize`` brings images of all sizes to one, and with it
    changes the ground resolution of small ones more than that of large ones.
    This one changes it by the same factors for all.

    Args:
        ratio_range: Smallest and largest factor. Its logarithm is drawn by
            ``np.random``, so that half and double are equally likely.

    Raises:
        ValueError: If the factors are not positive or not in order.
    """

    def __init__(self, ratio_range: Sequence[float]) -> None:
        low, high = ratio_range
        if not 0 < low <= high:
            raise ValueError(
                'ratio_range must be two positive factors, the smaller one '
                f'first, but is {tuple(ratio_range)}'
            )
        super().__init__(scale_factor=1.0, keep_ratio=True)
        self.ratio_range = low, high

    def transform(self, results: dict) -> dict:
        """Resize one sample."""
        factor = float(np.exp(np.random.uniform(*np.log(self.ratio_range))))
        self.scale_factor = factor, factor
        return super().transform(results)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(ratio_range={self.ratio_range})'
