"""Fractal noise: the grain of everything that grows or wears."""

from collections.abc import Sequence

import cv2
import numpy as np


def fractal(
    rng: np.random.Generator, size: int, scales: Sequence[float]
) -> np.ndarray:
    """Draw noise with equal strength at several feature sizes.

    Args:
        rng: Source of randomness.
        size: Side of the field in pixels.
        scales: Feature sizes in pixels; those under one pixel become one.

    Returns:
        Field of shape (size, size), float32, zero mean, unit variance.
    """
    total = np.zeros((size, size), np.float32)
    for scale in scales:
        total += _octave(rng, size, max(1.0, scale))
    # Wide features leave few independent values, so the measured spread
    # would depend on luck: the expected one is used instead.
    total *= 1.0 / np.sqrt(len(scales))
    return total


def _octave(rng: np.random.Generator, size: int, scale: float) -> np.ndarray:
    if scale <= 1:
        return rng.standard_normal((size, size), dtype=np.float32)
    cells = int(np.ceil(size / scale)) + 3
    grid = rng.standard_normal((cells, cells), dtype=np.float32)
    # A random phase keeps lattice points of two octaves apart.
    shift = rng.random(2) * 1.0 + 1.0
    matrix = np.array(
        [[1 / scale, 0, shift[0]], [0, 1 / scale, shift[1]]], np.float32
    )
    field = cv2.warpAffine(
        grid,
        matrix,
        (size, size),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    # Cubic interpolation between independent values keeps about 0.7 of
    # their spread.
    return field * np.float32(1 / 0.7)


def jitter(
    rng: np.random.Generator,
    colour: Sequence[float],
    light: float = 0.08,
    hue: float = 0.03,
) -> tuple[float, float, float]:
    """Vary a colour.

    Args:
        rng: Source of randomness.
        colour: RGB, 0 to 255.
        light: Spread of the brightness, as a share.
        hue: Spread of each channel, as a share.

    Returns:
        RGB, 0 to 255.
    """
    # Plain numbers: this runs for every tree and car.
    draws = rng.uniform(-1, 1, 4).tolist()
    base = 1 + light * draws[0]
    return tuple(
        min(255.0, max(0.0, float(value) * (base + hue * draw)))
        for value, draw in zip(colour, draws[1:], strict=True)
    )
