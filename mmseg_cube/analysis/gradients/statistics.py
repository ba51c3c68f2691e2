"""Correlation between channels, and the numbers that sum it up.

This project. With n samples of C channels, R is the (C, C) matrix of their
Pearson correlations, so the mean of every channel is taken off. A channel
whose samples do not differ has none: it is dead, left out and counted. For
the C living ones::

    mean_abs_correlation    mean of |R_ij| over all i != j
    off_diagonal_rms        root of the mean of R_ij^2 over all i != j
    effective_rank_share    exp(-sum of p_k log p_k) / C, with p_k the k-th
                            eigenvalue of R / C

The last one is the effective rank of R (Roy and Vetterli, EUSIPCO 2007) per
channel: 1 if no two channels are correlated, 1 / C if all are copies of one.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

MEAN_ABS, RMS = 'mean_abs_correlation', 'off_diagonal_rms'
RANK_SHARE = 'effective_rank_share'
# Variance over squared mean below which samples of float32 are all the same.
FLAT = 1e-12


class Moments:
    """Count, means and scatter of samples that come in pieces.

    Pieces are joined as by Chan, Golub and LeVeque (The American
    Statistician 37, 1983), in float64.

    Args:
        channels: Number of channels, C.
        device: Where to keep them.
    """

    def __init__(
        self, channels: int, device: torch.device | str = 'cpu'
    ) -> None:
        factory = dict(dtype=torch.float64, device=device)
        self.count = 0
        self.mean = torch.zeros(channels, **factory)
        self.scatter = torch.zeros(channels, channels, **factory)

    def add(self, samples: Tensor) -> None:
        """Add samples of shape (C, n)."""
        samples = samples.to(self.mean)
        mean = samples.mean(1)
        centred = samples - mean[:, None]
        self._join(samples.shape[1], mean, centred @ centred.T)

    def join(self, other: 'Moments') -> None:
        """Add the samples of another one."""
        self._join(other.count, other.mean, other.scatter)

    def _join(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        if not count:
            return
        total = self.count + count
        shift = mean - self.mean
        between = self.count * count / total
        self.scatter += scatter + between * torch.outer(shift, shift)
        self.mean += shift * (count / total)
        self.count = total

    def correlation(self) -> Tensor:
        """Pearson correlations (C, C); NaN in rows of dead channels.

        Raises:
            ValueError: If a sample was not finite.
        """
        if not self.scatter.isfinite().all():
            raise ValueError('a gradient is not finite')
        variance = self.scatter.diagonal() / max(self.count, 1)
        dead = variance <= FLAT * self.mean.square()
        spread = self.scatter.diagonal().sqrt().masked_fill(dead, torch.nan)
        correlation = self.scatter / spread / spread[:, None]
        correlation.clamp_(-1, 1)
        correlation.diagonal().masked_fill_(~dead, 1)
        return correlation


class Correlations(NamedTuple):
    """What is known of the gradients of one layer.

    Attributes:
        matrix: Correlations of shape (C, C); NaN in rows of dead channels.
        samples: Samples of every channel.
        statistics: Those of :func:`measure` by name, float64 of shape (1 +
            G,): of all batches, then without each of G groups of batches; (1,)
            where there is one group only.
    """

    matrix: Tensor
    samples: int
    statistics: dict[str, np.ndarray]

    @property
    def dead(self) -> int:
        """Number of dead channels."""
        return int(self.matrix.diagonal().isnan().sum())


def correlate(
    groups: Sequence[Moments], cells: Mapping[str, Tensor] | None = None
) -> Correlations:
    """Sum up the samples of groups of batches, with :func:`measure`."""
    whole = join(groups)
    matrix = whole.correlation()
    found = [measure(matrix, cells)]
    for left_out in groups if len(groups) > 1 else ():
        rest = join([group for group in groups if group is not left_out])
        found.append(measure(rest.correlation(), cells))
    return Correlations(
        matrix.cpu(),
        whole.count,
        {key: np.array([x[key] for x in found]) for key in found[0]},
    )


def join(parts: Sequence[Moments]) -> Moments:
    """Moments of the samples of all parts."""
    whole = Moments(len(parts[0].mean), parts[0].mean.device)
    for part in parts:
        whole.join(part)
    return whole


def measure(
    correlation: Tensor, cells: Mapping[str, Tensor] | None = None
) -> dict[str, float]:
    """Sum a matrix of correlations up.

    Args:
        correlation: That of :meth:`Moments.correlation`, of shape (C, C).
        cells: For each way to lay channels out in cells a name and the
            number of the cell of each channel, of shape (C,).

    Returns:
        The three numbers; and for each name ``same_NAME`` and
        ``other_NAME``, the mean |R_ij| over pairs that share a cell, and
        over all others. NaN where there are no pairs.
    """
    living = ~correlation.diagonal().isnan()
    matrix = correlation[living][:, living]
    channels = len(matrix)
    pairs = ~torch.eye(channels, dtype=torch.bool, device=matrix.device)
    sizes = matrix.abs()
    numbers = {
        MEAN_ABS: sizes[pairs].mean().item(),
        RMS: sizes[pairs].square().mean().sqrt().item(),
        RANK_SHARE: _rank_share(matrix) if channels > 1 else torch.nan,
    }
    for name, numbering in (cells or {}).items():
        cell = numbering.to(matrix.device)[living]
        same = cell[:, None] == cell
        numbers[f'same_{name}'] = sizes[pairs & same].mean().item()
        numbers[f'other_{name}'] = sizes[pairs & ~same].mean().item()
    return numbers


def standard_error(statistic: np.ndarray) -> float:
    """Jackknife's standard error of a statistic; NaN without groups.

    Efron and Stein, The Annals of Statistics 9, 1981: (G - 1) / G times the
    sum of the squared deviations of what is left without each group.
    """
    without = statistic[1:]
    if not len(without):
        return np.nan
    return float(np.sqrt((len(without) - 1) * without.var()))


def _rank_share(correlation: Tensor) -> float:
    channels = len(correlation)
    # Rounding makes some of those that are zero negative.
    shares = torch.linalg.eigvalsh(correlation).clamp(min=0) / channels
    entropy = -torch.special.xlogy(shares, shares).sum()
    return entropy.exp().item() / channels
