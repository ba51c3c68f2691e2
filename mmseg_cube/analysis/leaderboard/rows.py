"""One row per network and protocol, with the spread over seeds."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmseg_cube.analysis.complexity.configs import ConfigCounter
from mmseg_cube.analysis.leaderboard.runs import SCORES, Run, Skipped
from mmseg_cube.analysis.same_training import TRAINING, settings_of

PUBLISHED = Path(__file__).with_name('published.csv')
MEGA, GIGA = 1e6, 1e9
SHOWN_DIFFERENCES = 2
LONGEST_VALUE = 40


@dataclass
class Row:
    """A line of the leaderboard.

    Attributes:
        model: Name of the network.
        protocol: What it was scored on, and how.
        scores: By name of the score, ``mean`` in percent and ``sd``, the
            standard deviation over seeds; None for a single run.
        data: Folder of the images.
        seeds: Seed of each run; None where it is unknown.
        runs: Files of the scores.
        parameters: Number of parameters.
        flops: Operations of one image.
        latency: Seconds of one image.
        source: Where it is quoted from; None for own scores.
    """

    model: str
    protocol: str
    scores: dict[str, dict[str, float | None]]
    data: str = ''
    seeds: list[int | None] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    parameters: float | None = None
    flops: float | None = None
    latency: float | None = None
    source: str | None = None


def make_rows(
    runs: Sequence[Run], size: int, latencies: Mapping[str, float]
) -> tuple[list[Row], list[Skipped]]:
    """Group runs that differ in nothing but their seed.

    Of several runs with one seed, the latest counts.

    Args:
        runs: Tests.
        size: Side of the image of which operations are counted, in pixels.
        latencies: Seconds of one image by name of the config.

    Returns:
        Rows by protocol, the largest IoU first, and what was left out.
    """
    groups, skipped = {}, []
    for run in runs:
        key = run.name, run.protocol, run.data, _settings(run)
        groups.setdefault(key, []).append(run)
    count, rows = ConfigCounter(), []
    for key, group in groups.items():
        group, old = _latest(group)
        skipped += old
        row = Row(
            _name(key, groups),
            group[0].protocol,
            _spread(group),
            group[0].data,
            [run.seed for run in group],
            [str(run.path) for run in group],
            latency=latencies.get(group[0].name),
        )
        rows.append(row)
        try:
            whole = count(_without_tta(group[0].trained), size)['']
            row.parameters, row.flops = whole.parameters, whole.flops
        except ValueError as error:
            reason = f'its network cannot be counted: {error}'
            skipped.append(Skipped(group[0].path, reason))
    rows.sort(key=lambda x: (x.protocol, x.data, -x.scores['IoU']['mean']))
    return rows, skipped


def quote() -> list[Row]:
    """Make rows of published scores."""
    with PUBLISHED.open(encoding='utf-8', newline='') as file:
        lines = list(csv.DictReader(file))
    return [
        Row(
            line['Model'],
            line['Protocol'],
            {
                name: dict(mean=float(line[name]), sd=None)
                for name in SCORES
                if line.get(name)
            },
            parameters=_times(MEGA, line['Params (M)']),
            flops=_times(GIGA, line['FLOPs (G)']),
            source=line['Source'],
        )
        for line in lines
    ]


def _settings(run: Run) -> tuple[tuple[str, str], ...]:
    """List what a result depends on, but for the seed."""
    parts = set(TRAINING)
    if run.trained is run.tested:
        parts.remove('load_from')  # the weights that were tested
    network = run.tested.model
    scoring = dict(
        test_cfg=network.get('module', network).get('test_cfg'),
        test_evaluator=run.tested.get('test_evaluator'),
    )
    settings = settings_of(run.trained, tuple(parts))
    for name, value in settings_of(scoring, tuple(scoring)).items():
        settings[f'test: {name}'] = value
    return tuple(sorted((name, str(x)) for name, x in settings.items()))


def _name(key: tuple, keys: Sequence[tuple]) -> str:
    """Name a group, with what tells it from others of the same name."""
    name, *_, settings = key
    others = [dict(k[-1]) for k in keys if k[:-1] == key[:-1] and k != key]
    if not others:
        return name
    differing = [
        f'{setting.rpartition(".")[2]}={value[:LONGEST_VALUE]}'
        for setting, value in settings
        if any(other.get(setting) != value for other in others)
    ] or ['without the settings of others']
    more = len(differing) - SHOWN_DIFFERENCES
    if more > 0:
        differing = [*differing[:SHOWN_DIFFERENCES], f'{more} more']
    return f'{name} ({", ".join(differing)})'


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
    """Mean and spread of the scores that all runs have.

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


def _times(unit: float, text: str) -> float | None:
    return unit * float(text) if text else None
