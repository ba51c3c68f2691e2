"""The variants of an ablation side by side, each on the very same crops.

One process draws the crops of a seed, and trains all its variants on each
batch in turn. On a GPU a step is recorded once as a CUDA graph and replayed,
and the networks run at the same time: small ones leave most of a GPU idle.
There the features are of bfloat16, the weights of float32.

What a config says of data, augmentation, losses, optimizer and learning rate
holds; hooks other than those of layout and routers do nothing. Orders of
Sinkhorn routers, which the CPU finds, follow their logits every tenth
iteration. A seed that is stopped begins anew.
"""

from collections.abc import Sequence

import torch
from mmengine.runner import Runner
from mmseg.registry import MODELS
from rich.progress import track

from mmseg_cube.analysis.ablation.report import write_report
from mmseg_cube.analysis.ablation.scoring import Tiles, load_tiles
from mmseg_cube.analysis.ablation.study import Run, Study, count_variants
from mmseg_cube.analysis.ablation.train import add_to_digest
from mmseg_cube.analysis.ablation.trainee import Trainee
from mmseg_cube.utils.networks import choose_device
from mmseg_cube.utils.quiet import quiet_log


def train_together(study: Study, device: str | None = None) -> list[Run]:
    """Carry out what is not finished, seed by seed.

    Returns:
        The runs that failed: their loss is no number any more.

    Raises:
        ValueError: If a variant cannot be built, the device cannot be used,
            a schedule is not one of iterations, or a run was begun with
            another config.
    """
    counts, where = count_variants(study), choose_device(device)
    for run in study.runs:
        run.check_config()
    left = [run for run in study.runs if not run.result.exists()]
    tiles = load_tiles(left[0].cfg) if left else None
    for seed in dict.fromkeys(run.seed for run in left):
        runs = [run for run in left if run.seed == seed]
        _train_seed(runs, counts, where, tiles)
        write_report(study)
    return [run for run in study.runs if not run.result.exists()]


def _train_seed(
    runs: Sequence[Run], counts: dict, device: torch.device, tiles: Tiles
) -> None:
    """Train the variants of one seed, and write what came of them."""
    cfg, seed = runs[0].cfg, runs[0].seed
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=seed)
    preprocess = MODELS.build(cfg.model.data_preprocessor).to(device)
    trainees, digest, iterations = [], 0, cfg.train_cfg.max_iters
    batches = zip(range(iterations), loader, strict=False)
    label = f'seed {seed}, {len(runs)} variants'
    for i, batch in track(batches, label, iterations):
        digest = add_to_digest(digest, batch['inputs'])
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
    for trainee in track(trainees, 'scoring'):
        counted = counts[trainee.run.variant]
        trainee.finish(counted, len(loader.dataset), digest, tiles)
