"""Building segmentors from configs and loading their checkpoints."""

from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.models import BaseSegmentor
from mmseg.registry import DATASETS, MODELS
from torch import nn

from mmseg_cube.utils.checkpoints import CheckpointError, read_checkpoint
from mmseg_cube.utils.configs import without_weights
from mmseg_cube.utils.words import name_some, quantity, shorten


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """Return a device that can be used; None takes a GPU if there is one.

    A ValueError says that there is no such device.
    """
    if name is None:
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        # A tensor tells which GPU 'cuda' is; some functions want the index.
        return torch.empty(1, device=torch.device(name)).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'device {name} cannot be used; try cpu. {shorten(error)}'
        ) from error


def build_network(cfg: Config) -> BaseSegmentor:
    """Build the segmentor of a config on the CPU, in evaluation mode.

    Weights that the config names are not loaded, nor by ``init_weights()``.
    A ValueError says that it cannot be built, or is no segmentor.
    """
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    try:
        model = MODELS.build(ConfigDict(without_weights(cfg.model)))
    except Exception as error:  # building raises all kinds
        raise ValueError(
            f'{cfg.filename}: the model cannot be built: {error}'
        ) from error
    if not isinstance(model, BaseSegmentor):
        raise ValueError(
            f'{cfg.filename}: model must be a segmentor, such as '
            f'EncoderDecoder, but got {type(model).__name__}'
        )
    # As mmengine's Runner does in a single process.
    model = revert_sync_batchnorm(model)
    model.eval()
    return model


def load_network(
    cfg: Config,
    checkpoint: str | Path,
    device: str | torch.device | None = 'cpu',
) -> BaseSegmentor:
    """Build the segmentor of a config with all weights of a checkpoint.

    It is in evaluation mode, on ``device``; None takes a GPU if there is one.
    Its ``dataset_meta`` has the classes and the palette, from the checkpoint
    or else from the test set's class.

    Raises:
        OSError: If there is no such checkpoint.
        ValueError: If the network cannot be built, the device cannot be
            used, or the checkpoint cannot be read or is of another network.
    """
    device = choose_device(device)
    model = build_network(cfg)
    model.cfg = cfg  # as of mmseg's init_model
    meta = load_weights(model, checkpoint, cfg.filename)
    model.dataset_meta = meta.get('dataset_meta') or _dataset_meta(cfg)
    return model.to(device)


def refuse_other_channels(model: nn.Module, count: int) -> None:
    """Raise ValueError if a segmentor takes images of other channels."""
    parts = getattr(model, 'backbone', nn.Identity()).modules()
    taken = {x.in_channels for x in parts if isinstance(x, nn.Conv2d)}
    mean = getattr(getattr(model, 'data_preprocessor', None), 'mean', None)
    if taken and count not in taken:
        fault = 'but no convolution of the backbone takes so many'
    elif mean is not None and len(mean) not in (1, count):
        fault = f'but the data preprocessor has {len(mean)} means'
    else:
        return
    raise ValueError(
        f'images are read as {quantity(count, "channel")}, {fault}. Correct '
        f'bands; or set in_channels={count} of the backbone, and mean and std '
        'of model.data_preprocessor to one value each'
    )


def load_weights(
    model: nn.Module, checkpoint: str | Path, name: str
) -> Mapping:
    """Load a checkpoint that has exactly the weights of a network.

    ``name`` is that of its config, for messages. Returned is what the
    checkpoint says of itself, such as ``iter``. Errors are those of
    :func:`read_checkpoint`, the same if it is of another network.
    """
    loaded = read_checkpoint(checkpoint)
    try:
        keys = model.load_state_dict(loaded['state_dict'], strict=False)
        named = zip(('missing', 'unexpected'), keys, strict=True)
        faults = [f'{what}: {name_some(k, 3)}' for what, k in named if k]
    except RuntimeError as error:  # tensors of other sizes
        faults = [shorten(error)]
    if faults:
        raise CheckpointError(
            f'{checkpoint} is no checkpoint of {name}; name the config that '
            f'it was trained with. {"; ".join(faults)}'
        )
    return loaded['meta']


def _dataset_meta(cfg: Config) -> dict:
    """Return classes and palette of the test set, as far as they are known."""
    loader = cfg.get('test_dataloader') or {}
    name = loader.get('dataset', {}).get('type')
    return getattr(DATASETS.get(name), 'METAINFO', {}) if name else {}
