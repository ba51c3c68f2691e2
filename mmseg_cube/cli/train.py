"""Train a network, with mmsegmentation's own script.

Its other options are passed on as they are. For several GPUs:
torchrun --nproc_per_node N -m mmseg_cube.cli train CONFIG --launcher pytorch
"""

import argparse

from mmseg_cube.cli.arguments import add, share

PASSES_ON = True
CONTINUES = 'The same command with --resume continues.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is checked before the script starts, and what help shows."""
    share(parser, 'config', '--launcher', '--cfg-options')
    add(parser, '--work-dir', 'folder of logs and checkpoints')
    what = 'go on from the last checkpoint of the work folder'
    add(parser, '--resume', what, action='store_true')
    what = 'automatic mixed precision'
    add(parser, '--amp', what, action='store_true')


def run(args: argparse.Namespace) -> int:
    """Check the config, then run the script."""
    from mmseg_cube.cli.mmseg_script import run_mmseg_script
    from mmseg_cube.utils.configs import read_config
    from mmseg_cube.utils.networks import build_network
    from mmseg_cube.utils.quiet import quiet_log

    with quiet_log():
        build_network(read_config(args.config, args.cfg_options))
    return run_mmseg_script('train.py', args.words)
