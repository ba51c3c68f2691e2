"""Statistics with an error that says how much they depend on the batches.

The batches are split into groups, and each statistic is taken of all of them
and of all but one group, for every group. The spread of the latter gives the
jackknife's standard error (Efron and Stein, The Annals of Statistics 9,
1981). Two networks that saw the same batches are compared group by group, so
what the batches have in common falls out of their ratio.
"""

from collections.abc import Mapping, Sequence
from math import nan, sqrt
from typing import NamedTuple

from torch import Tensor

from mmseg_cube.analysis.gradients.statistics import (
    Moments,
    find_living,
    join,
    measure,
)

LARGEST_NUMBER = 8  # of groups; each keeps a (C, C) matrix


class Estimate(NamedTuple):
    """A number, and what it is without one group of batches each.

    Attributes:
        value: The number for all batches.
        without: The number without the first group, the second, ...; empty
            where there is one group only.
    """

    value: float
    without: tuple[float, ...]

    @property
    def error(self) -> float:
        """Standard error; NaN without several groups."""
        count = len(self.without)
        if count < 2:
            return nan
        mean = sum(self.without) / count
        squares = sum((x - mean) ** 2 for x in self.without)
        return sqrt((count - 1) / count * squares)

    def over(self, other: 'Estimate') -> 'Estimate':
        """Ratio to another one of the same groups; NaN where that is 0."""
        return Estimate(
            _divide(self.value, other.value),
            tuple(map(_divide, self.without, other.without)),
        )


class Correlations(NamedTuple):
    """What is known of the gradients of one layer.

    Attributes:
        matrix: Correlations of shape (C, C); NaN in rows of dead channels.
        samples: Samples of every channel.
        dead: Number of dead channels.
        statistics: Those of :func:`measure`, by name.
    """

    matrix: Tensor
    samples: int
    dead: int
    statistics: dict[str, Estimate]


def average(estimates: Sequence[Estimate]) -> Estimate:
    """Mean of several numbers of the same groups."""
    count = len(estimates)
    return Estimate(
        sum(e.value for e in estimates) / count,
        tuple(
            sum(x) / count
            for x in zip(*(e.without for e in estimates), strict=True)
        ),
    )


def group_of(batch: int, batches: int) -> int:
    """Group of a batch: runs of equal length, as far as it goes."""
    return batch * min(batches, LARGEST_NUMBER) // batches


def correlate(
    groups: Sequence[Moments], cells: Mapping[str, Tensor] | None = None
) -> Correlations:
    """Sum up the samples of groups of batches.

    Args:
        groups: Moments of each.
        cells: As in :func:`measure`.

    Raises:
        ValueError: If a sample was not finite.
    """
    whole = join(groups)
    matrix = whole.correlation()
    numbers = measure(matrix, cells)
    without = []
    if len(groups) > 1:
        for i in range(len(groups)):
            rest = join([*groups[:i], *groups[i + 1 :]])
            without.append(measure(rest.correlation(), cells))
    statistics = {
        name: Estimate(value, tuple(x[name] for x in without))
        for name, value in numbers.items()
    }
    dead = int((~find_living(matrix)).sum())
    return Correlations(matrix.cpu(), whole.count, dead, statistics)


def _divide(value: float, other: float) -> float:
    return value / other if other else nan
