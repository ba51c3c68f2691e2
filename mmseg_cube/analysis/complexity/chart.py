"""Chart of the size of networks, each below its baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmseg_cube.analysis.complexity.configs import Sized
from mmseg_cube.analysis.complexity.twins import SCHEDULE, is_cube
from mmseg_cube.utils.figures import new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 11.0
ROW_INCHES, MARGIN_INCHES = 0.62, 1.3
BAR = 0.38  # of the distance between rows
HEADROOM = 1.35  # over the longest bar, for its number


def draw_sizes(networks: Sequence[Sized], size: int) -> Figure:
    """Draw parameters and operations as horizontal bars.

    Args:
        networks: Networks, from top to bottom.
        size: Side of the image, in pixels.
    """
    height = MARGIN_INCHES + ROW_INCHES * len(networks)
    figure, axes = new_figure(1, 2, (WIDTH_INCHES, height), sharey=True)
    left, right = axes[0]
    _draw(left, networks, 'parameters', 1e6)
    left.set_title('Parameters (M)', loc='left', fontsize=11)
    _draw(right, networks, 'flops', 1e9)
    right.set_title(f'FLOPs (G), {size} x {size}', loc='left', fontsize=11)
    left.set_yticks(range(len(networks)), _labels(networks))
    left.set_ylim(len(networks) - 0.5, -0.5)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc='outside upper right', ncols=len(labels)
    )
    return figure


def _draw(
    axes: Axes, networks: Sequence[Sized], key: str, unit: float
) -> None:
    first, second = [], []
    for i, network in enumerate(networks):
        value = getattr(network.modules[''], key) / unit
        if network.baseline is None:
            first.append((i, value, f'{value:.1f}'))
            continue
        before = getattr(network.baseline.modules[''], key) / unit
        change = 100 * (value / before - 1)
        first.append((i - BAR / 2, before, f'{before:.1f}'))
        second.append((i + BAR / 2, value, f'{value:.1f}  ({change:+.1f} %)'))
    twins = all(is_cube(n.config) for n in networks if n.baseline)
    kind = 'Cube twin' if twins else 'compared'
    for label, bars in (('baseline', first), (kind, second)):
        if bars:
            places, values, texts = zip(*bars, strict=True)
            drawn = axes.barh(places, values, 0.92 * BAR, label=label)
            axes.bar_label(drawn, texts, fontsize=8, padding=3)
    axes.set_xlim(0, HEADROOM * max(value for _, value, _ in first + second))
    plain(axes)


def _labels(networks: Sequence[Sized]) -> list[str]:
    """Names without schedule and data, unless only these tell them apart."""
    names = [network.name for network in networks]
    short = [SCHEDULE.sub('', name) for name in names]
    return short if len(set(short)) == len(short) else names
