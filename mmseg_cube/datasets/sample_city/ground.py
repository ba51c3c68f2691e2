"""Ground: noise, colours that vary, and the materials they are made for."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

# For each material how its shades differ, two RGB colours between which each
# of them varies, and its grain. Trees grow on the first three.
MATERIALS = {
    'lawn': (0.1, (78, 104, 80), (118, 132, 102), 0.07),
    'soil': (0.1, (138, 124, 104), (164, 150, 128), 0.07),
    'litter': (0.06, (54, 68, 52), (84, 94, 68), 0.13),
    'asphalt': (0, (132, 132, 131), (144, 144, 141), 0.022),
    'kerb': (0, (162, 162, 160), (178, 178, 174), 0.03),
    'lot': (0.06, (116, 116, 115), (140, 140, 137), 0.03),
    'concrete': (0.12, (164, 161, 154), (184, 181, 172), 0.03),
    'pool': (0.06, (92, 170, 190), (116, 196, 210), 0.02),
}
# Shades of each material, and how many of all are soils.
SHADES, SOILS = 5, 15


def fractal(rng: Generator, size: int, scales: Sequence[float]) -> np.ndarray:
    """Draw noise of features of several sizes in pixels, of spread 1."""
    total = np.zeros((size, size), np.float32)
    for scale in scales:
        cells = min(size, int(size / scale) + 2)
        grid = rng.standard_normal((cells, cells), dtype=np.float32)
        field = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        # Between independent values, about 0.7 of their spread is left.
        total += field if cells == size else field / np.float32(0.7)
    return total / np.float32(np.sqrt(len(scales)))


def jitter(rng: Generator, colour: Sequence, spread: float) -> np.ndarray:
    """Vary the brightness of an RGB colour, and a little its hue."""
    gain = 1 + spread * (rng.uniform(-1, 1) + 0.3 * rng.uniform(-1, 1, 3))
    return np.clip(np.asarray(colour) * gain, 0, 255).astype(np.float32)


def pick(rng: Generator, material: str) -> int:
    """Return the number of one of the shades of a material."""
    return SHADES * list(MATERIALS).index(material) + rng.integers(SHADES)


def paint(rng: Generator, numbers: np.ndarray, gsd: float) -> tuple:
    """Colour the ground, whose shades ``numbers`` (size, size) names.

    Returns:
        RGB, float32 (size, size, 3), and the grain (size, size) that is in
        it, with a standard deviation of 1.
    """
    rows = [
        [*jitter(rng, low, spread), *np.subtract(high, low), grain]
        for spread, low, high, grain in MATERIALS.values()
        for _ in range(SHADES)
    ]
    table = np.array(rows, np.float32)[numbers]
    patches, grain = (
        fractal(rng, len(numbers), np.array(metres) / gsd)
        for metres in ((45, 15, 5), (1.4, 0.6, 0.3))
    )
    mix = np.clip(0.5 + 0.3 * patches, 0, 1)[..., None]
    # Borders between materials are no staircases.
    image = table[..., :3] + table[..., 3:6] * mix
    image = cv2.GaussianBlur(image, (0, 0), 0.7)
    return image * (1 + table[..., 6:] * grain[..., None]), grain
