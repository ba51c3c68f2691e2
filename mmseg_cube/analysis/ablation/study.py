"""A whole ablation: its runs, their configs, and what is compared.

All runs have the same schedule and see the same crops in the same order: the
seed fixes the order, and augmentations are drawn in worker processes, whose
random numbers a network cannot use up.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmseg_cube.analysis.ablation.cube_configs import find_cubes, kind_of
from mmseg_cube.analysis.ablation.variants import (
    ROUTER,
    Variant,
    parse_variant,
)
from mmseg_cube.analysis.same_training import differences
from mmseg_cube.layers.channel_router import LEARNED
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network
from mmseg_cube.utils.whole_files import write_text_whole

CONFIG, RESULT, LOCK = 'config.py', 'result.json', '.lock'
TAKEN = 75  # exit code of the process of a run that another one is at
# What mmengine leaves as soon as there is something to lose.
BEGUN = 'last_checkpoint'
SAVES = 10  # checkpoints in the course of a training
COOLING = 'RouterTemperatureHook'
NEEDED = [
    *('train_dataloader', 'optim_wrapper'),
    *('val_dataloader', 'val_evaluator', 'val_cfg'),
    *('test_dataloader', 'test_evaluator', 'test_cfg'),
]


@dataclass(frozen=True, eq=False)
class Run:
    """One training of an ablation."""

    variant: Variant
    seed: int  # of weights, order and augmentations
    cfg: Config  # for mmengine's Runner
    folder: Path

    @property
    def name(self) -> str:
        """What people call it."""
        return f'{self.variant.text}, seed {self.seed}'

    @property
    def result(self) -> Path:
        """File that is there when the run is finished."""
        return self.folder / RESULT

    def check_config(self) -> bool:
        """Check that the run, if it has begun, did so with this config.

        Returns:
            Whether it has begun.

        Raises:
            ValueError: Naming the first difference that matters.
        """
        kept = self.folder / CONFIG
        begun = self.result.exists() or (self.folder / BEGUN).exists()
        if not (begun and kept.exists()):
            return False
        before = Config.fromfile(kept, import_custom_modules=False)
        for name, old, new in differences(before, self.cfg):
            raise ValueError(
                f'{self.folder}: this run was begun with {name} = {old!r}, '
                f'now it is {new!r}. Name another --out, or delete this '
                'folder to run it anew'
            )
        return True

    def keep_config(self) -> None:
        """Write the config into the folder, unless the run has begun.

        Raises:
            ValueError: If it was begun with another one.
        """
        if not self.check_config():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text_whole(self.folder / CONFIG, self.cfg.pretty_text)


@dataclass(frozen=True)
class Study:
    """What is compared, and where."""

    runs: Sequence[Run]  # those of the first seed first
    reference: str  # text of the variant to compare with
    root: Path
    score: str  # its name


def plan_study(
    config: str,
    options: Mapping[str, object],
    variants: Sequence[str],
    seeds: Sequence[int],
    reference: str | None = None,
    root: Path | None = None,
    score: str = 'IoU',
) -> Study:
    """Plan a study; what is named twice counts once.

    Args:
        config: Path of the config of a Cube network.
        options: Settings that replace those of the config.
        variants: Networks to train, as they are written.
        seeds: Seeds to train each of them with.
        reference: Variant to compare with, else the first one.
        root: Folder, else ``work_dirs/ablate/NAME OF CONFIG``.
        score: Name of the score to compare.

    Raises:
        ValueError: If the config, a variant or the reference is wrong.
    """
    parsed = [parse_variant(text) for text in dict.fromkeys(variants)]
    reference = reference or variants[0]
    if reference not in variants:
        raise ValueError(
            f'--reference {reference} is none of the variants '
            + ', '.join(variants)
        )
    cfg = read_config(config, options)
    build_network(cfg)  # what is wrong with it is known before any training
    root = root or Path('work_dirs', 'ablate', Path(config).stem)
    runs = [
        Run(
            variant,
            seed,
            _make_config(cfg, variant, seed),
            root / variant.folder / f'seed-{seed}',
        )
        for seed in dict.fromkeys(seeds)
        for variant in parsed
    ]
    return Study(runs, reference, root, score)


def _make_config(cfg: Config, variant: Variant, seed: int) -> Config:
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
