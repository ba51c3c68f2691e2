"""Time the operator or whole networks against what they replace.

All candidates take turns in one process, with random weights. Ratios are
medians of the ratios within the rounds; below 1 is faster, or less memory.
The bars of this project stand beside them.
"""

import argparse

from mmseg_cube.cli import arguments

GRID = '64x128 96x128 128x64 192x64 256x32 384x32 512x16 768x16'
BATCH = dict(cpu=2, cuda=8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``operator`` and ``network``, and the arguments of each."""
    kinds = parser.add_subparsers(required=True, metavar='operator|network')
    operator = kinds.add_parser('operator', help='the Cube layers')
    operator.set_defaults(choose=_choose_operator)
    operator.add_argument(
        '--grid',
        nargs='+',
        type=channels_and_size,
        default=list(map(channels_and_size, GRID.split())),
        metavar='CxH',
        help=f'inputs of C channels and H x H cells ({GRID})',
    )
    operator.add_argument(
        '--lattice-kernel-size',
        type=arguments.positive,
        default=3,
        help='kernel on the lattice (3); the bars are for 3',
    )
    operator.add_argument(
        '--profile',
        action='store_true',
        help='also list the time of inference by operation',
    )
    _add_shared(operator, ('float32', 'bfloat16', 'float16'), 30)
    network = kinds.add_parser('network', help='the networks of configs')
    network.set_defaults(choose=_choose_networks)
    network.add_argument(
        'configs',
        nargs='+',
        metavar='CONFIG',
        help='networks; without --against, the first is the baseline',
    )
    arguments.against(network)
    arguments.size(network, 512, 'side of the images')
    network.add_argument(
        '--profile',
        nargs='?',
        type=arguments.positive,
        const=3,
        metavar='DEPTH',
        help='also list the time by module as trained, down to this depth '
        '(3, such as decode_head.levels.0)',
    )
    _add_shared(network, ('float32', 'bfloat16'), 20)


def channels_and_size(text: str) -> tuple[int, int]:
    """Read channels and size, such as 64x128."""
    channels, _, size = text.partition('x')
    try:
        return arguments.positive(channels), arguments.positive(size)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f'must be channels x size, such as 64x128, but got {text!r}'
        ) from None


def run(args: argparse.Namespace) -> None:
    """Measure, print the tables and write them."""
    import torch

    from mmseg_cube.analysis.speed.comparison import Setting, compare_all
    from mmseg_cube.analysis.speed.report import report
    from mmseg_cube.analysis.speed.rounds import describe_machine, prepare

    device = prepare(args.device, args.threads)
    subject, grid = args.choose(args)
    if args.out is not None:
        # An unusable folder is better found before the work than after it.
        args.out.mkdir(parents=True, exist_ok=True)
    dtype = getattr(torch, args.dtype)
    batch = args.batch or BATCH[device.type]
    settings = [
        Setting(size, batch, channels, dtype, layout, device)
        for channels, size in grid
        for layout in dict.fromkeys(args.layouts)
    ]
    results = compare_all(subject, settings, args.repeats)
    profiles = {
        f'{name}, {setting}': passes
        for setting in settings
        if args.profile
        for name, passes in subject.profile(setting).items()
    }
    facts = describe_machine(device) | dict(
        dtype=args.dtype, batch=batch, repeats=args.repeats, **subject.facts
    )
    report(results, profiles, facts, args.out)


def _choose_operator(args: argparse.Namespace) -> tuple:
    from mmseg_cube.analysis.speed.operator import Operator

    channels = [number for number, _ in args.grid]
    return Operator(args.lattice_kernel_size, channels), args.grid


def _choose_networks(args: argparse.Namespace) -> tuple:
    from mmseg_cube.analysis.speed.network import Networks

    baseline = [args.against] if args.against else []
    subject = Networks([*baseline, *args.configs], args.profile)
    return subject, [(3, args.size)]


def _add_shared(
    parser: argparse.ArgumentParser, dtypes: tuple[str, ...], repeats: int
) -> None:
    arguments.device(parser)
    arguments.threads(parser)
    arguments.out(parser, 'folder for speed.md, speed.json and chart.png')
    parser.add_argument(
        '--batch',
        type=arguments.positive,
        help='images (2 on a CPU, 8 on a GPU)',
    )
    parser.add_argument(
        '--layouts',
        nargs='+',
        choices=('contiguous', 'channels_last'),
        default=['contiguous'],
        help='memory layouts of inputs and weights (contiguous)',
    )
    parser.add_argument(
        '--dtype',
        choices=dtypes,
        default='float32',
        help='type of parameters and inputs; the training step of networks '
        'is autocast to it (float32)',
    )
    parser.add_argument(
        '--repeats',
        type=arguments.positive,
        default=repeats,
        help=f'rounds of timing ({repeats})',
    )
