"""Solids, as functions of points (x, y) around their middle, in metres.

Each returns how far the points are inside its outline, and its height there.
"""

import cv2
import numpy as np

from mmseg_cube.datasets.sample_city.ground import fractal

# Pixels along a side of the picture of a crown.
CROWN = 64


def box(x, y, length, width, rim=0.0):
    """Return a level box, with a low wall around it if ``rim`` is not 0."""
    inside = np.minimum(length / 2 - abs(x), width / 2 - abs(y))
    return inside, rim * (inside < 0.5)


def ridged(x, y, length, width, pitch, hip):
    """Return a roof with its ridge along x, and gables if ``hip`` is 0."""
    ends, sides = length / 2 - abs(x), width / 2 - abs(y)
    up = np.minimum(sides, ends / hip) if hip else sides
    return np.minimum(ends, sides), pitch * up


def tree(x, y, length, width, crown):
    """Return a tree with one of the crowns of :func:`draw_crown`."""
    radius, middle = length / 2, CROWN / 2 - 0.5
    maps = [(axis * CROWN / length + middle).astype('f4') for axis in (x, y)]
    found = cv2.remap(crown, *maps, cv2.INTER_LINEAR, borderValue=(-1, 0))
    return found[..., 0] * radius, found[..., 1] * radius


def draw_crown(rng: np.random.Generator, conifer: bool) -> np.ndarray:
    """Draw a crown of radius 1: inside and height, (CROWN, CROWN, 2)."""
    axis = (np.arange(CROWN) + 0.5) * (2 / CROWN) - 1
    x, y = np.meshgrid(axis, axis)
    angle = np.arctan2(y, x)
    rim = np.full_like(x, 0.84)
    for waves in (2, 3, 5, 8, 13):
        phase = rng.uniform(0, 2 * np.pi)
        rim += rng.uniform(0.01, 0.06) * np.sin(waves * angle + phase)
    inside = 1 - np.hypot(x, y) / rim
    bumps = fractal(rng, CROWN, (13, 7)) + 0.45 * fractal(rng, CROWN, (4, 2))
    dome = np.sqrt(np.clip(1 - (1 - inside) ** 2, 0, 1))
    up = 1.2 + 0.8 * dome + 0.13 * bumps
    if conifer:
        up = 2.5 * inside + 0.06 * np.sin(7 * angle) + 0.05 * bumps
    return np.stack([inside + 0.05 * bumps, up], -1).astype(np.float32)
