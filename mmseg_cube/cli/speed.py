"""Time the operator or whole networks against what they replace.

All candidates take turns in one process, with random weights. Ratios are
medians of the ratios within the rounds; below 1 is faster, or less memory.
The bars of this project stand beside them.
"""

import argparse

from mmseg_cube.cli import arguments
from mmseg_cube.cli.arguments import option, positive, switch

GRID = '64x128 96x128 128x64 192x64 256x32 384x32 512x16 768x16'
BATCH = dict(cpu=2, cuda=8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``operator`` and ``network``, and the arguments of each."""
    kinds = parser.add_subparsers(dest='kind', required=True)
    operator = kinds.add_parser(
        'operator', help='the Cube layers', allow_abbrev=False
    )
    option(
        operator,
        '--grid',
        f'inputs of C channels and H x H cells ({GRID})',
        channels_and_size,
        nargs='+',
        metavar='CxH',
    )
    option(
        operator,
        '--lattice-kernel-size',
        'kernel on the lattice; the bars are for 3',
        positive,
        3,
    )
    switch(operator, '--profile', 'also list the operations of inference')
    _add_shared(operator, ('float32', 'bfloat16', 'float16'), 30)
    network = kinds.add_parser(
        'network', help='the networks of configs', allow_abbrev=False
    )
    network.add_argument(
        'configs',
        nargs='+',
        metavar='CONFIG',
        help='networks; without --against, the first is the baseline',
    )
    arguments.against(network)
    arguments.size(network, 512, 'side of the images')
    option(
        network,
        '--profile',
        'also list the modules of networks as trained, down to this depth '
        '(3, such as decode_head.levels.0)',
        positive,
        nargs='?',
        const=3,
        metavar='DEPTH',
    )
    _add_shared(network, ('float32', 'bfloat16'), 20)


def channels_and_size(text: str) -> tuple[int, int]:
    """Read channels and size, such as 64x128."""
    channels, _, size = text.partition('x')
    try:
        return positive(channels), positive(size)
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
    if args.kind == 'operator':
        from mmseg_cube.analysis.speed.operator import Operator

        grid = args.grid or list(map(channels_and_size, GRID.split()))
        channels = [number for number, _ in grid]
        subject = Operator(args.lattice_kernel_size, channels)
    else:
        from mmseg_cube.analysis.speed.network import Networks

        grid, baseline = [(3, args.size)], [args.against]
        paths = [path for path in (*baseline, *args.configs) if path]
        subject = Networks(paths, args.profile)
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


def _add_shared(
    parser: argparse.ArgumentParser, dtypes: tuple[str, ...], repeats: int
) -> None:
    arguments.device(parser)
    arguments.threads(parser)
    arguments.out(parser, 'folder for speed.md, speed.json and chart.png')
    option(parser, '--batch', 'images (2 on a CPU, 8 on a GPU)', positive)
    option(
        parser,
        '--layouts',
        'memory layouts of inputs and weights',
        default=['contiguous'],
        nargs='+',
        choices=('contiguous', 'channels_last'),
    )
    option(
        parser,
        '--dtype',
        'type of parameters and inputs; the training step of networks is '
        'autocast to it',
        default='float32',
        choices=dtypes,
    )
    option(parser, '--repeats', 'rounds of timing', positive, repeats)
