"""What the channel routers of Cube layers have learned.

Position i of the routed channels holds the input channel ``order[i]``. With
lattice scale r, channels of one ``i // r^2`` share a cell of the lattice and
``i % r^2`` is their parity, the place within the cell. A channel that moves
within its cell changes its parity only; one that takes the same place of
another cell changes its cell only.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import HOOKS

from mmseg_cube.engine.router_history import measure
from mmseg_cube.engine.router_temperature_hook import TEMPERATURE
from mmseg_cube.layers import ChannelRouter
from mmseg_cube.utils.figures import new_figure
from mmseg_cube.utils.matrices import shrink
from mmseg_cube.utils.words import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELLS = 64  # most rows of a drawn matrix
PER_ROW = 3  # layers side by side
PANEL, CAPTION = 2.1, 0.45  # inches
LETTERS = 34  # of a name over a layer's matrices


def describe_order(
    router: ChannelRouter, scale: int, temperature: float | None = None
) -> dict[str, object]:
    """Describe the order of a router.

    Args:
        router: Router; stays as it is.
        scale: Lattice scale of its layer, r.
        temperature: Temperature of the relaxation; the router's own by
            default.

    Returns:
        ``method``, ``learned``, ``channels``, ``block`` (channels of a block,
        which the order does not leave), ``order`` (input channel of every
        position), ``moved`` and ``distance`` as of
        ``engine.router_history``, the number of channels with a ``new_cell``
        and a ``new_parity``; and for a learned one its ``temperature`` and
        ``gap``, the largest difference between relaxation and order.
    """
    hard, soft = order_matrices(router, temperature)
    order = router.permutation().cpu().numpy()
    places, cell = np.arange(len(order)), scale**2
    numbers = dict(
        method=router.method,
        learned=router.learns,
        channels=router.channels,
        block=hard.shape[1],
        **measure(order.tolist(), hard.shape[1]),
        new_cell=int((order // cell != places // cell).sum()),
        new_parity=int((order % cell != places % cell).sum()),
        order=order.tolist(),
    )
    if soft is not None:
        numbers['temperature'] = temperature or router.temperature
        numbers['gap'] = float(abs(soft - hard).max())
    return numbers


@torch.no_grad()
def order_matrices(
    router: ChannelRouter, temperature: float | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """The permutation of a router and its relaxation, by blocks of channels.

    Returns:
        Two arrays of shape (B, g, g) for B blocks of g channels, positions
        downwards and input channels to the right; None in place of the second
        for an order that is not learned.
    """
    router = deepcopy(router)
    if temperature is not None:
        router.temperature = temperature
    soft = router.relaxed().float().cpu().numpy() if router.learns else None
    block = router.channels if soft is None else soft.shape[1]
    order = router.permutation().cpu().numpy().reshape(-1, block)
    return np.eye(block, dtype=np.float32)[order % block], soft


def final_temperature(cfg: Config, checkpoint: Mapping) -> float | None:
    """Temperature at which a training ended, None if nothing cooled it."""
    scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
    if TEMPERATURE in scalars:
        return scalars[TEMPERATURE].current()
    # A published checkpoint has weights only.
    for hook in cfg.get('custom_hooks') or ():
        if hook['type'] == 'RouterTemperatureHook':
            return HOOKS.build(hook).end
    return None


def draw_orders(
    routers: Mapping[str, ChannelRouter], temperature: float | None = None
) -> Figure:
    """Draw permutation and relaxation of every router, side by side.

    Positions go downwards, input channels to the right. Blocks are laid over
    each other and long orders are pooled: the darker a cell, the more
    channels.
    """
    columns = min(PER_ROW, len(routers))
    rows = -(-len(routers) // columns)
    size = 2 * PANEL * columns, (PANEL + CAPTION) * rows
    figure, grid = new_figure(rows, 2 * columns, size)
    pairs = grid.reshape(-1, 2)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for axes in pairs[len(routers) :].flat:
        axes.axis('off')
    for (left, right), (name, router) in zip(
        pairs, routers.items(), strict=False
    ):
        hard, soft = order_matrices(router, temperature)
        moved = measure(router.permutation().tolist(), hard.shape[1])['moved']
        said = f'{router.method}, {moved:.0%} of {router.channels} moved'
        left.set_title(f'{cut(name, LETTERS)}\n{said}', fontsize=8, loc='left')
        _draw(left, hard, 'order')
        if soft is None:
            right.axis('off')
            right.text(0.5, 0.5, 'not learned', ha='center', fontsize=8)
        else:
            _draw(right, soft, 'relaxation')
    return figure


def _draw(axes: Axes, blocks: np.ndarray, label: str) -> None:
    axes.imshow(shrink(blocks.mean(0), CELLS), cmap='Greys', vmin=0)
    axes.set_xlabel(label, fontsize=7)
