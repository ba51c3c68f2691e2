"""One run of an ablation, in a process of its own.

Trains with mmengine's Runner, from the last checkpoint if there is one, then
scores the last weights on val and test, and writes ``result.json``.
"""

import zlib
from pathlib import Path

import mmcv
import mmengine
import mmseg
import numpy as np
from filelock import FileLock, Timeout
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner, find_latest_checkpoint

import mmseg_cube
from mmseg_cube.analysis.ablation.networks import count_network
from mmseg_cube.analysis.ablation.results import SEGMENTS
from mmseg_cube.analysis.ablation.scores import add_tuned_iou, ask_for_curves
from mmseg_cube.analysis.ablation.study import (
    CONFIG,
    LOCK,
    RESULT,
    TAKEN,
)
from mmseg_cube.analysis.speed.rounds import describe_machine
from mmseg_cube.utils.mmengine_gaps import close_gaps
from mmseg_cube.utils.report import write_json

PACKAGES = (mmseg_cube, mmengine, mmcv, mmseg)
# Under these names checkpoints keep what the result needs.
DIGEST, RESUMED = 'ablation_digest', 'ablation_resumed'


class AblationHook(Hook):
    """Note the latest scores on val, and a checksum of the training crops."""

    scores: dict | None = None

    def before_train(self, runner: Runner) -> None:
        """Note where a run goes on.

        The order of the images goes on there too, but unless mmengine reads
        all earlier crops again, augmentations begin anew.
        """
        hub = runner.message_hub
        resumed = list(hub.get_info(RESUMED, []))
        if 0 < runner.iter < runner.max_iters:
            resumed.append(runner.iter)
        hub.update_info(RESUMED, resumed)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Add a batch to the checksum."""
        digest = runner.message_hub.get_info(DIGEST, 0)
        for image in data_batch['inputs']:
            digest = zlib.crc32(np.ascontiguousarray(image.numpy()), digest)
        runner.message_hub.update_info(DIGEST, digest)

    def after_val_epoch(
        self, runner: Runner, metrics: dict | None = None
    ) -> None:
        """Keep the scores; those kept at the end are of the last weights."""
        self.scores = metrics


def train_and_score(folder: Path) -> None:
    """Carry out the run whose ``config.py`` is in a folder, or its rest."""
    cfg = Config.fromfile(folder / CONFIG)
    # Checkpoints keep the config as text; to format it takes a second each.
    # mmengine dumps it under the name of its file: not over ours.
    dumped = str(folder / 'dumped_config.py')
    cfg = Config(cfg.to_dict(), cfg.text, dumped, format_python_code=False)
    cfg.work_dir = str(folder)
    ask_for_curves(cfg, folder)
    checkpoint = last_checkpoint(folder)
    if checkpoint is not None:
        cfg.resume, cfg.load_from = True, str(checkpoint)
    runner = Runner.from_cfg(cfg)
    hook = AblationHook()
    runner.register_hook(hook)
    runner.train()
    # A run that was stopped behind its last iteration trained no more.
    scores = dict(val=hook.scores or runner.val(), test=runner.test())
    scores = {
        split: {key: float(value) for key, value in found.items()}
        for split, found in scores.items()
    }
    add_tuned_iou(scores, folder)
    write_json(folder / RESULT, describe_run(cfg, runner) | scores)
    last = last_checkpoint(folder)
    for path in folder.glob('iter_*.pth'):
        if path != last:
            path.unlink()


def last_checkpoint(folder: Path) -> Path | None:
    """Find the last checkpoint of a run, wherever its folder is now."""
    noted = find_latest_checkpoint(str(folder))
    path = folder / Path(noted or 'none').name
    return path if path.exists() else None


def describe_run(cfg: Config, runner: Runner) -> dict:
    """Say of a run what there is besides its scores."""
    hub = runner.message_hub
    # One value per iteration, those before an interruption included.
    seconds, _ = hub.get_scalar('train/time').data
    losses, _ = hub.get_scalar('train/loss').data
    segments = np.array_split(losses, min(SEGMENTS, len(losses)))
    loader = cfg.train_dataloader
    _, counted = count_network(cfg)
    return dict(
        **cfg.ablation,
        **counted,
        iterations=runner.iter,
        batch=loader.batch_size,
        data=Path(loader.dataset.get('data_root') or '').name,
        images=len(runner.train_dataloader.dataset),
        resumed=hub.get_info(RESUMED),
        digest=hub.get_info(DIGEST),
        loss=[float(segment.mean()) for segment in segments],
        seconds_per_iteration=float(np.median(seconds)),
        train_seconds=float(np.sum(seconds)),
        versions={p.__name__: p.__version__ for p in PACKAGES},
        machine=describe_machine(next(runner.model.parameters()).device),
    )


def main(name: str) -> int:
    """Carry out the run of a folder, unless another process is at it.

    Returns:
        0, or ``TAKEN`` if another process has the lock on the folder.
    """
    folder = Path(name)
    try:
        with FileLock(folder / LOCK, timeout=0):
            if not (folder / RESULT).exists():
                close_gaps()
                train_and_score(folder)
    except Timeout:
        return TAKEN
    return 0
