"""A whole ablation: its runs, their configs and networks.

All runs have the same schedule and see the same crops in the same order: the
seed fixes the order, and augmentations are drawn in worker processes, whose
random numbers a network cannot use up.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mmengine.config import Config

from mmseg_cube.analysis.ablation.variants import (
    BASELINE,
    kind_of,
    make_variant,
)
from mmseg_cube.analysis.complexity.count import count_network
from mmseg_cube.analysis.same_training import differences
from mmseg_cube.layers import CubeConv2d, summarise
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network
from mmseg_cube.utils.whole_files import write_text_whole

CONFIG, RESULT = 'config.py', 'result.json'
COOLING = 'RouterTemperatureHook'
UNSAFE = re.compile(r'[^\w.+=,@-]+')  # in the names of folders


@dataclass(frozen=True, eq=False)
class Run:
    """One training of an ablation."""

    variant: str
    seed: int  # of weights, order and augmentations
    cfg: Config
    folder: Path

    @property
    def name(self) -> str:
        """What people call it."""
        return f'{self.variant}, seed {self.seed}'

    @property
    def result(self) -> Path:
        """File that is there when the run is finished."""
        return self.folder / RESULT

    def check_config(self) -> None:
        """Raise ValueError if the run was made with another config."""
        kept = self.folder / CONFIG
        if not (self.result.exists() and kept.exists()):
            return
        before = Config.fromfile(kept, import_custom_modules=False)
        for name, old, new in differences(before, self.cfg):
            raise ValueError(
                f'{self.folder}: this run was made with {name} = {old!r}, '
                f'now it is {new!r}. Name another --out, or delete this '
                'folder to run it anew'
            )


@dataclass(frozen=True)
class Study:
    """What is compared, and where."""

    runs: Sequence[Run]
    reference: str  # variant to compare with
    root: Path
    score: str  # its name

    @property
    def first_runs(self) -> list[Run]:
        """One run of every variant."""
        return [run for run in self.runs if run.seed == self.runs[0].seed]


def plan_study(
    config: str,
    options: Mapping[str, object],
    variants: Sequence[str],
    seeds: Sequence[int],
    reference: str | None = None,
    root: Path | None = None,
    score: str = 'IoU',
) -> Study:
    """Plan a study of the Cube network of a config, with other options.

    What is named twice counts once. The reference is the first variant, and
    the root ``work_dirs/ablate/NAME OF CONFIG``, unless they are given.

    Raises:
        ValueError: If the config, a variant or the reference is wrong.
    """
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
            root / UNSAFE.sub('_', variant) / f'seed-{seed}',
        )
        for seed in dict.fromkeys(seeds)
        for variant in dict.fromkeys(variants)
    ]
    return Study(runs, reference, root, score)


def count_variants(study: Study) -> dict[str, dict]:
    """Build every variant once, and count it for one training crop.

    Raises:
        ValueError: If one cannot be built, has no Cube kernels although it
            should, or is the same network as another.
    """
    counts, variants = {}, {}
    for run in study.first_runs:
        name = run.variant
        preprocessor = run.cfg.model.get('data_preprocessor') or {}
        crop = tuple(preprocessor.get('size') or (512, 512))
        try:
            model = build_network(run.cfg)
            cubes = summarise(model)
            plain = not any(isinstance(x, CubeConv2d) for x in model.modules())
            if plain and not name.startswith(BASELINE):
                raise ValueError(f'no Cube convolution is left. {cubes}')
            other = variants.setdefault(repr(model), name)
            if other != name:
                raise ValueError(
                    f'the same network as {other!r}; leave it out'
                )
            size = asdict(count_network(run.cfg, crop))
        except ValueError as error:
            raise ValueError(f'variant {name!r}: {error}') from error
        counts[name] = dict(crop=crop, cubes=cubes, **size)
    return counts


def write_configs(study: Study) -> Iterator[str]:
    """Write the config of every variant; yields a line about each."""
    counts = count_variants(study).values()
    folder = study.root / 'configs'
    folder.mkdir(parents=True, exist_ok=True)
    for run, count in zip(study.first_runs, counts, strict=True):
        path = folder / f'{run.folder.parent.name}.py'
        write_text_whole(path, run.cfg.pretty_text)
        yield (
            f'{path}: {count["parameters"] / 1e6:.3f} M parameters, '
            f'{count["flops"] / 1e9:.3f} G FLOPs at {count["crop"]}; '
            + count['cubes']
        )


def _make_config(cfg: Config, variant: str, seed: int) -> Config:
    """Make the config of one run; ``cfg`` stays."""
    iterations = (cfg.get('train_cfg') or {}).get('max_iters')
    if not (iterations and cfg.get('val_cfg') and cfg.get('test_cfg')):
        raise ValueError(
            f'{cfg.filename}: an ablation trains for train_cfg.max_iters '
            'iterations and scores on val and test; the config must say how'
        )
    run = copy.deepcopy(cfg)
    run.model = make_variant(cfg.model, variant)
    run.randomness = dict(cfg.get('randomness') or {}, seed=seed)
    loader = run.train_dataloader
    loader.num_workers = max(loader.get('num_workers', 0), 1)
    hooks = list(cfg.get('custom_hooks') or [])
    if COOLING not in map(kind_of, hooks):
        hooks.append(dict(type=COOLING))  # for routers that learn
    run.custom_hooks = hooks
    stem = Path(cfg.filename).stem
    run.ablation = dict(variant=variant, config=stem, seed=seed)
    return run
