"""Tables of the correlations of gradients."""

from collections.abc import Mapping, Sequence
from math import isfinite

from mmseg_cube.analysis.gradients.capture import GRADIENTS
from mmseg_cube.analysis.gradients.comparison import Look
from mmseg_cube.analysis.gradients.estimate import Estimate, average
from mmseg_cube.analysis.gradients.layers import CELL, shorten_names
from mmseg_cube.analysis.gradients.statistics import (
    MEAN_ABS,
    NORM,
    RANK_SHARE,
    RMS,
)

# Statistics, their heads and digits.
COLUMNS = {
    MEAN_ABS: ('mean abs', 3),
    NORM: ('norm', 1),
    RMS: ('rms', 3),
    RANK_SHARE: ('rank / C', 3),
    f'same_{CELL}': ('same cell', 3),
    f'other_{CELL}': ('other pairs', 3),
}
ROLES = ('network', 'against')
RATIO, ALL = 'ratio', 'mean of layers'
NOTHING = '-'

Table = list[list[str]]


def make_tables(
    looks: Sequence[Sequence[Look]], layers: Sequence[str]
) -> dict[str, Table]:
    """Lay out all gradients and checkpoints, by title, the last ones last.

    Args:
        looks: As of :func:`look_at_all`.
        layers: Names of the layers.
    """
    return {
        f'gradient of the {gradient}s, {_describe_time(pair)}': tabulate(
            pair, gradient, layers
        )
        for pair in zip(*looks, strict=True)
        for gradient in GRADIENTS
    }


def tabulate(
    looks: Sequence[Look], gradient: str, layers: Sequence[str]
) -> Table:
    """Lay out one gradient: a head, then a row per layer and network.

    Values stand with their standard error; behind two networks stands the
    ratio of the first one to the second.
    """
    rows = [['layer', 'of', 'channels', 'dead', 'samples']]
    rows[0] += [head for head, _ in COLUMNS.values()]
    short = shorten_names(layers)
    for layer in layers:
        found = [look.layers[gradient, layer] for look in looks]
        facts = [[str(c.matrix.shape[0]), str(c.dead), str(c.samples)]
                 for c in found]  # fmt: skip
        statistics = [c.statistics for c in found]
        rows += _tabulate(short[layer], facts, statistics)
    if len(layers) > 1:
        means = [mean_of_layers(look, gradient) for look in looks]
        rows += _tabulate(ALL, [[''] * 3] * len(looks), means)
    return rows


def mean_of_layers(look: Look, gradient: str) -> dict[str, Estimate]:
    """Statistics that all layers have, averaged over the layers.

    The norm is left out: it grows with the number of channels.
    """
    found = [c for (kind, _), c in look.layers.items() if kind == gradient]
    return {
        key: average([c.statistics[key] for c in found])
        for key in found[0].statistics
        if key != NORM and all(key in c.statistics for c in found)
    }


def _tabulate(
    name: str,
    facts: Sequence[list[str]],
    statistics: Sequence[Mapping[str, Estimate]],
) -> Table:
    """Rows of one layer."""
    rows = []
    for role, cells, numbers in zip(ROLES, facts, statistics, strict=False):
        values = [
            _show(numbers.get(key), digits)
            for key, (_, digits) in COLUMNS.items()
        ]
        rows.append([name, role, *cells, *values])
        name = ''
    if len(statistics) > 1:
        first, second = statistics
        values = [
            _show(first[key].over(second[key]) if key in first else None, 2)
            for key in COLUMNS
        ]
        rows.append(['', RATIO, '', '', '', *values])
    return rows


def _show(number: Estimate | None, digits: int) -> str:
    if number is None or not isfinite(number.value):
        return NOTHING
    text = f'{number.value:.{digits}f}'
    if isfinite(number.error):
        text += f' ± {number.error:.{digits}f}'
    return text


def _describe_time(looks: Sequence[Look]) -> str:
    times = [look.checkpoint.iteration for look in looks]
    said = ['unknown iteration' if t is None else f'iteration {t}'
            for t in times]  # fmt: skip
    return ' against '.join(dict.fromkeys(said))
