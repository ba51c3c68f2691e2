"""Thresholds of the building probability: their scores, and the chosen one.

A probability p is above a threshold t where the margin of the two logits,
building minus background, is above log(t / (1 - t)). Margins are compared,
since p rounds to 1 where margins still differ, and 0.5 gives the labels of
argmax exactly.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from mmseg_cube.evaluation.margins import MarginCounts
from mmseg_cube.evaluation.sample import Sample
from mmseg_cube.evaluation.score_kinds import ScoreKind, require
from mmseg_cube.utils.words import not_found

SMALLEST = 2.0**-24  # float32 tells 1 less this from 1


class ThresholdCurve(ScoreKind):
    """Average precision, and precision and recall at thresholds.

    The average precision is the sum of precision times gain in recall over
    all margins, as scikit-learn defines it. It is exact up to 65,536
    different margins; where there are more, it is so to 0.01 points.

    Written and drawn are the thresholds ``1 / (n + 1), ..., n / (n + 1)``,
    and those where recall passes these shares. A pixel is a building if its
    probability is above the threshold.

    Args:
        thresholds: Their number n, from 1 to 9999.
    """

    zero = MarginCounts(np.zeros(0, np.int64), np.zeros((2, 0), np.int64))

    def __init__(self, thresholds: int = 99) -> None:
        met = isinstance(thresholds, Integral) and 1 <= thresholds <= 9999
        rule = 'the number of thresholds of curve must be from 1 to 9999'
        require(met, rule, thresholds)
        self.shares = np.arange(1, thresholds + 1) / (thresholds + 1)
        self.options = dict(thresholds=int(thresholds))

    def count(self, sample: Sample) -> MarginCounts:
        """Count an image's pixels by their margins."""
        target = sample.target.to(sample.margin.device)
        return MarginCounts.of(sample.margin, target)

    def scores(self, counts: MarginCounts) -> dict[str, float]:
        """Return ``AveragePrecision`` in percent."""
        tp, fp = counts.above()
        precision = tp / (tp + fp)
        if counts.bits:
            # Margins that were not told apart count as evenly mixed; if they
            # are many pixels, they more likely are one margin.
            few = 1000 * counts.pixels.sum(0) < counts.pixels.sum()
            before = np.append(precision[1:], precision[-1:])
            precision[few] = (precision + before)[few] / 2
        built = counts.pixels[0]
        total = 100 * float(built @ precision)
        return dict(AveragePrecision=total / max(int(built.sum()), 1))

    def points(self, counts: MarginCounts) -> list[dict[str, float]]:
        """Return the scores at each threshold, from the lowest one."""
        tp, margins = counts.above()[0], counts.between()
        # From the highest margin down, the first to reach each recall.
        reached = np.searchsorted(tp[::-1], self.shares * tp[:1].sum()) + 1
        margins = margins[::-1][reached[reached <= len(tp)] - 1]
        rows = [_row(counts, m) for m in margins if np.isfinite(m)]
        for share in self.shares.tolist():
            rows.append(_row(counts, logit(share), share))
        return sorted(rows, key=lambda row: row['margin'])

    def best(
        self, counts: MarginCounts, data: Mapping[str, str]
    ) -> tuple[dict[str, float] | None, str | None]:
        """Choose the threshold of the largest IoU, or say why there is none.

        It has the largest F1 as well, which is ``2 * IoU / (1 + IoU)``. Of
        equal ones it is the nearest to 0.5.
        """
        if 'split' not in data:
            return None, (
                'the dataset does not say its split. Set '
                "metainfo=dict(split='val') in it"
            )
        if not may_choose(data):
            return None, (
                f'the images are those of {name_data(data)}. A threshold is '
                'chosen on val: evaluate val, and give its curve.json to '
                'threshold=... here'
            )
        (tp, fp), built = counts.above(), counts.pixels[0].sum()
        if not built:
            return None, 'no building is found at any threshold'
        margins = counts.between()
        iou = np.where(np.isfinite(margins), tp / (built + fp), 0)
        at_best = margins[iou == iou.max()]
        return _row(counts, at_best[np.abs(at_best).argmin()]), None

    def as_json(self, counts: MarginCounts) -> dict[str, int]:
        """Return how many pixels are buildings and background."""
        built, ground = counts.pixels.sum(1).tolist()
        return dict(built=built, ground=ground)


def _row(
    counts: MarginCounts, margin: float, threshold: float | None = None
) -> dict[str, float]:
    """Scores of the pixels above a margin, whose probability may be known."""
    if threshold is None:  # never 0 or 1, as float32 would have it
        threshold = np.clip(expit(margin), SMALLEST, 1 - SMALLEST)
    point = counts.confusion(margin)
    values = dict(threshold=float(threshold), margin=float(margin))
    return values | asdict(point) | point.scores()


class ChosenThreshold:
    """A threshold of the building probability and where it comes from.

    Of a ``curve.json`` that ``BuildingMetric`` wrote the best one is taken.

    Raises:
        ValueError: If the number is not between 0 and 1, or the file is not
            such a file, has no best threshold, or has one of test images.
        FileNotFoundError: If there is no such file.
    """

    def __init__(self, value: float | str | os.PathLike) -> None:
        self.data, self.origin, margin = {}, 'given as a number', None
        if isinstance(value, str | os.PathLike):
            self.data, value, margin = _read(Path(value))
            self.origin = f'chosen on {name_data(self.data)}'
        met = isinstance(value, Real) and 0 < value < 1
        rule = 'threshold must be a number between 0 and 1 or a curve.json'
        require(met, rule, value)
        self.value = float(value)
        self.margin = float(logit(self.value)) if margin is None else margin

    def __str__(self) -> str:
        return f'threshold {self.value:g}, {self.origin}'

    def chosen_on(self, data: Mapping[str, str]) -> bool:
        """Tell whether it was chosen on these images."""
        keys = 'dataset', 'split'
        same = all(self.data.get(key) == data.get(key) for key in keys)
        return bool(self.data) and same


def may_choose(data: Mapping[str, str]) -> bool:
    """Tell whether a threshold may be chosen on images: not on test ones."""
    return set(str(data.get('split')).split('+')) <= {'train', 'val'}


def name_data(data: Mapping[str, str]) -> str:
    """Return a name of the images for people."""
    name = f'{data.get("dataset", "a dataset")} {data.get("split", "")}'
    protocol = data.get('protocol') and f'protocol {data["protocol"]}'
    parts = name.strip(), data.get('part'), protocol
    return ', '.join(filter(None, parts))


def _read(path: Path) -> tuple[dict[str, str], float, float | None]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        data, reason = dict(content['data']), content['no_best_because']
        best = content['best'] or {}
        value, margin = best.get('threshold'), best.get('margin')
        margin = margin and float(margin)
    except FileNotFoundError:
        advice = 'evaluate the val set by a BuildingMetric with curve=dict() '
        advice += 'and report_dir=..., which writes it'
        raise FileNotFoundError(not_found('curve', path, advice)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is not a curve.json of BuildingMetric '
            f'({type(error).__name__}: {error})'
        ) from error
    if value is None:
        raise ValueError(f'{path} has no best threshold: {reason}')
    if not may_choose(data):
        raise ValueError(
            f'{path} was written on {name_data(data)}. Only a threshold that '
            'was chosen on val may be used'
        )
    return data, value, margin
