"""Scores of all images and of groups of them: added up, logged, written."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from mmengine.logging import print_log

from mmseg_cube.evaluation.charts import draw_curve, draw_groups
from mmseg_cube.evaluation.score_kinds import ScoreKind
from mmseg_cube.evaluation.thresholds import ChosenThreshold, name_data
from mmseg_cube.utils.figures import save_figure
from mmseg_cube.utils.report import write_json
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.words import quantity

CLASS_COLUMNS = ('IoU', 'F1', 'Precision', 'Recall')
# Tables of groups hold what Inria's authors score, IoU and accuracy, and what
# is no score of pixels.
NOT_IN_GROUPS = ('F1', 'Precision', 'Recall', 'mIoU')
Kinds = Mapping[str, ScoreKind]
Scores = dict[str, float]


class ScoreSum:
    """Counts of several images by kind of score, and their scores."""

    def __init__(self, kinds: Kinds, images: Sequence[Mapping]) -> None:
        self._kinds = kinds
        self.images = len(images)
        self.counts, self.scores = {}, {}
        for name, kind in kinds.items():
            counts = sum((image[name] for image in images), kind.zero)
            self.counts[name] = counts
            self.scores.update(kind.scores(counts))

    def as_json(self) -> dict:
        """Return images, scores and counts in numbers and lists."""
        counts = {
            name: kind.as_json(self.counts[name])
            for name, kind in self._kinds.items()
        }
        return dict(images=self.images, scores=self.scores, counts=counts)


def summarise(
    results: Sequence[tuple[str | None, Mapping]],
    kinds: Kinds,
    data: Mapping[str, str],
    threshold: ChosenThreshold | None = None,
    folder: Path | None = None,
) -> Scores:
    """Add up images, log tables, write files and return the scores.

    Args:
        results: Group and counts of each image.
        kinds: Kinds of score by name; ``pixels`` is one of them.
        data: Which images were scored: dataset, split and protocol.
        threshold: What labelled the pixels; None for the larger logit.
        folder: Folder of the files; None for none.
    """
    total = ScoreSum(kinds, [counts for _, counts in results])
    groups = {}
    for group, counts in results:
        if group is not None:
            groups.setdefault(group, []).append(counts)
    groups = {name: ScoreSum(kinds, groups[name]) for name in sorted(groups)}
    rows = {name: group.scores for name, group in groups.items()}
    rows['all'] = total.scores
    _log_classes(total)
    if groups or len(kinds) > 1:
        title = f'{name_data(data)}, {quantity(total.images, "image")}'
        if threshold:
            title += f', labels: {threshold}'
        columns = [name for name in total.scores if name not in NOT_IN_GROUPS]
        table = _table('Images', columns, rows)
        print_log(f'buildings, {title}:\n{table}', 'current')
    if threshold and threshold.chosen_on(data):
        _warn(
            'The threshold was chosen on the images that it is scored on, so '
            'the scores are too good. Score another split.'
        )
    scores = dict(total.scores)
    for name, group in groups.items():
        scores[f'IoU_{name}'] = group.scores['IoU']
        scores[f'Accuracy_{name}'] = group.scores['Accuracy']
    if 'curve' in kinds:
        scores.update(_best(total, kinds['curve'], data, folder))
    if folder is not None:
        content = dict(
            data=data,
            labels=str(threshold or 'the larger logit'),
            options={name: dict(kind.options) for name, kind in kinds.items()},
            overall=total.as_json(),
            groups={name: each.as_json() for name, each in groups.items()},
        )
        write_json(folder / 'metrics.json', content)
        if groups:
            save_figure(draw_groups(rows), folder / 'groups.png')
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
        _warn(
            'The ground truth holds no building. Masks of 0 and 255 must be '
            'loaded with LoadBuildingMask: 255 is the ignore label.'
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
        average = total.scores['AveragePrecision']
        points = [
            dict(threshold=threshold, **asdict(point), **point.scores())
            for threshold, point in curve.points(counts)[1:]
        ]
        content = dict(
            data=data,
            images=total.images,
            average_precision=average,
            best=best,
            no_best_because=reason,
            points=points,
        )
        write_json(folder / 'curve.json', content)
        figure = draw_curve(points, average, best)
        save_figure(figure, folder / 'curve.png')
    if best is None:
        print_log(f'No best threshold: {reason}.', 'current')
        return {}
    value = best['threshold']
    print_log(
        f'Best threshold: {value:g}, chosen on {name_data(data)}.', 'current'
    )
    return dict(BestThreshold=value, BestIoU=best['IoU'], BestF1=best['F1'])


def _table(
    title: str, columns: Sequence[str], rows: Mapping[str, Scores]
) -> str:
    cells = [
        [name, *(f'{scores[key]:.2f}' for key in columns)]
        for name, scores in rows.items()
    ]
    return Table([title, *columns], cells).terminal()


def _warn(text: str) -> None:
    print_log(text, 'current', logging.WARNING)
