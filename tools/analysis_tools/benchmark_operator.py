"""Time the Cube convolution and block against what they replace.

Prints a table per measure with the bars of this project, and writes it as
table.md, with all numbers as results.json and a chart as chart.png.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress

from mmseg_cube.analysis.benchmark.files import count_bars
from mmseg_cube.analysis.benchmark.rounds import (
    DisagreementError,
    describe_machine,
)
from mmseg_cube.analysis.benchmark.tool import positive, prepare, show
from mmseg_cube.analysis.operator_speed.candidates import LAYOUTS, Setting
from mmseg_cube.analysis.operator_speed.comparison import (
    MEASURES,
    Result,
    compare,
)
from mmseg_cube.analysis.operator_speed.profile import profile
from mmseg_cube.analysis.operator_speed.report import make_tables, write_report
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import CubeRuleError

GRID = (
    (64, 128),
    (96, 128),
    (128, 64),
    (192, 64),
    (256, 32),
    (384, 32),
    (512, 16),
    (768, 16),
)
BATCH = dict(cpu=2, cuda=8)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--grid',
        nargs='+',
        type=grid_row,
        default=GRID,
        metavar='CxH',
        help='inputs of C channels and H x H cells (eight from 64x128 to '
        '768x16)',
    )
    parser.add_argument(
        '--dtype',
        choices=('float32', 'bfloat16'),
        default='float32',
        help='type of parameters and inputs, without autocast (float32)',
    )
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument(
        '--threads', type=positive, help="threads on the CPU (torch's choice)"
    )
    parser.add_argument(
        '--batch', type=positive, help='images (2 on the CPU, 8 on CUDA)'
    )
    parser.add_argument(
        '--layout',
        choices=(*LAYOUTS, 'both'),
        default='contiguous',
        help='memory layout of inputs and weights (contiguous)',
    )
    parser.add_argument(
        '--lattice-kernel-size',
        type=positive,
        default=3,
        help='kernel on the lattice (3); the bars are for 3',
    )
    parser.add_argument(
        '--repeats', type=positive, default=30, help='rounds of timing (30)'
    )
    parser.add_argument(
        '--profile',
        action='store_true',
        help='also list the time of inference by operation (on the CPU)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/benchmark_operator'),
        help='folder for the results (work_dirs/benchmark_operator)',
    )
    args = parser.parse_args(argv)
    if args.profile and args.device != 'cpu':
        parser.error(f'--profile is for the CPU, not for {args.device}')
    return args


def grid_row(text: str) -> tuple[int, int]:
    """Read channels and size that a Cube convolution can have."""
    channels, _, size = text.partition('x')
    try:
        row = positive(channels), positive(size)
        CubeConv2d(row[0], row[0], 3, device='meta')
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f'must be channels x size, such as 64x128, but got {text!r}'
        ) from None
    except CubeRuleError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return row


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all was measured, 2 if the input was wrong."""
    args = parse_args(argv)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        device = prepare(args.device, args.threads)
        settings = list_settings(args, device)
        results = measure_all(settings, args.repeats)
        profiles = {s: profile(s) for s in settings if args.profile}
        facts = describe_machine(device) | dict(
            dtype=args.dtype,
            batch=settings[0].batch,
            lattice_kernel_size=args.lattice_kernel_size,
            repeats=args.repeats,
        )
        write_report(results, profiles, facts, args.out)
    except (OSError, ValueError, DisagreementError) as error:
        print(f'benchmark_operator: {error}', file=sys.stderr)
        return 2
    except torch.cuda.OutOfMemoryError as error:
        print(f'{error}; choose a smaller --batch', file=sys.stderr)
        return 2
    show(facts, make_tables(results, profiles))
    print(
        f'{count_bars(results)}; table.md, results.json and chart.png in '
        f'{args.out}'
    )
    return 0


def list_settings(
    args: argparse.Namespace, device: torch.device
) -> list[Setting]:
    """List what to measure: every row of the grid in every layout."""
    layouts = LAYOUTS if args.layout == 'both' else (args.layout,)
    return [
        Setting(
            channels,
            size,
            args.batch or BATCH[args.device],
            getattr(torch, args.dtype),
            layout,
            device,
            args.lattice_kernel_size,
        )
        for channels, size in args.grid
        for layout in layouts
    ]


def measure_all(settings: list[Setting], repeats: int) -> list[Result]:
    """Measure every setting, with a bar that says how far it got."""
    results = []
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task('', total=len(MEASURES) * len(settings))
        for setting in settings:
            for measure in MEASURES:
                place = f'{setting.channels} x {setting.size}'
                bar.update(task, description=f'{place} {measure}')
                results += compare(setting, measure, repeats)
                bar.advance(task)
    return results


if __name__ == '__main__':
    sys.exit(main())
