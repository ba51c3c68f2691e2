"""Images that occur more than once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from mmseg_cube.datasets.conversion.inspect_tile import Record

# Thumbnails of 16 x 16 grey values: the same scene after another JPEG or a
# slight shift differs by less, neighbouring scenes by far more.
NEAR = 3.0  # mean difference of grey values
FLAT = 4.0  # standard deviation; flatter thumbnails look all alike


def same_images(records: Sequence[Record]) -> list[list[Record]]:
    """Group the tiles whose images have the same pixels, two or more."""
    groups = defaultdict(list)
    for record in records:
        if record.digest:
            groups[record.digest].append(record)
    return [group for group in groups.values() if len(group) > 1]


def near_images(
    splits: Mapping[str, Sequence[Record]],
) -> list[tuple[Record, Record]]:
    """Find images of different splits that look alike but are not the same."""
    from scipy.spatial import KDTree

    usable = [
        [r for r in of_split if r.digest and r.thumb.std() >= FLAT]
        for of_split in splits.values()
    ]
    pairs = []
    for one, other in combinations(filter(None, usable), 2):
        thumbs = [
            np.stack([record.thumb for record in side]).astype(np.float32)
            for side in (one, other)
        ]
        # Means of blocks differ at most as much as the thumbnails do.
        trees = [
            KDTree(x.reshape(-1, 4, 4, 4, 4).mean((2, 4)).reshape(-1, 16))
            for x in thumbs
        ]
        close = trees[0].query_ball_tree(trees[1], 16 * NEAR, p=1)
        for i, candidates in enumerate(close):
            gaps = np.abs(thumbs[0][i] - thumbs[1][candidates]).mean((1, 2))
            near = np.compress(gaps <= NEAR, candidates)
            pairs += [(one[i], other[j]) for j in near]
    return [(a, b) for a, b in pairs if a.digest != b.digest]
