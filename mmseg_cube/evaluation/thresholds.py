"""Thresholds of the building probability: their scores, and the chosen one.

A probability p is above a threshold t where the margin of the two logits,
building minus background, is above log(t / (1 - t)). Margins are compared,
since p rounds to 1 where margins still differ, and 0.5 gives the labels of
argmax exactly.
"""

import json
import math
import os
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.evaluation.sample import Sample
from mmseg_cube.evaluation.score_kinds import ScoreKind, require


class ThresholdCurve(ScoreKind):
    """Precision and recall at thresholds ``1 / (n + 1), ..., n / (n + 1)``.

    A pixel is a building if its probability is above the threshold. The
    average precision is the sum of precision times gain in recall over the
    thresholds, as scikit-learn defines it, and over 0.

    Counts are int64 of shape (2, n + 1): how many pixels of true buildings,
    and of true background, are above 0, 1, ..., n of the thresholds.

    Args:
        thresholds: Their number n, from 1 to 9999.
    """

    def __init__(self, thresholds: int = 99) -> None:
        met = isinstance(thresholds, Integral) and 1 <= thresholds <= 9999
        rule = 'the number of thresholds of curve must be from 1 to 9999'
        require(met, rule, thresholds)
        parts = int(thresholds) + 1
        self.thresholds = [part / parts for part in range(1, parts)]
        self.options = dict(thresholds=int(thresholds))
        self.zero = np.zeros((2, parts), np.int64)

    def count(self, sample: Sample) -> np.ndarray:
        """Count an image's pixels by their margins."""
        margin, target = sample.margin, sample.target.to(sample.margin.device)
        edges = list(map(_margin_at, self.thresholds))
        above = torch.bucketize(margin, margin.new_tensor(edges))
        counts = [
            torch.bincount(above[target == label], minlength=1 + len(edges))
            for label in (1, 0)
        ]
        return torch.stack(counts).cpu().numpy()

    def scores(self, counts: np.ndarray) -> dict[str, float]:
        """Return ``AveragePrecision`` in percent."""
        total, recall = 0.0, 0.0
        for _, point in reversed(self.points(counts)):
            scores = point.scores()
            total += (scores['Recall'] - recall) * scores['Precision'] / 100
            recall = scores['Recall']
        return dict(AveragePrecision=total)

    def points(self, counts: np.ndarray) -> list[tuple[float, Confusion]]:
        """Return threshold 0 and then each threshold, and its confusion."""
        tp, fp = counts[:, ::-1].cumsum(1)[:, ::-1].tolist()
        steps = zip([0.0, *self.thresholds], tp, fp, strict=True)
        return [
            (threshold, Confusion(hit, false, tp[0] - hit, fp[0] - false))
            for threshold, hit, false in steps
        ]

    def best(
        self, counts: np.ndarray, data: Mapping[str, str]
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
        # The first point is that of threshold 0: everything is a building.
        rows = [
            dict(threshold=threshold, **point.scores())
            for threshold, point in self.points(counts)[1:]
        ]
        best = max(rows, key=lambda r: (r['IoU'], -abs(r['threshold'] - 0.5)))
        if best['IoU'] == 0:
            return None, 'no building is found at any threshold'
        return best, None

    def as_json(self, counts: np.ndarray) -> dict[str, list[int]]:
        """Return the counts of buildings and of background."""
        built, ground = counts.tolist()
        return dict(built=built, ground=ground)


def labels_at(margin: Tensor, threshold: float) -> Tensor:
    """Label pixels 1 whose building probability is above a threshold."""
    return (margin > margin.new_tensor(_margin_at(threshold))).long()


def _margin_at(threshold: float) -> float:
    """Margin of logits at which the probability is the threshold."""
    return math.log(threshold / (1 - threshold))


class ChosenThreshold:
    """A threshold of the building probability and where it comes from.

    Args:
        value: The threshold, or a ``curve.json`` that ``BuildingMetric``
            wrote; its best threshold is taken.

    Raises:
        ValueError: If the number is not between 0 and 1, or the file is not
            such a file, has no best threshold, or has one of test images.
        FileNotFoundError: If there is no such file.
    """

    def __init__(self, value: float | str | os.PathLike) -> None:
        self.data: dict[str, str] = {}
        self.origin = 'given as a number'
        if isinstance(value, str | os.PathLike):
            self.data, value = _read(Path(value))
            self.origin = f'chosen on {name_data(self.data)}'
        met = isinstance(value, Real) and 0 < value < 1
        rule = 'threshold must be a number between 0 and 1 or a curve.json'
        require(met, rule, value)
        self.value = float(value)

    def __str__(self) -> str:
        return f'threshold {self.value:g}, {self.origin}'

    def chosen_on(self, data: Mapping[str, str]) -> bool:
        """Tell whether it was chosen on these images."""
        return bool(self.data) and all(
            self.data.get(key) == data.get(key) for key in ('dataset', 'split')
        )


def may_choose(data: Mapping[str, str]) -> bool:
    """Tell whether a threshold may be chosen on images: not on test ones."""
    return set(str(data.get('split')).split('+')) <= {'train', 'val'}


def name_data(data: Mapping[str, str]) -> str:
    """Return a name of the images for people."""
    name = f'{data.get("dataset", "a dataset")} {data.get("split", "")}'
    protocol = data.get('protocol')
    return name.strip() + (f', protocol {protocol}' if protocol else '')


def _read(path: Path) -> tuple[dict[str, str], float]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        data, best = dict(content['data']), content['best']
        reason = content['no_best_because']
        value = None if best is None else best['threshold']
    except FileNotFoundError:
        raise FileNotFoundError(
            f'{path}: no such file. BuildingMetric writes it when the val '
            'set is evaluated with curve=dict() and report_dir=...'
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
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
    return data, value
