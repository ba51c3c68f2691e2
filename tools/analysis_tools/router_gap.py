"""Score a network with its routers as trained, blending and deployed.

``python tools/analysis_tools/router_gap.py CONFIG CHECKPOINT``

The three scores are those of the config's test set. The relaxation is taken
at the temperature at which the training ended.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence

from mmengine.config import Config
from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table

from mmseg_cube.analysis.routers.gap import relax_routers
from mmseg_cube.analysis.routers.report import learned_routers
from mmseg_cube.layers import switch_to_deploy
from mmseg_cube.utils.cfg_options import add_cfg_options

METRIC = 'building/IoU'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the network')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument(
        '--temperature',
        type=float,
        default=0.001,
        help='temperature of the relaxation (0.001, where the hook ends)',
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all went well, 2 if the input was wrong."""
    args = parse_args(argv)
    if args.temperature <= 0:
        print(
            f'--temperature must be positive, but got {args.temperature}',
            file=sys.stderr,
        )
        return 2
    try:
        cfg = Config.fromfile(args.config)
        cfg.merge_from_dict(args.cfg_options)
        cfg.load_from = args.checkpoint
        scores = measure(cfg, args.temperature)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    table = Table('Routers', METRIC, 'difference')
    for name, score in scores.items():
        difference = score - scores['as trained']
        table.add_row(name, f'{score:.2f}', f'{difference:+.2f}')
    Console(width=80).print(table)
    return 0


def measure(cfg: Config, temperature: float) -> dict[str, float]:
    """Test three versions of one network.

    Raises:
        ValueError: If no router of the network learns an order.
    """
    with tempfile.TemporaryDirectory() as folder:
        cfg.work_dir = folder
        runner = Runner.from_cfg(cfg)
        if not learned_routers(runner.model):
            raise ValueError(
                f'{cfg.filename}: no channel router learns an order. '
                "router=dict(method='sinkhorn') in a CubeConv2d adds one"
            )
        scores = {'as trained': runner.test()[METRIC]}
        # The weights are in the model now; a copy must not load them again.
        runner._load_from = None
        trained = runner.model
        versions = {
            'blending': relax_routers(trained, temperature),
            'deployed': switch_to_deploy(trained),
        }
        for name, model in versions.items():
            runner.model = model
            scores[name] = runner.test()[METRIC]
    return scores


if __name__ == '__main__':
    sys.exit(main())
