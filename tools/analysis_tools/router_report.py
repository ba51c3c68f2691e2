"""Report the channel orders that a checkpoint has learned.

``python tools/analysis_tools/router_report.py CONFIG CHECKPOINT --out FOLDER``

The gap is the largest difference between the relaxation, which carried the
gradient, and the permutation, which is applied, at the temperature at which
the training ended. If ``RouterReportHook`` took part in the training, its
curves are drawn as well.
"""

import argparse
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from mmseg.registry import MODELS
from rich.console import Console
from rich.table import Table

from mmseg_cube.analysis.learned.orders import final_temperature
from mmseg_cube.analysis.routers.report import (
    learned_routers,
    look,
    relaxation_gap,
    summarise,
    write_report,
)
from mmseg_cube.engine.router_history import HISTORY
from mmseg_cube.layers import ChannelRouter, layer_name
from mmseg_cube.utils.cfg_options import add_cfg_options


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the network')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument(
        '--out', type=Path, required=True, help='folder for JSON and picture'
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def load_routers(
    cfg: Config, checkpoint: dict, path: str
) -> dict[str, ChannelRouter]:
    """Build the routers of a config with the weights of a checkpoint.

    Raises:
        ValueError: If no router learns an order, or its weights are missing.
    """
    routers = learned_routers(MODELS.build(cfg.model))
    if not routers:
        raise ValueError(
            f'{cfg.filename}: no channel router learns an order. '
            "router=dict(method='sinkhorn') in a CubeConv2d adds one"
        )
    weights = checkpoint.get('state_dict', checkpoint)
    for name, router in routers.items():
        keys = {key: f'{name}.{key}' for key in router.state_dict()}
        missing = [key for key in keys.values() if key not in weights]
        if missing:
            raise ValueError(
                f'{path}: no {missing[0]}. Name the config that it was '
                f'trained with instead of {cfg.filename}'
            )
        router.load_state_dict({k: weights[keys[k]] for k in keys})
    return routers


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all went well, 2 if the input was wrong."""
    args = parse_args(argv)
    try:
        cfg = Config.fromfile(args.config)
        cfg.merge_from_dict(args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        checkpoint = CheckpointLoader.load_checkpoint(args.checkpoint, 'cpu')
        routers = load_routers(cfg, checkpoint, args.checkpoint)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        print(f'{args.checkpoint} cannot be used: {error}', file=sys.stderr)
        return 2

    history = {}
    look(history, routers, checkpoint.get('meta', {}).get('iter', 0))
    infos = checkpoint.get('message_hub', {}).get('runtime_info', {})
    differing = 0
    for name, record in history.items():
        last = infos.get(HISTORY, {}).get(name, record)
        record['looks'] = last['looks']
        differing += last['order'] != record['order']
    summary = summarise(history)
    temperature = final_temperature(cfg, checkpoint)
    for name, router in routers.items():
        router.temperature = temperature or router.temperature
        summary[name]['temperature'] = router.temperature
        summary[name]['gap'] = relaxation_gap(router)

    try:
        paths = write_report(history, summary, args.out)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    Console(width=140).print(make_table(summary))
    if differing:
        print(
            f'{differing} of them had another order at the last look: these '
            'weights are averages (EMAHook) or from between two looks'
        )
    print(f'{len(routers)} routers: {paths[0]}, {paths[1].name}')
    return 0


def make_table(summary: dict[str, dict]) -> Table:
    """Show one router per row."""
    table = Table('Router', 'Method')
    for name in ('Channels', 'Block', 'Moved', 'Distance', 'Frozen since',
                 'Temperature', 'Gap'):  # fmt: skip
        table.add_column(name, justify='right')
    for name, row in summary.items():
        frozen = row['frozen_since']
        table.add_row(
            layer_name(name),
            row['method'],
            str(row['channels']),
            str(row['block']),
            f'{100 * row["moved"]:.1f} %',
            f'{row["distance"]:.3f}',
            '-' if frozen is None else str(frozen),
            f'{row["temperature"]:.3g}',
            f'{row["gap"]:.3f}',
        )
    return table


if __name__ == '__main__':
    sys.exit(main())
