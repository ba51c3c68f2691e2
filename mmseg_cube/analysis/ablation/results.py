"""What the finished runs of an ablation say about its variants.

Runs with one seed see the same crops in the same order, so the difference
between two variants has less spread within a seed than between seeds. Its
interval is that of Student's t distribution for paired samples.
"""

from collections.abc import Mapping
from statistics import fmean, median, stdev

from scipy import stats

from mmseg_cube.analysis.ablation.study import Study
from mmseg_cube.analysis.complexity.count import UNITS

SPLITS = 'val', 'test'
TUNED = 'building/TunedIoU'
# In percent; by name, the key in the results.
SCORES = {
    'IoU': 'building/IoU',
    'tuned-IoU': TUNED,
    'AP': 'building/AveragePrecision',
}
# Parts of a training; its losses are averaged over each. A variant that
# scores less than another at an equal loss generalises less; at a higher loss
# it fits less.
SEGMENTS = 10
LOSSES = [f'loss {i + 1}' for i in range(SEGMENTS)]
# By name, the key in the results, and the unit.
COSTS = UNITS | {'s / iteration': ('seconds_per_iteration', 1)}
CONFIDENCE = 0.95  # share of intervals that cover the true mean

Result = Mapping[str, object]  # what one run left in its folder
# What is known of something that was measured, as :func:`measure` says.
Quantity = dict[str, float]
# Scores by split, losses and costs of every variant.
Compared = dict[str, dict[str, Quantity]]


def compare(
    study: Study, results: Mapping[str, Mapping[int, Result]]
) -> Compared:
    """Compare variants, given by seed, with the reference of a study."""
    numbers = {
        variant: _numbers(runs, SCORES[study.score])
        for variant, runs in results.items()
    }
    base = numbers[study.reference]
    return {
        variant: {
            name: measure(values, {} if own is base else base[name])
            for name, values in own.items()
        }
        for variant, own in numbers.items()
    }


def measure(own: Mapping[int, float], base: Mapping[int, float]) -> Quantity:
    """Summarise what a variant and the reference have, by seed.

    Returns:
        ``seeds``, ``mean`` and ``sd`` (standard deviation); over the seeds
        that both have the mean paired difference ``gain``, its interval from
        ``low`` to ``high``, and ``percent`` of the reference (median). What
        is unknown is left out.
    """
    found = {}
    if own:
        found = dict(seeds=len(own), mean=fmean(own.values()))
    if len(own) > 1:
        found['sd'] = stdev(own.values())
    pairs = [(own[seed], base[seed]) for seed in own if seed in base]
    gains = [value - before for value, before in pairs]
    if pairs:
        found['gain'] = gain = fmean(gains)
    if pairs and all(base.values()):
        found['percent'] = 100 * median(value / x for value, x in pairs)
    if len(pairs) > 1:
        quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(pairs) - 1)
        half = float(quantile * stats.sem(gains))
        found |= dict(low=gain - half, high=gain + half)
    return found


def _numbers(
    runs: Mapping[int, Result], score: str
) -> dict[str, dict[int, float]]:
    """Collect what is compared by name and seed."""
    found = {name: {} for name in (*SPLITS, 'loss', *LOSSES, *COSTS)}
    for seed, result in runs.items():
        for split in SPLITS:
            if score in result[split]:
                found[split][seed] = result[split][score]
        for name, loss in zip(LOSSES, result.get('loss', []), strict=False):
            found[name][seed] = found['loss'][seed] = loss  # the last stays
        for name, (key, unit) in COSTS.items():
            if key in result:
                found[name][seed] = result[key] / unit
    return found
