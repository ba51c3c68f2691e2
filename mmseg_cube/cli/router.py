"""Report the channel orders that the routers of a checkpoint have learned.

The distance is 0 for an order that moves nothing, about 1 for a random one.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace


def add_arguments(add: Arguments) -> None:
    add.share('config', 'checkpoint', '--cfg-options', '--trust-checkpoint')
    add('--out', 'folder for numbers and picture', default='work_dirs/router')


def run(args: Namespace) -> None:
    from mmseg_cube.analysis.learned.routers import report_routers
    from mmseg_cube.utils.configs import read_config

    cfg = read_config(args.config, args.cfg_options)
    print(report_routers(cfg, args.checkpoint, args.out))
