"""What the finished runs of an ablation say about its variants."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmseg_cube.analysis.ablation.plan import Run
from mmseg_cube.analysis.ablation.statistics import (
    Estimate,
    differences,
    estimate,
    median_ratio,
)

METRIC = 'building/IoU'
SPLITS = ('val', 'test')
# By variant and seed.
Results = dict[str, dict[int, dict]]


@dataclass(frozen=True)
class Row:
    """What is known of a variant.

    Attributes:
        variant: Its text.
        results: What its runs left, by seed.
        scores: Mean IoU by split.
        gains: Mean paired difference to the reference by split; None for
            the reference itself.
        seconds: Mean over seeds of the seconds per iteration.
        seconds_ratio: Median ratio of these to those of the reference.
    """

    variant: str
    results: Mapping[int, dict]
    scores: Mapping[str, Estimate | None]
    gains: Mapping[str, Estimate | None]
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


def compare(results: Results, reference: str, confidence: float) -> list[Row]:
    """Compare all variants with one.

    Args:
        results: Results by variant and seed.
        reference: Variant to compare with.
        confidence: Share of the intervals that cover the true difference.
    """
    return [
        _compare(variant, results, reference, confidence)
        for variant in results
    ]


def _compare(
    variant: str, results: Results, reference: str, confidence: float
) -> Row:
    own, base = results[variant], results[reference]
    scores, gains = {}, dict.fromkeys(SPLITS)
    for split in SPLITS:
        values = _iou(own, split)
        scores[split] = estimate(values, confidence)
        if variant != reference:
            paired = differences(values, _iou(base, split))
            gains[split] = estimate(paired, confidence)
    return Row(
        variant,
        own,
        scores,
        gains,
        estimate(_seconds(own), confidence),
        median_ratio(_seconds(own), _seconds(base)),
    )


def _iou(results: Mapping[int, dict], split: str) -> dict[int, float]:
    return {
        seed: result[split][METRIC]
        for seed, result in results.items()
        if METRIC in result[split]
    }


def _seconds(results: Mapping[int, dict]) -> dict[int, float]:
    return {s: r['seconds_per_iteration'] for s, r in results.items()}
