"""Check a building dataset on disk before training on it.

Looks at pairs, sizes, mask values, building shares, images that occur twice,
empty tiles and black borders, and compares counts with the published ones.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rich.console import Console

from mmseg_cube.datasets.conversion.check import DATASETS, check_data
from mmseg_cube.datasets.conversion.check_report import (
    print_report,
    write_report,
)
from mmseg_cube.datasets.conversion.contact_sheet import draw_contact_sheet

WRONG, BAD_INPUT = 1, 2


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'data_root', type=Path, help='folder that holds train, val and test'
    )
    parser.add_argument(
        '--dataset',
        choices=('auto', *DATASETS),
        default='auto',
        help='whose published counts to compare with (guessed)',
    )
    parser.add_argument(
        '--out', type=Path, help='folder for report.json, contact_sheet.png'
    )
    parser.add_argument(
        '--workers', type=int, help='processes (all cores)', metavar='N'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the check.

    Returns:
        0 if the data is fine, 1 if training on it would be wrong, 2 if the
        input was wrong.
    """
    args = parse_args(argv)
    dataset = None if args.dataset == 'auto' else args.dataset
    try:
        check = check_data(args.data_root, dataset, args.workers)
        print_report(check, Console())
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            write_report(check, args.out / 'report.json')
            draw_contact_sheet(check, args.out / 'contact_sheet.png')
            print(f'{args.out}: report.json, contact_sheet.png')
    except BrokenProcessPool:
        print(
            'A worker process was killed, most often because memory ran '
            'out.\nNext: run again with fewer --workers.',
            file=sys.stderr,
        )
        return BAD_INPUT
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return WRONG if check.findings else 0


if __name__ == '__main__':
    sys.exit(main())
