"""One row per network and protocol, beside published scores."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmseg_cube.analysis.complexity.count import UNITS, count_network
from mmseg_cube.analysis.leaderboard.runs import SCORES, Run
from mmseg_cube.analysis.report import write_report
from mmseg_cube.analysis.same_training import TRAINING, settings_of
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_text_whole
from mmseg_cube.utils.words import name_some

NAME, PUBLISHED = 'leaderboard', Path(__file__).with_name('published.csv')
TITLES = dict(Precision='P', Recall='R', BoundaryIoU='Boundary IoU')
SHOWN_DIFFERENCES, LONGEST_VALUE = 2, 40


def make_rows(
    runs: Sequence[Run], size: int
) -> tuple[list[dict], dict[Path, str]]:
    """Group runs that differ in nothing but their seed.

    Operations are those of an image of this size, in pixels. Rows come by
    protocol, the largest IoU first; what is not known is None. Files that
    were left out are returned with the reason.
    """
    groups, skipped = {}, {}
    for run in sorted(runs, key=lambda run: run.path.parent.name):
        key = run.name, run.protocol, run.data, _settings(run)
        group = groups.setdefault(key, {})
        seed = run.home.resolve() if run.seed is None else run.seed
        if seed in group:
            reason = f'a later test of the same seed counts: {run.path}'
            skipped[group[seed].path] = reason
        group[seed] = run
    rows = []
    for key, group in groups.items():
        group = sorted(group.values(), key=lambda run: run.seed or 0)
        whole, run = None, group[0]
        try:
            whole = count_network(run.trained, size)
        except ValueError as error:
            skipped[run.path] = f'its network cannot be counted: {error}'
        rows.append(
            dict(
                model=_name(key, groups),
                protocol=run.protocol,
                data=run.data,
                seeds=[run.seed for run in group],
                scores=_spread(group),
                parameters=whole and whole.parameters,
                flops=whole and whole.flops,
                runs=[str(run.path) for run in group],
            )
        )
    rows.sort(key=lambda row: -row['scores']['IoU']['mean'])
    rows.sort(key=lambda row: (row['protocol'], row['data']))
    return rows, skipped


def tabulate(rows: Sequence[dict]) -> Table:
    """Lay out own rows above published ones; no column is empty."""
    lines = [*map(_show, rows), *_quote()]
    head = [name for name in lines[0] if any(x.get(name) for x in lines)]
    cells = [[line.get(name, '') for name in head] for line in lines]
    return Table(head, cells)


def make_notes(size: int) -> list[str]:
    """Say how the numbers are to be read."""
    return [
        'Scores are percent of the building class: the mean over seeds, and '
        'the sample standard deviation behind ±.',
        'Scores under different protocols cannot be compared.',
        f'Own FLOPs are those of one {size} x {size} image, two per '
        'multiplication and addition; quoted ones are as printed, and most '
        'papers count one.',
    ]


def write(
    out: Path,
    rows: Sequence[dict],
    skipped: Mapping[Path, str],
    notes: Sequence[str],
) -> None:
    """Write leaderboard.md, leaderboard.csv and leaderboard.json."""
    left_out = [dict(path=str(k), reason=x) for k, x in skipped.items()]
    numbers = dict(notes=notes, rows=rows, quoted=_quote(), skipped=left_out)
    texts = ['\n'.join(f'* {note}' for note in notes)]
    lines = [f'* `{path}`: {reason}' for path, reason in skipped.items()]
    texts += ['Skipped:', '\n'.join(lines)] if skipped else []
    table = tabulate(rows)
    write_report(out, NAME, numbers, [table], texts)
    write_text_whole(out / f'{NAME}.csv', table.csv())


def _settings(run: Run) -> tuple[tuple[str, str], ...]:
    """List what a result depends on, but for the seed."""
    parts = set(TRAINING)
    if run.trained is run.tested:
        parts.remove('load_from')  # the weights that were tested
    loader, model = run.tested.get('test_dataloader') or {}, run.tested.model
    test = dict(run.tested, test_cfg=model.get('test_cfg'))
    test['test_data'] = loader.get('dataset')
    settings = settings_of(run.trained, parts)
    settings |= settings_of(test, ['test_evaluator', 'test_cfg', 'test_data'])
    return tuple(sorted((name, str(x)) for name, x in settings.items()))


def _name(key: tuple, keys: Iterable[tuple]) -> str:
    """Name a group, with what tells it from others of the same name."""
    name, *_, settings = key
    others = [dict(k[-1]) for k in keys if k[:-1] == key[:-1] and k != key]
    differing = [
        f'{setting.rpartition(".")[2]}={value[:LONGEST_VALUE]}'
        for setting, value in settings
        if any(other.get(setting) != value for other in others)
    ]
    told = name_some(differing, SHOWN_DIFFERENCES) or 'fewer settings'
    return f'{name} ({told})' if others else name


def _spread(group: Sequence[Run]) -> dict[str, dict[str, float | None]]:
    """Mean and standard deviation of the scores that all runs have."""
    spread = {}
    for name in SCORES:
        values = [run.scores[name] for run in group if name in run.scores]
        # A mean of some of the seeds would not go with the other scores.
        if len(values) == len(group):
            sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
            spread[name] = dict(mean=float(np.mean(values)), sd=sd)
    return spread


def _quote() -> list[dict[str, str]]:
    """Published scores, as they are printed, by column of the table."""
    with PUBLISHED.open(encoding='utf-8', newline='') as file:
        lines = list(csv.DictReader(file))
    return [dict(x, Source=f'quoted: {x["Source"]}') for x in lines]


def _show(row: dict) -> dict[str, str]:
    """Cells of an own row, by column."""
    cells = dict(Model=row['model'], Protocol=row['protocol'])
    data = row['data']
    if Path(data).is_absolute():  # what is further above tells nothing here
        data = '/'.join(Path(data).parts[-2:])
    cells |= dict(Data=data, Seeds=str(len(row['seeds'])))
    for name in SCORES:
        score, title = row['scores'].get(name), TITLES.get(name, name)
        cells[title] = '' if score is None else f'{score["mean"]:.2f}'
        if score and score['sd'] is not None:
            cells[title] += f' ± {score["sd"]:.2f}'
    for title, (name, unit) in UNITS.items():
        value = row[name]
        cells[title] = '' if value is None else f'{value / unit:.2f}'
    return cells | dict(Source='own runs')
