"""The variants of an ablation side by side, each on the very same crops.

The crops of a seed are drawn once, and all its variants are trained on each
batch in turn. On a GPU a step is recorded once as a CUDA graph and replayed,
and the networks run at the same time: small ones leave most of a GPU idle.
There the features are of bfloat16, the weights of float32.

What a config says of data, augmentation, losses, optimizer, learning rate and
running average holds; other hooks than those of layout and routers do nothing,
and what is averaged is scored. Orders of
Sinkhorn routers, which the CPU finds, follow their logits every tenth
iteration. A seed that is stopped begins anew.
"""

import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import mmcv
import mmengine
import mmseg
import numpy as np
import torch
from mmengine.runner import Runner
from mmengine.runner.loops import _InfiniteDataloaderIterator
from mmseg.registry import MODELS
from rich.progress import track

import mmseg_cube
from mmseg_cube.analysis.ablation.report import write_report
from mmseg_cube.analysis.ablation.results import SEGMENTS
from mmseg_cube.analysis.ablation.scoring import Tiles, load_tiles, score
from mmseg_cube.analysis.ablation.study import (
    CONFIG,
    Run,
    Study,
    count_variants,
)
from mmseg_cube.analysis.ablation.trainee import Trainee
from mmseg_cube.analysis.speed.rounds import describe_machine
from mmseg_cube.utils.networks import choose_device
from mmseg_cube.utils.quiet import quiet_log
from mmseg_cube.utils.whole_files import (
    write_json,
    write_text_whole,
    write_whole,
)


def train(study: Study, device: str | None = None) -> list[Run]:
    """Carry out what is not finished, seed by seed.

    Returns:
        The runs that failed: their loss is no number any more.

    Raises:
        ValueError: If a variant cannot be built, the device cannot be used,
            a schedule is not one of iterations, or a run was made with
            another config.
    """
    counts, where = count_variants(study), choose_device(device)
    for run in study.runs:
        run.check_config()
    left = [run for run in study.runs if not run.result.exists()]
    tiles = load_tiles(left[0].cfg) if left else None
    for seed in dict.fromkeys(run.seed for run in left):
        runs = [run for run in left if run.seed == seed]
        _carry_out(runs, counts, where, tiles)
        write_report(study)
    return [run for run in study.runs if not run.result.exists()]


def _carry_out(
    runs: Sequence[Run],
    counts: Mapping[str, dict],
    device: torch.device,
    tiles: Mapping[str, Tiles],
) -> None:
    """Train the variants of one seed, and write what came of each."""
    trainees, facts = _train_seed(runs, device)
    for trainee in track(trainees, 'scoring'):
        trainee.finish()
        losses, run = trainee.losses.tolist(), trainee.run
        if not np.isfinite(losses).all():
            worst = int(np.isfinite(losses).argmin())
            print(f'failed: {run.name}: no loss at iteration {worst + 1}')
            continue
        result = run.cfg.ablation | counts[run.variant] | facts
        result |= describe_losses(losses, trainee.seconds)
        result |= score(trainee.model, tiles)
        meta = dict(iter=len(losses), seed=run.seed)
        weights = dict(state_dict=trainee.model.state_dict(), meta=meta)
        run.folder.mkdir(parents=True, exist_ok=True)
        write_text_whole(run.folder / CONFIG, run.cfg.pretty_text)
        name = f'iter_{len(losses)}.pth'
        write_whole(run.folder / name, partial(torch.save, weights))
        write_json(run.result, result)


def describe_losses(
    losses: Sequence[float], seconds: Sequence[float]
) -> dict[str, object]:
    """Sum up what there is of each iteration; seconds may not be known."""
    segments = np.array_split(losses, min(SEGMENTS, len(losses)))
    facts = dict(iterations=len(losses))
    facts['loss'] = [float(segment.mean()) for segment in segments]
    if seconds:
        facts['seconds_per_iteration'] = float(np.median(seconds))
    return facts


def _train_seed(
    runs: Sequence[Run], device: torch.device
) -> tuple[list[Trainee], dict[str, object]]:
    """Train the variants of one seed; say what they have in common."""
    cfg, seed = runs[0].cfg, runs[0].seed
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=seed)
    preprocess = MODELS.build(cfg.model.data_preprocessor).to(device)
    trainees, digest, iterations = [], 0, cfg.train_cfg.max_iters
    # As the Runner goes on where a loader ends.
    batches = _InfiniteDataloaderIterator(loader)
    batches = zip(range(iterations), batches, strict=False)
    label = f'seed {seed}, {len(runs)} variants'
    for i, batch in track(batches, label, iterations):
        labels = [sample.gt_sem_seg.data for sample in batch['data_samples']]
        for part in batch['inputs'] + labels:
            digest = zlib.crc32(np.ascontiguousarray(part.numpy()), digest)
        data = preprocess(batch, True)
        samples = [x.gt_sem_seg.data[0] for x in data['data_samples']]
        found = data['inputs'], torch.stack(samples).to(device)
        if not trainees:
            place = [value.clone() for value in found]
            with quiet_log():  # of each parameter two lines
                trainees = [Trainee(run, *place) for run in runs]
        for trainee in trainees:
            trainee.wait()
        for value, new in zip(place, found, strict=True):
            value.copy_(new)
        for trainee in trainees:
            trainee.step(i)
    dataset, machine = cfg.train_dataloader.dataset, describe_machine(device)
    for package in mmseg_cube, mmengine, mmcv, mmseg:
        machine[package.__name__] = package.__version__
    return trainees, dict(
        batch=cfg.train_dataloader.batch_size,
        data=Path(dataset.get('data_root') or '').name,
        images=len(loader.dataset),
        digest=digest,
        machine=machine,
    )
