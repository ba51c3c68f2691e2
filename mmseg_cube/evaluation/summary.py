"""Scores of all images and of groups of them: added up, logged, written."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.logging import print_log

from mmseg_cube.evaluation.score_kinds import ScoreKind
from mmseg_cube.evaluation.thresholds import ChosenThreshold, name_data
from mmseg_cube.utils.figures import new_figure, plain, save_figure
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_json
from mmseg_cube.utils.words import quantity

CLASS_COLUMNS = ('IoU', 'F1', 'Precision', 'Recall')
# Tables of groups hold what Inria's authors score, IoU and accuracy, and what
# is no score of pixels.
NOT_IN_GROUPS = ('F1', 'Precision', 'Recall', 'mIoU')
TOP = 114  # percent shown, with the numbers above the bars
BAR = 0.4  # of the distance between groups
Kinds = Mapping[str, ScoreKind]
Scores = dict[str, float]


class ScoreSum:
    """Counts of several images by kind of score, and their scores."""

    def __init__(self, kinds: Kinds, images: Sequence[Mapping]) -> None:
        self.counts, self.scores, counts = {}, {}, {}
        for name, kind in kinds.items():
            each = (image.get(name, kind.zero) for image in images)
            total = self.counts[name] = sum(each, kind.zero)
            counts[name] = kind.as_json(total)
            self.scores.update(kind.scores(total))
        self.images = len(images)
        self.json = dict(images=self.images, scores=self.scores, counts=counts)


def summarise(
    results: Sequence[tuple[str | None, Mapping]],
    kinds: Kinds,
    data: Mapping[str, str],
    threshold: ChosenThreshold | None = None,
    folder: Path | None = None,
) -> Scores:
    """Add up images, log tables, write files and return the scores.

    The results are the group and the counts of each image. Without a
    threshold the larger logit labelled the pixels.
    """
    members = defaultdict(list)
    for group, counts in results:
        members[group].append(counts)
    total = ScoreSum(kinds, [counts for _, counts in results])
    names = sorted(members.keys() - {None})
    groups = {name: ScoreSum(kinds, members[name]) for name in names}
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
        text = 'The threshold was chosen on the images that it is scored on, '
        text += 'so the scores are too good. Score another split.'
        print_log(text, 'current', logging.WARNING)
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
            overall=total.json,
            groups={name: each.json for name, each in groups.items()},
        )
        write_json(folder / 'metrics.json', content)
        if groups:
            _draw_groups(rows, folder / 'groups.png')
        print_log(f'The report is in {folder}.', 'current')
    return scores


def _log_classes(total: ScoreSum) -> None:
    pixels = total.counts['pixels']
    rows = dict(background=pixels.background.scores())
    rows['building'] = pixels.scores()
    table = _table('Class', CLASS_COLUMNS, rows)
    print_log(f'per class results:\n{table}', 'current')
    if pixels.tp + pixels.fn == 0:
        text = 'The ground truth holds no building. Masks of 0 and 255 must '
        text += 'be loaded with LoadBuildingMask: 255 is the ignore label.'
        print_log(text, 'current', logging.WARNING)


def _best(
    total: ScoreSum, curve: ScoreKind, data: Mapping, folder: Path | None
) -> Scores:
    """Choose the best threshold, and write the curve."""
    counts = total.counts['curve']
    best, reason = curve.best(counts, data)
    if folder is not None:
        average = total.scores['AveragePrecision']
        points = curve.points(counts)
        content = dict(
            data=data,
            images=total.images,
            average_precision=average,
            best=best,
            no_best_because=reason,
            points=points,
        )
        write_json(folder / 'curve.json', content)
        _draw_curve(points, average, best, folder / 'curve.png')
    if best is None:
        print_log(f'No best threshold: {reason}.', 'current')
        return {}
    value, where = best['threshold'], name_data(data)
    print_log(f'Best threshold: {value:g}, chosen on {where}.', 'current')
    return dict(BestThreshold=value, BestIoU=best['IoU'], BestF1=best['F1'])


def _table(
    title: str, columns: Sequence[str], rows: Mapping[str, Scores]
) -> str:
    table = Table([title, *columns])
    for name, scores in rows.items():
        table.rows.append([name, *(f'{scores[key]:.2f}' for key in columns)])
    return table.terminal()


def _draw_groups(groups: Mapping[str, Scores], path: Path) -> None:
    """Draw IoU and accuracy of each group as bars, from left to right."""
    # A name needs about an inch; more than 40 would not be read anyway.
    width = min(max(5.0, 1.1 * len(groups)), 44.0)
    figure, ((axes,),) = new_figure(size=(width, 4))
    for side, key in ((-0.5, 'IoU'), (0.5, 'Accuracy')):
        places = [place + side * BAR for place in range(len(groups))]
        heights = [scores[key] for scores in groups.values()]
        drawn = axes.bar(places, heights, 0.94 * BAR, label=key)
        axes.bar_label(drawn, fmt='%.1f', fontsize=8, padding=2)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set(ylim=(0, TOP), yticks=range(0, 101, 20), ylabel='percent')
    plain(axes)
    figure.legend(loc='outside upper right', ncols=2)
    save_figure(figure, path)


def _draw_curve(
    points: Sequence[Scores], average: float, best: Scores | None, path: Path
) -> None:
    """Draw precision over recall, and scores over thresholds."""
    figure, ((left, right),) = new_figure(1, 2, size=(10, 4.4))
    # Where nothing is predicted, there is no precision.
    drawn = [point for point in points if point['tp'] + point['fp']]
    pairs = [(point['Recall'], point['Precision']) for point in drawn]
    left.plot(*zip(*pairs, strict=True), marker='.')
    left.set_title(f'average precision {average:.2f} %', loc='left')
    thresholds = [point['threshold'] for point in points]
    for key in CLASS_COLUMNS:
        right.plot(thresholds, [point[key] for point in points], label=key)
    if best is not None:
        left.plot(best['Recall'], best['Precision'], 'ko')
        right.axvline(best['threshold'], color='k', linestyle=':')
        title = 'best threshold {threshold:g}: IoU {IoU:.2f}, F1 {F1:.2f} %'
        right.set_title(title.format(**best), loc='left')
    left.set(xlabel='recall (%)', ylabel='precision (%)', xlim=(0, 103))
    right.set(xlabel='threshold', ylabel='percent', xlim=(0, 1))
    for axes in (left, right):
        axes.set_ylim(0, 103)
        axes.grid(alpha=0.3)
    right.legend()
    save_figure(figure, path)
