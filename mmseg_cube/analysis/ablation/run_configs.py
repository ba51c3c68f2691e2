"""The config of one run of an ablation.

All runs have the same schedule and see the same crops in the same order: the
seed fixes the order, and augmentations are drawn in worker processes, whose
random numbers a network cannot use up.
"""

import copy
from pathlib import Path

from mmengine.config import Config

from mmseg_cube.analysis.ablation.cube_configs import find_cubes, kind_of
from mmseg_cube.analysis.ablation.variants import ROUTER, Variant
from mmseg_cube.layers.channel_router import LEARNED

SAVES = 10  # checkpoints in the course of a training
COOLING = 'RouterTemperatureHook'
NEEDED = (
    'train_dataloader',
    'optim_wrapper',
    *(
        f'{split}_{part}'
        for split in ('val', 'test')
        for part in ('dataloader', 'evaluator', 'cfg')
    ),
)


def make_config(cfg: Config, variant: Variant, seed: int) -> Config:
    """Make the config of one run for mmengine's Runner; ``cfg`` stays as is.

    Raises:
        ValueError: If the config cannot be trained for a number of iterations
            and scored, or the variant cannot be made from it.
    """
    missing = [key for key in NEEDED if not cfg.get(key)]
    if 'max_iters' not in (cfg.get('train_cfg') or {}):
        missing.append('train_cfg.max_iters')
    if missing:
        raise ValueError(
            f'{cfg.filename} has no {missing[0]}; an ablation trains for a '
            'number of iterations and scores on val and test'
        )
    run = copy.deepcopy(cfg)
    run.model = variant.of(cfg.model)
    run.randomness = dict(cfg.get('randomness') or {}, seed=seed)
    loader = run.train_dataloader
    loader.num_workers = max(loader.get('num_workers', 0), 1)
    hooks = list(cfg.get('custom_hooks') or [])
    if _learns_orders(run.model) and COOLING not in map(kind_of, hooks):
        hooks.append(dict(type=COOLING))
    run.custom_hooks = hooks
    # Often enough to go on after an interruption, and two of them: one is
    # whole while the other is written. What counts is the end: the best on
    # val would be too good there.
    checkpoint = dict(
        type='CheckpointHook',
        by_epoch=False,
        interval=max(cfg.train_cfg.max_iters // SAVES, 1),
        max_keep_ckpts=2,
        save_last=True,
    )
    given = cfg.get('default_hooks') or {}
    run.default_hooks = dict(given, checkpoint=checkpoint)
    run.ablation = dict(
        variant=variant.text, config=Path(cfg.filename).stem, seed=seed
    )
    return run


def _learns_orders(model: object) -> bool:
    """Whether there is a router whose temperature has to fall."""
    routers = [cube.get('router') for cube in find_cubes(model)]
    return any(
        {**ROUTER, **router}['method'] in LEARNED
        for router in routers
        if router is not None
    )
