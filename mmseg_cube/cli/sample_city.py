"""Draw a made-up town in the layout of a dataset, to try things without data.

What is there already is not drawn again; other data is left alone.
"""

import argparse

from mmseg_cube.cli.arguments import add, non_negative, share

CONTINUES = True
COUNTS = {'train': 64, 'val': 16, 'test': 16}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    layouts = parser.add_subparsers(dest='layout', required=True)
    for name in ('whu', 'wbd', 'inria'):
        layout = layouts.add_parser(name, help=f'files as in {name.upper()}')
        add(layout, '--out', 'folder to fill', required=True)
        share(layout, '--seed')
        size, options = 256, COUNTS
        if name == 'inria':
            size, options = 512, {'tiles-per-region': 7, 'test-tiles': 1}
            add(layout, '--regions', 'to train (all)', nargs='+')
        add(layout, '--size', 'side of an image in pixels', default=size)
        for option, count in options.items():
            counted = dict(type=non_negative, default=count)
            add(layout, f'--{option}', 'number of images', **counted)


def run(args: argparse.Namespace) -> None:
    """Draw the town and say how many images it has."""
    from mmseg_cube.datasets import sample_city

    if args.layout == 'inria':
        options = {'regions': args.regions} if args.regions else {}
        counts = args.tiles_per_region, args.size, args.seed
        options['test_tiles'] = args.test_tiles
        root = sample_city.write_inria(args.out, *counts, **options)
    else:
        counts = {split: getattr(args, split) for split in COUNTS}
        write = getattr(sample_city, f'write_{args.layout}')
        root = write(args.out, counts, args.size, args.seed)
    images = len([*root.rglob('image/*'), *root.rglob('images/*')])
    print(f'{root}: sample city in the {args.layout} layout, {images} images')
