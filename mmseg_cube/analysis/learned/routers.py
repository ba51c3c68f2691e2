"""What the channel routers of Cube layers have learned.

Position i of the routed channels holds the input channel ``order[i]``. With
lattice scale r, channels of one ``i // r^2`` share a cell of the lattice and
``i % r^2`` is their parity, the place within the cell. A channel that moves
within its cell changes its parity only; one that takes the same place of
another cell changes its cell only.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import HOOKS

from mmseg_cube.engine.router_hooks import TEMPERATURE
from mmseg_cube.evaluation import channel_orders
from mmseg_cube.layers import ChannelRouter, layer_name, learned_routers
from mmseg_cube.utils.checkpoints import read_checkpoint
from mmseg_cube.utils.networks import load_network
from mmseg_cube.utils.tables import Table

COLUMNS = ('method', 'channels', 'block', 'moved', 'distance', 'frozen_since')
RELAXED = ('temperature', 'gap')


@torch.no_grad()
def describe_order(
    router: ChannelRouter, scale: int, temperature: float | None = None
) -> tuple[dict[str, object], np.ndarray, np.ndarray | None]:
    """Describe the order of a router in a layer of a lattice scale r.

    Returns:
        A record as in ``evaluation.channel_orders``, with how many channels
        have a ``new_cell`` and a ``new_parity``, which ones share ``cells``,
        and for a learned order the ``temperature`` (the router's own if none
        is given) and the ``gap``, the largest difference between relaxation
        and order. Then the permutation and its relaxation, of shape (B, g,
        g) for B blocks of g channels; None for an order that is not learned.
    """
    router = deepcopy(router)
    router.temperature = temperature or router.temperature
    numbers = channel_orders.describe(router)
    hard = channel_orders.order_blocks(numbers['order'], numbers['block'])
    places = numbers['order'], np.arange(router.channels)
    moved = np.not_equal(*(np.divmod(x, scale**2) for x in places)).sum(1)
    numbers['new_cell'], numbers['new_parity'] = moved.tolist()
    cells = np.reshape(numbers['order'], (-1, scale**2))
    numbers['cells'] = cells.tolist()
    if not router.learns:
        return numbers, hard, None
    soft = router.relaxed().float().cpu().numpy()
    gap = float(abs(soft - hard).max())
    return numbers | dict(temperature=router.temperature, gap=gap), hard, soft


def final_temperature(cfg: Config, checkpoint: Mapping) -> float | None:
    """Temperature at which a training ended, None if nothing cooled it."""
    scalars = checkpoint['message_hub'].get('log_scalars', {})
    if TEMPERATURE in scalars:
        return scalars[TEMPERATURE].current()
    # A published checkpoint has weights only.
    for hook in cfg.get('custom_hooks') or ():
        if hook['type'] == 'RouterTemperatureHook':
            return HOOKS.build(hook).end
    return None


def report_routers(cfg: Config, checkpoint: str, out: Path) -> str:
    """Write ``router_report.json`` and ``.png``; return a table to show."""
    routers = learned_routers(load_network(cfg, checkpoint))
    if not routers:
        raise ValueError(
            f'{cfg.filename}: no channel router learns an order. '
            "router=dict(method='sinkhorn') in a CubeConv2d adds one"
        )
    loaded = read_checkpoint(checkpoint)
    history: dict[str, dict] = {}
    iteration = loaded['meta'].get('iter', 0)
    channel_orders.look(history, routers, iteration)
    infos = loaded['message_hub'].get('runtime_info', {})
    before = infos.get(channel_orders.HISTORY, {})
    temperature = final_temperature(cfg, loaded)
    differing = 0
    for name, record in history.items():
        last = before.get(name, record)
        record['looks'] = last['looks']
        differing += last['order'] != record['order']
        numbers, *_ = describe_order(routers[name], 1, temperature)
        record |= {key: numbers[key] for key in RELAXED}
    summary = channel_orders.write_report(history, out)
    rows = {layer_name(name): row for name, row in summary.items()}
    said = [tabulate('router', rows, COLUMNS + RELAXED).terminal()]
    if differing:
        said.append(
            f'{differing} of them had another order at the last look: these '
            'weights are averages (EMAHook) or from between two looks'
        )
    said.append(f'{len(routers)} routers: {out}/router_report.json and .png')
    return '\n'.join(said)


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
