"""Scores that an ablation can compare, and how its runs come by them.

IoU at the larger logit depends on how a training happens to balance
precision and recall. Two more scores do not: IoU at the threshold that is
best on val, and the average precision over all thresholds.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from mmseg_cube.analysis.ablation.cubes import kind_of

SPLITS = ('val', 'test')
CURVE = 'curve.json'
TUNED = 'building/TunedIoU'


class Score(NamedTuple):
    """A score by its key in the results, and in words."""

    key: str
    text: str


SCORES = {
    'IoU': Score('building/IoU', 'IoU of buildings, in percent'),
    'tuned-IoU': Score(
        TUNED,
        'IoU of buildings, in percent, at the threshold that is best on val',
    ),
    'AP': Score(
        'building/AveragePrecision',
        'average precision of building pixels, in percent',
    ),
}
IOU = next(iter(SCORES))


def ask_for_curves(cfg: Config, folder: Path) -> None:
    """Have a run write the curves of val and test into folders of its own.

    Metrics other than ``BuildingMetric``, those with a fixed threshold and
    networks of one logit have no curve.
    """
    heads = cfg.model.get('decode_head')
    for head in heads if isinstance(heads, list | tuple) else [heads]:
        if isinstance(head, Mapping) and head.get('out_channels') == 1:
            return
    for split in SPLITS:
        metric = cfg[f'{split}_evaluator']
        if kind_of(metric) != 'BuildingMetric':
            continue
        if metric.get('threshold') is None:
            metric.curve = metric.get('curve') or {}
            metric.report_dir = str(folder / split)


def tuned_iou(folder: Path) -> dict[str, dict[str, float]]:
    """IoU of val and test at the threshold that is best on val.

    Args:
        folder: Folder of a run whose curves are written.

    Returns:
        Scores by split; empty without curves, or if no threshold is best.
    """
    paths = {split: folder / split / CURVE for split in SPLITS}
    if not all(path.exists() for path in paths.values()):
        return {}
    curves = {
        split: json.loads(path.read_text(encoding='utf-8'))
        for split, path in paths.items()
    }
    best = curves['val']['best']
    if best is None:
        return {}
    found = {}
    for split, curve in curves.items():
        for point in curve['points']:
            if point['threshold'] == best['threshold']:
                found[split] = {TUNED: point['IoU']}
    return found
