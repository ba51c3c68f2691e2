"""Scores of networks on whole tiles that stay in memory."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.models import BaseSegmentor
from mmseg.models.utils import resize
from mmseg.registry import DATASETS, METRICS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_cube.analysis.ablation.results import SPLITS, TUNED
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.evaluation.margins import MarginCounts, in_order
from mmseg_cube.evaluation.thresholds import ThresholdCurve

BATCH = 8
# Bits of a margin that are left out: 65,536 margins are told apart.
BITS = 16
BINS = 2**16

# Images (N, 3, H, W), uint8 as their pipeline gives them, labels (N, H, W),
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
    zero = ThresholdCurve.zero
    counts = [_count(model, tiles[split]) for split in SPLITS]
    totals = [sum(found.values(), zero) for found in counts]
    best = totals[0].numbers[_iou(totals[0]).argmax()]
    scores = dict(zip(SPLITS, map(_scores, counts, totals), strict=True))
    for split, total in zip(SPLITS, totals, strict=True):
        place = min(total.numbers.searchsorted(best), len(total.numbers) - 1)
        scores[split][TUNED] = 100 * float(_iou(total)[place])
    return scores


def _load(cfg: Config, split: str) -> Tiles:
    dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
    metric = METRICS.build(cfg[f'{split}_evaluator'])
    found = []
    for i in range(len(dataset)):
        sample = dataset[i]
        label = sample['data_samples'].gt_sem_seg.data[0]
        group = metric.group_of(sample['data_samples'].img_path)
        found.append((sample['inputs'], label, group))
    found.sort(key=lambda tile: tile[0].shape)
    batches = []
    for _, same in groupby(found, lambda tile: tile[0].shape):
        same = list(same)
        for i in range(0, len(same), BATCH):
            images, labels, groups = zip(*same[i : i + BATCH], strict=True)
            batches.append((torch.stack(images), torch.stack(labels), groups))
    return batches


@torch.no_grad()
def _count(model: BaseSegmentor, tiles: Tiles) -> dict[str, MarginCounts]:
    """Count pixels by margin and label in every group."""
    device = next(model.parameters()).device
    bins = defaultdict(lambda: torch.zeros(2 * BINS, device=device).long())
    for images, labels, groups in tiles:
        samples = [SegDataSample() for _ in images]
        batch = dict(inputs=list(images), data_samples=samples)
        x = model.data_preprocessor(batch, False)['inputs']
        logits = model.decode_head(model.extract_feat(x))
        logits = resize(
            logits,
            x.shape[2:],
            mode='bilinear',
            align_corners=model.decode_head.align_corners,
        )
        height, width = labels.shape[1:]
        margins = (logits[:, 1] - logits[:, 0])[:, :height, :width]
        places = (in_order(margins) >> BITS) + BINS // 2
        for place, label, group in zip(
            places, labels.to(device), groups, strict=True
        ):
            known = label < 2
            place = place + BINS * (1 - label)
            bins[group] += torch.bincount(place[known], minlength=2 * BINS)
    return {group: _as_counts(found) for group, found in bins.items()}


def _as_counts(bins: Tensor) -> MarginCounts:
    pixels = bins.view(2, BINS).cpu().numpy()
    there = pixels.any(0).nonzero()[0]
    return MarginCounts(there - BINS // 2, pixels[:, there], BITS)


def _scores(
    counts: Mapping[str | None, MarginCounts], total: MarginCounts
) -> Scores:
    scores = ThresholdCurve().scores(total) | _pixels(total)
    for group in sorted(counts.keys() - {None}):
        scores[f'IoU_{group}'] = _pixels(counts[group])['IoU']
    return {f'building/{key}': float(value) for key, value in scores.items()}


def _pixels(counts: MarginCounts) -> Scores:
    built, ground = counts.pixels.sum(1).tolist()
    above = counts.numbers >= 0
    tp, fp = counts.pixels[:, above].sum(1).tolist()
    return Confusion(tp, fp, built - tp, ground - fp).scores()


def _iou(counts: MarginCounts) -> Sequence[float]:
    tp, fp = counts.above()
    return tp / (counts.pixels[0].sum() + fp)
