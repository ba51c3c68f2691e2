"""Spread of scores over seeds, and paired differences between variants.

Runs with one seed see the same crops in the same order, so the difference
between two variants has less spread within a seed than between seeds. Its
interval is that of Student's t distribution for paired samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        number: Number of seeds.
        mean: Mean.
        sd: Standard deviation of the sample; None for a single seed.
        half: Half of the confidence interval; None for a single seed.
    """

    number: int
    mean: float
    sd: float | None = None
    half: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ends of the interval; None for a single seed."""
        if self.half is None:
            return None
        return self.mean - self.half, self.mean + self.half


def estimate(
    by_seed: Mapping[int, float], confidence: float
) -> Estimate | None:
    """Estimate a mean from one value per seed.

    Args:
        by_seed: Values by seed.
        confidence: Share of such intervals that cover the true mean.

    Returns:
        The estimate, or None without values.
    """
    values = list(by_seed.values())
    if not values:
        return None
    mean, number = float(np.mean(values)), len(values)
    if number == 1:
        return Estimate(number, mean)
    sd = float(np.std(values, ddof=1))
    quantile = float(stats.t.ppf((1 + confidence) / 2, number - 1))
    return Estimate(number, mean, sd, quantile * sd / number**0.5)


def differences(
    by_seed: Mapping[int, float], reference: Mapping[int, float]
) -> dict[int, float]:
    """Differences to a reference, for the seeds that both have."""
    return {
        seed: value - reference[seed]
        for seed, value in by_seed.items()
        if seed in reference
    }


def median_ratio(
    by_seed: Mapping[int, float], reference: Mapping[int, float]
) -> float | None:
    """Median ratio to a reference over the seeds that both have, or None."""
    ratios = [
        value / reference[seed]
        for seed, value in by_seed.items()
        if seed in reference
    ]
    return float(np.median(ratios)) if ratios else None
