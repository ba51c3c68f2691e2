"""Networks with their checkpoints, and batches for them, from configs."""

import copy
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader, Runner, set_random_seed
from mmseg.models import BaseSegmentor
from mmseg.registry import MODELS
from torch import nn

from mmseg_cube.analysis.gradients.layers import list_convolutions

INIT = 'init'
PRETRAINED = 'Pretrained'
LONGEST = 120  # letters of a name in a message


@dataclass(frozen=True)
class Checkpoint:
    """Weights of a network at some time of its training.

    Attributes:
        path: File with the weights; None for those that are drawn.
        iteration: Iterations of training; None if the file does not say.
    """

    path: Path | None
    iteration: int | None


@dataclass(frozen=True)
class Subject:
    """A network that is looked at.

    Attributes:
        name: Name in tables and pictures.
        cfg: Its config.
        convolutions: Its convolutions by name, whatever their weights.
        checkpoints: Its weights, in the order of training.
    """

    name: str
    cfg: Config
    convolutions: Mapping[str, nn.Conv2d]
    checkpoints: tuple[Checkpoint, ...]


def prepare(name: str, cfg: Config, paths: Sequence[str]) -> Subject:
    """Build the network of a config, and try its checkpoints.

    Args:
        name: Name in tables and pictures.
        cfg: Config of a segmentor.
        paths: Checkpoints; ``'init'`` stands for weights that are drawn, as
            does none at all.

    Raises:
        OSError: If a checkpoint is not there.
        ValueError: If the network cannot be built, a checkpoint does not fit,
            or several are not of known and different iterations.
    """
    model = build(cfg)
    checkpoints = [
        Checkpoint(None, 0)
        if path == INIT
        else Checkpoint(Path(path), load(model, path, cfg))
        for path in paths or [INIT]
    ]
    if len(checkpoints) > 1:
        checkpoints = _sort(checkpoints)
    convolutions = list_convolutions(model)
    return Subject(name, cfg, convolutions, tuple(checkpoints))


def make_network(
    cfg: Config, checkpoint: Checkpoint, seed: int
) -> BaseSegmentor:
    """Build a network with the weights of a checkpoint.

    Args:
        cfg: Its config.
        checkpoint: One of those of a subject.
        seed: Seed of weights that are drawn.
    """
    # Parts of it are initialised when they are built.
    set_random_seed(seed)
    model = build(cfg)
    if checkpoint.path is None:
        set_random_seed(seed)
        model.init_weights()
    else:
        load(model, checkpoint.path, cfg)
    return model


def build(cfg: Config) -> BaseSegmentor:
    """Build the segmentor of a config; no pretrained weights are loaded.

    Raises:
        ValueError: If it cannot be built, or is no segmentor.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    try:
        model = MODELS.build(ConfigDict(_without_pretrained(cfg.model)))
    except Exception as error:  # building raises all kinds
        raise ValueError(f'{cfg.filename}: {error}') from error
    if not isinstance(model, BaseSegmentor):
        raise ValueError(
            f'{cfg.filename}: model must be a segmentor, such as '
            f'EncoderDecoder, but got {type(model).__name__}'
        )
    # As mmengine's Runner does in a single process.
    return revert_sync_batchnorm(model)


def load(model: BaseSegmentor, path: str | Path, cfg: Config) -> int | None:
    """Load a checkpoint that fits exactly.

    Returns:
        Iterations of training; None if it does not say.

    Raises:
        OSError: If it is not there.
        ValueError: If it cannot be read, or fits another network.
    """
    try:
        checkpoint = CheckpointLoader.load_checkpoint(str(path), 'cpu')
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f'{path} cannot be used: {error}') from error
    weights = checkpoint.get('state_dict', checkpoint)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        # A head line, then one per kind of fault, with all names in it.
        reasons = [
            line if len(line) <= LONGEST else f'{line[:LONGEST]}...'
            for line in map(str.strip, str(error).splitlines()[1:4])
        ]
        raise ValueError(
            f'{path} does not fit {cfg.filename}. Name the config that it '
            'was trained with\n  ' + '\n  '.join(reasons)
        ) from error
    return checkpoint.get('meta', {}).get('iter')


def draw_batches(cfg: Config, split: str, count: int, seed: int) -> list[dict]:
    """Draw batches as training or validation does, the same for one seed.

    Args:
        cfg: Config with data loaders.
        split: ``'train'`` or ``'val'``.
        count: Number of batches.
        seed: Seed of order and augmentation.

    Raises:
        OSError: If a file is not there.
        ValueError: If the config has no such data, or too few of them.
    """
    loader_cfg = copy.deepcopy(cfg.get(f'{split}_dataloader'))
    if loader_cfg is None:
        raise ValueError(f'{cfg.filename} has no {split}_dataloader')
    # One process draws the same numbers whatever the machine.
    loader_cfg.update(num_workers=0, persistent_workers=False)
    loader_cfg.pop('prefetch_factor', None)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    set_random_seed(seed)
    loader = Runner.build_dataloader(loader_cfg, seed=seed)
    batches = list(islice(loader, count))
    if len(batches) < count:
        raise ValueError(
            f'{split}_dataloader of {cfg.filename} has {len(batches)} '
            f'batches, but --batches asks for {count}'
        )
    return batches


def _sort(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Put checkpoints in the order of training."""
    seen = {}
    for checkpoint in checkpoints:
        if checkpoint.iteration is None:
            raise ValueError(
                f'{checkpoint.path} does not say after how many iterations '
                'it was written (meta.iter), so it has no place among '
                'others; name it alone'
            )
        other = seen.setdefault(checkpoint.iteration, checkpoint)
        if other is not checkpoint:
            raise ValueError(
                f'{other.path or INIT} and {checkpoint.path or INIT} are '
                f'both of iteration {checkpoint.iteration}; leave one out'
            )
    return [seen[iteration] for iteration in sorted(seen)]


def _without_pretrained(cfg: object) -> object:
    """Copy a part of a config without the weights that it would fetch.

    How it is initialised otherwise stays.
    """
    if isinstance(cfg, Mapping):
        copied = {
            key: _without_pretrained(value)
            for key, value in cfg.items()
            if key != 'pretrained' and not _is_pretrained(value)
        }
        # This one fetches weights when it is built, unless it is told not to.
        if str(cfg.get('type')).endswith('TIMMBackbone'):
            copied['pretrained'] = False
        return copied
    if isinstance(cfg, list | tuple):
        return type(cfg)(map(_without_pretrained, cfg))
    return cfg


def _is_pretrained(cfg: object) -> bool:
    return isinstance(cfg, Mapping) and cfg.get('type') == PRETRAINED
