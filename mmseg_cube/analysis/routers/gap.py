"""Networks whose routers blend channels instead of permuting them.

This project. Routers apply a permutation in training as in use, so nothing is
lost when they are hardened. How far the relaxation, which only carries the
gradient, has come to rest on that permutation is seen by blending with it.
"""

import copy

import torch
from torch import Tensor, nn

from mmseg_cube.analysis.routers.report import learned_routers
from mmseg_cube.layers import CubeConv2d


def blend_channels(input: Tensor, relaxed: Tensor) -> Tensor:
    """Multiply every block of channels with its matrix.

    Args:
        input: Tensor of shape (N, C, H, W).
        relaxed: Tensor of shape (B, C / B, C / B).

    Returns:
        Tensor of shape (N, C, H, W).
    """
    blocks = input.unflatten(1, relaxed.shape[:2])
    return torch.einsum('bij,nbjhw->nbihw', relaxed, blocks).flatten(1, 2)


def relax_routers(model: nn.Module, temperature: float) -> nn.Module:
    """Copy a network and let its learned routers blend.

    Args:
        model: Network; stays as it is.
        temperature: Temperature of the relaxation.

    Returns:
        The copy.
    """
    model = copy.deepcopy(model)
    routers = set(learned_routers(model).values())
    for router in routers:
        router.temperature = temperature
        router.register_forward_hook(
            lambda router, args, out: blend_channels(args[0], router.relaxed())
        )
    for conv in model.modules():
        if isinstance(conv, CubeConv2d) and conv.router in routers:
            _blend_in_front(conv)
    return model


def _blend_in_front(conv: CubeConv2d) -> None:
    """Take the router out of a convolution and call it before."""
    router, conv.router = conv.router, None
    conv.register_forward_pre_hook(lambda conv, args: (router(args[0]),))
