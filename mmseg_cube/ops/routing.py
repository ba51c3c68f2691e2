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

from mmseg_cube.ops.context import is_compiling, is_transformed
from mmseg_cube.ops.layout import permute_channels


def softsort(scores: Tensor, temperature: float) -> Tensor:
    """Relax the permutation that sorts scores (C,) in ascending order.

    Row i of the result, of shape (1, C, C), is the distribution over the
    input channels of output channel i. The temperature is in units of the
    scores.
    """
    ranked = scores.sort(stable=True).values
    distance = (ranked[:, None] - scores[None, :]).abs()
    return torch.softmax(-distance / temperature, -1)[None]


def sinkhorn(logits: Tensor, temperature: float, iterations: int) -> Tensor:
    """Relax an assignment within every block, from logits (B, g, g).

    Columns and rows are normalised in turns; rows sum to one exactly, columns
    nearly. The lower the temperature, the harder.
    """
    log_p = torch.log_softmax(logits / temperature, -1)
    for _ in range(iterations):
        log_p = torch.log_softmax(log_p, -2)
        log_p = torch.log_softmax(log_p, -1)
    return log_p.exp()


def riffle(channels: int, groups: int) -> Tensor:
    """Order that interleaves ``groups`` runs of channels, as ShuffleNet."""
    return torch.arange(channels).view(groups, -1).t().reshape(-1)


def apply_order(
    input: Tensor, order: Tensor | None, relaxed: Tensor | None = None
) -> Tensor:
    """Permute channels; with a relaxation the order gets a gradient.

    Args:
        input: Tensor of shape (N, C, H, W).
        order: Permutation of shape (C,), or None.
        relaxed: Tensor of shape (B, C / B, C / B) that was hardened to
            ``order``, or None. Its gradient is the one it has where its
            blocks multiply the channels.

    Returns:
        ``input[:, order]``.

    Raises:
        ValueError: If the input has other channels than the order.
    """
    if order is None:
        return input
    channels = order.shape[0]
    known = input.dim() == 4 and input.shape[1] == channels
    if not known and not torch.jit.is_tracing():
        raise ValueError(
            f'an order of {channels} channels got an input of shape '
            f'{tuple(input.shape)}, not (N, {channels}, H, W)'
        )
    if relaxed is None:
        return permute_channels(input, order)
    if not is_compiling() and is_transformed():
        # The same in plain expressions: exactly nothing, with the gradient.
        nothing = (relaxed - relaxed.detach()) @ _blocks(input, relaxed)
        nothing = nothing.to(input.dtype).view_as(input)
        return input.index_select(1, order) + nothing
    return _StraightThrough.apply(input, relaxed, order)


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
        d_input = permute_channels(grad, order.argsort())
        return d_input, relaxed_gradient(d_input, input, relaxed, order), None


def relaxed_gradient(
    grad: Tensor, input: Tensor, relaxed: Tensor, order: Tensor
) -> Tensor:
    """Gradient of blocks (B, C / B, C / B) that multiply the channels.

    ``grad`` is that of the ``input``, which their product put into order.
    """
    columns = _blocks(input, relaxed).transpose(-1, -2)
    found = (_blocks(grad, relaxed) @ columns).sum(0)
    # No channel leaves its block.
    rows = found.reshape(len(order), -1).index_select(0, order)
    return rows.reshape(relaxed.shape)


def _blocks(input: Tensor, relaxed: Tensor) -> Tensor:
    """Channels as blocks multiply them, (N, B, C / B, H * W)."""
    n, _, h, w = input.shape
    # Half precision would overflow in a sum over all positions.
    return input.to(relaxed.dtype).reshape(n, *relaxed.shape[:2], h * w)
