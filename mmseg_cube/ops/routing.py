"""Permutations of channels that can be learned.

Both relaxations give a (B, g, g) stack of B blocks whose rows are
distributions over the input channels of the block:

* SoftSort (arXiv 2006.16038) over one score per channel, one block;
* log-space Sinkhorn (arXiv 1802.08665) over logits, B blocks of g channels.

A relaxation alone leaves channels blended and is known to work badly for
channel shuffles (arXiv 1901.08624), so the forward pass always applies the
true permutation and the relaxation only carries the gradient.
"""

import torch
from torch import Tensor

from mmseg_cube.ops.layout import permute_channels


def softsort(scores: Tensor, temperature: float) -> Tensor:
    """Relax the permutation that sorts scores in ascending order.

    Args:
        scores: Tensor of shape (C,).
        temperature: Width of the relaxation, in units of the scores.

    Returns:
        Row-stochastic tensor of shape (1, C, C); row i is the distribution
        over the input channels of output channel i.
    """
    ranked = scores.sort(stable=True).values
    distance = (ranked[:, None] - scores[None, :]).abs()
    return torch.softmax(-distance / temperature, -1)[None]


def sinkhorn(logits: Tensor, temperature: float, iterations: int) -> Tensor:
    """Relax an assignment within every block of channels.

    Args:
        logits: Tensor of shape (B, g, g).
        temperature: Divides the logits; the lower, the harder.
        iterations: How often columns and rows are normalised in turn.

    Returns:
        Tensor of shape (B, g, g); rows sum to one exactly, columns nearly.
    """
    log_p = torch.log_softmax(logits / temperature, -1)
    for _ in range(iterations):
        log_p = torch.log_softmax(log_p, -2)
        log_p = torch.log_softmax(log_p, -1)
    return log_p.exp()


def riffle(channels: int, groups: int) -> Tensor:
    """Order that interleaves ``groups`` runs of channels, as ShuffleNet."""
    return torch.arange(channels).view(groups, -1).t().reshape(-1)


class _StraightThrough(torch.autograd.Function):
    """Permute exactly; send the order's gradient to its relaxation."""

    @staticmethod
    def forward(ctx, input, relaxed, order):
        ctx.save_for_backward(input, relaxed, order)
        return permute_channels(input, order)

    @staticmethod
    def backward(ctx, grad):
        # Both at any rate: the compiler of torch 2.1 cannot ask for needs.
        input, relaxed, order = ctx.saved_tensors
        grad_input = permute_channels(grad, order.argsort())
        return grad_input, relaxed_gradient(grad, input, relaxed), None


def relaxed_gradient(grad: Tensor, input: Tensor, relaxed: Tensor) -> Tensor:
    """Gradient of the blocks that multiply the channels of ``input``.

    ``grad`` is that of the permuted channels; the result has the shape
    (B, C / B, C / B) and the type of ``relaxed``.
    """
    # Half precision would overflow in a sum over all positions.
    blocks = relaxed.shape[:2]
    rows = grad.to(relaxed.dtype).unflatten(1, blocks).flatten(3)
    columns = input.to(relaxed.dtype).unflatten(1, blocks).flatten(3)
    return (rows @ columns.transpose(-1, -2)).sum(0)


def route(input: Tensor, order: Tensor, relaxed: Tensor) -> Tensor:
    """Permute channels with a straight-through gradient for the order.

    Args:
        input: Tensor of shape (N, C, H, W).
        order: Permutation of shape (C,) that stays within blocks.
        relaxed: Tensor of shape (B, C / B, C / B) that was hardened to
            ``order``.

    Returns:
        ``input[:, order]``. The gradient of ``relaxed`` is the one it has
        where its blocks multiply the channels.
    """
    return _StraightThrough.apply(input, relaxed, order)


def apply_order(
    input: Tensor, order: Tensor | None, relaxed: Tensor | None
) -> Tensor:
    """Permute channels; with ``relaxed`` the order gets a gradient."""
    if order is None:
        return input
    if relaxed is None:
        return permute_channels(input, order)
    return route(input, order, relaxed)
