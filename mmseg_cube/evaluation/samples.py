"""What the metric reads from the data samples of mmseg's segmentors."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Box = tuple[int, int, int, int]


def read_labels(sample: Mapping, key: str, path: str | None) -> Tensor:
    """Return the labels of a sample.

    Args:
        sample: A data sample as a dict.
        key: ``pred_sem_seg`` or ``gt_sem_seg``.
        path: Path of the image, for messages.

    Returns:
        Labels of shape (H, W).

    Raises:
        ValueError: If there are none.
    """
    if key not in sample:
        raise ValueError(
            f'{path} has no {key}. For images without ground truth set '
            'format_only=True and output_dir in BuildingMetric; else add '
            'LoadBuildingMask to the pipeline'
            if key == 'gt_sem_seg'
            else f'{path} has no {key}. The model must predict in mode '
            '"predict"'
        )
    labels = sample[key]['data']
    # The segmentors give (1, H, W), test-time augmentation gives (H, W).
    return labels[0] if labels.ndim == 3 and len(labels) == 1 else labels


def find_group(group_by: str | None, path: str) -> str | None:
    """Return the group of an image, None without groups.

    Args:
        group_by: Regular expression whose first group, matched at the start
            of the image's stem, is its name.
        path: Path of the image.

    Raises:
        ValueError: If it does not match.
    """
    if group_by is None:
        return None
    found = re.match(group_by, Path(path).stem)
    if found is None:
        raise ValueError(
            f'{path}: its stem does not match group_by={group_by!r}'
        )
    return found[1]


def check_plain(batch: Any) -> None:
    """Check that predictions are not merged from several views of an image.

    Args:
        batch: A batch of the loader; None if it is not at hand.

    Raises:
        ValueError: If they are.
    """
    inputs = batch.get('inputs') if isinstance(batch, Mapping) else None
    if inputs is not None and isinstance(inputs[0], list | tuple):
        # SegTTAModel leaves the logits of the last view beside labels that
        # were merged from all.
        raise ValueError(
            "curve and threshold need the logits of the prediction. mmseg's "
            'test-time augmentation does not give them: test without it, or '
            'without curve and threshold in BuildingMetric'
        )


def read_margin(sample: Mapping, path: str | None) -> Tensor:
    """Return by how much the building logit exceeds the background logit.

    Args:
        sample: A data sample as a dict, with a prediction.
        path: Path of the image, for messages.

    Returns:
        Margin of shape (H, W), at least float32.

    Raises:
        ValueError: If the sample has no two logits, they are not those of
            its prediction, or one is not a number.
    """
    if 'seg_logits' not in sample:
        raise ValueError(
            f'{path} has no seg_logits, which curve and threshold need. Let '
            'the model keep them, or take both out of BuildingMetric'
        )
    labels = read_labels(sample, 'pred_sem_seg', path)
    logits = sample['seg_logits']['data']
    if logits.shape != (2, *labels.shape):
        raise ValueError(
            f'{path}: curve and threshold need the logits of background and '
            f'building, of shape {(2, *labels.shape)}, but they are '
            f'{tuple(logits.shape)}. Give the head num_classes=2'
        )
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    margin = logits[1] - logits[0]
    if margin.isnan().any():
        raise ValueError(
            f'{path}: a logit is not a number (nan or inf), so the model is '
            'broken. Look for a loss of nan in the log of its training'
        )
    if not torch.equal(margin > 0, labels.to(margin.device) == 1):
        raise ValueError(
            f'{path}: the predicted labels are not those of the larger '
            'logit, so curve and threshold would judge another prediction. '
            'Take both out of BuildingMetric, or test without augmentation'
        )
    return margin


def read_window(sample: Mapping) -> Box | None:
    """Return x, y, width and height of the part of a raster that it shows.

    Returns:
        The window; None for a whole raster.
    """
    if sample.get('window') is None:
        return None
    window = tuple(int(value) for value in sample['window'])
    return None if window == _raster(sample) else window


def check_uncut(
    sample: Mapping, path: str | None, protocol: str | None
) -> None:
    """Check that the edges of an image do not cut what will be scored.

    Args:
        sample: A data sample as a dict.
        path: Path of the image, for messages.
        protocol: The protocol of the dataset. Patches of ``buildformer`` are
            images of their own, windows of ``full`` are parts of a tile.

    Raises:
        ValueError: If they do.
    """
    window = read_window(sample)
    if window is None:
        return
    core = tuple(int(value) for value in sample.get('core') or ())
    if core == _raster(sample):
        return  # A raster smaller than a window, and what pads it.
    if core != window or protocol == 'full':
        raise ValueError(
            f'{path}: boundary and objects cannot be scored in windows, here '
            f'{window} (x, y, width, height), whose edges cut buildings. '
            "Evaluate whole tiles (windows='whole' in the dataset), or leave "
            'boundary and objects out of BuildingMetric'
        )


def _raster(sample: Mapping) -> Box | None:
    if sample.get('raster_shape') is None:
        return None
    height, width = (int(value) for value in sample['raster_shape'])
    return 0, 0, width, height
