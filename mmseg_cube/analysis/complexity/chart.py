"""Chart of the size of networks, each below its baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmseg_cube.analysis.complexity.configs import Sized
from mmseg_cube.analysis.complexity.twins import SCHEDULE
from mmseg_cube.utils.figures import new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 11.0
ROW_INCHES, MARGIN_INCHES = 0.27, 1.0
GAP = 0.5  # over a baseline, in rows
HEADROOM = 1.35  # over the longest bar, for its number


def draw_sizes(networks: Sequence[Sized], size: int) -> Figure:
    """Draw parameters and operations as horizontal bars.

    Args:
        networks: Networks, each behind its baseline; equal ones are drawn
            once.
        size: Side of the image, in pixels.
    """
    seen = {}
    for network in networks:
        key = id(network.modules), network.baseline is None
        seen.setdefault(key, network)
    rows = list(seen.values())
    places, place = [], 0.0
    for row in rows:
        place += 1 if row.baseline else 1 + GAP
        places.append(place)
    height = MARGIN_INCHES + ROW_INCHES * place
    figure, axes = new_figure(1, 2, (WIDTH_INCHES, height), sharey=True)
    left, right = axes[0]
    _draw(left, rows, places, 'parameters', 1e6)
    left.set_title('Parameters (M)', loc='left', fontsize=11)
    _draw(right, rows, places, 'flops', 1e9)
    right.set_title(f'FLOPs (G), {size} x {size}', loc='left', fontsize=11)
    left.set_yticks(places, _labels(rows), fontsize=9)
    left.set_ylim(place + 0.7, GAP)
    return figure


def _draw(
    axes: Axes,
    rows: Sequence[Sized],
    places: Sequence[float],
    key: str,
    unit: float,
) -> None:
    values, texts = [], []
    for row in rows:
        value = getattr(row.modules[''], key) / unit
        text = f'{value:.1f}'
        if row.baseline is not None:
            before = getattr(row.baseline.modules[''], key) / unit
            text += f'  ({100 * (value / before - 1):+.1f} %)'
        values.append(value)
        texts.append(text)
    colours = ['C1' if row.baseline else 'C0' for row in rows]
    bars = axes.barh(places, values, 0.85, color=colours)
    axes.bar_label(bars, texts, fontsize=8, padding=3)
    axes.set_xlim(0, HEADROOM * max(values))
    plain(axes)


def _labels(rows: Sequence[Sized]) -> list[str]:
    """Names without schedule and data, unless only these tell them apart."""
    names = [row.name for row in rows]
    short = [SCHEDULE.sub('', name) for name in names]
    return short if len(set(short)) == len(short) else names
