"""Check a building dataset on disk before training on it.

Looks at pairs, sizes, mask values, building shares, images that occur twice,
empty tiles and black borders, and compares counts with the published ones.
Exits with 1 if training on the data would be wrong.
"""

import argparse
from pathlib import Path

from mmseg_cube.cli import arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        'data_root', type=Path, help='folder that holds train, val and test'
    )
    arguments.option(
        parser,
        '--dataset',
        'whose published counts to compare with; auto guesses',
        default='auto',
        choices=('auto', 'inria', 'whu', 'wbd'),
    )
    arguments.out(parser, 'folder for report.json and contact_sheet.png')
    arguments.workers(parser)


def run(args: argparse.Namespace) -> int:
    """Check, and say what was found."""
    from mmseg_cube.datasets.conversion.check import check_data
    from mmseg_cube.datasets.conversion.check_report import (
        REPORT,
        SHEET,
        describe,
        write_check,
    )

    dataset = None if args.dataset == 'auto' else args.dataset
    check = check_data(args.data_root, dataset, args.workers)
    print(describe(check))
    if args.out:
        write_check(check, args.out)
        print(f'{args.out}: {REPORT}, {SHEET}')
    return 0 if check['fine'] else 1
