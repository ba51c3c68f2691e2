"""Trained segmentors from a config and a checkpoint."""

import textwrap
from pickle import UnpicklingError

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.models import BaseSegmentor
from mmseg.registry import DATASETS, MODELS

LONGEST_MESSAGE = 400


def load_segmentor(cfg: Config, checkpoint: str) -> BaseSegmentor:
    """Build a segmentor on the CPU and load all of its weights.

    Args:
        cfg: Config with ``model``.
        checkpoint: File or address of a checkpoint.

    Returns:
        The segmentor in evaluation mode. Its ``dataset_meta`` has the
        classes and the palette, from the checkpoint or else from the test
        set's class.

    Raises:
        OSError: If there is no such checkpoint.
        ValueError: If the config has no segmentor, or if the checkpoint
            cannot be read or does not have exactly its weights.
    """
    if 'model' not in cfg:
        raise ValueError(f'{cfg.filename} has no model')
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(cfg.model)
    if not isinstance(model, BaseSegmentor):
        raise ValueError(
            f'{cfg.filename}: model must be a segmentor, such as '
            f'EncoderDecoder, but got {type(model).__name__}'
        )
    try:
        loaded = load_checkpoint(model, checkpoint, 'cpu', strict=True)
    except (RuntimeError, UnpicklingError, EOFError) as error:
        reason = textwrap.shorten(str(error), LONGEST_MESSAGE)
        raise ValueError(
            f'{checkpoint} is no checkpoint of {cfg.filename}: {reason}'
        ) from error
    model.dataset_meta = _dataset_meta(cfg, loaded.get('meta', {}))
    # Not chained: mmpretrain's ConvNeXt.train returns nothing.
    model.eval()
    return model


def _dataset_meta(cfg: Config, meta: dict) -> dict:
    """Return the classes and the palette, as far as they are known."""
    if 'dataset_meta' in meta:
        return meta['dataset_meta']
    loader = cfg.get('test_dataloader') or {}
    name = loader.get('dataset', {}).get('type')
    return getattr(DATASETS.get(name), 'METAINFO', {}) if name else {}
