"""Draw the sample city in the layout of a building dataset."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_cube.datasets.sample_city import (
    write_inria,
    write_wbd,
    write_whu,
)

LAYOUTS = {'whu': write_whu, 'wbd': write_wbd, 'inria': write_inria}
BAD_INPUT = 2


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('layout', choices=LAYOUTS)
    parser.add_argument('root', type=Path, help='folder to fill')
    parser.add_argument('--size', type=int, help='side of an image in pixels')
    parser.add_argument('--seed', type=int, default=0)
    pairs = parser.add_argument_group('whu and wbd')
    pairs.add_argument('--train', type=int, default=64, help='images')
    pairs.add_argument('--val', type=int, default=16, help='images')
    pairs.add_argument('--test', type=int, default=16, help='images')
    pairs.add_argument('--image-suffix', choices=('.tif', '.png', '.jpg'))
    tiles = parser.add_argument_group('inria')
    tiles.add_argument('--tiles-per-region', type=int, default=7)
    tiles.add_argument('--test-tiles', type=int, default=1)
    tiles.add_argument('--regions', nargs='+', help='training regions')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the layout; return 0, or 2 if an argument is bad."""
    args = parse_args(argv)
    options = {'size': args.size, 'seed': args.seed}
    if args.layout == 'inria':
        options['tiles_per_region'] = args.tiles_per_region
        options['test_tiles'] = args.test_tiles
        options['regions'] = args.regions
    else:
        options['counts'] = {
            split: getattr(args, split) for split in ('train', 'val', 'test')
        }
        options['image_suffix'] = args.image_suffix
    given = {name: v for name, v in options.items() if v is not None}
    try:
        root = LAYOUTS[args.layout](args.root, **given)
    except (ImportError, OSError, ValueError) as error:
        print(f'make_sample_city: {error}', file=sys.stderr)
        return BAD_INPUT
    images = sum(
        1
        for path in root.rglob('*')
        if path.parent.name in ('image', 'images') and path.is_file()
    )
    print(f'{root}: sample city in the {args.layout} layout, {images} images')
    return 0


if __name__ == '__main__':
    sys.exit(main())
