"""Bring tiles of the Waterloo Building Dataset into one form.

Larger images, such as the orthophotos of 8350 x 8350 pixels, are cut into
tiles; those of the last row and column are filled up with black.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from mmseg_cube.datasets.conversion import convert_wbd
from mmseg_cube.datasets.conversion.command import add_arguments, run
from mmseg_cube.datasets.conversion.wbd import TILE_SIZE


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument(
        '--size',
        type=int,
        default=TILE_SIZE,
        help=f'side of a tile in pixels ({TILE_SIZE})',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Convert; return 0, or 2 if some of the input could not be used."""
    args = parse_args(argv)
    return run(
        partial(
            convert_wbd,
            args.source,
            args.out,
            args.size,
            args.format,
            args.workers,
        )
    )


if __name__ == '__main__':
    sys.exit(main())
