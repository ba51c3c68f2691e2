"""How near the relaxation of a router has come to its permutation."""

import torch

from mmseg_cube.engine.router_history import look as look
from mmseg_cube.engine.router_history import measure as measure
from mmseg_cube.engine.router_history import summarise as summarise
from mmseg_cube.engine.router_history import write_report as write_report
from mmseg_cube.layers import ChannelRouter
from mmseg_cube.layers import learned_routers as learned_routers  # moved


@torch.no_grad()
def relaxation_gap(router: ChannelRouter) -> float:
    """Largest difference between the relaxation and the permutation.

    Args:
        router: A learned router at the temperature that counts.

    Returns:
        Between 0, where the relaxation is the permutation, and 1.
    """
    relaxed = router.relaxed()
    blocks, size = relaxed.shape[:2]
    inputs = router.permutation().view(blocks, size, 1) % size
    hard = torch.zeros_like(relaxed).scatter_(2, inputs, 1.0)
    return (relaxed - hard).abs().max().item()
