"""Scores that an ablation can compare, and how its runs come by them.

IoU at the larger logit depends on how a training happens to balance
precision and recall. Two more scores do not: IoU at the threshold that is
best on val, and the average precision over all thresholds.
"""

import json
from pathlib import Path

from mmengine.config import Config

from mmseg_cube.analysis.ablation.cube_configs import kind_of

SPLITS = VAL, TEST = 'val', 'test'
TUNED, BEST = 'building/TunedIoU', 'building/Best'


# By name, the key in the results, and what it is.
SCORES = {
    'IoU': ('building/IoU', 'IoU of buildings, in percent'),
    'tuned-IoU': (
        TUNED,
        'IoU of buildings, in percent, at the threshold that is best on val',
    ),
    'AP': (
        'building/AveragePrecision',
        'average precision of building pixels, in percent',
    ),
}


def ask_for_curves(cfg: Config, folder: Path) -> None:
    """Have a run write the curves of val and test into folders of its own.

    Metrics other than ``BuildingMetric``, those with a fixed threshold and
    networks of one logit have no curve.
    """
    heads = cfg.model.get('decode_head')
    heads = heads if isinstance(heads, list | tuple) else [heads]
    if any(head and head.get('out_channels') == 1 for head in heads):
        return
    for split in SPLITS:
        metric = cfg[f'{split}_evaluator']
        is_ours = kind_of(metric) == 'BuildingMetric'
        if is_ours and metric.get('threshold') is None:
            metric.curve = metric.get('curve') or {}
            metric.report_dir = str(folder / split)


def add_tuned_iou(scores: dict[str, dict[str, float]], folder: Path) -> None:
    """Add IoU at the threshold that is best on val, if there is one.

    Args:
        scores: Scores of a run by split; gets the new ones.
        folder: Where its curves are.
    """
    threshold = scores[VAL].get(f'{BEST}Threshold')
    path = folder / TEST / 'curve.json'
    if threshold is None or not path.exists():
        return
    scores[VAL][TUNED] = scores[VAL][f'{BEST}IoU']
    for point in json.loads(path.read_text(encoding='utf-8'))['points']:
        if point['threshold'] == threshold:
            scores[TEST][TUNED] = point['IoU']
