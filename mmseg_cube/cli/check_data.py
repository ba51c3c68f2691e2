"""Check a building dataset on disk before training on it.

Looks at pairs, sizes, mask values, building shares, images that occur twice,
empty tiles and black borders, and compares counts with the published ones.
Exits with 1 if training on the data would be wrong.
"""

from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace

DATASETS = 'auto', 'inria', 'whu', 'wbd'


def add_arguments(add: Arguments) -> None:
    add('data_root', 'folder that holds train, val and test', type=Path)
    what = 'whose published counts to compare with; auto guesses'
    add('--dataset', what, default='auto', choices=DATASETS)
    add('--out', 'folder for report.json and contact_sheet.png')
    add.share('--workers', '--building-values', '--ignore-values')


def run(args: Namespace) -> int:
    from mmseg_cube.datasets.conversion import check_report
    from mmseg_cube.datasets.conversion.check import check_data

    dataset = None if args.dataset == 'auto' else args.dataset
    declared = args.building_values, args.ignore_values
    check = check_data(args.data_root, dataset, args.workers, *declared)
    print(check_report.describe(check))
    if args.out:
        check_report.write_check(check, args.out)
        print(f'{args.out}: {check_report.REPORT}, {check_report.SHEET}')
    return 0 if check['fine'] else 1
