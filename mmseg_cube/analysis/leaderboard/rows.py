"""One row per network and protocol, with the spread over seeds."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from mmengine.config import Config

from mmseg_cube.analysis.complexity.configs import ConfigCounter
from mmseg_cube.analysis.leaderboard.runs import SCORES, Run, Skipped
from mmseg_cube.analysis.same_training import TRAINING, settings_of
from mmseg_cube.utils.words import name_some

SHOWN_DIFFERENCES = 2
LONGEST_VALUE = 40


def make_rows(
    runs: Sequence[Run], size: int, latencies: Mapping[str, float]
) -> tuple[list[dict], list[Skipped]]:
    """Group runs that differ in nothing but their seed.

    Of several runs with one seed, the latest counts.

    Args:
        runs: Tests.
        size: Side of the image of which operations are counted, in pixels.
        latencies: Seconds of one image by name of the config.

    Returns:
        Rows by protocol, the largest IoU first, and what was left out. What
        is not known of a row is None.
    """
    groups, skipped = {}, []
    for run in runs:
        key = run.name, run.protocol, run.data, _settings(run)
        groups.setdefault(key, []).append(run)
    count, rows = ConfigCounter(), []
    for key, group in groups.items():
        group, old = _latest(group)
        skipped += old
        whole = None
        try:
            whole = count(_without_tta(group[0].trained), size)['']
        except ValueError as error:
            reason = f'its network cannot be counted: {error}'
            skipped.append(Skipped(group[0].path, reason))
        rows.append(
            dict(
                model=_name(key, groups),
                protocol=group[0].protocol,
                data=group[0].data,
                seeds=[run.seed for run in group],
                scores=_spread(group),
                parameters=whole and whole.parameters,
                flops=whole and whole.flops,
                latency=latencies.get(group[0].name),
                runs=[str(run.path) for run in group],
            )
        )
    rows.sort(key=lambda row: -row['scores']['IoU']['mean'])
    rows.sort(key=lambda row: (row['protocol'], row['data']))
    return rows, skipped


def _settings(run: Run) -> tuple[tuple[str, str], ...]:
    """List what a result depends on, but for the seed."""
    parts = set(TRAINING)
    if run.trained is run.tested:
        parts.remove('load_from')  # the weights that were tested
    settings = settings_of(run.trained, tuple(parts))
    scoring = dict(
        test_cfg=_without_tta(run.tested).model.get('test_cfg'),
        test_evaluator=run.tested.get('test_evaluator'),
    )
    for name, value in settings_of(scoring, tuple(scoring)).items():
        settings[f'test: {name}'] = value
    return tuple(sorted((name, str(x)) for name, x in settings.items()))


def _name(key: tuple, keys: Iterable[tuple]) -> str:
    """Name a group, with what tells it from others of the same name."""
    name, *_, settings = key
    others = [dict(k[-1]) for k in keys if k[:-1] == key[:-1] and k != key]
    if not others:
        return name
    differing = [
        f'{setting.rpartition(".")[2]}={value[:LONGEST_VALUE]}'
        for setting, value in settings
        if any(other.get(setting) != value for other in others)
    ]
    told = name_some(differing, SHOWN_DIFFERENCES)
    return f'{name} ({told or "without the settings of others"})'


def _latest(group: Sequence[Run]) -> tuple[list[Run], list[Skipped]]:
    """Keep one run per training and per seed, the latest."""
    kept, old = {}, []
    for run in sorted(group, key=lambda run: run.path.parent.name):
        key = run.home.resolve() if run.seed is None else run.seed
        if key in kept:
            reason = f'a later test of the same seed counts: {run.path}'
            old.append(Skipped(kept[key].path, reason))
        kept[key] = run
    runs = list(kept.values())
    return sorted(runs, key=lambda x: (x.seed is None, x.seed or 0)), old


def _spread(group: Sequence[Run]) -> dict[str, dict[str, float | None]]:
    """Mean and standard deviation of the scores that all runs have.

    A mean of some of the seeds would not go with the other scores.
    """
    spread = {}
    for name in SCORES:
        values = [run.scores[name] for run in group if name in run.scores]
        if len(values) == len(group):
            sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
            spread[name] = dict(mean=float(np.mean(values)), sd=sd)
    return spread


def _without_tta(cfg: Config) -> Config:
    """Take the network out of test-time augmentation."""
    if cfg.model.type != 'SegTTAModel':
        return cfg
    plain = cfg.copy()
    plain.model = cfg.model.module
    return plain
