"""Count parameters and operations of networks.

A config cube-NAME.py is compared with NAME.py beside it, or all configs with
the one of --against. Nothing is computed and no weights are loaded.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace, positive

DEPTH = 2


def add_arguments(add: Arguments) -> None:
    what = 'config, or folder: all configs in it but those in _base_'
    add('configs', what, nargs='+', metavar='config')
    add.share('--against')
    add('--size', 'side of the image in pixels', default=512)
    add('--by-module', 'also list the modules of each network', default=False)
    add('--depth', f'list so many levels of them ({DEPTH})', type=positive)
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
    depth = args.depth or (DEPTH if args.by_module else None)
    for table in tabulate(networks, args.size, depth):
        print(table.terminal(), end='\n\n')
    if args.out:
        write(networks, args.size, depth, args.out)
        print(f'complexity.md, .json and .png are in {args.out}')
