"""The config of a run stays the same from its beginning to its report."""

from collections.abc import Mapping

from mmengine.config import Config

from mmseg_cube.analysis.ablation.plan import CONFIG, Run
from mmseg_cube.utils.whole_files import write_text_whole

# What decides the result of a run. Where it is kept and how it is logged
# does not.
IDENTITY = (
    'model',
    'data_preprocessor',
    'train_dataloader',
    'val_dataloader',
    'test_dataloader',
    'train_cfg',
    'val_cfg',
    'test_cfg',
    'val_evaluator',
    'test_evaluator',
    'optim_wrapper',
    'param_scheduler',
    'auto_scale_lr',
    'default_hooks',
    'custom_hooks',
    'load_from',
    'randomness',
    'default_scope',
    'compile',
    'activation_checkpointing',
    'efficient_conv_bn_eval',
)
# What mmengine leaves as soon as there is something to lose.
BEGUN = 'last_checkpoint'


def keep_config(run: Run) -> None:
    """Write the config of a run into its folder, unless it is there.

    Raises:
        ValueError: If the run was begun with another one.
    """
    check_config(run)
    if not _has_begun(run):
        run.folder.mkdir(parents=True, exist_ok=True)
        write_text_whole(run.folder / CONFIG, run.cfg.pretty_text)


def check_config(run: Run) -> None:
    """Check that a run that was begun had the config that it has now.

    Raises:
        ValueError: Naming the first difference.
    """
    if not _has_begun(run):
        return
    path = run.folder / CONFIG
    begun = Config.fromfile(path, import_custom_modules=False)
    for key in IDENTITY:
        found = first_difference(begun.get(key), run.cfg.get(key), key)
        if found:
            where, before, now = found
            raise ValueError(
                f'{run.folder}: this run was begun with {where} = {before!r}, '
                f'now it is {now!r}. Name another --work-dir, or delete this '
                'folder to run it anew'
            )


def first_difference(
    before: object, now: object, where: str
) -> tuple[str, object, object] | None:
    """Find the first value in which two parts of configs differ.

    Args:
        before: One part.
        now: The other.
        where: Name of the part.

    Returns:
        Dotted name and both values, None if there is no difference. A key
        that is missing counts as None.
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        pairs = [(k, before.get(k), now.get(k)) for k in {**before, **now}]
    elif _is_list(before) and _is_list(now) and len(before) == len(now):
        pairs = list(zip(range(len(now)), before, now, strict=True))
    else:
        return None if before == now else (where, before, now)
    for key, *values in pairs:
        found = first_difference(*values, f'{where}.{key}')
        if found:
            return found
    return None


def _has_begun(run: Run) -> bool:
    there = run.result.exists() or (run.folder / BEGUN).exists()
    return there and (run.folder / CONFIG).exists()


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)
