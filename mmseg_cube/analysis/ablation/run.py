"""One run of an ablation, in a process of its own.

Trains with mmengine's Runner, from the last checkpoint if there is one, then
scores the last weights on val and test, and writes ``result.json``.
"""

import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import mmcv
import mmengine
import mmseg
import numpy as np
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner, find_latest_checkpoint

import mmseg_cube
from mmseg_cube.analysis.ablation.losses import average_parts
from mmseg_cube.analysis.ablation.networks import look_at
from mmseg_cube.analysis.ablation.plan import CONFIG, RESULT
from mmseg_cube.analysis.ablation.scores import ask_for_curves, tuned_iou
from mmseg_cube.analysis.benchmark.rounds import describe_machine
from mmseg_cube.utils.whole_files import write_text_whole

PACKAGES = (mmseg_cube, mmengine, mmcv, mmseg)
# Under these names checkpoints keep what the result needs.
DIGEST, RESUMED = 'ablation_digest', 'ablation_resumed'
# mmengine dumps the config under the name of its file: not over ours.
DUMPED = 'dumped_config.py'


class AblationHook(Hook):
    """Note the scores, and a checksum of all crops trained with.

    Attributes:
        scores: Latest scores on val.
    """

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
        """Keep the scores; the last ones are those of the last weights."""
        self.scores = metrics


def train_and_score(folder: Path) -> None:
    """Carry out the run whose ``config.py`` is in a folder, or its rest."""
    cfg = Config.fromfile(folder / CONFIG)
    # Checkpoints keep the config as text; to format it takes a second each.
    cfg = Config(
        cfg.to_dict(),
        cfg.text,
        str(folder / DUMPED),
        format_python_code=False,
    )
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
    val = hook.scores or runner.val()
    test = runner.test()
    result = describe_run(cfg, runner)
    tuned = tuned_iou(folder)
    for split, scores in (('val', val), ('test', test)):
        result[split] = _plain(scores) | tuned.get(split, {})
    write_text_whole(folder / RESULT, json.dumps(result, indent=1) + '\n')
    last = last_checkpoint(folder)
    for path in folder.glob('iter_*.pth'):
        if path != last:
            path.unlink()


def last_checkpoint(folder: Path) -> Path | None:
    """Last checkpoint of a run, wherever its folder is now."""
    noted = find_latest_checkpoint(str(folder))
    if noted is None:
        return None
    path = folder / Path(noted).name
    return path if path.exists() else None


def describe_run(cfg: Config, runner: Runner) -> dict:
    """What there is to say of a run besides its scores."""
    hub = runner.message_hub
    # One value per iteration, those before an interruption included.
    seconds, _ = hub.get_scalar('train/time').data
    losses, _ = hub.get_scalar('train/loss').data
    known = look_at(cfg)
    loader = cfg.train_dataloader
    device = next(runner.model.parameters()).device
    return dict(
        **cfg.ablation,
        iterations=runner.iter,
        batch=loader.batch_size,
        crop=list(known.side),
        data=Path(loader.dataset.get('data_root') or '').name,
        images=len(runner.train_dataloader.dataset),
        resumed=hub.get_info(RESUMED),
        digest=hub.get_info(DIGEST),
        loss=average_parts(losses),
        seconds_per_iteration=float(np.median(seconds)),
        train_seconds=float(np.sum(seconds)),
        parameters=known.size.parameters,
        flops=known.size.flops,
        cubes=known.summary,
        versions={p.__name__: p.__version__ for p in PACKAGES},
        machine=describe_machine(device),
    )


def _plain(scores: Mapping[str, object]) -> dict[str, float]:
    return {key: float(value) for key, value in scores.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out the run of the folder that is named."""
    (folder,) = sys.argv[1:] if argv is None else argv
    train_and_score(Path(folder))
    return 0


if __name__ == '__main__':
    sys.exit(main())
