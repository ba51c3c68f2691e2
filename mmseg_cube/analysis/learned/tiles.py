"""The tiles that pictures of a network are drawn of, and its predictions.

A tile is what the dataset of a config has as a sample: a whole image, or a
window of a large one.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.models import BaseSegmentor
from mmseg.registry import DATASETS

from mmseg_cube.analysis.learned.layers import shorten
from mmseg_cube.datasets.transforms.load_raster_window import IGNORED
from mmseg_cube.evaluation.confusion import Confusion, count_pixels
from mmseg_cube.inference import BuildingNetwork

THRESHOLD = 0.5
# Probability whose logit stands for that of 0, and likewise below 1.
SMALLEST = 1e-6
# A tile passes through the network as a whole: more takes many gigabytes.
LARGEST = 2048**2  # pixels


@dataclass(frozen=True)
class Tile:
    """An image with its truth.

    Pipelines may give the network a smaller or larger image than the file's;
    pictures and scores have the pixels of the truth.

    Attributes:
        name: Stem of its file, for windows followed by row and column.
        image: RGB image for the network, (H', W', 3), 8 bit.
        truth: Labels 0 and 1, and 255 to ignore, uint8 of shape (H, W).
    """

    name: str
    image: np.ndarray
    truth: np.ndarray

    @cached_property
    def picture(self) -> np.ndarray:
        """The image in the size of the truth, (H, W, 3)."""
        shape = self.truth.shape
        if self.image.shape[:2] == shape:
            return self.image
        return cv2.resize(
            self.image, shape[::-1], interpolation=cv2.INTER_LINEAR
        )

    def full_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Convert a height and width from pixels of the image to the truth's.

        Args:
            size: Height and width in pixels of the image.
        """
        shapes = zip(size, self.truth.shape, self.image.shape[:2], strict=True)
        return tuple(round(n * full / seen) for n, full, seen in shapes)


class Tiles:
    """The tiles of a split by name; they are loaded when asked for.

    Args:
        cfg: Config with the data, its scope set.
        split: ``'val'`` or ``'test'``: whose loader's dataset to take.

    Raises:
        ValueError: If the config has no such loader, or two tiles would have
            one name.
        DatasetError: If the data are not there or broken.

    Attributes:
        paths: File of every tile by its name.
    """

    def __init__(self, cfg: Config, split: str) -> None:
        loader = cfg.get(f'{split}_dataloader')
        if not loader:
            raise ValueError(
                f'{cfg.filename} has no {split}_dataloader, which names the '
                'images. Choose another --split or name another config'
            )
        self.where = f'split {split} of {Path(cfg.filename).name}'
        self.dataset = DATASETS.build(loader['dataset'])
        self.paths, self._indices = {}, {}
        for index in range(len(self.dataset)):
            info = self.dataset.get_data_info(index)
            path, name = Path(info['img_path']), Path(info['img_path']).stem
            if info.get('window') is not None:
                name += f'_{info["window"][1]}_{info["window"][0]}'
            if name in self.paths:
                raise ValueError(
                    f'{self.paths[name]} and {path} would both be drawn as '
                    f'{name}; rename one of them'
                )
            self.paths[name], self._indices[name] = path, index

    def load(self, name: str) -> Tile:
        """Load a tile.

        Raises:
            ValueError: If it has no truth or one of another size, or is too
                large.
        """
        data = self.dataset[self._indices[name]]
        sample, inputs = data['data_samples'], data['inputs']
        if 'gt_sem_seg' not in sample:
            raise ValueError(
                f'{self.paths[name]} has no truth to compare with. Choose '
                'another --split'
            )
        if inputs[0].numel() > LARGEST:
            height, width = inputs.shape[1:]
            raise ValueError(
                f'{self.paths[name]} has {width} x {height} pixels, more '
                f'than {LARGEST}, which pass through the network at once. '
                "Read it in windows (windows='grid' of InriaDataset), or cut "
                'it into tiles'
            )
        # Loaders give BGR, channels first.
        image = inputs.flip(0).permute(1, 2, 0).numpy()
        truth = sample.gt_sem_seg.data[0].numpy()
        # Predictions are resized to the size of the file.
        known = (image.shape[:2], tuple(sample.get('ori_shape', ())))
        if truth.shape not in known:
            sizes = [f'{w} x {h}' for h, w in (truth.shape, known[0])]
            raise ValueError(
                f'{self.paths[name]}: its truth has {sizes[0]} pixels, the '
                f'image for the network {sizes[1]}, and not those of the '
                'file. Resize both, or load the mask last'
            )
        return Tile(name, image, truth)

    def find(self, wanted: str) -> list[str]:
        """Names of the tiles that a name, a file name or a path stands for.

        Raises:
            ValueError: If there is none.
        """
        if wanted in self.paths:
            return [wanted]
        asked = Path(wanted).resolve()
        found = [
            name
            for name, path in self.paths.items()
            if wanted in (path.name, path.stem) or path.resolve() == asked
        ]
        if not found:
            raise ValueError(
                f'{self.where} has no image {wanted!r}; it has '
                f'{len(self.paths)}: {shorten(self.paths)}'
            )
        return found


def predict_tile(model: BaseSegmentor, tile: Tile) -> np.ndarray:
    """Predict a tile in one pass.

    Args:
        model: Segmentor of background and building, on its device.
        tile: Tile.

    Returns:
        Building probabilities, float32 of the shape of the truth.

    Raises:
        ValueError: If the network has other classes, or gives values that
            are no numbers.
    """
    windows = tile.image.transpose(2, 0, 1)[None]
    probability = BuildingNetwork(model)(windows).cpu()
    if not probability.isfinite().all():
        raise ValueError(
            f'{tile.name}: the network gives values that are no numbers, so '
            'its weights are broken. Look for a loss of nan in the log of '
            'its training'
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
    return probability[0].numpy()


def score_tile(tile: Tile, probability: np.ndarray) -> Confusion:
    """Count the pixels of a prediction.

    Args:
        tile: Tile.
        probability: Building probabilities of the shape of the truth.
    """
    labels = (probability > THRESHOLD).astype(np.uint8)
    truth = torch.from_numpy(tile.truth)
    return count_pixels(torch.from_numpy(labels), truth, IGNORED)
