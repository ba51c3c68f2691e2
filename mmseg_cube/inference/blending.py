"""Weights that blend overlapping windows into one picture."""

from collections.abc import Collection

import torch
from torch import Tensor


def blending_shares(starts: Collection[int], size: int) -> dict[int, Tensor]:
    """Share of each window in the values along one axis.

    A window counts most in its middle, where the network sees most of the
    surroundings, and least, but not nothing, at its ends: a Hann window
    sampled at the centres of pixels. The shares of all windows add up to one
    at every pixel that a window covers. In the plane, the share is the
    product of those of both axes.

    Args:
        starts: First pixel of each window.
        size: Length of the windows in pixels.

    Returns:
        By start of a window, its shares: float32 of shape (size,).
    """
    centres = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    bump = (torch.pi * centres).sin() ** 2
    total = torch.zeros(max(starts) + size, dtype=torch.float64)
    for start in starts:
        total[start : start + size] += bump
    return {
        start: (bump / total[start : start + size]).float() for start in starts
    }
