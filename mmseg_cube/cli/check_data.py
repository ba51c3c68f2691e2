"""Check a building dataset on disk before training on it.

Looks at pairs, sizes, mask values, building shares, images that occur twice,
empty tiles and black borders, and compares counts with the published ones.
Exits with 1 if training on the data would be wrong.
"""

import argparse
from pathlib import Path

from mmseg_cube.cli.arguments import add, share


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    where = 'folder that holds train, val and test'
    add(parser, 'data_root', where, type=Path)
    what = 'whose published counts to compare with; auto guesses'
    names = dict(default='auto', choices=('auto', 'inria', 'whu', 'wbd'))
    add(parser, '--dataset', what, **names)
    add(parser, '--out', 'folder for report.json and contact_sheet.png')
    share(parser, '--workers')


def run(args: argparse.Namespace) -> int:
    """Check, and say what was found."""
    from mmseg_cube.datasets.conversion import check_report
    from mmseg_cube.datasets.conversion.check import check_data

    dataset = None if args.dataset == 'auto' else args.dataset
    check = check_data(args.data_root, dataset, args.workers)
    print(check_report.describe(check))
    if args.out:
        check_report.write_check(check, args.out)
        print(f'{args.out}: {check_report.REPORT}, {check_report.SHEET}')
    return 0 if check['fine'] else 1
