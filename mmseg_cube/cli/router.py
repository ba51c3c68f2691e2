"""Report the channel orders that the routers of a checkpoint have learned.

The gap is the largest difference between the relaxation, which carried the
gradient, and the permutation, which is applied, at the temperature at which
the training ended. If RouterReportHook took part in the training, its curves
are drawn as well.
"""

import argparse
from pathlib import Path

from mmseg_cube.cli.arguments import add, share

OUT = Path('work_dirs/router')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    share(parser, 'config', 'checkpoint', '--cfg-options')
    add(parser, '--out', f'folder for numbers and picture ({OUT})')


def run(args: argparse.Namespace) -> None:
    """Write the report and print its table."""
    from mmseg_cube.analysis.learned.routers import report_routers
    from mmseg_cube.utils.configs import read_config

    cfg = read_config(args.config, args.cfg_options)
    print(report_routers(cfg, args.checkpoint, args.out or OUT))
