"""Pictures of scores."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

ROOM = 114  # percent shown, with the numbers above the bars
BAR = 0.4  # of the distance between groups
DPI = 110


def draw_groups(groups: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Draw IoU and accuracy of each group as bars, as a PNG.

    Args:
        groups: Scores by name, from left to right.
        path: File to write.
    """
    # A name needs about an inch; more than 40 would not be read anyway.
    width = min(max(5.0, 1.1 * len(groups)), 44.0)
    figure = Figure(figsize=(width, 4), layout='constrained')
    axes = figure.subplots()
    for side, key in ((-0.5, 'IoU'), (0.5, 'Accuracy')):
        drawn = axes.bar(
            [place + side * BAR for place in range(len(groups))],
            [scores[key] for scores in groups.values()],
            0.94 * BAR,
            label=key,
        )
        axes.bar_label(drawn, fmt='%.1f', fontsize=8, padding=2)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set_ylim(0, ROOM)
    axes.set_yticks(range(0, 101, 20))
    axes.set_ylabel('percent')
    axes.spines[['top', 'right']].set_visible(False)
    figure.legend(loc='outside upper right', ncols=2)
    figure.savefig(path, format='png', dpi=DPI)


def draw_curve(
    points: Sequence[Mapping[str, float]],
    average_precision: float,
    best: Mapping[str, float] | None,
    path: Path,
) -> None:
    """Draw precision over recall, and scores over thresholds, as a PNG.

    Args:
        points: Thresholds and their scores.
        average_precision: Average precision in percent.
        best: Best threshold and its scores; None if none was chosen.
        path: File to write.
    """
    figure = Figure(figsize=(10, 4.4), layout='constrained')
    left, right = figure.subplots(1, 2)
    # Nothing is predicted at the end: that has no precision.
    drawn = [point for point in points if point['tp'] + point['fp']]
    left.plot(
        [point['Recall'] for point in drawn],
        [point['Precision'] for point in drawn],
        marker='.',
    )
    left.set(xlabel='recall (%)', ylabel='precision (%)')
    left.set_title(
        f'average precision {average_precision:.2f} %', loc='left', fontsize=11
    )
    for key in ('IoU', 'F1', 'Precision', 'Recall'):
        right.plot(
            [point['threshold'] for point in points],
            [point[key] for point in points],
            label=key,
        )
    right.set(xlabel='threshold', ylabel='percent', xlim=(0, 1))
    if best is not None:
        left.plot(best['Recall'], best['Precision'], 'ko')
        right.axvline(best['threshold'], color='k', linestyle=':')
        right.set_title(
            f'best threshold {best["threshold"]:g}: IoU {best["IoU"]:.2f}, '
            f'F1 {best["F1"]:.2f} %',
            loc='left',
            fontsize=11,
        )
    for axes in (left, right):
        axes.set_ylim(0, 103)
        axes.grid(alpha=0.3)
    left.set_xlim(0, 103)
    right.legend()
    figure.savefig(path, format='png', dpi=DPI)
