"""How many pixels of buildings and of background have each margin."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor, as_tensor, int32, where

from mmseg_cube.evaluation.confusion import Confusion

ALL = (1 << 63) - 1  # bits of an int64 but its sign
MOST = 1 << 16  # margins that are told apart


@dataclass(frozen=True)
class MarginCounts:
    """Pixels by margin, as many margins as are needed wherever they are.

    A margin is the logit of building minus that of background, a float32.
    Its bits, read as a whole number, are in the order of the margins; those
    above 0 get 0, 1, ... If there are more than ``MOST``, the last bits are
    left out, as few as it takes. So sums of images do not depend on their
    order, and 0 always divides two numbers.
    """

    numbers: np.ndarray  # (n,), int64, from the lowest to the highest
    pixels: np.ndarray  # (2, n), int64, of buildings and of background
    bits: int = 0  # how many are left out

    @classmethod
    def of(cls, margin: Tensor, target: Tensor) -> 'MarginCounts':
        """Count the pixels whose label is 0 or 1."""
        # With the label in the last bit, one sort is enough.
        packed = 2 * in_order(margin) + target
        packed = packed[(target == 0) | (target == 1)]
        packed = packed.sort().values.cpu().numpy()
        return _join(packed >> 1, np.stack([packed & 1, ~packed & 1]), 0)

    def __add__(self, other: 'MarginCounts') -> 'MarginCounts':
        bits = max(self.bits, other.bits)
        parts = [c.numbers >> (bits - c.bits) for c in (self, other)]
        order = np.argsort(np.concatenate(parts), kind='stable')
        pixels = np.concatenate([self.pixels, other.pixels], 1)
        return _join(np.concatenate(parts)[order], pixels[:, order], bits)

    def above(self) -> np.ndarray:
        """Pixels of each number and all higher ones, of shape (2, n)."""
        return self.pixels[:, ::-1].cumsum(1)[:, ::-1]

    def between(self) -> np.ndarray:
        """A margin between each number and the one before, 0 if it is there.

        There is none below minus infinity (nan).
        """
        high = _to_margin((self.numbers << self.bits) - 1)
        low = _to_margin(((self.numbers[:-1] + 1) << self.bits) - 1)
        low = np.insert(low, 0, [-np.inf] * min(len(high), 1))
        middle = (np.maximum(low, high - 1) + high) / 2
        return np.where((low <= 0) & (high >= 0), 0, middle)

    def confusion(self, margin: float) -> Confusion:
        """Count right and wrong pixels if those above a margin are built."""
        number = in_order(as_tensor(margin)).item() >> self.bits
        first = np.searchsorted(self.numbers, number, 'right')
        tp, fp = self.pixels[:, first:].sum(1).tolist()
        built, ground = self.pixels.sum(1).tolist()
        return Confusion(tp, fp, built - tp, ground - fp)


def in_order(margin: Tensor) -> Tensor:
    """Whole numbers, int64, in the order of the margins; above 0 from 0."""
    bits = margin.float().contiguous().view(int32).long()
    return where(margin > 0, bits - 1, -1 - (bits & 0x7FFFFFFF))


def _join(numbers: np.ndarray, pixels: np.ndarray, bits: int) -> MarginCounts:
    """Add up equal numbers, which are in order, and leave out bits."""
    # Two neighbours stay apart as long as the first bit that differs is kept.
    changes = (numbers[1:] ^ numbers[:-1]) & ALL
    more = 0
    if len(changes) >= MOST:
        more = int(np.partition(changes, -MOST)[-MOST]).bit_length()
    numbers = numbers >> more
    first = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
    pixels = np.add.reduceat(pixels, first, axis=1)
    return MarginCounts(numbers[first], pixels, bits + more)


def _to_margin(numbers: np.ndarray) -> np.ndarray:
    """Margins, in float64, of numbers of 32 bits."""
    bits = np.where(numbers < 0, -1 - numbers, numbers + 1).astype(np.int32)
    return np.where(numbers < 0, -1.0, 1.0) * bits.view(np.float32)
