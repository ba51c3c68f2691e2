"""Charts of an ablation: paired differences, and losses over the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmseg_cube.analysis.ablation.results import CONFIDENCE, Estimate, Row
from mmseg_cube.analysis.ablation.scores import SPLITS
from mmseg_cube.analysis.ablation.study import Study
from mmseg_cube.utils.figures import new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 11.0


def draw_differences(rows: Sequence[Row], study: Study) -> Figure | None:
    """Draw a panel per split, with a row per variant; None without any."""
    rows = [row for row in rows if row.variant != study.reference]
    splits = [s for s in SPLITS if any(row.scores[s].gain for row in rows)]
    if not splits:
        return None
    size = WIDTH_INCHES, 1.4 + 0.4 * max(len(rows), 2)
    figure, grid = new_figure(1, len(splits), size, sharey=True)
    for axes, split in zip(grid[0], splits, strict=True):
        _draw_gains(plain(axes), [row.scores[split].gain for row in rows])
        axes.set_title(split, loc='left')
        axes.set_xlabel(f'{study.score} minus that of {study.reference}')
    # Rows are shared, and read from the top.
    grid[0, 0].set_yticks(range(len(rows)), [row.variant for row in rows])
    grid[0, 0].set_ylim(len(rows) - 0.5, -0.5)
    percent = f'{100 * CONFIDENCE:g} %'
    figure.suptitle(f'Mean paired differences in points, {percent} intervals')
    return figure


def draw_losses(rows: Sequence[Row], study: Study) -> Figure | None:
    """Draw the mean losses, and their paired differences; None without."""
    rows = [row for row in rows if row.losses[0].mean]
    if not rows:
        return None
    size = WIDTH_INCHES, 4.5 + 0.25 * len(rows)
    figure, grid = new_figure(1, 2, size)
    left, right = map(plain, grid[0])
    for i, row in enumerate(rows):
        # Colours start again after ten; lines change then.
        style = dict(color=f'C{i % 10}', ls='-' if i < 10 else '--')
        _draw_segments(left, [q.mean for q in row.losses], style, row.variant)
        _draw_segments(right, [q.gain for q in row.losses], style)
    left.set_title('Mean loss over seeds', loc='left')
    title = f'Loss minus that of {study.reference}, ± standard deviation'
    right.set_title(title, loc='left')
    right.axhline(0, lw=1, color='black')
    for axes in left, right:
        axes.set_xlabel('training, in percent')
        axes.grid(lw=0.4)
    handles = left.get_legend_handles_labels()
    figure.legend(*handles, loc='outside lower left', fontsize=9)
    return figure


def _draw_gains(axes: Axes, gains: Sequence[Estimate | None]) -> None:
    axes.axvline(0, lw=1, color='black')
    axes.grid(axis='x', lw=0.4)
    for row, gain in enumerate(gains):
        if gain is None:
            continue
        # In colour only what the interval tells from nothing.
        colour = 'tab:gray'
        if gain.half is not None and abs(gain.mean) > gain.half:
            colour = 'tab:blue' if gain.mean > 0 else 'crimson'
        axes.errorbar(
            gain.mean, row, xerr=gain.half, fmt='o', capsize=4, color=colour
        )
        axes.annotate(
            f'{gain.mean:+.2f}',
            (gain.mean, row),
            (0, 6),
            textcoords='offset points',
            ha='center',
            fontsize=8,
        )


def _draw_segments(
    axes: Axes,
    segments: Sequence[Estimate | None],
    style: Mapping[str, str],
    label: str | None = None,
) -> None:
    segments = [segment for segment in segments if segment]
    # In the middle of each segment, in percent of the training.
    x = (np.arange(len(segments)) + 0.5) * 100 / max(len(segments), 1)
    means = np.array([segment.mean for segment in segments])
    spread = np.array([segment.sd or 0 for segment in segments])
    axes.plot(x, means, marker='.', label=label, **style)
    colour = style['color']
    axes.fill_between(x, means - spread, means + spread, fc=colour, alpha=0.1)
