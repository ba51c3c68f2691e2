"""Time the operator or whole networks against what they replace.

All candidates take turns in one process, with random weights. Ratios are
medians of the ratios within the rounds; below 1 is faster, or less memory.
The bars of this project stand beside them.
"""

import argparse

from mmseg_cube.cli.arguments import add, positive, share

GRID = '64x128 96x128 128x64 192x64 256x32 384x32 512x16 768x16'
BATCH = dict(cpu=2, cuda=8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``operator`` and ``network``, and the arguments of each."""
    kinds = parser.add_subparsers(dest='kind', required=True)
    operator = kinds.add_parser(
        'operator', help='the Cube layers', allow_abbrev=False
    )
    what = f'inputs of C channels and H x H cells ({GRID})'
    grid = dict(type=channels_and_size, nargs='+', metavar='CxH')
    add(operator, '--grid', what, **grid)
    what = 'kernel on the lattice; the bars are for 3'
    add(operator, '--lattice-kernel-size', what, type=positive, default=3)
    what = 'type of parameters and inputs'
    _add_shared(operator, what, ('float32', 'bfloat16', 'float16'), 30)
    network = kinds.add_parser(
        'network', help='the networks of configs', allow_abbrev=False
    )
    what = 'networks; without --against, the first is the baseline'
    add(network, 'configs', what, nargs='+', metavar='CONFIG')
    share(network, '--against')
    add(network, '--size', 'side of the images', default=512)
    what = 'bfloat16: inference and training are autocast to it'
    _add_shared(network, what, ('float32', 'bfloat16'), 20)


def _add_shared(
    parser: argparse.ArgumentParser,
    what: str,
    dtypes: tuple[str, ...],
    repeats: int,
) -> None:
    add(parser, '--dtype', what, default='float32', choices=dtypes)
    rounds = dict(type=positive, default=repeats)
    add(parser, '--repeats', 'rounds of timing', **rounds)
    add(parser, '--batch', 'images (2 on a CPU, 8 on a GPU)')
    choices = ('contiguous', 'channels_last')
    layouts = dict(nargs='+', choices=choices, default=['contiguous'])
    add(parser, '--layouts', 'of inputs and weights', **layouts)
    what = 'also list the time by operation'
    add(parser, '--profile', what, action='store_true')
    share(parser, '--device', '--threads')
    add(parser, '--out', 'folder for speed.md, speed.json and chart.png')


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

    from mmseg_cube.analysis.speed.comparison import Setting, compare
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

        baseline = [args.against] if args.against else []
        grid, subject = [(3, args.size)], Networks(baseline + args.configs)
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
    results = [
        result
        for setting in settings
        for task in subject.tasks
        for result in compare(
            subject, task, setting, args.repeats, args.profile
        )
    ]
    facts = describe_machine(device) | dict(
        dtype=args.dtype, batch=batch, repeats=args.repeats, **subject.facts
    )
    report(results, facts, args.out)
