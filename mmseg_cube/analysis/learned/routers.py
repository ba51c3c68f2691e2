"""Report of the channel orders in a checkpoint, and of when they froze."""

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from mmseg_cube.analysis.learned.orders import (
    describe_order,
    final_temperature,
)
from mmseg_cube.analysis.learned.tables import tabulate
from mmseg_cube.engine.router_history import (
    HISTORY,
    look,
    summarise,
    write_report,
)
from mmseg_cube.layers import layer_name, learned_routers
from mmseg_cube.utils.networks import load_network

ROUTERS = dict(
    method='', channels='', block='', moved='.1%', distance='.3f',
    frozen_since='', temperature='.3g', gap='.3f',
)  # fmt: skip


def report_routers(cfg: Config, checkpoint: str, out: Path) -> str:
    """Write ``router_report.json`` and ``router_report.png``.

    Returns:
        A table for the terminal and where the files are.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If the checkpoint is of another network, or no router
            learns an order.
    """
    routers = learned_routers(load_network(cfg, checkpoint))
    if not routers:
        raise ValueError(
            f'{cfg.filename}: no channel router learns an order. '
            "router=dict(method='sinkhorn') in a CubeConv2d adds one"
        )
    loaded = CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu')
    history: dict[str, dict] = {}
    look(history, routers, loaded.get('meta', {}).get('iter', 0))
    infos = loaded.get('message_hub', {}).get('runtime_info', {})
    differing = 0
    for name, record in history.items():
        last = infos.get(HISTORY, {}).get(name, record)
        record['looks'] = last['looks']
        differing += last['order'] != record['order']
    summary = summarise(history)
    temperature = final_temperature(cfg, loaded)
    for name, numbers in summary.items():
        order = describe_order(routers[name], 1, temperature)
        numbers |= {key: order[key] for key in ('temperature', 'gap')}
    paths = write_report(history, summary, out)
    rows = {layer_name(name): row for name, row in summary.items()}
    said = [tabulate('router', rows, ROUTERS).terminal()]
    if differing:
        said.append(
            f'{differing} of them had another order at the last look: these '
            'weights are averages (EMAHook) or from between two looks'
        )
    said.append(f'{len(routers)} routers: {paths[0]}, {paths[1].name}')
    return '\n'.join(said)
