"""Files of an evaluation: metrics.json, curve.json and pictures of both."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.utils.figures import new_figure, plain, save_figure
from mmseg_cube.utils.whole_files import write_text_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP = 114  # percent shown, with the numbers above the bars
BAR = 0.4  # of the distance between groups


def write_metrics(folder: Path, content: Mapping) -> None:
    """Write ``metrics.json`` and, if there are groups, ``groups.png``.

    Args:
        folder: Where to write.
        content: What the file holds; the scores of all images are in
            ``overall.scores``, those of groups in ``groups.<name>.scores``.
    """
    _write_json(folder / 'metrics.json', content)
    groups = {
        name: entry['scores'] for name, entry in content['groups'].items()
    }
    if groups:
        groups['all'] = content['overall']['scores']
        save_figure(draw_groups(groups), folder / 'groups.png')


def write_curve(
    folder: Path,
    content: Mapping,
    thresholds: Sequence[float],
    points: Sequence[Confusion],
) -> None:
    """Write ``curve.json`` and ``curve.png``.

    Args:
        folder: Where to write.
        content: What the file holds besides the points, ``average_precision``
            and ``best`` among it.
        thresholds: Thresholds of the building probability.
        points: Counts at them.
    """
    rows = [
        dict(threshold=threshold, **asdict(point), **point.scores())
        for threshold, point in zip(thresholds, points, strict=True)
    ]
    _write_json(folder / 'curve.json', dict(**content, points=rows))
    figure = draw_curve(rows, content['average_precision'], content['best'])
    save_figure(figure, folder / 'curve.png')


def draw_groups(groups: Mapping[str, Mapping[str, float]]) -> 'Figure':
    """Draw IoU and accuracy of each group as bars.

    Args:
        groups: Scores by name, from left to right.
    """
    # A name needs about an inch; more than 40 would not be read anyway.
    width = min(max(5.0, 1.1 * len(groups)), 44.0)
    figure, ((axes,),) = new_figure(size=(width, 4))
    for side, key in ((-0.5, 'IoU'), (0.5, 'Accuracy')):
        drawn = axes.bar(
            [place + side * BAR for place in range(len(groups))],
            [scores[key] for scores in groups.values()],
            0.94 * BAR,
            label=key,
        )
        axes.bar_label(drawn, fmt='%.1f', fontsize=8, padding=2)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set(ylim=(0, TOP), yticks=range(0, 101, 20), ylabel='percent')
    plain(axes)
    figure.legend(loc='outside upper right', ncols=2)
    return figure


def draw_curve(
    points: Sequence[Mapping[str, float]],
    average_precision: float,
    best: Mapping[str, float] | None,
) -> 'Figure':
    """Draw precision over recall, and scores over thresholds.

    Args:
        points: Thresholds and their scores.
        average_precision: Average precision in percent.
        best: Best threshold and its scores; None if none was chosen.
    """
    figure, ((left, right),) = new_figure(1, 2, size=(10, 4.4))
    # Where nothing is predicted, there is no precision.
    drawn = [point for point in points if point['tp'] + point['fp']]
    recall, precision = (
        [point[key] for point in drawn] for key in ('Recall', 'Precision')
    )
    left.plot(recall, precision, marker='.')
    left.set_title(f'average precision {average_precision:.2f} %', loc='left')
    for key in ('IoU', 'F1', 'Precision', 'Recall'):
        right.plot(
            [point['threshold'] for point in points],
            [point[key] for point in points],
            label=key,
        )
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
    return figure


def _write_json(path: Path, content: Mapping) -> None:
    write_text_whole(path, json.dumps(content, indent=2) + '\n')
