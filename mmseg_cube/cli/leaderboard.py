"""Collect tested networks into one table, beside published scores.

Takes work folders of mmseg-cube train and test, or folders of such. Runs
that differ in nothing but their seed make one row. What has no scores is
listed with the reason.
"""

import sys
from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace


def add_arguments(add: Arguments) -> None:
    what = 'work folder, or folder of such'
    add('folders', what, nargs='+', type=Path, metavar='WORK_DIR')
    add('--out', 'folder for leaderboard.md, leaderboard.csv, .json')
    what = 'side of the image of which operations are counted'
    add('--size', what, default=512)


def run(args: Namespace) -> None:
    from mmseg_cube.analysis.leaderboard import board
    from mmseg_cube.analysis.leaderboard.runs import find_runs

    runs, skipped = find_runs(args.folders)
    rows, more = board.make_rows(runs, args.size)
    skipped |= more
    for path, reason in skipped.items():
        print(f'Skipped {path}: {reason}', file=sys.stderr)
    if not rows:
        raise ValueError(
            'no scores were found. mmseg-cube test leaves them in its work '
            'folder, work_dirs/CONFIG by default'
        )
    notes = board.make_notes(args.size)
    print(board.tabulate(rows).terminal())
    print(*(f'* {note}' for note in notes), sep='\n')
    if args.out:
        board.write(args.out, rows, skipped, notes)
        print(f'leaderboard.md, .csv and .json in {args.out}')
