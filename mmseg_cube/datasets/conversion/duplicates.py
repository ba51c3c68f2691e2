"""Images that occur more than once."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from .inspect_tile import Record

# Thumbnails of 16 x 16 grey values: the same scene after another JPEG or a
# slight shift differs by less, neighbouring scenes by far more.
NEAR = 3.0  # mean difference of grey values
FLAT = 4.0  # standard deviation; flatter thumbnails look all alike
BITS = 6  # that may differ of the 64 of a difference hash
ROWS = 128  # hashes compared at once with all others


def same_images(records: Sequence[Record]) -> list[list[Record]]:
    """Group the tiles whose images have the same pixels.

    Args:
        records: What was found out about each tile.

    Returns:
        Groups of two or more.
    """
    groups = defaultdict(list)
    for record in records:
        if record.digest:
            groups[record.digest].append(record)
    return [group for group in groups.values() if len(group) > 1]


def near_images(records: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Find images of different parts that look alike and are not the same.

    A difference hash (which of two neighbours is brighter) finds candidates,
    the thumbnails decide.

    Args:
        records: What was found out about each tile.
    """
    parts = defaultdict(list)
    for record in records:
        if record.thumb is not None and record.thumb.std() >= FLAT:
            parts[record.tile.part].append(record)
    pairs = []
    for one, other in combinations(parts.values(), 2):
        for i, j in _candidates(_hashes(one), _hashes(other)):
            first, second = one[i], other[j]
            gap = first.thumb.astype(float) - second.thumb
            if np.abs(gap).mean() <= NEAR and first.digest != second.digest:
                pairs.append((first, second))
    return pairs


def _hashes(records: Sequence[Record]) -> np.ndarray:
    """64 bits per thumbnail, as bytes of shape (N, 8)."""
    thumbs = np.stack([record.thumb for record in records]).astype(float)
    rows = thumbs.reshape(len(records), 8, -1, thumbs.shape[2]).mean(2)
    # Eight comparisons of neighbours, spread over each row.
    left = np.arange(8) * (rows.shape[2] - 2) // 7
    brighter = rows[:, :, left + 1] > rows[:, :, left]
    return np.packbits(brighter, axis=2)[..., 0]


def _candidates(one: np.ndarray, other: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of hashes that differ in a few bits at most."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    ones = bits.sum(1, dtype=np.uint8)
    found = []
    for start in range(0, len(one), ROWS):
        differ = one[start : start + ROWS, None] ^ other
        close = ones[differ].sum(-1) <= BITS
        found += [(start + i, j) for i, j in np.argwhere(close).tolist()]
    return found
