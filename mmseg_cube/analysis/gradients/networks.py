"""Networks at times of their training, and batches for them, from configs."""

from collections.abc import Sequence
from copy import deepcopy
from itertools import islice

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from mmseg.models import BaseSegmentor

from mmseg_cube.utils.networks import build_network, load_weights

INIT = 'init'  # in place of a checkpoint: random weights

Series = dict[int | None, BaseSegmentor]


def load_series(cfg: Config, checkpoints: Sequence[str], seed: int) -> Series:
    """Load a network at one time of its training or at several.

    Args:
        cfg: Config of a segmentor.
        checkpoints: Files; ``'init'`` stands for random weights, as does none
            at all.
        seed: Seed of random weights.

    Returns:
        The network by iteration, None for a checkpoint that does not say.

    Raises:
        OSError: If a checkpoint is not there.
        ValueError: If one does not fit, or several are not of known and
            different iterations.
    """
    series: Series = {}
    for path in map(str, checkpoints or [INIT]):
        # Parts of it are initialised when they are built.
        set_random_seed(seed)
        model, iteration = build_network(cfg), 0
        if path == INIT:
            set_random_seed(seed)
            model.init_weights()
        else:
            iteration = load_weights(model, path, cfg.filename).get('iter')
        if iteration in series:
            raise ValueError(
                f'{path} and another checkpoint are both of iteration '
                f'{iteration}; leave one out'
            )
        series[iteration] = model
        if len(series) > 1 and None in series:
            raise ValueError(
                'a checkpoint does not say after how many iterations it was '
                f'written (meta.iter): name it alone, not as one of several '
                f'with {path}'
            )
    return {iteration: series[iteration] for iteration in sorted(series)}


def draw_batches(cfg: Config, split: str, count: int, seed: int) -> list[dict]:
    """Draw batches as training does, or a test; the same for one seed.

    Raises:
        OSError: If a file is not there.
        ValueError: If the config has no such data, or too few of them.
    """
    loader_cfg = deepcopy(cfg.get(f'{split}_dataloader'))
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
