"""Write the archive for Inria's leaderboard, or check one.

``python tools/inria_submission.py CONFIG CHECKPOINT OUT.zip``
``python tools/inria_submission.py check FILE.zip``

Predicts the 180 test tiles with overlapping windows, which are blended, and
packs one band of 0 and 255 per tile, CCITT G4 with 1 bit a pixel. The tiles
are gathered in the folder OUT_tiles first, so a run that was stopped
continues; its manifest.json says how they were made. At last, the archive is
opened again and checked.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from mmseg_cube.analysis.benchmark.tool import positive
from mmseg_cube.datasets import InriaDataset
from mmseg_cube.datasets.errors import DatasetError, listing
from mmseg_cube.datasets.folders import list_rasters
from mmseg_cube.evaluation.inria_archive import check_archive
from mmseg_cube.evaluation.inria_submission import (
    STEMS,
    SUFFIX,
    TILE_SIZE,
    SubmissionFolder,
)
from mmseg_cube.inference.command import add_arguments, predict, run
from mmseg_cube.inference.folder import read_shapes

CHECK = 'check'
FAULTY = 1


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line of writing."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.add_argument('out', type=Path, help='archive to write, *.zip')
    parser.add_argument(
        '--data-root',
        type=Path,
        default=Path('data/AerialImageDataset'),
        help='folder of the dataset (data/AerialImageDataset)',
    )
    args = parser.parse_args(argv)
    if args.out.suffix != '.zip':
        parser.error(f'the archive must end in .zip, but is {args.out}')
    return args


def parse_check_args(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line of checking."""
    parser = argparse.ArgumentParser(
        prog=f'inria_submission.py {CHECK}',
        description='Check an archive: the names of its 180 tiles, sizes, '
        'bands, bits, compression and values. Exits with 1 and names every '
        'fault if there are any.',
    )
    parser.add_argument('archive', type=Path, help='archive to check')
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        '--data-root',
        type=Path,
        help='folder of the dataset: every tile must be of the size of its '
        'image',
    )
    sizes.add_argument(
        '--tile-size',
        type=positive,
        default=TILE_SIZE,
        help=f'side of the tiles in pixels ({TILE_SIZE})',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool.

    Returns:
        0 if all went well, 1 if the archive has faults, 2 if the input was
        wrong.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv[:1] == [CHECK]:
        return run(partial(check, parse_check_args(argv[1:])))
    return run(partial(write, parse_args(argv)))


def write(args: argparse.Namespace) -> int:
    """Predict the tiles, pack them and check the archive."""
    images = list_tiles(args.data_root)
    shapes = read_shapes(images.values())
    odd = [p for p, shape in shapes.items() if set(shape) != {TILE_SIZE}]
    if odd:
        height, width = shapes[odd[0]]
        print(
            f'Note: {len(odd)} tiles are not of {TILE_SIZE} x {TILE_SIZE} '
            f'pixels, such as {odd[0].name} of {width} x {height}: the '
            'leaderboard will not take them.',
            file=sys.stderr,
        )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    folder = args.out.with_name(f'{args.out.stem}_tiles')
    place = next(iter(images.values())).parent
    done = predict(args, place, shapes, partial(SubmissionFolder, folder))
    SubmissionFolder(folder).pack(args.out)
    print(
        f'{len(shapes)} tiles in {folder}: {done.written} predicted, '
        f'{done.kept} there already'
    )
    return report(
        args.out, {stem: shapes[image] for stem, image in images.items()}
    )


def check(args: argparse.Namespace) -> int:
    """Check an archive."""
    if args.data_root is None:
        shapes = dict.fromkeys(STEMS, (args.tile_size, args.tile_size))
    else:
        images = list_tiles(args.data_root)
        by_path = read_shapes(images.values())
        shapes = {stem: by_path[image] for stem, image in images.items()}
    return report(args.archive, shapes)


def report(archive: Path, shapes: Mapping[str, tuple[int, int]]) -> int:
    """Check an archive and say what was found."""
    found = check_archive(archive, shapes)
    if found.faults:
        lines = '\n'.join(f'  - {fault}' for fault in found.faults)
        print(
            f'{archive}: {len(found.faults)} fault(s)\n{lines}',
            file=sys.stderr,
        )
        return FAULTY
    shares = ', '.join(
        f'{region} {share:.1f} %' for region, share in found.shares().items()
    )
    size = archive.stat().st_size / 1e6
    print(f'{archive}: {found.tiles} tiles, {size:.1f} MB, no fault')
    print(f'Buildings: {shares}')
    return 0


def list_tiles(data_root: Path) -> dict[str, Path]:
    """List the images of the test tiles by stem.

    Raises:
        DatasetError: If the folder or some of them are missing.
    """
    owner = InriaDataset.__name__
    folder, _ = InriaDataset.LAYOUT.find(owner, data_root, 'test')
    files = list_rasters(folder, [SUFFIX])
    missing = [
        f'{folder / stem}{SUFFIX}' for stem in STEMS if stem not in files
    ]
    if missing:
        raise DatasetError(
            f'{len(missing)} of the {len(STEMS)} test tiles are missing:\n'
            f'{listing(missing)}\nNext: unpack the whole dataset, or point '
            '--data-root to where it is.'
        )
    return {stem: files[stem][0] for stem in STEMS}


if __name__ == '__main__':
    sys.exit(main())
