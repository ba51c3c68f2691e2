"""How well the variants fit: their losses over the training.

A variant that scores less than another at an equal loss generalises less; at
a higher loss it fits less. The losses are those of the training itself, with
augmentation and dropout.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mmseg_cube.analysis.ablation.statistics import (
    Estimate,
    differences,
    estimate,
)

# Of the training; its losses are averaged over each.
PARTS = 10


def average_parts(losses: Sequence[float]) -> list[float]:
    """Average the losses of a training over equal parts of it.

    Args:
        losses: One value per iteration.

    Returns:
        ``PARTS`` averages, or fewer if there are fewer iterations.
    """
    parts = np.array_split(np.asarray(losses), min(PARTS, len(losses)))
    return [float(part.mean()) for part in parts]


def mean_losses(
    results: Mapping[int, dict], confidence: float
) -> list[Estimate]:
    """Mean loss over seeds, part by part.

    Args:
        results: What the runs of a variant left, by seed.
        confidence: Share of the intervals that cover the true mean.

    Returns:
        One estimate per part; none if no run has noted its losses.
    """
    return _estimates(_parts(results), confidence)


def loss_differences(
    results: Mapping[int, dict],
    reference: Mapping[int, dict],
    confidence: float,
) -> list[Estimate]:
    """Mean paired difference of the losses, part by part.

    Args:
        results: What the runs of a variant left, by seed.
        reference: The same of the variant to compare with.
        confidence: Share of the intervals that cover the true difference.

    Returns:
        One estimate per part; none if no seed has the losses of both.
    """
    pairs = zip(_parts(results), _parts(reference), strict=True)
    return _estimates([differences(*pair) for pair in pairs], confidence)


def _parts(results: Mapping[int, dict]) -> list[dict[int, float]]:
    """Losses by seed of each part."""
    curves = {seed: r.get('loss', []) for seed, r in results.items()}
    return [
        {seed: curve[i] for seed, curve in curves.items() if i < len(curve)}
        for i in range(PARTS)
    ]


def _estimates(
    parts: Sequence[Mapping[int, float]], confidence: float
) -> list[Estimate]:
    found = [estimate(part, confidence) for part in parts]
    return [part for part in found if part is not None]
