from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor


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
