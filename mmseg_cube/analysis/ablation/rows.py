"""What the finished runs of an ablation say about its variants."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmseg_cube.analysis.ablation.losses import (
    loss_differences,
    mean_losses,
)
from mmseg_cube.analysis.ablation.plan import Run
from mmseg_cube.analysis.ablation.scores import SCORES, SPLITS
from mmseg_cube.analysis.ablation.statistics import (
    Estimate,
    differences,
    estimate,
    median_ratio,
)

# By variant and seed.
Results = dict[str, dict[int, dict]]


@dataclass(frozen=True)
class Row:
    """What is known of a variant.

    Attributes:
        variant: Its text.
        results: What its runs left, by seed.
        scores: Mean score by split.
        gains: Mean paired difference to the reference by split; None for
            the reference itself.
        losses: Mean loss in each part of the training, as far as known.
        loss_gains: Mean paired differences of these to the reference; none
            for the reference itself.
        seconds: Mean over seeds of the seconds per iteration.
        seconds_ratio: Median ratio of these to those of the reference.
    """

    variant: str
    results: Mapping[int, dict]
    scores: Mapping[str, Estimate | None]
    gains: Mapping[str, Estimate | None]
    losses: Sequence[Estimate]
    loss_gains: Sequence[Estimate]
    seconds: Estimate | None
    seconds_ratio: float | None

    def size(self, key: str) -> int | None:
        """Number of ``'parameters'`` or ``'flops'``, if a run is finished."""
        return next((r[key] for r in self.results.values()), None)


def read_results(runs: Sequence[Run]) -> Results:
    """Read what finished runs left, with every variant in its place."""
    results = {run.variant.text: {} for run in runs}
    for run in runs:
        if run.result.exists():
            text = run.result.read_text(encoding='utf-8')
            results[run.variant.text][run.seed] = json.loads(text)
    return results


def compare(
    results: Results, reference: str, confidence: float, score: str
) -> list[Row]:
    """Compare all variants with one.

    Args:
        results: Results by variant and seed.
        reference: Variant to compare with.
        confidence: Share of the intervals that cover the true difference.
        score: Name of the score.
    """
    return [
        _compare(variant, results, reference, confidence, score)
        for variant in results
    ]


def _compare(
    variant: str,
    results: Results,
    reference: str,
    confidence: float,
    score: str,
) -> Row:
    own, base = results[variant], results[reference]
    scores, gains, loss_gains = {}, dict.fromkeys(SPLITS), []
    for split in SPLITS:
        values = _scores(own, split, score)
        scores[split] = estimate(values, confidence)
        if variant != reference:
            paired = differences(values, _scores(base, split, score))
            gains[split] = estimate(paired, confidence)
    if variant != reference:
        loss_gains = loss_differences(own, base, confidence)
    return Row(
        variant,
        own,
        scores,
        gains,
        mean_losses(own, confidence),
        loss_gains,
        estimate(_seconds(own), confidence),
        median_ratio(_seconds(own), _seconds(base)),
    )


def _scores(
    results: Mapping[int, dict], split: str, score: str
) -> dict[int, float]:
    key = SCORES[score].key
    return {
        seed: result[split][key]
        for seed, result in results.items()
        if key in result[split]
    }


def _seconds(results: Mapping[int, dict]) -> dict[int, float]:
    return {s: r['seconds_per_iteration'] for s, r in results.items()}
