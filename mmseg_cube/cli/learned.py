"""Draw what a Cube network has learned, and where it is wrong.

The orders of its routers, its coarse kernels, its masks over tiles and maps
of its errors; with --against also where only one of two networks is right.
OUT/learned.md shows the pictures with their numbers, learned.json has all of
them. docs/learned.md says how to read them.
"""

import argparse
from pathlib import Path

from mmseg_cube.cli.arguments import add, positive, share

OUT = Path('work_dirs/learned')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add(parser, 'config', 'config of the Cube network')
    share(parser, 'checkpoint', '--against', '--against-checkpoints')
    what = (
        'tiles to draw; left out: those where networks differ most, the '
        'worst, the median and the best'
    )
    words = dict(nargs='+', default=[], metavar='NAME_OR_PATH')
    add(parser, '--images', what, **words)
    add(
        parser, '--count', 'how many tiles to choose', type=positive, default=6
    )
    what = 'shell patterns for names of Cube layers (all)'
    add(parser, '--layers', what, nargs='+', metavar='PATTERN')
    add(parser, '--split', 'part of the data set', default='test')
    share(parser, '--device', '--cfg-options')
    add(parser, '--out', f'folder for the pictures ({OUT})')


def run(args: argparse.Namespace) -> None:
    """Draw, and say where the pictures are."""
    from mmseg_cube.analysis.learned.report import draw_learned
    from mmseg_cube.utils.configs import read_config
    from mmseg_cube.utils.networks import choose_device

    networks = [(read_config(args.config, args.cfg_options), args.checkpoint)]
    if bool(args.against) != (len(args.against_checkpoints) == 1):
        raise ValueError('--against needs one file in --against-checkpoints')
    if args.against:
        networks.append((read_config(args.against), *args.against_checkpoints))
    choice = args.images, args.count, args.split, args.layers
    device, out = choose_device(args.device), args.out or OUT
    print(draw_learned(networks, out, *choice, device))
