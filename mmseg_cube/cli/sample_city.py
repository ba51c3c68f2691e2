"""Draw a made-up city in the layout of a dataset, to try things without data.

What is there already is not drawn again; other data is left alone.
"""

from mmseg_cube.cli.arguments import Arguments, Namespace, non_negative

KINDS = {x: f'files as in {x.upper()}' for x in ('whu', 'wbd', 'inria')}
CONTINUES = True
COUNTS = {'train': 64, 'val': 16, 'test': 16}


def add_arguments(add: Arguments, kind: str) -> None:
    add('--out', 'folder to fill', required=True)
    add.share('--seed')
    size, counts = 256, COUNTS
    if kind == 'inria':
        size, counts = 512, {'tiles-per-region': 7, 'test-tiles': 1}
        add('--regions', 'to train (all)', nargs='+')
    add('--size', 'side of an image in pixels', default=size)
    for name, count in counts.items():
        add(f'--{name}', 'number of images', type=non_negative, default=count)


def run(args: Namespace) -> None:
    from mmseg_cube.datasets import sample_city

    if args.kind == 'inria':
        options = {'regions': args.regions} if args.regions else {}
        counts = args.tiles_per_region, args.size, args.seed
        options['test_tiles'] = args.test_tiles
        root = sample_city.write_inria(args.out, *counts, **options)
    else:
        counts = {split: getattr(args, split) for split in COUNTS}
        write = getattr(sample_city, f'write_{args.kind}')
        root = write(args.out, counts, args.size, args.seed)
    images = len([*root.rglob('image/*'), *root.rglob('images/*')])
    print(f'{root}: sample city in the {args.kind} layout, {images} images')
