"""Bring tiles of the WHU Building Dataset into one form.

Takes the aerial set or satellite set II, as archive or folder, with any of
the folder names, file formats and mask encodings of its mirrors.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from mmseg_cube.datasets.conversion import convert_whu
from mmseg_cube.datasets.conversion.command import add_arguments, run


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Convert; return 0, or 2 if some of the input could not be used."""
    args = parse_args(argv)
    return run(
        partial(convert_whu, args.source, args.out, args.format, args.workers)
    )


if __name__ == '__main__':
    sys.exit(main())
