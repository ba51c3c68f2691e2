"""One run of an ablation, in a process of its own.

Trains with mmengine's Runner, from the last checkpoint if there is one, then
scores the last weights on val and test, and writes ``result.json``. The
curves of ``BuildingMetric`` give scores that do not depend on how a training
happens to balance precision and recall.
"""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import mmcv
import mmengine
import mmseg
import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner, find_latest_checkpoint
from torch import Tensor

import mmseg_cube
from mmseg_cube.analysis.ablation.results import SEGMENTS, SPLITS, TUNED
from mmseg_cube.analysis.ablation.study import CONFIG, RESULT, count_network
from mmseg_cube.analysis.ablation.variants import kind_of
from mmseg_cube.analysis.speed.rounds import describe_machine
from mmseg_cube.utils.checkpoints import only_weights
from mmseg_cube.utils.mmengine_gaps import close_gaps
from mmseg_cube.utils.whole_files import write_json

DIGEST = 'ablation_digest'  # under this name checkpoints keep the checksum


class AblationHook(Hook):
    """Note the latest scores on val, and a checksum of the training crops."""

    scores: dict | None = None

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Add a batch to the checksum."""
        digest = runner.message_hub.get_info(DIGEST, 0)
        digest = add_to_digest(digest, data_batch['inputs'])
        runner.message_hub.update_info(DIGEST, digest)

    def after_val_epoch(
        self, runner: Runner, metrics: dict | None = None
    ) -> None:
        """Keep the scores; those kept at the end are of the last weights."""
        self.scores = metrics


@only_weights()
def main(name: str) -> None:
    """Carry out the run whose ``config.py`` is in a folder, or its rest."""
    close_gaps()
    folder = Path(name)
    # Without the name of its file: mmengine dumps its config under that one.
    # Checkpoints keep the config as text; to format it takes a second each.
    kept = Config.fromfile(folder / CONFIG)
    cfg = Config(kept.to_dict(), format_python_code=False)
    cfg.work_dir = str(folder)
    ask_for_curves(cfg, folder)
    checkpoint = last_checkpoint(folder)
    if checkpoint is not None:
        cfg.resume, cfg.load_from = True, str(checkpoint)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(hook := AblationHook())
    runner.train()
    # A run that was stopped behind its last iteration trained no more.
    scores = dict(val=hook.scores or runner.val(), test=runner.test())
    scores = {
        split: {key: float(value) for key, value in found.items()}
        for split, found in scores.items()
    }
    add_tuned_iou(scores, folder)
    hub = runner.message_hub
    # One value per iteration, those before an interruption included.
    seconds, _ = hub.get_scalar('train/time').data
    losses, _ = hub.get_scalar('train/loss').data
    facts = describe_run(
        cfg,
        count_network(cfg)[1],
        len(runner.train_dataloader.dataset),
        hub.get_info(DIGEST),
        losses,
        seconds,
        next(runner.model.parameters()).device,
    )
    write_json(folder / RESULT, facts | scores)
    last = last_checkpoint(folder)
    for path in folder.glob('iter_*.pth'):
        if path != last:
            path.unlink()


def ask_for_curves(cfg: Config, folder: Path) -> None:
    """Have a run write the curves of val and test into folders of its own.

    Metrics other than ``BuildingMetric``, those with a fixed threshold and
    networks of one logit have no curve.
    """
    heads = cfg.model.get('decode_head') or []
    for head in heads if isinstance(heads, list | tuple) else [heads]:
        if head.get('out_channels') == 1:
            return
    for split in SPLITS:
        metric = cfg[f'{split}_evaluator']
        is_ours = kind_of(metric) == 'BuildingMetric'
        if is_ours and metric.get('threshold') is None:
            metric.curve = metric.get('curve') or {}
            metric.report_dir = str(folder / split)


def add_tuned_iou(scores: dict[str, dict[str, float]], folder: Path) -> None:
    """Add IoU at the threshold that is best on val, if there is one."""
    files = [folder / split / 'curve.json' for split in SPLITS]
    if not all(path.exists() for path in files):
        return
    val, test = (json.loads(p.read_text(encoding='utf-8')) for p in files)
    if val['best'] is None:
        return
    scores['val'][TUNED] = val['best']['IoU']
    # Points lie so close that what is between them is a straight line.
    columns = ([p[key] for p in test['points']] for key in ('margin', 'IoU'))
    tuned = np.interp(val['best']['margin'], *columns)
    scores['test'][TUNED] = float(tuned)


def last_checkpoint(folder: Path) -> Path | None:
    """Find the last checkpoint of a run, wherever its folder is now."""
    noted = find_latest_checkpoint(str(folder))
    path = folder / Path(noted or 'none').name
    return path if path.exists() else None


def describe_run(
    cfg: Config,
    counted: dict,
    images: int,
    digest: int,
    losses: Sequence[float],
    seconds: Sequence[float],
    device: torch.device,
) -> dict:
    """Say of a run what there is besides its scores.

    Losses and, where they are known, seconds have one value per iteration;
    ``counted`` is what :func:`count_network` says.
    """
    segments = np.array_split(losses, min(SEGMENTS, len(losses)))
    loader, machine = cfg.train_dataloader, describe_machine(device)
    for package in mmseg_cube, mmengine, mmcv, mmseg:
        machine[package.__name__] = package.__version__
    facts = dict(
        **cfg.ablation,
        **counted,
        iterations=len(losses),
        batch=loader.batch_size,
        data=Path(loader.dataset.get('data_root') or '').name,
        images=images,
        digest=digest,
        loss=[float(segment.mean()) for segment in segments],
        machine=machine,
    )
    if len(seconds):
        facts['seconds_per_iteration'] = float(np.median(seconds))
    return facts


def add_to_digest(digest: int, images: Sequence[Tensor]) -> int:
    """Add the crops of a batch to the checksum of a training's crops."""
    for image in images:
        digest = zlib.crc32(np.ascontiguousarray(image.numpy()), digest)
    return digest
