"""Compare how correlated the gradients of channels are in two networks.

Layers of the same name get the same batches. Tables, numbers and pictures of
the correlations between channels are written, of the gradients of inputs and
of kernels. Without checkpoints weights are random; init stands for random
weights among others. Several checkpoints, as many for both networks, give
curves over training. docs/gradient_analysis.md defines every number.
"""

import argparse
from pathlib import Path

from mmseg_cube.cli.arguments import add, positive, share

OUT = Path('work_dirs/gradients')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add(parser, 'config', 'config of the network, and of the data')
    add(parser, 'checkpoints', 'its weights', nargs='*')
    share(parser, '--against', '--against-checkpoints')
    what = 'shell patterns for names of convolutions (all Cubes)'
    add(parser, '--layers', what, nargs='+', metavar='PATTERN')
    add(parser, '--batches', 'how many', type=positive, default=8)
    add(parser, '--split', 'part of the data set', default='train')
    share(parser, '--seed', '--device', '--cfg-options')
    add(parser, '--out', f'folder for the results ({OUT})')


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
