"""Correlation between channels, and the numbers that sum it up.

They are defined in docs/gradient_analysis.md. A channel whose samples do not
differ is dead: it has no correlation, is left out and counted.

Samples come in pieces, of which only sums are kept: their number, the sums of
the channels and of the products of two channels, as one matrix.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# Variance over squared mean below which samples are all the same.
FLAT = 1e-10


class Correlations(NamedTuple):
    """What is known of the gradients of one layer.

    The statistics are those of :func:`measure` by name, of shape (1 + G,): of
    all batches, then without each of G groups of batches.
    """

    matrix: Tensor  # (C, C); NaN in rows of dead channels
    samples: int
    statistics: dict[str, np.ndarray]


def sum_products(samples: Tensor) -> Tensor:
    """Sums of samples (C, n) and of their products, (C + 1, C + 1), float64.

    The first channel is 1 in all samples. Those of several pieces add up.
    """
    samples = torch.cat((torch.ones_like(samples[:1]), samples)).double()
    return samples @ samples.T


def correlate_channels(sums: Tensor) -> Tensor:
    """Pearson correlations (C, C); NaN in rows of dead channels."""
    if not sums.isfinite().all():
        raise ValueError('a gradient is not finite')
    means = sums[0, 1:] / sums[0, 0]
    covariance = sums[1:, 1:] / sums[0, 0] - torch.outer(means, means)
    variance = covariance.diagonal()
    dead = variance <= FLAT * means.square()
    spread = variance.sqrt().masked_fill(dead, torch.nan)
    correlation = (covariance / spread / spread[:, None]).clamp(-1, 1)
    correlation.diagonal().masked_fill_(~dead, 1)
    return correlation


def correlate(
    groups: Sequence[Tensor], cells: Tensor | None = None
) -> Correlations:
    """Sum up groups of batches, given as by :func:`sum_products`."""
    whole = sum(groups)
    matrix = correlate_channels(whole)
    found = [measure(matrix, cells)]
    if len(groups) > 1:
        rests = (correlate_channels(whole - group) for group in groups)
        found += [measure(rest, cells) for rest in rests]
    return Correlations(
        matrix.cpu(),
        int(whole[0, 0]),
        {key: np.array([x[key] for x in found]) for key in found[0]},
    )


def measure(
    correlation: Tensor, cells: Tensor | None = None
) -> dict[str, float]:
    """Sum a matrix (C, C) of correlations up; NaN where there are no pairs.

    With the number of the cell of each channel, (C,), also by cells.
    """
    living = ~correlation.diagonal().isnan()
    matrix = correlation[living][:, living]
    channels = len(matrix)
    pairs = ~torch.eye(channels, dtype=torch.bool, device=matrix.device)
    sizes = matrix.abs()
    rank_share = torch.nan
    if channels > 1:
        # Rounding makes some of the eigenvalues that are zero negative.
        shares = torch.linalg.eigvalsh(matrix).clamp(min=0) / channels
        entropy = -torch.special.xlogy(shares, shares).sum()
        rank_share = entropy.exp().item() / channels
    numbers = dict(
        mean_abs_correlation=sizes[pairs].mean().item(),
        off_diagonal_rms=sizes[pairs].square().mean().sqrt().item(),
        effective_rank_share=rank_share,
    )
    if cells is not None:
        cell = cells.to(matrix.device)[living]
        same = cell[:, None] == cell
        numbers['same_cell'] = sizes[pairs & same].mean().item()
        numbers['other_cell'] = sizes[pairs & ~same].mean().item()
    return numbers


def standard_error(statistic: np.ndarray) -> float:
    """Jackknife's standard error of a statistic; NaN without groups."""
    without = statistic[1:]
    if not len(without):
        return np.nan
    return float(np.sqrt((len(without) - 1) * without.var()))
