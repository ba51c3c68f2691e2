"""Scores of all images and of groups of them: added up, logged, written."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.logging import print_log

from mmseg_cube.evaluation.chosen_threshold import ChosenThreshold, name_data
from mmseg_cube.evaluation.report import write_curve, write_metrics
from mmseg_cube.evaluation.score_kinds import ScoreKind, ScoreSum
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.words import quantity

CLASS_COLUMNS = ('IoU', 'F1', 'Precision', 'Recall')
# The columns of Inria's authors come first.
GROUP_COLUMNS = (
    'IoU',
    'Accuracy',
    'BoundaryIoU',
    'ObjectPrecision',
    'ObjectRecall',
    'ObjectF1',
    'AveragePrecision',
)
Scores = dict[str, float]


def summarise(
    results: Sequence[tuple[str | None, Mapping]],
    kinds: Mapping[str, ScoreKind],
    data: Mapping[str, str],
    threshold: ChosenThreshold | None = None,
    folder: Path | None = None,
) -> Scores:
    """Add up images, log tables, write files and return the scores.

    Args:
        results: Group and counts of each image.
        kinds: Kinds of score by name; ``pixels`` is one of them.
        data: Which images were scored, of ``describe_data``.
        threshold: What labelled the pixels; None for the larger logit.
        folder: Folder of the files; None for none.
    """
    total, groups = ScoreSum(kinds), {}
    for group, counts in results:
        total.add(counts)
        if group is not None:
            groups.setdefault(group, ScoreSum(kinds)).add(counts)
    groups = {name: groups[name] for name in sorted(groups)}
    scores = total.scores()
    of_groups = {name: each.scores() for name, each in groups.items()}
    _log_classes(total)
    if groups or len(kinds) > 1:
        title = f'{name_data(data)}, {quantity(total.images, "image")}'
        if threshold:
            title += f', labels: {threshold}'
        columns = [name for name in GROUP_COLUMNS if name in scores]
        table = _table('Images', columns, {**of_groups, 'all': scores})
        print_log(f'buildings, {title}:\n{table}', 'current')
    if threshold and threshold.chosen_on(data):
        print_log(
            'The threshold was chosen on the images that it is scored on, so '
            'the scores are too good. Score another split.',
            'current',
            logging.WARNING,
        )
    if folder is not None:
        content = dict(
            data=data,
            labels=str(threshold or 'the larger logit'),
            options={name: kind.options() for name, kind in kinds.items()},
            overall=total.as_json(),
            groups={name: each.as_json() for name, each in groups.items()},
        )
        write_metrics(folder, content)
    for name, group in of_groups.items():
        scores[f'IoU_{name}'] = group['IoU']
        scores[f'Accuracy_{name}'] = group['Accuracy']
    if 'curve' in kinds:
        scores.update(_best(total, kinds['curve'], data, folder))
    if folder is not None:
        print_log(f'The report is in {folder}.', 'current')
    return scores


def _log_classes(total: ScoreSum) -> None:
    pixels = total.counts['pixels']
    rows = dict(
        background=pixels.background.scores(), building=pixels.scores()
    )
    table = _table('Class', CLASS_COLUMNS, rows)
    print_log(f'per class results:\n{table}', 'current')
    if pixels.tp + pixels.fn == 0:
        print_log(
            'The ground truth holds no building. Masks of 0 and 255 must be '
            'loaded with LoadBuildingMask: 255 is the ignore label.',
            'current',
            logging.WARNING,
        )


def _best(
    total: ScoreSum,
    curve: ScoreKind,
    data: Mapping[str, str],
    folder: Path | None,
) -> Scores:
    """Choose the best threshold, and write the curve."""
    counts = total.counts['curve']
    best, reason = curve.best(counts, data)
    if folder is not None:
        content = dict(
            data=data,
            images=total.images,
            average_precision=total.scores()['AveragePrecision'],
            best=best,
            no_best_because=reason,
        )
        points = curve.points(counts)[1:]
        write_curve(folder, content, curve.thresholds, points)
    if best is None:
        print_log(f'No best threshold: {reason}.', 'current')
        return {}
    print_log(
        f'Best threshold: {best["threshold"]:g}, chosen on {name_data(data)}.',
        'current',
    )
    return dict(
        BestThreshold=best['threshold'], BestIoU=best['IoU'], BestF1=best['F1']
    )


def _table(
    title: str, columns: Sequence[str], rows: Mapping[str, Scores]
) -> str:
    cells = [
        [name, *(f'{scores[key]:.2f}' for key in columns)]
        for name, scores in rows.items()
    ]
    return Table([title, *columns], cells).terminal()
