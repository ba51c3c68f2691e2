"""Compare how correlated the gradients of channels are in two networks.

Layers of the same name get the same batches. Tables, numbers and pictures of
the correlations between channels are written, of the gradients of inputs and
of kernels. Without checkpoints weights are random; init stands for random
weights among others. Several checkpoints, as many for both networks, give
curves over training. docs/gradient_analysis.md defines every number.
"""

import argparse
from pathlib import Path

from mmseg_cube.cli import arguments

OUT = Path('work_dirs/gradients')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    arguments.config(parser, 'config of the network, and of the data')
    parser.add_argument('checkpoints', nargs='*', help='its weights')
    arguments.against(parser, checkpoints=True)
    help = 'shell patterns for names of convolutions (all Cubes)'
    parser.add_argument('--layers', nargs='+', metavar='PATTERN', help=help)
    parser.add_argument(
        '--batches', type=arguments.positive, default=8, help='how many (8)'
    )
    arguments.split(parser, 'train')
    arguments.seed(parser)
    arguments.device(parser)
    arguments.cfg_options(parser)
    arguments.out(parser, f'folder for the results ({OUT})')


def run(args: argparse.Namespace) -> None:
    """Compare and print the tables."""
    from mmseg_cube.analysis.gradients.report import compare
    from mmseg_cube.utils.configs import read_config
    from mmseg_cube.utils.networks import choose_device

    given = [(args.config, args.checkpoints)]
    if args.against:
        given.append((args.against, args.against_checkpoints))
    elif args.against_checkpoints:
        raise ValueError('--against-checkpoints go with --against')
    networks = [(read_config(c, args.cfg_options), f) for c, f in given]
    device, out = choose_device(args.device), args.out or OUT
    choice = args.layers, args.split, args.batches, args.seed
    print(compare(networks, out, *choice, device))
