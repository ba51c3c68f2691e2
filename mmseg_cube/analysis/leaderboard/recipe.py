"""Which runs are the same but for their seed, and how others differ."""

from collections.abc import Mapping, Sequence

from mmseg_cube.analysis.leaderboard.runs import Run

# What makes two trainings the same but for their seed.
RECIPE = (
    'model',
    'train_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
)
TEST_RECIPE = ('model.test_cfg', 'model.module.test_cfg', 'test_evaluator')
# What leaves the result as it is, by the last word of its name.
IRRELEVANT = (
    'data_root',
    'num_workers',
    'persistent_workers',
    'pin_memory',
    'val_interval',
    'output_dir',
    'report_dir',
    'keep_results',
)
SHOWN_DIFFERENCES = 2
LONGEST_VALUE = 40


def describe_recipe(run: Run) -> dict[str, str]:
    """Flatten the settings that a result depends on, but for the seed."""
    settings = {}
    for key in RECIPE:
        _flatten(key, run.trained.get(key), settings)
    for key in TEST_RECIPE:
        value = run.tested
        for part in key.split('.'):
            value = (value or {}).get(part)
        _flatten(f'test: {key}', value, settings)
    return settings


def tell_apart(keys: Sequence[tuple]) -> dict[tuple, str]:
    """Name groups of runs.

    Args:
        keys: Of each group, the name of its config, whatever else tells it
            from others, and last the items of its recipe.

    Returns:
        Names by key. Groups that share all but the recipe are told apart by
        the settings in which they differ.
    """
    names = {}
    for key in keys:
        name, *_, recipe = key
        others = [dict(k[-1]) for k in keys if k[:-1] == key[:-1] and k != key]
        differing = [
            f'{setting.rpartition(".")[2]}={value[:LONGEST_VALUE]}'
            for setting, value in recipe
            if any(other.get(setting) != value for other in others)
        ]
        if others and not differing:
            differing = ['without the settings of others']
        if len(differing) > SHOWN_DIFFERENCES:
            more = len(differing) - SHOWN_DIFFERENCES
            differing = [*differing[:SHOWN_DIFFERENCES], f'{more} more']
        names[key] = f'{name} ({", ".join(differing)})' if others else name
    return names


def _flatten(name: str, value: object, out: dict[str, str]) -> None:
    if name.rpartition('.')[2] in IRRELEVANT:
        return
    if isinstance(value, Mapping):
        for key, part in value.items():
            _flatten(f'{name}.{key}', part, out)
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            _flatten(f'{name}.{i}', part, out)
    elif value is not None:
        out[name] = repr(value)
