"""What was found out, as one list of records that all outputs are made of."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

import numpy as np

from mmseg_cube.analysis.gradients.capture import GRADIENTS
from mmseg_cube.analysis.gradients.layers import CELL
from mmseg_cube.analysis.gradients.statistics import (
    MEAN_ABS,
    RANK_SHARE,
    RMS,
    Correlations,
    standard_error,
)
from mmseg_cube.utils.tables import Table

ROLES = ('network', 'against')
RATIO, ALL = 'ratio', 'mean of layers'
FACTS = ('layer', 'of', 'iteration', 'channels', 'dead', 'samples')
STATISTICS = {
    MEAN_ABS: 'mean abs',
    RMS: 'rms',
    RANK_SHARE: 'rank / C',
    f'same_{CELL}': 'same cell',
    f'other_{CELL}': 'other pairs',
}

# By gradient and layer.
Look = Mapping[tuple[str, str], Correlations]
Record = dict[str, object]


def list_records(
    looks: Sequence[Look], iterations: Sequence[int | None]
) -> list[Record]:
    """Lay out what one network or two are like at a time of their training.

    Returns:
        A record for each gradient, layer and network, then for the mean of
        the layers; behind two networks their ratio, first to second. Every
        statistic has a ``value`` and an ``error``, None where there is none.
    """
    records = []
    for gradient in GRADIENTS:
        layers = [name for kind, name in looks[0] if kind == gradient]
        for name in [*layers, ALL] if len(layers) > 1 else layers:
            rows = []
            for role, look, time in zip(
                ROLES, looks, iterations, strict=False
            ):
                record = dict(
                    gradient=gradient, layer=name, of=role, iteration=time
                )
                if name == ALL:
                    rows.append(_average([look[gradient, x] for x in layers]))
                else:
                    found = look[gradient, name]
                    rows.append(found.statistics)
                    record['channels'] = len(found.matrix)
                    dead = int(found.matrix.diagonal().isnan().sum())
                    record |= dict(dead=dead, samples=found.samples)
                records.append(record | _estimate(rows[-1]))
            if len(rows) > 1:
                record = dict(gradient=gradient, layer=name, of=RATIO)
                records.append(record | _estimate(_divide(*rows)))
    return records


def select(records: Iterable[Record], **wanted: object) -> list[Record]:
    """Records with these values."""
    return [r for r in records if wanted.items() <= r.items()]


def tabulate(records: Sequence[Record]) -> list[Table]:
    """Lay out records, one table per gradient."""
    tables = []
    for gradient in GRADIENTS:
        rows = []
        for record in select(records, gradient=gradient):
            digits = 2 if record['of'] == RATIO else 3
            facts = [str(record.get(key, '')) for key in FACTS]
            cells = [_show(record.get(key), digits) for key in STATISTICS]
            rows.append(facts + cells)
        head = [*FACTS, *STATISTICS.values()]
        tables.append(Table(head, rows, f'gradient of the {gradient}s'))
    return tables


def _average(layers: Sequence[Correlations]) -> dict[str, np.ndarray]:
    """Mean over layers of the statistics that all of them have."""
    rows = [layer.statistics for layer in layers]
    return {
        key: np.mean([row[key] for row in rows], axis=0)
        for key in rows[0]
        if all(key in row for row in rows)
    }


def _divide(
    first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Ratios group by group: what the batches have in common falls out."""
    return {
        key: first[key] / np.where(second[key], second[key], np.nan)
        for key in first
    }


def _estimate(statistics: Mapping[str, np.ndarray]) -> dict[str, dict]:
    """Value and error of each; JSON has no NaN."""

    def finite(number: float) -> float | None:
        return float(number) if isfinite(number) else None

    return {
        key: dict(value=finite(x[0]), error=finite(standard_error(x)))
        for key, x in statistics.items()
    }


def _show(number: Mapping[str, float | None] | None, digits: int) -> str:
    if number is None or number['value'] is None:
        return '-'
    text = f'{number["value"]:.{digits}f}'
    error = number['error']
    return text if error is None else f'{text} ± {error:.{digits}f}'
