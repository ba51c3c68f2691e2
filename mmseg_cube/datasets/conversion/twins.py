"""Images that occur twice, or nearly so, in a dataset."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np

# Thumbnails of 16 x 16 grey values: the same scene after another JPEG or a
# slight shift differs by less, neighbouring scenes by far more.
NEAR = 3.0  # mean difference of grey values
FLAT = 4.0  # standard deviation; flatter thumbnails look all alike


def find_same(tiles: Sequence[dict]) -> tuple[list[str], list[str]]:
    """Word which images have the same pixels: findings and notes."""
    groups = defaultdict(list)
    for tile in tiles:
        if tile['digest']:
            groups[tile['digest']].append(tile)
    findings, notes = [], []
    for group in groups.values():
        names = ', '.join(tile['image'] for tile in group)
        splits = dict.fromkeys(tile['split'] for tile in group)
        if len(group) > 1 and group[0]['thumb'].std() == 0:
            notes.append(f'{len(group)} blank images: {names}')
        elif len(splits) > 1:
            where = ' and '.join(splits)
            findings.append(f'the same image in {where}: {names}')
        elif len(group) > 1:
            notes.append(f'the same image twice: {names}')
    return findings, notes


def find_alike(splits: Iterable[Sequence[dict]]) -> Iterator[str]:
    """Word which images look like one of another split."""
    usable = [
        [t for t in tiles if t['digest'] and t['thumb'].std() >= FLAT]
        for tiles in splits
    ]
    for pair in combinations(filter(None, usable), 2):
        thumbs = [
            np.stack([t['thumb'].ravel() for t in some]) for some in pair
        ]
        # Every pair: 19 million take 0.2 s, less than a search tree.
        for match in cv2.BFMatcher(cv2.NORM_L1).match(*thumbs):
            one, other = pair[0][match.queryIdx], pair[1][match.trainIdx]
            alike = match.distance <= NEAR * one['thumb'].size
            if alike and one['digest'] != other['digest']:
                yield (
                    f'nearly the same image in {one["split"]} and '
                    f'{other["split"]}: {one["image"]}, {other["image"]}'
                )
