"""Maps of where predictions are wrong, and of where only one of two is right.

Colours are laid over a dark grey image, so that nothing else has a colour.
Those of one map stay apart for people with any kind of colour vision, as
simulated after Machado et al. 2009 (doi 10.1109/TVCG.2009.113).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mmseg_cube.datasets.transforms.load_raster_window import IGNORED

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
DARKNESS = 0.55  # what is left of the image's brightness
OPACITY = 0.7


class Kind(NamedTuple):
    """A kind of pixels.

    Attributes:
        label: Its number in a map.
        name: What it is called.
        colour: Red, green and blue; None leaves the image to be seen.
    """

    label: int
    name: str
    colour: tuple[int, int, int] | None


RIGHT = Kind(0, 'right: background', None)
HIT = Kind(1, 'hit', (245, 245, 245))
MISSED = Kind(2, 'missed', (86, 180, 233))
FALSE = Kind(3, 'false', (230, 110, 0))
UNSCORED = Kind(4, 'not scored', (0, 0, 0))
ERRORS = (RIGHT, HIT, MISSED, FALSE, UNSCORED)

BOTH = Kind(0, 'both right', None)
FIRST = Kind(1, 'only the first is right', (0, 210, 160))
SECOND = Kind(2, 'only the second is right', (170, 70, 220))
NEITHER = Kind(3, 'both wrong', (240, 228, 66))
AGREEMENT = (BOTH, FIRST, SECOND, NEITHER, UNSCORED)


def map_errors(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Tell hits from missed and false pixels.

    Args:
        truth: Labels 0 and 1, and 255 to ignore, of shape (H, W).
        predicted: Predicted buildings, boolean of the same shape.

    Returns:
        Labels of ``ERRORS``, uint8 of the same shape.
    """
    labels = np.full(truth.shape, RIGHT.label, np.uint8)
    labels[(truth == 1) & predicted] = HIT.label
    labels[(truth == 1) & ~predicted] = MISSED.label
    labels[(truth == 0) & predicted] = FALSE.label
    labels[truth == IGNORED] = UNSCORED.label
    return labels


def map_agreement(
    truth: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Tell where only one of two predictions is right.

    Args:
        truth: Labels 0 and 1, and 255 to ignore, of shape (H, W).
        first: Predicted buildings, boolean of the same shape.
        second: Those of the other network.

    Returns:
        Labels of ``AGREEMENT``, uint8 of the same shape.
    """
    good, other_good = (truth == first), (truth == second)
    labels = np.full(truth.shape, BOTH.label, np.uint8)
    labels[good & ~other_good] = FIRST.label
    labels[~good & other_good] = SECOND.label
    labels[~good & ~other_good] = NEITHER.label
    labels[truth == IGNORED] = UNSCORED.label
    return labels


def count_kinds(
    labels: np.ndarray, kinds: tuple[Kind, ...]
) -> Mapping[str, int]:
    """Count the pixels of every kind by its name."""
    counts = np.bincount(labels.reshape(-1), minlength=len(kinds)).tolist()
    return {kind.name: counts[kind.label] for kind in kinds}


def paint(
    image: np.ndarray, labels: np.ndarray, kinds: tuple[Kind, ...]
) -> np.ndarray:
    """Paint a map over its image.

    Args:
        image: RGB image of shape (H, W, 3), 8 bit.
        labels: Labels of shape (H, W).
        kinds: What they stand for.

    Returns:
        RGB picture of the same shape, 8 bit.
    """
    grey = DARKNESS * (image.astype(np.float32) @ np.float32(LUMA))
    picture = np.repeat(grey[..., None], 3, axis=2)
    for kind in kinds:
        if kind.colour is not None:
            mask, colour = labels == kind.label, np.float32(kind.colour)
            picture[mask] = (1 - OPACITY) * picture[mask] + OPACITY * colour
    return picture.round().astype(np.uint8)
