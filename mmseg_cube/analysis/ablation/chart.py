"""Chart of paired differences with their intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from mmseg_cube.analysis.ablation.statistics import Estimate

WIDTH_INCHES = 11.0
ROW_INCHES, FRAME_INCHES = 0.4, 1.4


def draw_differences(
    panels: Mapping[str, Mapping[str, Estimate | None]],
    reference: str,
    confidence: float,
    score: str,
    path: Path,
) -> None:
    """Draw a panel per data set, with a row per variant, as a PNG.

    Args:
        panels: Estimated differences by title of the panel and variant, in
            one order; None for a variant without results.
        reference: Variant that they are compared with.
        confidence: Share of the intervals that cover the true difference.
        score: Name of the score.
        path: File to write.
    """
    rows = len(next(iter(panels.values())))
    figure = Figure(
        figsize=(WIDTH_INCHES, FRAME_INCHES + ROW_INCHES * max(rows, 2)),
        layout='constrained',
    )
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (title, estimates) in zip(grid, panels.items(), strict=True):
        _draw(axes, list(estimates.values()))
        axes.set_title(title, loc='left', fontsize=11)
        axes.set_xlabel(f'{score} minus that of {reference}, in points')
    grid[0].set_yticks(range(rows), next(iter(panels.values())))
    # Rows are shared, and read from the top.
    grid[0].set_ylim(rows - 0.5, -0.5)
    figure.suptitle(
        f'Mean of paired differences with {100 * confidence:g} % intervals',
        x=0.01,
        ha='left',
        fontsize=12,
    )
    figure.savefig(path, format='png', dpi=110)


def _draw(axes: Axes, estimates: Sequence[Estimate | None]) -> None:
    axes.axvline(0, lw=1, color='black')
    halo = [withStroke(linewidth=2, foreground='white')]
    for row, estimate in enumerate(estimates):
        if estimate is None:
            continue
        color = 'tab:gray'
        if estimate.interval is not None:
            low, high = estimate.interval
            # In colour only what the interval tells from nothing.
            if low > 0:
                color = 'tab:blue'
            elif high < 0:
                color = 'crimson'
        axes.errorbar(
            estimate.mean,
            row,
            xerr=estimate.half,
            fmt='o',
            capsize=4,
            color=color,
        )
        axes.annotate(
            f'{estimate.mean:+.2f}',
            (estimate.mean, row),
            (0, 6),
            textcoords='offset points',
            ha='center',
            fontsize=8,
            path_effects=halo,
        )
    axes.grid(axis='x', lw=0.4)
    axes.spines[['top', 'right']].set_visible(False)
