"""What the channel routers of Cube layers have learned.

Position i of the routed channels holds the input channel ``order[i]``. With
lattice scale r, channels of one ``i // r^2`` share a cell of the lattice and
``i % r^2`` is their parity, the place within the cell. A channel that moves
within its cell changes its parity only; one that takes the same place of
another cell changes its cell only.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import HOOKS

from mmseg_cube.analysis.routers.report import measure, relaxation_gap
from mmseg_cube.engine.router_temperature_hook import TEMPERATURE
from mmseg_cube.layers import ChannelRouter, CubeConv2d


@dataclass(frozen=True)
class Order:
    """Order of the channels of a layer.

    Attributes:
        method: Method of the router.
        learned: Whether the order was learned.
        channels: Number of channels, C.
        block: Channels of a block, which the order does not leave.
        moved: Share of the channels that are not at their own place.
        distance: 0 for the identity, about 1 for a random order; see
            ``routers.report``.
        new_cell: Number of channels that changed their cell.
        new_parity: Number of channels that changed their parity.
        temperature: Temperature of the relaxation; None if not learned.
        gap: Largest difference between relaxation and order, likewise.
        order: Input channel of every position.
    """

    method: str
    learned: bool
    channels: int
    block: int
    moved: float
    distance: float
    new_cell: int
    new_parity: int
    temperature: float | None
    gap: float | None
    order: list[int]


def describe_order(
    layer: CubeConv2d, temperature: float | None = None
) -> Order | None:
    """Describe the order of a layer's input channels.

    Args:
        layer: Layer; stays as it is.
        temperature: Temperature of the relaxation; the router's own by
            default.

    Returns:
        The order, or None for a layer without a router.
    """
    router = at_temperature(layer.router, temperature)
    if router is None:
        return None
    order = router.permutation().cpu().numpy()
    places, cell = np.arange(len(order)), layer.scale**2
    grouped = router.method == 'sinkhorn'
    block = router.group_size if grouped else router.channels
    return Order(
        method=router.method,
        learned=router.learns,
        channels=router.channels,
        block=block,
        **measure(order.tolist(), block),
        new_cell=int((order // cell != places // cell).sum()),
        new_parity=int((order % cell != places % cell).sum()),
        temperature=router.temperature if router.learns else None,
        gap=relaxation_gap(router) if router.learns else None,
        order=order.tolist(),
    )


@torch.no_grad()
def order_matrices(
    layer: CubeConv2d, temperature: float | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Mean over the blocks of the permutation and of its relaxation.

    Args:
        layer: Layer with a router; stays as it is.
        temperature: As for :func:`describe_order`.

    Returns:
        Two matrices of shape (g, g) for blocks of g channels, positions
        downwards and input channels to the right; the second one is None for
        an order that is not learned.
    """
    router = at_temperature(layer.router, temperature)
    order = router.permutation().cpu()
    relaxed = router.relaxed().float().cpu() if router.learns else None
    block = router.channels if relaxed is None else relaxed.shape[1]
    hard = torch.zeros(len(order) // block, block, block)
    hard.scatter_(2, order.view(-1, block, 1) % block, 1.0)
    soft = None if relaxed is None else relaxed.mean(0).numpy()
    return hard.mean(0).numpy(), soft


def at_temperature(
    router: ChannelRouter | None, temperature: float | None
) -> ChannelRouter | None:
    """Copy a router and set its temperature, if one is given."""
    router = copy.deepcopy(router)
    if router is not None and temperature is not None:
        router.temperature = temperature
    return router


def final_temperature(cfg: Config, checkpoint: dict) -> float | None:
    """Temperature at which a training ended, None if nothing cooled it.

    Args:
        cfg: Config of the network.
        checkpoint: As it was loaded.
    """
    scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
    if TEMPERATURE in scalars:
        return scalars[TEMPERATURE].current()
    # A published checkpoint has weights only.
    for hook in cfg.get('custom_hooks') or ():
        if hook['type'] == 'RouterTemperatureHook':
            return HOOKS.build(hook).end
    return None
