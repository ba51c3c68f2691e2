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
ROWS = 128  # thumbnails compared at once with all others


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
    from scipy.spatial.distance import cdist

    usable = [
        [r for r in of_split if r.digest and r.thumb.std() >= FLAT]
        for of_split in splits.values()
    ]
    pairs = []
    for one, other in combinations(filter(None, usable), 2):
        thumbs = [
            np.stack([r.thumb.ravel() for r in side]).astype(np.float32)
            for side in (one, other)
        ]
        for start in range(0, len(one), ROWS):
            rows = thumbs[0][start : start + ROWS]
            gaps = cdist(rows, thumbs[1], 'cityblock') / rows.shape[1]
            near = np.argwhere(gaps <= NEAR).tolist()
            pairs += [(one[start + i], other[j]) for i, j in near]
    return [(a, b) for a, b in pairs if a.digest != b.digest]
