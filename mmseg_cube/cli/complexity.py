"""Count parameters and operations of networks.

A config cube-NAME.py is compared with NAME.py beside it, or all configs with
the one of --against. Nothing is computed and no weights are loaded.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace


def add_arguments(add: Arguments) -> None:
    what = 'config, or folder: all configs in it but those in _base_'
    add('configs', what, nargs='+', metavar='config')
    add.share('--against')
    add('--size', 'side of the image in pixels', default=512)
    add('--out', 'folder for complexity.md, .json and .png')


def run(args: Namespace) -> None:
    from mmseg_cube.analysis.complexity.configs import (
        compare,
        count_all,
        find_configs,
    )
    from mmseg_cube.analysis.complexity.report import tabulate, write

    against = find_configs([args.against])[0] if args.against else None
    comparisons = compare(find_configs(args.configs), against)
    networks = count_all(comparisons, args.size)
    print(tabulate(networks, args.size).terminal(), end='\n\n')
    if args.out:
        write(networks, args.size, args.out)
        print(f'complexity.md, .json and .png are in {args.out}')
