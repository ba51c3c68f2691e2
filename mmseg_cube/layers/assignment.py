"""Optimal assignment as an operator that compiled graphs can hold.

The Hungarian method (``scipy.optimize.linear_sum_assignment``) runs on the
CPU. Registered as an operator with a shape rule, it neither breaks a graph of
``torch.compile`` nor fails on the meta device.
"""

import numpy as np
import torch
from torch import Tensor

# The plain Library interface is the one that both torch 2.1 and the newest
# releases offer.
LIBRARY = torch.library.Library('mmseg_cube', 'DEF')
LIBRARY.define('assign(Tensor weights) -> (Tensor, Tensor)')


def _assign(weights: Tensor) -> tuple[Tensor, Tensor]:
    # Only where it is needed: it takes a while to load.
    from scipy.optimize import linear_sum_assignment

    blocks = weights.detach().double().cpu().numpy()
    if not np.isfinite(blocks).all():
        raise ValueError(
            'logits of a channel router must be finite, but hold nan or inf; '
            'the training has diverged: lower the learning rate or clip '
            'gradients, and resume from an earlier checkpoint'
        )
    places = np.arange(blocks.shape[-1])
    prices = np.zeros(blocks.shape[:2])
    # Where every place wants another element, that is the best assignment.
    order = blocks.argmax(-1)
    clash = (np.sort(order, -1) != places).any(-1)
    for i in np.flatnonzero(clash):
        order[i] = linear_sum_assignment(blocks[i], maximize=True)[1]
    prices[clash] = _prices(blocks[clash], order[clash])
    order += len(places) * np.arange(len(order))[:, None]
    found = torch.from_numpy(order.reshape(-1)), torch.from_numpy(prices)
    return found[0].to(weights.device), found[1].to(weights)


def _prices(blocks: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Prices at which every place prefers the element that it gets.

    The price of an element must exceed that of another by what the owner of
    the other would gain by changing over, in one step or in several: the
    longest path between them. The mean over all starting points keeps the
    preferences clear.
    """
    own = np.take_along_axis(blocks, order[..., None], 2)
    rise = np.empty_like(blocks)
    np.put_along_axis(rise, order[..., None], blocks - own, 1)
    for k in range(rise.shape[1]):  # Floyd and Warshall
        rise = np.maximum(rise, rise[:, :, k, None] + rise[:, None, k])
    return rise.mean(1)


def _assign_shape(weights: Tensor) -> tuple[Tensor, Tensor]:
    size = weights.shape[0] * weights.shape[1]
    order = weights.new_empty(size, dtype=torch.long)
    return order, weights.new_empty(weights.shape[:2])


LIBRARY.impl('assign', _assign, 'CompositeExplicitAutograd')
LIBRARY.impl('assign', _assign_shape, 'Meta')


def assign(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Permutation within every block that maximises the sum of weights.

    Of finite weights (B, g, g) it is the order (B * g,): position i takes
    element ``order[i]``. Prices (B, g) come with it: less the price of each
    element, every position prefers the one that it takes (the dual solution).
    """
    return torch.ops.mmseg_cube.assign(weights.detach())
