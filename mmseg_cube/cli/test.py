"""Test a trained network, with mmsegmentation's own script.

Its other options are passed on as they are.
"""

import argparse

from mmseg_cube.cli.arguments import add, share

PASSES_ON = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is checked before the script starts, and what help shows."""
    share(parser, 'config', 'checkpoint')
    add(parser, '--work-dir', 'folder of logs and scores')
    add(parser, '--out', 'folder for the predicted masks')
    parser.add_argument('--show-dir', help='folder for pictures')
    share(parser, '--tta', '--launcher', '--cfg-options')


def run(args: argparse.Namespace) -> int:
    """Check config and checkpoint, then run the script."""
    from mmseg_cube.cli.mmseg_script import run_mmseg_script
    from mmseg_cube.utils.configs import read_config
    from mmseg_cube.utils.networks import load_network
    from mmseg_cube.utils.quiet import quiet_log

    cfg = read_config(args.config, args.cfg_options)
    with quiet_log():
        # The script would go on with the weights that happen to fit.
        load_network(cfg, args.checkpoint)
    return run_mmseg_script('test.py', args.words)
