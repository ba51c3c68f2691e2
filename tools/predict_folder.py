"""Predict a folder of images: 0 / 255 PNG masks of the same stems.

``python tools/predict_folder.py CONFIG CHECKPOINT IMAGES OUT``

Images are 8-bit RGB of any size. Large ones are covered with overlapping
windows, which are blended. A run that was stopped continues; OUT notes in
manifest.json how its masks were made, and takes none that are made otherwise.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mmseg_cube.inference.command import add_arguments, predict, run
from mmseg_cube.inference.folder import PngFolder, list_images, read_shapes


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument('images', type=Path, help='folder of the images')
    parser.add_argument('out', type=Path, help='folder for the masks')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all went well, 2 if the input was wrong."""
    return run(partial(write, parse_args(argv)))


def write(args: argparse.Namespace) -> int:
    """Write the masks."""
    if args.images.resolve() == args.out.resolve():
        raise ValueError(
            f'{args.out} holds the images; name another folder for the masks'
        )
    shapes = read_shapes(list_images(args.images))
    done = predict(args, args.images, shapes, partial(PngFolder, args.out))
    print(
        f'{len(shapes)} masks in {args.out}: {done.written} predicted, '
        f'{done.kept} there already'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
