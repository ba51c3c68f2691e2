"""Which settings make two trainings the same, and where they differ.

Two trainings are the same but for chance if :data:`TRAINING` is the same in
both configs. Where a run is kept, how it is logged and how many processes
load its data changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from mmengine.config import Config

# Keys of a config on which the weights depend, but for the seed.
NETWORK = 'model', 'data_preprocessor', 'load_from', 'default_scope'
SCHEDULE = 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr'
HOOKS = 'default_hooks', 'custom_hooks'
SAVINGS = 'compile', 'activation_checkpointing', 'efficient_conv_bn_eval'
TRAINING = (*NETWORK, 'train_dataloader', *SCHEDULE, *HOOKS, *SAVINGS)
# With those on which scores depend.
VAL = 'val_dataloader', 'val_cfg', 'val_evaluator'
TEST = 'test_dataloader', 'test_cfg', 'test_evaluator'
ALL = (*TRAINING, *VAL, *TEST, 'randomness')
# Hooks that watch a training and leave it as it is.
WATCHING = ('timer', 'logger', 'checkpoint', 'visualization', 'channels')
# Settings that change no result, wherever they stand.
LOADING = 'num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor'
REPORTING = 'val_interval', 'output_dir', 'report_dir', 'keep_results'
IRRELEVANT = LOADING + REPORTING


def settings_of(cfg: Mapping, parts: Iterable[str]) -> dict[str, object]:
    """List what matters, but for None, by dotted name: ``train_cfg.type``."""
    if 'data_preprocessor' in (cfg.get('model') or {}):
        parts = [part for part in parts if part != 'data_preprocessor']
    return dict(chain(*(_flatten(part, cfg.get(part)) for part in parts)))


def differences(
    before: Config, now: Config
) -> list[tuple[str, object, object]]:
    """List the settings that matter and differ: name, value before and now.

    A value is None where the setting is missing.
    """
    old, new = settings_of(before, ALL), settings_of(now, ALL)
    return [
        (name, old.get(name), new.get(name))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]


def _flatten(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            watches = name == 'default_hooks' and key in WATCHING
            if not watches and key not in IRRELEVANT:
                yield from _flatten(f'{name}.{key}', part)
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _flatten(f'{name}.{i}', part)
    elif value is not None:
        yield name, value
