"""Scores of networks on whole tiles that stay in memory."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import groupby

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.models import BaseSegmentor
from mmseg.models.utils import resize
from mmseg.registry import DATASETS, METRICS
from torch import Tensor

from mmseg_cube.analysis.ablation.results import SPLITS, TUNED
from mmseg_cube.evaluation.margins import MarginCounts
from mmseg_cube.evaluation.sample import Sample
from mmseg_cube.evaluation.thresholds import ThresholdCurve
from mmseg_cube.inference import BuildingNetwork

BATCH = 8

# Images (N, 3, h, w), uint8 as their pipeline gives them, labels (N, H, W),
# and the group of each tile.
Tiles = list[tuple[Tensor, Tensor, list[str | None]]]
Scores = dict[str, float]


def load_tiles(cfg: Config) -> dict[str, Tiles]:
    """Load the tiles of val and test, several of one size at a time."""
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    return {split: _load(cfg, split) for split in SPLITS}


def score(
    model: BaseSegmentor, tiles: Mapping[str, Tiles]
) -> dict[str, Scores]:
    """Score a network, in evaluation mode, on whole tiles.

    Returns by split, in percent, ``building/IoU``, that of each group, the
    average precision, and IoU at the threshold that is best on val.
    """
    network, curve = BuildingNetwork(model), ThresholdCurve()
    counts = [_count(network, tiles[split]) for split in SPLITS]
    totals = [sum(found.values(), curve.zero) for found in counts]
    best, _ = curve.best(totals[0], dict(split=SPLITS[0]))
    scores = {}
    for split, found, total in zip(SPLITS, counts, totals, strict=True):
        own = curve.scores(total) | total.confusion(0).scores()
        for group in sorted(found.keys() - {None}):
            own[f'IoU_{group}'] = found[group].confusion(0).scores()['IoU']
        scores[split] = {f'building/{key}': own[key] for key in own}
        if best:
            tuned = total.confusion(best['margin']).scores()
            scores[split][TUNED] = tuned['IoU']
    return scores


def _load(cfg: Config, split: str) -> Tiles:
    dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
    given = cfg.get(f'{split}_evaluator') or []
    given = given if isinstance(given, list) else [given]
    # Other metrics than ours know no groups.
    metrics = [x for x in map(METRICS.build, given) if hasattr(x, 'group_of')]
    found = []
    for i in range(len(dataset)):
        sample = dataset[i]
        label = Sample(sample['data_samples'].to_dict()).target
        path = sample['data_samples'].img_path
        group = metrics[0].group_of(path) if metrics else None
        found.append((sample['inputs'], label, group))
    found.sort(key=_shapes)
    batches = []
    for _, same in groupby(found, _shapes):
        same = list(same)
        for i in range(0, len(same), BATCH):
            images, labels, groups = zip(*same[i : i + BATCH], strict=True)
            batches.append((torch.stack(images), torch.stack(labels), groups))
    return batches


def _shapes(tile: tuple[Tensor, Tensor, str | None]) -> tuple:
    """Return the shapes of an image and its mask, which may stay whole."""
    return tile[0].shape, tile[1].shape


@torch.no_grad()
def _count(network: BuildingNetwork, tiles: Tiles) -> dict[str, MarginCounts]:
    """Count pixels by margin and label in every group."""
    counts = defaultdict(lambda: ThresholdCurve.zero)
    for images, labels, groups in tiles:
        logits = network.logits(images)
        # As mmseg does where a pipeline has resized the image.
        corners = network.model.align_corners
        size = labels.shape[1:]
        logits = resize(logits, size, None, 'bilinear', corners)
        margins, labels = logits[:, 1] - logits[:, 0], labels.to(logits.device)
        for margin, label, group in zip(margins, labels, groups, strict=True):
            counts[group] += MarginCounts.of(margin, label)
    return counts
