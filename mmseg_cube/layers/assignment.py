"""Optimal assignment as an operator that compiled graphs can hold.

The Hungarian method (``scipy.optimize.linear_sum_assignment``) runs on the
CPU. Registered as an operator with a shape rule, it neither breaks a graph of
``torch.compile`` nor fails on the meta device.
"""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

# The plain Library interface is the one that both torch 2.1 and the newest
# releases offer.
LIBRARY = torch.library.Library('mmseg_cube', 'DEF')
LIBRARY.define('assign(Tensor weights) -> Tensor')


def _assign(weights: Tensor) -> Tensor:
    blocks = weights.detach().float().cpu().numpy()
    size = blocks.shape[-1]
    if not np.isfinite(blocks).all():
        raise ValueError(
            'logits of a channel router must be finite, but hold nan or inf; '
            'the training has diverged: lower the learning rate or clip '
            'gradients, and resume from an earlier checkpoint'
        )
    # Where every place wants another element, that is the best assignment.
    order = blocks.argmax(-1)
    clash = (np.sort(order, -1) != np.arange(size)).any(-1)
    for i in np.flatnonzero(clash):
        order[i] = linear_sum_assignment(blocks[i], maximize=True)[1]
    order += size * np.arange(len(order))[:, None]
    return torch.from_numpy(order.reshape(-1)).to(weights.device)


def _assign_shape(weights: Tensor) -> Tensor:
    size = weights.shape[0] * weights.shape[1]
    return weights.new_empty(size, dtype=torch.long)


LIBRARY.impl('assign', _assign, 'CompositeExplicitAutograd')
LIBRARY.impl('assign', _assign_shape, 'Meta')


def assign(weights: Tensor) -> Tensor:
    """Permutation within every block that maximises the sum of weights.

    Args:
        weights: Tensor of shape (B, g, g), finite.

    Returns:
        Order of shape (B * g,): position i takes element ``order[i]``.
    """
    return torch.ops.mmseg_cube.assign(weights.detach())
