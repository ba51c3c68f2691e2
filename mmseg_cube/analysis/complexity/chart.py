"""Chart of the size of networks, baseline beside Cube twin."""

import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmseg_cube.analysis.complexity.configs import Sized
from mmseg_cube.analysis.complexity.twins import FULL, PREFIX

WIDTH_INCHES = 11.0
GROUP_INCHES, MARGIN_INCHES = 0.62, 1.3
BAR = 0.38  # of the distance between groups
HEADROOM = 1.35  # over the longest bar, for its number
# What follows the network in a config's name: GPUs x images.
SCHEDULE = re.compile(r'_\d+xb\d+.*')


def draw_sizes(networks: Sequence[Sized], size: int, path: Path) -> None:
    """Draw parameters and operations as horizontal bars, as a PNG.

    Args:
        networks: Networks, from top to bottom.
        size: Side of the image, in pixels.
        path: File to write.
    """
    figure = Figure(
        figsize=(WIDTH_INCHES, MARGIN_INCHES + GROUP_INCHES * len(networks)),
        layout='constrained',
    )
    left, right = figure.subplots(1, 2, sharey=True)
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
    figure.savefig(path, format='png', dpi=110)


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
    for label, bars in (('baseline', first), (_kind(networks), second)):
        if bars:
            places, values, texts = zip(*bars, strict=True)
            drawn = axes.barh(places, values, 0.92 * BAR, label=label)
            axes.bar_label(drawn, texts, fontsize=8, padding=3)
    axes.set_xlim(0, HEADROOM * max(value for _, value, _ in first + second))
    axes.spines[['top', 'right']].set_visible(False)


def _kind(networks: Sequence[Sized]) -> str:
    compared = [network for network in networks if network.baseline]
    return 'Cube' if all(n.is_twin for n in compared) else 'compared'


def _labels(networks: Sequence[Sized]) -> list[str]:
    """Names without schedule and data, unless only these tell them apart.

    The two bars of a pair have the name of the baseline.
    """
    names = [_label(network) for network in networks]
    short = [SCHEDULE.sub('', name) for name in names]
    return short if len(set(short)) == len(short) else names


def _label(network: Sized) -> str:
    if not network.is_twin:
        return network.name
    full = network.config.name.startswith(PREFIX + FULL)
    return FULL * full + network.baseline.name
