"""One row per network and protocol, with the spread over seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev

from mmengine.config import Config

from mmseg_cube.analysis.complexity.configs import ConfigCounter
from mmseg_cube.analysis.leaderboard.published import PUBLISHED, Published
from mmseg_cube.analysis.leaderboard.recipe import describe_recipe, tell_apart
from mmseg_cube.analysis.leaderboard.runs import SCORES, Run, Skipped


@dataclass
class Row:
    """A line of the leaderboard.

    Attributes:
        model: Name of the network.
        protocol: What it was scored on, and how.
        scores: By name of the score, the mean in percent and the standard
            deviation over seeds; None for a single run.
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
    scores: dict[str, tuple[float, float | None]]
    data: str = ''
    seeds: list[int | None] = field(default_factory=list)
    runs: list[Path] = field(default_factory=list)
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
        recipe = describe_recipe(run)
        key = run.name, run.protocol, run.data, tuple(sorted(recipe.items()))
        groups.setdefault(key, []).append(run)
    names = tell_apart(list(groups))
    count, rows = ConfigCounter(), []
    for key, group in groups.items():
        group, old = _latest(group)
        skipped += old
        row = Row(
            names[key],
            group[0].protocol,
            {name: _spread(group, name) for name in SCORES},
            group[0].data,
            [run.seed for run in group],
            [run.path for run in group],
            latency=latencies.get(group[0].name),
        )
        row.scores = {k: v for k, v in row.scores.items() if v is not None}
        rows.append(row)
        try:
            whole = count(_plain(group[0].trained), size)['']
            row.parameters, row.flops = whole.parameters, whole.flops
        except ValueError as error:
            reason = f'its network cannot be counted: {error}'
            skipped.append(Skipped(group[0].path, reason))
    rows.sort(key=lambda row: (row.protocol, row.data, -row.scores['IoU'][0]))
    return rows, skipped


def quote(published: Iterable[Published] = PUBLISHED) -> list[Row]:
    """Make rows of published scores."""
    return [
        Row(
            row.model,
            row.protocol,
            {name: (value, None) for name, value in row.scores.items()},
            parameters=row.parameters,
            flops=row.flops,
            source=row.source,
        )
        for row in published
    ]


def _latest(group: Sequence[Run]) -> tuple[list[Run], list[Skipped]]:
    """Keep one run per training and per seed, the latest."""
    kept, old = {}, []
    for run in sorted(group, key=lambda run: run.path.parent.name):
        key = run.home.resolve() if run.seed is None else run.seed
        if key in kept:
            before = kept.pop(key)
            reason = f'a later test of the same seed counts: {run.path}'
            old.append(Skipped(before.path, reason))
        kept[key] = run
    known = [run for run in kept.values() if run.seed is not None]
    unknown = [run for run in kept.values() if run.seed is None]
    return sorted(known, key=lambda run: run.seed) + unknown, old


def _spread(
    group: Sequence[Run], name: str
) -> tuple[float, float | None] | None:
    values = [run.scores[name] for run in group if name in run.scores]
    # A mean of some of the seeds would not go with the other columns.
    if len(values) < len(group):
        return None
    return mean(values), stdev(values) if len(values) > 1 else None


def _plain(cfg: Config) -> Config:
    """Take the network out of test-time augmentation."""
    if cfg.model.type != 'SegTTAModel':
        return cfg
    plain = cfg.copy()
    plain.model = cfg.model.module
    return plain
