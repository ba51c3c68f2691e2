"""Check a building dataset on disk before training on it.

Looks at pairs, sizes, mask values, building shares, empty tiles and images
that occur twice; for Inria it says which tiles are missing.
Given a config, it checks its datasets, with their names, bands and values.
Exits with 1 if training on the data would be wrong.
"""

from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace


def add_arguments(add: Arguments) -> None:
    what = 'folder that holds train, val and test, or a config'
    add('data_root', what, type=Path)
    add('--out', 'folder for report.json and contact_sheet.png')
    add.share('--workers', '--building-values', '--ignore-values')
    add.share('--bands', '--scale')


def run(args: Namespace) -> int:
    from mmseg_cube.datasets.bands import Channels
    from mmseg_cube.datasets.conversion import check_report
    from mmseg_cube.datasets.conversion.check import check_data

    read = args.building_values, args.ignore_values
    read = *read, Channels(args.bands, args.scale)
    check = check_data(args.data_root, args.workers, *read)
    print(check_report.describe(check))
    if args.out:
        check_report.write_check(check, args.out)
        print(f'{args.out}: {check_report.REPORT}, {check_report.SHEET}')
    return 0 if check['fine'] else 1
