"""Collect tested networks into one table, beside published scores.

``python tools/leaderboard.py WORK_DIR [WORK_DIR ...]``

Takes work folders of tools/train.py and tools/test.py, or folders of such.
Runs that differ in nothing but their seed make one row. What has no scores is
listed with the reason.
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
from mmseg_cube.analysis.leaderboard.latency import read_latencies
from mmseg_cube.analysis.leaderboard.report import (
    make_notes,
    tabulate,
    write_report,
)
from mmseg_cube.analysis.leaderboard.rows import make_rows, quote
from mmseg_cube.analysis.leaderboard.runs import Skipped, find_runs

WIDTH = 200  # for names of configs beside all columns


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'folders',
        nargs='+',
        type=Path,
        metavar='WORK_DIR',
        help='work folder, or folder of such',
    )
    parser.add_argument(
        '--out',
        type=Path,
        help='folder for leaderboard.md, leaderboard.csv and leaderboard.json',
    )
    parser.add_argument(
        '--latency',
        type=Path,
        metavar='FILE',
        help='results.json of benchmark_network.py',
    )
    parser.add_argument(
        '--size',
        type=positive,
        default=512,
        help='side of the image of which operations are counted (512)',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if there is a run with scores, 2 if there is none."""
    args = parse_args(argv)
    # Building a CubeBackbone says what it has replaced.
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    try:
        latencies, measured = {}, None
        if args.latency:
            latencies, measured = read_latencies(args.latency)
        runs, skipped = find_runs(args.folders)
        rows, more = make_rows(runs, args.size, latencies)
        if args.latency and not any(row.latency for row in rows):
            measured = None
            reason = 'has no latency of these configs'
            more.append(Skipped(args.latency, reason))
        if rows and args.out:
            notes = make_notes(args.size, measured)
            write_report(args.out, [*rows, *quote()], skipped + more, notes)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    report(skipped + more)
    if not rows:
        print(
            'No scores were found. tools/test.py leaves them in its work '
            'folder, work_dirs/CONFIG by default.',
            file=sys.stderr,
        )
        return 2
    show(tabulate([*rows, *quote()]))
    for note in make_notes(args.size, measured):
        print(f'* {note}')
    if args.out:
        names = ', '.join(f'leaderboard.{x}' for x in ('md', 'csv', 'json'))
        print(f'{names} in {args.out}')
    return 0


def report(skipped: Sequence[Skipped]) -> None:
    """Say what does not count."""
    for entry in skipped:
        print(f'Skipped {entry.path}: {entry.reason}', file=sys.stderr)


def show(table: Sequence[Sequence[str]]) -> None:
    """Print the table."""
    head, *rows = table
    shown = Table(box=box.SIMPLE, padding=(0, 0, 0, 1))
    for i, name in enumerate(head):
        words = i < 3 or i == len(head) - 1
        justify = 'left' if words else 'right'
        shown.add_column(name, justify=justify, overflow='fold')
    for row in rows:
        shown.add_row(*row)
    Console(width=WIDTH, markup=False).print(shown)


if __name__ == '__main__':
    sys.exit(main())
