"""Time the reading of windows of Inria tiles in one process.

Takes the tiles of a folder in the layout of Inria, or else an uncompressed
tile of noise that it draws. Prints a table, and writes it as table.md and all
numbers as results.json if told where.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from mmseg_cube.analysis.benchmark.files import count_bars, describe
from mmseg_cube.analysis.benchmark.reading import (
    Result,
    as_numbers,
    compare,
    draw_tile,
    tabulate,
)
from mmseg_cube.analysis.benchmark.rounds import describe_machine
from mmseg_cube.analysis.benchmark.tool import positive, show
from mmseg_cube.datasets import InriaDataset
from mmseg_cube.utils.whole_files import write_text_whole

TITLE = 'image and mask windows, read and checked'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'data_root',
        nargs='?',
        type=Path,
        help='folder in the layout of Inria (a tile is drawn)',
    )
    parser.add_argument(
        '--split',
        choices=[s for s in InriaDataset.SPLITS if s != 'test'],
        default='val',
        help='split of that folder (val)',
    )
    parser.add_argument(
        '--size', type=positive, default=512, help='side of windows (512)'
    )
    parser.add_argument(
        '--tile-size',
        type=positive,
        default=5000,
        help='side of the drawn tile (5000)',
    )
    parser.add_argument(
        '--repeats', type=positive, default=20, help='rounds of timing (20)'
    )
    parser.add_argument(
        '--out', type=Path, help='folder for the results (not written)'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all was measured, 2 if the input was wrong."""
    args = parse_args(argv)
    try:
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
        results = measure(args)
        facts = describe_machine(torch.device('cpu')) | dict(
            tiles=str(args.data_root or f'drawn, {args.tile_size} px'),
            size=args.size,
            repeats=args.repeats,
        )
        table = tabulate(results)
        if args.out:
            write(args.out, facts, table, results)
    except (OSError, ValueError) as error:
        print(f'benchmark_reading: {error}', file=sys.stderr)
        return 2
    show(facts, {TITLE: table})
    where = f'; table.md and results.json in {args.out}' if args.out else ''
    print(f'{count_bars(results)}{where}')
    return 0


def measure(args: argparse.Namespace) -> list[Result]:
    """Measure on the given tiles, or on one that is drawn."""
    if args.data_root is not None:
        # The bar is for uncompressed tiles, and these may not be.
        return compare(
            args.data_root, args.size, args.repeats, args.split, judge=False
        )
    with tempfile.TemporaryDirectory() as folder:
        root = draw_tile(Path(folder), args.tile_size)
        return compare(root, args.size, args.repeats)


def write(
    out: Path, facts: dict, table: list[list[str]], results: list[Result]
) -> None:
    """Write table.md and results.json, each whole or not at all."""
    head, *rows = table
    lines = [head, ['---', *['---:'] * len(head[1:])], *rows]
    text = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    write_text_whole(out / 'table.md', f'{describe(facts)}\n\n{text}\n')
    numbers = dict(facts=facts, results=as_numbers(results))
    write_text_whole(
        out / 'results.json', json.dumps(numbers, indent=1) + '\n'
    )


if __name__ == '__main__':
    sys.exit(main())
