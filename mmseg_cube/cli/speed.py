"""Time the operator, networks or exported files against what they replace.

All candidates take turns in one process, with random weights. Ratios are
medians of the ratios within the rounds; below 1 is faster, or less memory.
The exit code is 1 if an engine was left out.
"""

import re
import sys
from argparse import ArgumentTypeError
from itertools import product

from mmseg_cube.cli.arguments import Arguments, Namespace, positive

KINDS = dict(
    operator='the Cube layers',
    network='the networks of configs',
    export='the networks of configs, deployed in several engines, on the CPU',
)
ENGINES = 'eager', 'channels_last', 'compile', 'onnxruntime', 'openvino'
GRID = '64x128 96x128 128x64 192x64 256x32 384x32 512x16 768x16'
TASKS = 'trained', 'deployed', 'throughput', 'training'
DTYPES, LAYOUTS = ('float32', 'bfloat16'), ('contiguous', 'channels_last')
BATCH = dict(cpu=2, cuda=8)


def add_arguments(add: Arguments, kind: str) -> None:
    if kind == 'operator':
        what = f'inputs of C channels and H x H cells ({GRID})'
        add('--grid', what, type=channels_and_size, nargs='+', metavar='CxH')
        what = 'kernel on the lattice'
        add('--lattice-kernel-size', what, default=3)
        what = 'lattice pixels between windows; 1: channels share weights'
        add('--lattice-stride', f'{what} (default: a cell)', type=positive)
    else:
        what = 'networks; without --against, the first is the baseline'
        add('configs', what, nargs='+', metavar='CONFIG')
        add.share('--against')
        add('--size', 'side of the images', default=512)
    add('--repeats', 'rounds of timing', default=20)
    add('--batch', 'images (2 on a CPU, 8 on a GPU)')
    add.share('--threads')
    if kind == 'export':
        what = 'what runs the networks; the first three are of PyTorch'
        kinds = dict(choices=ENGINES, default=list(ENGINES), dest='layouts')
        add('--engines', what, **kinds)
        add.parser.set_defaults(device='cpu', dtype=DTYPES[0])
    else:
        what = 'kind of numbers; networks are autocast to bfloat16'
        add('--dtype', what, default='float32', choices=DTYPES)
        if kind == 'network':
            what = 'inference as trained, deployed, of a batch; a training'
            add('--tasks', what, choices=TASKS, default=list(TASKS))
        what = 'memory layouts of inputs and weights'
        add('--layouts', what, choices=LAYOUTS, default=[LAYOUTS[0]])
        add.share('--device')
    add('--out', 'folder for speed.md, speed.json and chart.png')


def channels_and_size(text: str) -> tuple[int, int]:
    """Read channels and size, such as 64x128."""
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', text)
    if not found:
        raise ArgumentTypeError(
            f'must be channels x size, such as 64x128, but got {text!r}'
        )
    return int(found[1]), int(found[2])


def run(args: Namespace) -> int:
    """Measure and report; 1 if an engine could not run the networks."""
    import torch

    from mmseg_cube.analysis.speed.comparison import Setting, compare
    from mmseg_cube.analysis.speed.report import report
    from mmseg_cube.analysis.speed.rounds import describe_machine, prepare
    from mmseg_cube.deploy import ExportError

    device = prepare(args.device, args.threads)
    if args.kind == 'operator':
        from mmseg_cube.analysis.speed.operator import Operator

        grid = args.grid or list(map(channels_and_size, GRID.split()))
        channels = [number for number, _ in grid]
        subject = Operator(
            args.lattice_kernel_size, args.lattice_stride, channels
        )
    else:
        from mmseg_cube.analysis.speed.engines import Engines
        from mmseg_cube.analysis.speed.network import Networks

        kind = Engines if args.kind == 'export' else Networks
        baseline = [args.against] if args.against else []
        grid, subject = [(3, args.size)], kind(baseline + args.configs)
    tasks = subject.tasks
    if args.kind == 'network':
        named = zip(TASKS, tasks, strict=True)
        tasks = [task for word, task in named if word in args.tasks]
    if args.out is not None:
        # An unusable folder is better found before the work than after it.
        args.out.mkdir(parents=True, exist_ok=True)
    dtype = getattr(torch, args.dtype)
    batch = args.batch or BATCH[device.type]
    results, code = [], 0
    for (channels, size), layout, task in product(
        grid, dict.fromkeys(args.layouts), tasks
    ):
        setting = Setting(size, batch, channels, dtype, layout, device)
        try:
            results += compare(subject, task, setting, args.repeats)
        except ExportError as error:
            print(f'Left out: {error}', file=sys.stderr)
            code = 1
    facts = describe_machine(device) | dict(
        dtype=args.dtype, batch=batch, repeats=args.repeats, **subject.facts
    )
    report(results, facts, args.out)
    return code
