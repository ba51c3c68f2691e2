"""Correlation between channels, and the numbers that sum it up.

This project. With n samples of C channels, R is the (C, C) matrix of their
Pearson correlations, so the mean of every channel is taken off. A channel
whose samples do not differ has none: it is dead, left out and counted. For
the C living ones::

    mean_abs_correlation    mean of |R_ij| over all i != j
    off_diagonal_norm       sqrt(sum of R_ij^2 over all i != j), Frobenius
    off_diagonal_rms        the norm / sqrt(C * (C - 1)), between 0 and 1
    effective_rank_share    exp(-sum of p_k log p_k) / C, with p_k the k-th
                            eigenvalue of R / C

The last one is the effective rank of R (Roy and Vetterli, EUSIPCO 2007) per
channel: 1 if no two channels are correlated, 1 / C if all are copies of one.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

MEAN_ABS, NORM = 'mean_abs_correlation', 'off_diagonal_norm'
RMS, RANK_SHARE = 'off_diagonal_rms', 'effective_rank_share'
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


def join(parts: Sequence[Moments]) -> Moments:
    """Moments of the samples of all parts."""
    whole = Moments(len(parts[0].mean), parts[0].mean.device)
    for part in parts:
        whole.join(part)
    return whole


def find_living(correlation: Tensor) -> Tensor:
    """Which channels of :meth:`Moments.correlation` are not dead."""
    return ~correlation.diagonal().isnan()


def measure(
    correlation: Tensor, cells: Mapping[str, Tensor] | None = None
) -> dict[str, float]:
    """Sum a matrix of correlations up.

    Args:
        correlation: That of :meth:`Moments.correlation`, of shape (C, C).
        cells: For each way to lay channels out in cells a name and the
            number of the cell of each channel, of shape (C,).

    Returns:
        The four numbers; and for each name ``same_NAME`` and
        ``other_NAME``, the mean |R_ij| over pairs that share a cell, and
        over all others. NaN where there are no pairs.
    """
    living = find_living(correlation)
    matrix = correlation[living][:, living]
    channels = len(matrix)
    pairs = ~torch.eye(channels, dtype=torch.bool, device=matrix.device)
    sizes = matrix.abs()
    norm = sizes[pairs].square().sum().sqrt().item()
    numbers = {
        MEAN_ABS: _mean(sizes[pairs]),
        NORM: norm if channels > 1 else torch.nan,
        RMS: _mean(sizes[pairs].square()) ** 0.5,
        RANK_SHARE: _rank_share(matrix) if channels > 1 else torch.nan,
    }
    for name, numbering in (cells or {}).items():
        cell = numbering.to(matrix.device)[living]
        same = cell[:, None] == cell
        numbers[f'same_{name}'] = _mean(sizes[pairs & same])
        numbers[f'other_{name}'] = _mean(sizes[pairs & ~same])
    return numbers


def _mean(values: Tensor) -> float:
    """Mean; NaN of nothing."""
    return values.mean().item()


def _rank_share(correlation: Tensor) -> float:
    channels = len(correlation)
    # Rounding makes some of those that are zero negative.
    shares = torch.linalg.eigvalsh(correlation).clamp(min=0) / channels
    entropy = -torch.special.xlogy(shares, shares).sum()
    return entropy.exp().item() / channels
