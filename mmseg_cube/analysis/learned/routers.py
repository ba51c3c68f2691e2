"""What the channel routers of Cube layers have learned.

Position i of the routed channels holds the input channel ``order[i]``. With
lattice scale r, channels of one ``i // r^2`` share a cell of the lattice and
``i % r^2`` is their parity, the place within the cell. A channel that moves
within its cell changes its parity only; one that takes the same place of
another cell changes its cell only.

The distance of an order from the identity is Spearman's footrule, the sum of
all displacements, over its mean for random orders within the same blocks:
(g^2 - 1) / 3 for g channels (Diaconis and Graham, J. R. Stat. Soc. B 39,
1977). 0 is the identity, about 1 a random order and 1.5 a reversed one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from mmengine.config import Config

from mmseg_cube.analysis.report import write_report
from mmseg_cube.layers import ChannelRouter, layer_name, learned_routers
from mmseg_cube.utils.figures import new_panels
from mmseg_cube.utils.networks import load_network
from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.words import cut

COLUMNS = 'method', 'channels', 'block', 'moved', 'distance'
CELLS = 64  # most rows of a drawn matrix
PANELS = 6  # side by side
PANEL = 2.4  # inches
LETTERS = 32  # that fit over a panel


def measure(order: Sequence[int], block: int) -> dict[str, float]:
    """``moved`` and ``distance`` of an order that stays within blocks."""
    shifts = np.abs(np.array(order) - np.arange(len(order)))
    # Mean shift of a channel in a random order; one channel cannot move.
    random = (block**2 - 1) / (3 * block)
    distance = shifts.mean() / random if random else 0.0
    return dict(moved=float((shifts > 0).mean()), distance=float(distance))


def describe_order(router: ChannelRouter, scale: int) -> dict[str, object]:
    """Describe the order of a router in a layer of a lattice scale r.

    Returns:
        ``method``, ``channels``, ``block`` (channels per block), ``order``,
        the share ``moved`` away from their place and their ``distance``, how
        many channels have a ``new_cell`` and a ``new_parity``, and which ones
        share ``cells``.
    """
    order, block = router.permutation().tolist(), router.channels
    if router.method == 'sinkhorn':
        block = router.group_size
    places = order, np.arange(router.channels)
    moved = np.not_equal(*(np.divmod(x, scale**2) for x in places)).sum(1)
    numbers = dict(method=router.method, channels=router.channels)
    numbers |= dict(block=block, order=order, **measure(order, block))
    numbers['new_cell'], numbers['new_parity'] = moved.tolist()
    numbers['cells'] = np.reshape(order, (-1, scale**2)).tolist()
    return numbers


def report_routers(cfg: Config, checkpoint: str, out: Path) -> str:
    """Write ``router_report.md``, ``.json`` and ``.png``; return a table."""
    routers = learned_routers(load_network(cfg, checkpoint))
    if not routers:
        raise ValueError(
            f'{cfg.filename}: no channel router learns an order. '
            "router=dict(method='sinkhorn') in a CubeConv2d adds one"
        )
    found = {}
    for name, router in routers.items():
        # Which channels share a cell is up to the layer around it.
        numbers = describe_order(router, 1)
        numbers = {key: numbers[key] for key in ('order', *COLUMNS)}
        found[layer_name(name)] = numbers
    table, name = tabulate('router', found, COLUMNS), 'router_report'
    figures = {name: draw_orders(found)}
    write_report(out, name, dict(routers=found), [table], figures=figures)
    said = f'{len(routers)} routers: {out / name}.md, .json and .png'
    return f'{table.terminal()}\n{said}'


def draw_orders(orders: Mapping[str, Mapping]) -> Figure:
    """Draw orders as matrices, positions downwards, inputs to the right.

    Of each the ``order`` and ``block`` are drawn. Blocks are laid over each
    other and long ones are pooled: the darker a cell, the more channels.
    """
    figure, panels = new_panels(len(orders), PANELS, PANEL, PANEL)
    for axes, (name, numbers) in zip(panels, orders.items(), strict=True):
        block = numbers['block']
        places = np.reshape(numbers['order'], (-1, block)) % block
        matrix = np.eye(block, dtype=np.float32)[places].mean(0)
        size, how = (min(block, CELLS),) * 2, cv2.INTER_AREA
        picture = cv2.resize(matrix, size, interpolation=how)
        axes.imshow(picture, cmap='Greys', vmin=0)
        axes.set(xticks=[], yticks=[])
        axes.set_title(cut(name, LETTERS), fontsize=7)
    return figure


def tabulate(
    first: str, rows: Mapping[str, Mapping | None], columns: Sequence[str]
) -> Table:
    """Lay numbers out; a dash stands for those that are missing or None."""
    cells = [
        [name, *(_show((row or {}).get(key)) for key in columns)]
        for name, row in rows.items()
    ]
    return Table([first, *columns], cells)


def _show(value: object) -> str:
    if isinstance(value, list):
        return ', '.join(map(_show, value))
    if isinstance(value, float):
        return f'{value:.3f}'
    return '-' if value is None else str(value)
