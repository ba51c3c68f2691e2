"""The tiles that pictures of a network are drawn of, and its predictions.

A tile is what the dataset of a config has as a sample: a whole image, or a
window of a large one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.models import BaseSegmentor
from mmseg.registry import DATASETS

from mmseg_cube.datasets.bands import as_mmcv, as_picture
from mmseg_cube.datasets.meaning import IGNORED
from mmseg_cube.evaluation.confusion import Confusion, count_pixels
from mmseg_cube.inference import BuildingNetwork
from mmseg_cube.inference.network import threshold_of
from mmseg_cube.utils.words import name_some

# Probability whose logit stands for that of 0, and likewise below 1.
SMALLEST = 1e-6
# A tile passes through the network as a whole: more takes many gigabytes.
LARGEST = 2048**2  # pixels


@dataclass(frozen=True)
class Tile:
    """An image with its truth.

    Pipelines may give the network a smaller or larger image than the file's;
    pictures and scores have the pixels of the truth.
    """

    name: str  # stem of its file, for windows followed by row and column
    image: np.ndarray  # what the network sees, (C, H', W'), red first, 8 bit
    truth: np.ndarray  # labels 0 and 1, and 255 to ignore, uint8, (H, W)

    @property
    def picture(self) -> np.ndarray:
        """The image in the size of the truth, (H, W, 3)."""
        return cv2.resize(as_picture(self.image), self.truth.shape[::-1])


class Tiles:
    """The tiles of a split by name; they are loaded when asked for."""

    def __init__(self, cfg: Config, split: str) -> None:
        loader = cfg.get(f'{split}_dataloader')
        if not loader:
            raise ValueError(f'{cfg.filename} has no {split}_dataloader')
        self.where = f'split {split} of {Path(cfg.filename).name}'
        self.dataset = DATASETS.build(loader['dataset'])
        self.paths: dict[str, Path] = {}
        for index in range(len(self.dataset)):
            info = self.dataset.get_data_info(index)
            path = Path(info['img_path'])
            name = path.stem
            if info.get('window') is not None:
                name += f'_{info["window"][1]}_{info["window"][0]}'
            if name in self.paths:
                raise ValueError(
                    f'{self.paths[name]} and {path} would both be drawn as '
                    f'{name}; rename one of them'
                )
            self.paths[name] = path

    def load(self, name: str) -> Tile:
        """Load a tile; one without truth or too large is a ValueError."""
        path = self.paths[name]
        data = self.dataset[list(self.paths).index(name)]
        sample, inputs = data['data_samples'], data['inputs']
        if 'gt_sem_seg' not in sample:
            raise ValueError(f'{path} has no truth; choose another --split')
        if inputs[0].numel() > LARGEST:
            raise ValueError(
                f'{path} has {inputs[0].numel()} pixels, more than {LARGEST}, '
                'which pass through the network at once. Read it in windows '
                "(windows='grid' of InriaDataset), or cut it into tiles"
            )
        image = as_mmcv(inputs.numpy())  # turned round again
        return Tile(name, image, sample.gt_sem_seg.data[0].numpy())

    def find(self, wanted: str) -> list[str]:
        """Names of the tiles that a name or the path of a file stands for."""
        stem = Path(wanted).stem
        found = [n for n, p in self.paths.items() if stem in (n, p.stem)]
        if not found:
            raise ValueError(
                f'{self.where} has no image {wanted!r}; it has '
                f'{len(self.paths)}: {name_some(list(self.paths))}'
            )
        return found


def predict_tile(
    model: BaseSegmentor, tile: Tile
) -> tuple[np.ndarray, np.ndarray]:
    """Building probabilities of a tile in one pass, and its labels.

    Both have the shape of the truth.
    """
    probability = BuildingNetwork(model)(tile.image[None]).cpu()
    if not probability.isfinite().all():
        raise ValueError(
            f'{tile.name}: the network gives values that are no numbers. Look '
            'for a loss of nan in the log of its training'
        )
    if probability.shape[1:] != tile.truth.shape:
        # As segmentors do, which resize what they put into their softmax.
        logits = F.interpolate(
            probability.logit(SMALLEST)[None],
            tile.truth.shape,
            mode='bilinear',
            align_corners=getattr(model, 'align_corners', False),
        )
        probability = logits[0].sigmoid()
    found = probability[0].numpy()
    return found, (found > threshold_of(model)).astype(np.uint8)


def score_tile(tile: Tile, labels: np.ndarray) -> Confusion:
    """Count the pixels of labels in the truth's shape."""
    pair = map(torch.from_numpy, (labels, tile.truth))
    return count_pixels(*pair, IGNORED)


def iou_of(counts: Confusion) -> float | None:
    """IoU in percent; None where there is neither building nor prediction."""
    seen = counts.tp + counts.fp + counts.fn
    return counts.scores()['IoU'] if seen else None


def choose_tiles(
    scores: Mapping[str, Confusion], count: int
) -> dict[str, str]:
    """Choose tiles by the rule of docs/learned.md; return why, by name."""
    iou = {name: iou_of(c) for name, c in scores.items() if c.tp + c.fn}
    ranked = sorted(iou, key=lambda name: (iou[name], name))
    if not ranked:
        raise ValueError(
            f'none of {len(scores)} tiles has a building, so none can be '
            'chosen by IoU; name some by --images'
        )
    # Of an even number the lower one of the middle is the median.
    middle = ranked[(len(ranked) - 1) // 2]
    rule = [(ranked[0], 'worst'), (middle, 'median'), (ranked[-1], 'best')]
    rule += [(name, 'next worst') for name in ranked]
    chosen = {}
    for name, why in rule:
        chosen.setdefault(name, why)  # of several reasons the first one
    return dict(islice(chosen.items(), count))
