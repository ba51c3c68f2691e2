"""Pictures of an evaluation: groups.png and curve.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mmseg_cube.utils.figures import new_figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP = 114  # percent shown, with the numbers above the bars
BAR = 0.4  # of the distance between groups


def draw_groups(groups: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw IoU and accuracy of each group as bars, from left to right."""
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
) -> Figure:
    """Draw precision over recall, and scores over thresholds.

    Args:
        points: Thresholds, counts and scores.
        average_precision: In percent.
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
