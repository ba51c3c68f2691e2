"""What the finished runs of an ablation say about its variants.

Runs with one seed see the same crops in the same order, so the difference
between two variants has less spread within a seed than between seeds. Its
interval is that of Student's t distribution for paired samples.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

import numpy as np
from scipy import stats

from mmseg_cube.analysis.ablation.scores import SCORES, SPLITS
from mmseg_cube.analysis.ablation.study import Study

# Parts of a training; its losses are averaged over each. A variant that
# scores less than another at an equal loss generalises less; at a higher loss
# it fits less.
SEGMENTS = 10
CONFIDENCE = 0.95  # share of intervals that cover the true mean
COSTS = 'parameters', 'flops', 'seconds_per_iteration'

# What one run left in its folder, and that of all runs by variant and seed.
Result = Mapping[str, object]
Results = dict[str, dict[int, Result]]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds; a single one has no spread."""

    number: int  # of seeds
    mean: float
    sd: float | None = None  # standard deviation of the sample
    half: float | None = None  # half of the confidence interval


@dataclass(frozen=True)
class Quantity:
    """Something that is measured in the runs of a variant, if it is known.

    It is compared with that of the reference over the seeds that both have.
    """

    mean: Estimate | None
    gain: Estimate | None = None  # mean paired difference
    ratio: float | None = None  # median


@dataclass(frozen=True)
class Row:
    """What is known of a variant."""

    variant: str
    runs: Mapping[int, Result]  # by seed
    scores: Mapping[str, Quantity]  # by split
    losses: Sequence[Quantity]  # by segment of the training
    costs: Mapping[str, Quantity]  # by the names in COSTS


def read_results(study: Study) -> Results:
    """Read what finished runs left, with every variant in its place."""
    results = {run.variant.text: {} for run in study.runs}
    for run in study.runs:
        if run.result.exists():
            text = run.result.read_text(encoding='utf-8')
            results[run.variant.text][run.seed] = json.loads(text)
    return results


def compare(study: Study, results: Results) -> list[Row]:
    """Compare all variants of a study with its reference."""
    base, (key, _) = results[study.reference], SCORES[study.score]
    rows = []
    for variant, own in results.items():
        measure = partial(_measure, own, base)
        row = Row(
            variant,
            own,
            {split: measure(partial(_score, split, key)) for split in SPLITS},
            [measure(partial(_loss, i)) for i in range(SEGMENTS)],
            {name: measure(itemgetter(name)) for name in COSTS},
        )
        rows.append(row)
    return rows


def estimate(values: Sequence[float]) -> Estimate | None:
    """Estimate a mean from one value per seed; None without values."""
    if not values:
        return None
    mean, number = float(np.mean(values)), len(values)
    if number == 1:
        return Estimate(number, mean)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, number - 1)
    sd, half = np.std(values, ddof=1), quantile * stats.sem(values)
    return Estimate(number, mean, float(sd), float(half))


def _measure(
    own: Mapping[int, Result],
    base: Mapping[int, Result],
    read: Callable[[Result], float | None],
) -> Quantity:
    """Compare what is read from results with that of the reference."""
    values, others = (
        {seed: x for seed, r in results.items() if (x := read(r)) is not None}
        for results in (own, base)
    )
    mean = estimate(list(values.values()))
    both = [seed for seed in values if seed in others]
    if own is base or not both:
        return Quantity(mean)
    gains = [values[seed] - others[seed] for seed in both]
    ratios = [values[seed] / others[seed] for seed in both if others[seed]]
    ratio = float(np.median(ratios)) if ratios else None
    return Quantity(mean, estimate(gains), ratio)


def _score(split: str, key: str, result: Result) -> float | None:
    return result[split].get(key)


def _loss(segment: int, result: Result) -> float | None:
    losses = result.get('loss', [])
    return losses[segment] if segment < len(losses) else None
