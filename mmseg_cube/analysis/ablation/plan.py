"""Runs of an ablation: a config for every variant and seed.

All runs have the same schedule and see the same crops in the same order: the
seed fixes the order, and augmentations are drawn in worker processes, whose
random numbers a network cannot use up.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmseg_cube.analysis.ablation.cubes import Cfg, find_cubes, kind_of
from mmseg_cube.analysis.ablation.variants import ROUTER, Variant
from mmseg_cube.layers.channel_router import LEARNED

CONFIG, RESULT = 'config.py', 'result.json'
# Iterations between two checkpoints, as a share of all of them, at most.
CHECKPOINT_SHARE = 0.1
# One stays whole while the other is written.
CHECKPOINTS = 2
COOLING = 'RouterTemperatureHook'
NEEDED = (
    'model',
    'train_dataloader',
    'val_dataloader',
    'val_evaluator',
    'val_cfg',
    'test_dataloader',
    'test_evaluator',
    'test_cfg',
    'optim_wrapper',
)


@dataclass(frozen=True)
class Run:
    """One training of an ablation.

    Attributes:
        variant: What is trained.
        seed: Seed of weights, order and augmentations.
        cfg: Config for mmengine's Runner.
        folder: Where all of it goes.
    """

    variant: Variant
    seed: int
    cfg: Config
    folder: Path

    @property
    def name(self) -> str:
        """What people call it."""
        return f'{self.variant.text}, seed {self.seed}'

    @property
    def iterations(self) -> int:
        """Length of the training."""
        return self.cfg.train_cfg.max_iters

    @property
    def result(self) -> Path:
        """File that is there when the run is finished."""
        return self.folder / RESULT


def plan_runs(
    cfg: Config, variants: Sequence[Variant], seeds: Sequence[int], root: Path
) -> list[Run]:
    """List the runs, all variants of the first seed first.

    Args:
        cfg: Config of a Cube network.
        variants: Networks to train.
        seeds: Seeds to train each of them with.
        root: Folder of the study.

    Raises:
        ValueError: If the config cannot be trained for a number of
            iterations and scored, or a variant cannot be made from it.
    """
    _check_trainable(cfg)
    return [
        Run(
            variant,
            seed,
            make_config(cfg, variant, seed),
            root / variant.folder / f'seed-{seed}',
        )
        for seed in seeds
        for variant in variants
    ]


def make_config(cfg: Config, variant: Variant, seed: int) -> Config:
    """Make the config of one run.

    Args:
        cfg: Config of a Cube network; left as it is.
        variant: Network to train.
        seed: Seed of weights, order and augmentations.

    Raises:
        ValueError: If the variant cannot be made from the config.
    """
    run = copy.deepcopy(cfg)
    run.model = variant.of(cfg.model)
    run.custom_hooks = _with_cooling(cfg.get('custom_hooks') or [], run.model)
    run.randomness = dict(cfg.get('randomness') or {}, seed=seed)
    loader = run.train_dataloader
    loader.num_workers = max(loader.get('num_workers', 0), 1)
    run.default_hooks = dict(
        cfg.get('default_hooks') or {},
        checkpoint=_checkpoints(cfg),
    )
    run.ablation = dict(
        variant=variant.text, config=Path(cfg.filename).stem, seed=seed
    )
    return run


def _with_cooling(hooks: Sequence[Cfg], model: object) -> list[Cfg]:
    """Add the hook that learned routers need, if it is not there."""
    routers = [cube.get('router') for cube in find_cubes(model)]
    learned = any(
        router is not None and {**ROUTER, **router}['method'] in LEARNED
        for router in routers
    )
    missing = learned and COOLING not in map(kind_of, hooks)
    return [*hooks, *([dict(type=COOLING)] if missing else [])]


def _checkpoints(cfg: Config) -> Mapping[str, object]:
    """Hook that saves often enough to go on after an interruption."""
    given = dict((cfg.get('default_hooks') or {}).get('checkpoint') or {})
    # What counts is the end: the best on val would be too good there.
    for key in ('save_best', 'rule'):
        given.pop(key, None)
    every = max(int(CHECKPOINT_SHARE * cfg.train_cfg.max_iters), 1)
    return given | dict(
        type='CheckpointHook',
        by_epoch=False,
        interval=min(given.get('interval', every), every),
        max_keep_ckpts=CHECKPOINTS,
        save_last=True,
    )


def _check_trainable(cfg: Config) -> None:
    missing = [key for key in NEEDED if not cfg.get(key)]
    if missing:
        raise ValueError(
            f'{cfg.filename} has no {missing[0]}, which training and scoring '
            'need'
        )
    if 'max_iters' not in (cfg.get('train_cfg') or {}):
        raise ValueError(
            f'{cfg.filename}: train_cfg has no max_iters; an ablation trains '
            'for a number of iterations'
        )
