"""Count parameters, operations and activations of networks.

``python tools/analysis_tools/complexity.py CONFIG_OR_FOLDER [...]``

A config ``cube-NAME.py`` is compared with ``NAME.py`` beside it, or all
configs with one baseline. Nothing is computed and no weights are loaded.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import MMLogger
from rich import box
from rich.console import Console
from rich.table import Table

from mmseg_cube.analysis.benchmark.tool import positive
from mmseg_cube.analysis.complexity.configs import count_all, distinct
from mmseg_cube.analysis.complexity.report import (
    Rows,
    tabulate,
    tabulate_modules,
    title_of,
    write_report,
)
from mmseg_cube.analysis.complexity.twins import (
    compare_with,
    find_configs,
    pair_twins,
)

DEPTH = 2


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'configs',
        nargs='+',
        metavar='config',
        help='config, or folder: all configs in it, those in _base_ excepted',
    )
    parser.add_argument(
        '--against',
        metavar='BASELINE',
        help='config to compare all others with, instead of pairs',
    )
    parser.add_argument(
        '--size', type=positive, default=512, help='side of the image (512)'
    )
    parser.add_argument(
        '--by-module',
        action='store_true',
        help='also show the modules of each network, once where networks of '
        'several configs are the same',
    )
    parser.add_argument(
        '--depth',
        type=positive,
        help=f'levels of modules to show ({DEPTH})',
    )
    parser.add_argument(
        '--out',
        type=Path,
        help='folder for complexity.json, complexity.md and chart.png',
    )
    args = parser.parse_args(argv)
    if args.depth and not args.by_module:
        parser.error('--depth says how deep --by-module goes; add that')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all went well, 2 if the input was wrong."""
    args = parse_args(argv)
    depth = (args.depth or DEPTH) if args.by_module else None
    # Building a CubeBackbone says what it has replaced.
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    try:
        configs = find_configs(args.configs)
        if args.against:
            (baseline,) = find_configs([args.against])
            comparisons = compare_with(baseline, configs)
        else:
            comparisons = pair_twins(configs)
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
        networks = count_all(comparisons, args.size)
        if args.out:
            write_report(networks, args.size, depth, args.out)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    size = f'{args.size} x {args.size}'
    show(tabulate(networks), f'{len(networks)} configs, one {size} image')
    if depth is not None:
        for network in distinct(networks):
            show(indent(tabulate_modules(network, depth)), title_of(network))
    if args.out:
        print(f'complexity.json, complexity.md and chart.png in {args.out}')
    return 0


def indent(rows: Rows) -> Rows:
    """Show names of modules as a tree."""
    head, whole, *rows = rows
    tree = [
        ['  ' * (name.count('.') + 1) + name.rpartition('.')[2], *row]
        for name, *row in rows
    ]
    return [head, ['all', *whole[1:]], *tree]


def show(rows: Rows, title: str) -> None:
    """Print a table."""
    head, *rows = rows
    table = Table(title=title, box=box.SIMPLE, padding=(0, 0, 0, 1))
    for i, name in enumerate(head):
        table.add_column(name, justify='right' if i else 'left', no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(width=140).print(table)


if __name__ == '__main__':
    sys.exit(main())
