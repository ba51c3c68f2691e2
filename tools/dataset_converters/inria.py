"""Cut the tiles of Inria Aerial Image Labeling into patches on disk.

The patches are the windows that InriaDataset reads from the tiles, bit for
bit. Scores under the two protocols differ by several points: always name it.
Patches of "full" overlap at the end of each row, so score on the tiles.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from mmseg_cube.datasets.conversion import convert_inria
from mmseg_cube.datasets.conversion.command import add_arguments, run
from mmseg_cube.datasets.inria_windows import PROTOCOLS, WINDOW_SIZE


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument(
        '--protocol',
        choices=PROTOCOLS,
        default='full',
        help='full: every pixel; buildformer: padded tiles, patches with '
        'more than 5 %% building (full)',
    )
    parser.add_argument(
        '--size',
        type=int,
        default=WINDOW_SIZE,
        help=f'side of a patch in pixels ({WINDOW_SIZE})',
    )
    parser.add_argument(
        '--stride',
        type=int,
        help='distance of neighbouring patches, full only (the size)',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Convert; return 0, or 2 if some of the input could not be used."""
    args = parse_args(argv)
    return run(
        partial(
            convert_inria,
            args.source,
            args.out,
            args.protocol,
            args.size,
            args.stride,
            args.format,
            args.workers,
        )
    )


if __name__ == '__main__':
    sys.exit(main())
