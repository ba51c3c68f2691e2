"""Chart of the losses over the training, and of their differences."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmseg_cube.analysis.ablation.rows import Row
from mmseg_cube.analysis.ablation.statistics import Estimate

SIZE_INCHES = 11.0, 4.5
LEGEND_INCHES = 0.25  # per variant


def draw_losses(rows: Sequence[Row], reference: str, path: Path) -> None:
    """Draw the mean losses, and their paired differences, as a PNG.

    Args:
        rows: What is known of the variants.
        reference: Variant that they are compared with.
        path: File to write.
    """
    width, height = SIZE_INCHES
    figure = Figure(
        figsize=(width, height + LEGEND_INCHES * len(rows)),
        layout='constrained',
    )
    left, right = figure.subplots(1, 2)
    for number, row in enumerate(rows):
        # Colours start again after ten; lines change then.
        style = dict(color=f'C{number % 10}', ls='-' if number < 10 else '--')
        _draw(left, row.losses, row.variant, style)
        _draw(right, row.loss_gains, row.variant, style)
    left.set_title('Mean loss over seeds', loc='left', fontsize=11)
    left.set_ylabel('loss')
    right.set_title(
        f'Loss minus that of {reference}, ± standard deviation',
        loc='left',
        fontsize=11,
    )
    right.axhline(0, lw=1, color='black')
    for axes in left, right:
        axes.set_xlabel('training, in percent')
        axes.grid(lw=0.4)
        axes.spines[['top', 'right']].set_visible(False)
    figure.legend(
        *left.get_legend_handles_labels(),
        loc='outside lower left',
        fontsize=9,
    )
    figure.savefig(path, format='png', dpi=110)


def _draw(
    axes: Axes, parts: Sequence[Estimate], label: str, style: Mapping
) -> None:
    if not parts:
        return
    # In the middle of each part, in percent of the training.
    x = [100 * (i + 0.5) / len(parts) for i in range(len(parts))]
    means = np.array([part.mean for part in parts])
    spread = np.array([part.sd or 0 for part in parts])
    axes.plot(x, means, marker='.', label=label, **style)
    axes.fill_between(
        x,
        means - spread,
        means + spread,
        color=style['color'],
        alpha=0.1,
        lw=0,
    )
