"""Time networks against a baseline: inference, throughput and training.

``python tools/analysis_tools/benchmark_network.py BASELINE CUBE [CUBE ...]``

All networks take turns in one process, with random weights. Prints a table
per task with the bars of this project, and writes it as table.md, with all
numbers as results.json and a chart as chart.png.
"""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from rich.console import Console
from rich.progress import Progress

from mmseg_cube.analysis.benchmark.files import count_bars
from mmseg_cube.analysis.benchmark.rounds import describe_machine
from mmseg_cube.analysis.benchmark.tool import positive, prepare, show
from mmseg_cube.analysis.network_speed.candidates import (
    TASKS,
    Setting,
    read_configs,
)
from mmseg_cube.analysis.network_speed.comparison import Result, compare
from mmseg_cube.analysis.network_speed.profile import Row, profile
from mmseg_cube.analysis.network_speed.report import make_tables, write_report
from mmseg_cube.analysis.operator_speed.candidates import LAYOUTS

BATCH = dict(cpu=2, cuda=8)
DEPTH = 3


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'configs',
        nargs='+',
        metavar='config',
        help='baseline, then one or more others',
    )
    parser.add_argument(
        '--size', type=positive, default=512, help='side of the images (512)'
    )
    parser.add_argument(
        '--batch',
        type=positive,
        help='images of throughput and training step (2 on the CPU, 8 on '
        'CUDA); latency is that of one image',
    )
    parser.add_argument(
        '--layouts',
        nargs='+',
        choices=LAYOUTS,
        default=['contiguous'],
        help='memory layouts of images and weights (contiguous)',
    )
    parser.add_argument(
        '--dtype',
        choices=('float32', 'bfloat16'),
        default='float32',
        help='bfloat16: parameters and images of inference have it, training '
        'is autocast to it (float32)',
    )
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument(
        '--threads', type=positive, help="threads on the CPU (torch's choice)"
    )
    parser.add_argument(
        '--repeats', type=positive, default=20, help='rounds of timing (20)'
    )
    parser.add_argument(
        '--profile',
        nargs='?',
        type=positive,
        const=DEPTH,
        metavar='DEPTH',
        help='also list the time by module, down to this depth '
        f'({DEPTH}, such as decode_head.levels.0), as trained',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/benchmark_network'),
        help='folder for the results (work_dirs/benchmark_network)',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all was measured, 2 if the input was wrong."""
    args = parse_args(argv)
    # Every build of an optimizer lists all parameters.
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    try:
        device = prepare(args.device, args.threads)
        cfgs = read_configs(args.configs)
        args.out.mkdir(parents=True, exist_ok=True)
        settings = [
            Setting(
                args.size,
                args.batch or BATCH[args.device],
                getattr(torch, args.dtype),
                layout,
                device,
            )
            for layout in dict.fromkeys(args.layouts)
        ]
        results, profiles = measure(cfgs, settings, args)
        facts = describe_machine(device) | dict(
            dtype=args.dtype,
            size=args.size,
            batch=settings[0].batch,
            repeats=args.repeats,
        )
        write_report(results, profiles, facts, args.out)
    except torch.cuda.OutOfMemoryError as error:
        print(f'{error}; choose a smaller --batch or --size', file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        print(f'benchmark_network: {error}', file=sys.stderr)
        return 2
    show(facts, make_tables(results, profiles))
    print(
        f'{count_bars(results)}; table.md, results.json and chart.png in '
        f'{args.out}'
    )
    return 0


def measure(
    cfgs: Mapping[str, Config],
    settings: list[Setting],
    args: argparse.Namespace,
) -> tuple[list[Result], dict[tuple[str, str], list[Row]]]:
    """Measure every setting, with a bar that says how far it got.

    Returns:
        All results, and profiles by network and layout.
    """
    results, profiles = [], {}
    # A bar that redraws itself would do so while the clock runs.
    with Progress(
        console=Console(stderr=True), transient=True, auto_refresh=False
    ) as bar:
        steps = len(settings) * (len(TASKS) + bool(args.profile))
        job = bar.add_task('', total=steps)
        for setting in settings:
            for task in TASKS:
                title = f'{task}, {setting.layout}'
                bar.update(job, description=title, refresh=True)
                results += compare(cfgs, task, setting, args.repeats)
                bar.advance(job)
            if args.profile:
                title = f'profile, {setting.layout}'
                bar.update(job, description=title, refresh=True)
                by_name = profile(cfgs, setting, args.profile)
                for name, rows in by_name.items():
                    profiles[name, setting.layout] = rows
                bar.advance(job)
    return results, profiles


if __name__ == '__main__':
    sys.exit(main())
