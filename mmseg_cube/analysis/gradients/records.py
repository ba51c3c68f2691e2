"""What was found out: records, and the tables and charts made of them."""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from mmseg_cube.analysis.gradients.capture import GRADIENTS
from mmseg_cube.analysis.gradients.statistics import (
    Correlations,
    standard_error,
)
from mmseg_cube.utils.figures import new_figure, new_panels, plain
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.words import cut

ROLES = ('network', 'against')
RATIO, ALL = 'ratio', 'mean of layers'
FACTS = ('layer', 'of', 'iteration', 'channels', 'dead', 'samples')
STATISTICS = dict(
    mean_abs_correlation='mean abs',
    off_diagonal_rms='rms',
    effective_rank_share='rank / C',
    same_cell='same cell',
    other_cell='other pairs',
)

DRAWN = list(STATISTICS)[:3]  # those that every layer has
CHARTS = (14.4, 7.2)  # inches
MATRIX = 4.6  # inches
LETTERS = 48  # over a matrix

# By gradient and layer.
Look = Mapping[tuple[str, str], Correlations]
Record = dict[str, object]


def list_records(
    looks: Sequence[Look], iterations: Sequence[int | None]
) -> list[Record]:
    """Lay out what one network or two are like at a time of their training.

    There is a record for each gradient, layer and network, then for the mean
    of the layers; behind two networks for their ratio, first to second.
    """
    records = []
    for gradient in GRADIENTS:
        names = [name for kind, name in looks[0] if kind == gradient]
        for layer, parts in [*((x, [x]) for x in names), (ALL, names)]:
            rows, common = [], dict(gradient=gradient, layer=layer)
            for of, look, time in zip(ROLES, looks, iterations, strict=False):
                found = [look[gradient, name] for name in parts]
                rows.append(_mean([x.statistics for x in found]))
                facts = {} if layer == ALL else _facts(found[0])
                record = dict(common, of=of, iteration=time, **facts)
                records.append(record | _estimate(rows[-1]))
            if len(rows) > 1:
                # Group by group: what the batches have in common falls out.
                ratios = {
                    key: first / np.where(rows[1][key], rows[1][key], np.nan)
                    for key, first in rows[0].items()
                }
                records.append(dict(common, of=RATIO) | _estimate(ratios))
    return records


def select(records: Sequence[Record], **wanted: object) -> list[Record]:
    """Records with these values."""
    return [r for r in records if wanted.items() <= r.items()]


def tabulate(records: Sequence[Record]) -> list[Table]:
    """Lay out records, one table per gradient."""
    tables = []
    for gradient in GRADIENTS:
        rows = [
            [str(record.get(key, '')) for key in FACTS]
            + [_show(record.get(key)) for key in STATISTICS]
            for record in select(records, gradient=gradient)
        ]
        head = [*FACTS, *STATISTICS.values()]
        tables.append(Table(head, rows, f'gradient of the {gradient}s'))
    return tables


def _mean(found: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Mean of the statistics that all layers have."""
    keys = [key for key in found[0] if all(key in each for each in found)]
    return {key: np.mean([each[key] for each in found], 0) for key in keys}


def _facts(found: Correlations) -> dict[str, int]:
    dead = int(found.matrix.diagonal().isnan().sum())
    return dict(channels=len(found.matrix), dead=dead, samples=found.samples)


def _estimate(statistics: Mapping[str, np.ndarray]) -> dict[str, dict]:
    """Value and error of each; None in place of NaN, which JSON has not."""

    def finite(number: float) -> float | None:
        return float(number) if isfinite(number) else None

    return {
        key: dict(value=finite(x[0]), error=finite(standard_error(x)))
        for key, x in statistics.items()
    }


def _show(number: Mapping[str, float | None] | None) -> str:
    if number is None or number['value'] is None:
        return '-'
    text = f'{number["value"]:.3f}'
    error = number['error']
    return text if error is None else f'{text} ± {error:.3f}'


def draw_statistics(
    names: Sequence[str], records: Sequence[Record], key: str
) -> Figure:
    """Draw statistics with their errors, by layer or by iteration."""
    figure, grid = new_figure(len(GRADIENTS), len(DRAWN), CHARTS)
    for (row, column), axes in np.ndenumerate(grid):
        gradient, statistic = GRADIENTS[row], DRAWN[column]
        for name, role in zip(names, ROLES, strict=False):
            rows = select(records, gradient=gradient, of=role)
            values, errors = (
                np.array([row[statistic][part] for row in rows], dtype=float)
                for part in ('value', 'error')
            )
            style = dict(marker='o', capsize=2, label=name)
            places = [row[key] for row in rows]
            axes.errorbar(places, values, np.nan_to_num(errors), **style)
        axes.tick_params('x', rotation=30, labelsize=6)
        axes.set(ylim=(0, None), ylabel=STATISTICS[statistic])
        axes.set_title(f'gradient of the {gradient}s, by {key}', fontsize=9)
        plain(axes)
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc='outside upper center', ncols=len(names))
    return figure


def draw_heat_maps(
    names: Sequence[str], looks: Sequence[Look], layer: str
) -> Figure:
    """Draw the sizes of all correlations of one layer, channels as they come.

    Networks stand side by side, one row per gradient. Dead channels are white.
    """
    pairs = [(g, n) for g in GRADIENTS for n in range(len(names))]
    figure, panels = new_panels(len(pairs), len(names), MATRIX, MATRIX)
    # Most are small.
    style = dict(cmap='magma', norm=PowerNorm(0.5, 0, 1))
    for axes, (gradient, n) in zip(panels, pairs, strict=True):
        sizes = looks[n][gradient, layer].matrix.abs().numpy()
        image = axes.imshow(sizes, **style)
        axes.set_title(cut(names[n], LETTERS), fontsize=8)
        axes.set_ylabel(f'gradient of the {gradient}s')
    figure.colorbar(image, ax=list(panels), label='|correlation|')
    figure.suptitle(layer, fontsize=10)
    return figure
