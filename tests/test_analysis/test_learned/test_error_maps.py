from itertools import combinations

import cv2
import numpy as np
import pytest

from mmseg_cube.analysis.learned.pictures import AGREEMENT, compare
from mmseg_cube.evaluation.error_picture import FALSE, FOUND, MISSED, paint

# Machado et al. 2009 (doi 10.1109/TVCG.2009.113), linear RGB, none at all of
# one kind of cones.
VISION = dict(
    full=np.eye(3),
    protanopia=[
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    deuteranopia=[
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    tritanopia=[
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
)


def test_who_is_right_pixel_by_pixel():
    truth = np.uint8([0, 0, 0, 0, 1, 1, 1, 1, 255, 255])
    first = np.array([0, 0, 1, 1, 0, 0, 1, 1, 0, 1], bool)
    second = np.array([0, 1, 0, 1, 0, 1, 0, 1, 1, 0], bool)
    found = compare(truth, first, second)
    places = {name: np.flatnonzero(x).tolist() for name, x in found.items()}
    assert places == dict(
        only_first=[1, 6], only_second=[2, 5], neither=[3, 4]
    )


def to_lab(picture, vision):
    """CIE L*a*b* of an sRGB picture of shape (H, W, 3), as seen."""
    value = picture / 255
    linear = np.where(
        value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4
    )
    seen = np.clip(linear @ np.transpose(VISION[vision]), 0, 1)
    srgb = np.where(
        seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055
    )
    return cv2.cvtColor(srgb.astype(np.float32), cv2.COLOR_RGB2Lab)


@pytest.mark.parametrize('vision', VISION)
@pytest.mark.parametrize(
    'colours', [(FOUND, MISSED, FALSE), tuple(AGREEMENT.values())]
)
def test_colours_stay_apart_for_everyone(colours, vision):
    image = np.full((1, 4, 3), 110, np.uint8)
    places = np.arange(4)[None]
    layers = [(places == i, colour) for i, colour in enumerate(colours, 1)]
    labs = to_lab(paint(image, layers), vision)[0]
    for one, other in combinations(labs, 2):
        # About 2 can just be seen side by side.
        assert np.linalg.norm(one - other) > 25
