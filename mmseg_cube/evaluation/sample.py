"""One image of mmseg's segmentors, as the scores see it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_cube.datasets.errors import DatasetError

Box = tuple[int, int, int, int]  # x, y, width and height
# What to do where a sample has no labels.
MISSING = dict(
    pred_sem_seg='The model must predict in mode "predict"',
    gt_sem_seg='Images without ground truth get masks only: test with --out '
    'FOLDER --cfg-options test_evaluator.format_only=True. Others need '
    'LoadBuildingMask in the pipeline',
)


class Sample:
    """A data sample; what cannot be scored raises ValueError.

    Labels, margins and masks are of shape (H, W). The ``window`` is the part
    of a raster that it shows, None for a whole raster.
    """

    def __init__(self, content: Mapping, ignore_index: int = 255) -> None:
        self._content, self.ignore_index = content, ignore_index
        self.path = content.get('img_path')
        shape = content.get('raster_shape')
        self._raster = None if shape is None else _box((0, 0, *shape[::-1]))
        self._core = _box(content.get('core') or ())
        window = _box(content.get('window') or ()) or None
        self.window = None if window == self._raster else window

    @cached_property
    def pred(self) -> Tensor:
        """Predicted labels 0 and 1; those of a threshold may replace them."""
        return self._labels('pred_sem_seg')

    @cached_property
    def target(self) -> Tensor:
        """True labels 0, 1 and ``ignore_index``."""
        return self._labels('gt_sem_seg')

    @cached_property
    def masks(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Predicted buildings, true ones, and pixels that do not count."""
        pred, target = self.pred, self.target
        masks = pred == 1, target == 1, target == self.ignore_index
        return tuple(mask.cpu().numpy() for mask in masks)

    def _labels(self, key: str) -> Tensor:
        if key not in self._content:
            raise DatasetError(f'{self.path} has no {key}. {MISSING[key]}')
        labels = self._content[key]['data']
        # Segmentors give (1, H, W), test-time augmentation gives (H, W).
        return labels[0] if labels.ndim == 3 and len(labels) == 1 else labels

    @cached_property
    def margin(self) -> Tensor:
        """Logit of building minus logit of background."""
        if 'seg_logits' not in self._content:
            raise ValueError(
                f'{self.path} has no seg_logits, which curve and threshold '
                'need. Let the model keep them, or take both out of '
                'BuildingMetric'
            )
        labels = self._labels('pred_sem_seg')
        logits = self._content['seg_logits']['data']
        if logits.shape != (2, *labels.shape):
            raise ValueError(
                f'{self.path}: curve and threshold need the logits of '
                f'background and building, of shape {(2, *labels.shape)}, but '
                f'they are {tuple(logits.shape)}. Give the head num_classes=2'
            )
        if logits.dtype != torch.float64:
            logits = logits.float()
        margin = logits[1] - logits[0]
        if margin.isnan().any():
            raise ValueError(
                f'{self.path}: a logit is not a number (nan or inf), so the '
                'model is broken. Look for a loss of nan in the log of its '
                'training'
            )
        if not torch.equal(margin > 0, labels.to(margin.device) == 1):
            raise ValueError(
                f'{self.path}: the predicted labels are not those of the '
                'larger logit, so curve and threshold would judge another '
                'prediction. Take both out of BuildingMetric, or test without '
                'augmentation'
            )
        return margin

    def check_uncut(self, protocol: str | None) -> None:
        """Check that no edge of a window cuts a building that is scored.

        Patches of the protocol ``buildformer`` are images of their own,
        windows of ``full`` are parts of a tile.
        """
        # The window may also show a smaller raster, and what pads it.
        whole = self.window is None or self._core == self._raster
        own = self._core == self.window and protocol != 'full'
        if not (whole or own):
            raise ValueError(
                f'{self.path}: boundary and objects cannot be scored in '
                f'windows, here {self.window} (x, y, width, height), whose '
                "edges cut buildings. Evaluate whole tiles (windows='whole' "
                'in the dataset), or leave boundary and objects out of '
                'BuildingMetric'
            )


def check_single_view(batch: Any) -> None:
    """Refuse several views of an image: SegTTAModel does not merge logits."""
    inputs = batch.get('inputs') if isinstance(batch, Mapping) else None
    if inputs is not None and isinstance(inputs[0], list | tuple):
        raise ValueError(
            "curve and threshold need the logits of the prediction. mmseg's "
            'test-time augmentation does not give them: test without it, or '
            'without curve and threshold in BuildingMetric'
        )


def _box(values: Any) -> Box:
    return tuple(int(value) for value in values)
