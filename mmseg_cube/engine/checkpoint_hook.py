"""Checkpoints that neither a kill nor a network gone astray can spoil."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from mmengine.dist import all_reduce, barrier, is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS

from mmseg_cube.utils.whole_files import write_text_whole, write_whole
from mmseg_cube.utils.words import name_some

BACKEND = 'mmseg_cube.whole_files'
VALIDATED = 'steps_validated'  # after how many steps; checkpoints keep it


@register_backend(BACKEND)
class WholeFiles(LocalBackend):
    """Files that are whole, and go once the next one is there.

    mmengine's hook removes a checkpoint before it writes the next.
    """

    removed: set[Path] = set()  # mmengine makes a backend for each file

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file under another name, then rename it."""
        path = Path(filepath)
        write_whole(path, lambda part: LocalBackend.put(self, obj, part))
        for old in self.removed - {path}:
            old.unlink(missing_ok=True)
        self.removed.clear()

    def remove(self, filepath: str | Path) -> None:
        """Remove a file with the next ``put``."""
        self.removed.add(Path(filepath))


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, with its arguments, that loses nothing.

    At any time there is a whole checkpoint, and a whole best one. A resumed
    run first makes up for a validation that was interrupted.

    Raises:
        ValueError: If ``save_best`` is not among the scores, or if losses or
            weights are not finite, before they are saved.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        elsewhere = self.backend_args or self.file_client_args
        if not elsewhere and '://' not in str(self.out_dir):
            self.backend_args = dict(backend=BACKEND)

    def before_run(self, runner) -> None:
        """Let a resumed run find the newest checkpoint of its work folder.

        A kill may leave ``last_checkpoint`` empty, or naming a removed one.
        mmengine goes on from ``load_from`` if there is one, which would lose
        what a run that began with those weights has done since.
        """
        work, start = Path(runner.work_dir), runner._load_from
        folder = Path(self.out_dir or work.parent, work.name)
        if not runner._resume or (start and Path(start).parent == folder):
            return
        note = work / 'last_checkpoint'
        if is_main_process():
            named = note.read_text().strip() if note.exists() else ''
            found = list(folder.glob(self.filename_tmpl.format('*')))
            if found and not Path(named).is_file():
                newest = max(found, key=lambda path: path.stat().st_mtime)
                write_text_whole(note, str(newest))
        barrier()
        if note.exists() and start:
            runner.logger.info(f'going on in {work}, not from {start}')
            runner._load_from = None

    def before_train(self, runner) -> None:
        """Tidy up after a kill; validate if that is still to be done."""
        super().before_train(runner)
        for part in Path(self.out_dir).glob('.*.part'):
            part.unlink(missing_ok=True)
        metrics = runner.val_loop.evaluator.metrics if runner.val_loop else []
        starts = tuple(f'{x.prefix}/' if x.prefix else '' for x in metrics)
        self._check_best(starts, lambda name: name.startswith(starts))
        loop, step = runner.train_loop, self._step(runner)
        loop._decide_current_val_interval()
        end = loop.max_epochs if self.by_epoch else loop.max_iters
        due = step % loop.val_interval == 0 or step == end
        done = runner.message_hub.get_info(VALIDATED, 0)
        if runner.val_loop and due and step >= loop.val_begin and step > done:
            path = Path(self.out_dir, self.filename_tmpl.format(step))
            self.last_ckpt = str(path) if path.exists() else None
            runner.logger.info(f'making up for the validation at {step}')
            runner.val_loop.run()

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Look at the losses of all processes, then save if it is time."""
        losses = {k: v for k, v in (outputs or {}).items() if 'loss' in k}
        if losses:
            wrong = (~losses['loss'].detach().isfinite()).float()
            all_reduce(wrong, 'max')
            if wrong:
                said = ', '.join(f'{k} {v:.4g}' for k, v in losses.items())
                self._refuse(runner, f'{said}; batch: {_files(data_batch)}')
        super().after_train_iter(runner, batch_idx, data_batch, outputs)

    def after_val_epoch(self, runner, metrics: Mapping[str, float]) -> None:
        """Keep the best one, and that this validation is done."""
        self._check_best(metrics, metrics.__contains__)
        step = self._step(runner)
        runner.message_hub.update_info(VALIDATED, step)
        # mmengine's hook saves the last one again only after a best one.
        last, self.last_ckpt = self.last_ckpt, None
        super().after_val_epoch(runner, metrics)
        self.last_ckpt = last
        if last and Path(last).name == self.filename_tmpl.format(step):
            meta = dict(epoch=runner.epoch, iter=runner.iter)
            self._save_checkpoint_with_step(runner, step, meta)

    def _save_checkpoint(self, runner) -> None:
        weights = runner.model.named_parameters()
        wrong = [name for name, x in weights if not x.isfinite().all()]
        if wrong:
            self._refuse(runner, f'not finite: {name_some(wrong, 3)}')
        super()._save_checkpoint(runner)

    def _check_best(self, scores: Collection[str], fits: Callable) -> None:
        wanted = {*(self.save_best and self.key_indicators or [])} - {'auto'}
        if scores and (wrong := [name for name in wanted if not fits(name)]):
            raise ValueError(
                f'save_best={", ".join(wrong)} is none of the scores: '
                f'{", ".join(scores)}. Next: correct it (--cfg-options '
                'default_hooks.checkpoint.save_best=NAME) and add --resume'
            )

    def _step(self, runner) -> int:
        return runner.epoch if self.by_epoch else runner.iter

    def _refuse(self, runner, what: str) -> None:
        last = runner.message_hub.get_info('last_ckpt', 'FILE')
        raise ValueError(
            f'iteration {runner.iter + 1} went wrong and was not saved: '
            f'{what}. Next: mmseg-cube check-data; then a smaller '
            'optim_wrapper.optimizer.lr, or no --amp; --cfg-options '
            f'load_from={last} starts from those weights, if they are good'
        )


def _files(batch: Mapping) -> str:
    """Name the images of a batch of mmseg."""
    samples = batch.get('data_samples', []) if batch else []
    return name_some([x.get('img_path') for x in samples], 16)
