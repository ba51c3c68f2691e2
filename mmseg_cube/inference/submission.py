"""Inria's submission: from the test tiles to an archive that was checked."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.inria_tiles import LAYOUT, TEST_REGIONS
from mmseg_cube.datasets.tiles import find_tiles, list_files
from mmseg_cube.inference.inria_archive import (
    SUFFIX,
    InriaFolder,
    Shape,
    check_archive,
    pack_archive,
)
from mmseg_cube.inference.prediction import Prediction, read_shapes
from mmseg_cube.utils.words import listing, quantity

TILE_SIZE = 5000  # side in pixels
STEMS = tuple(
    f'{region}{number}' for region in TEST_REGIONS for number in range(1, 37)
)
FAULTY = 1  # exit code


def write_submission(
    prediction: Prediction, data_root: Path, archive: Path
) -> int:
    """Predict the test tiles, pack them and check the archive.

    Args:
        prediction: What to predict with.
        data_root: Folder of the dataset.
        archive: File to write.

    Returns:
        0, or 1 if the leaderboard would not take it.

    Raises:
        ValueError: If the input is wrong.
        OSError: If a file is missing or cannot be written.
    """
    if archive.suffix != '.zip':
        raise ValueError(f'the archive must end in .zip, but is {archive}')
    shapes = list_tiles(data_root)
    odd = [p for p, shape in shapes.items() if set(shape) != {TILE_SIZE}]
    if odd:
        height, width = shapes[odd[0]]
        print(
            f'Note: {len(odd)} tiles are not of {TILE_SIZE} x {TILE_SIZE} '
            f'pixels, such as {odd[0].name} of {width} x {height}: the '
            'leaderboard will not take them.',
            file=sys.stderr,
        )
    archive.parent.mkdir(parents=True, exist_ok=True)
    folder = archive.with_name(f'{archive.stem}_tiles')
    done = prediction.run(shapes, partial(InriaFolder, folder))
    pack_archive(folder, archive, STEMS)
    print(f'{len(shapes)} tiles in {folder}: {done}')
    return report_archive(archive, {p.stem: s for p, s in shapes.items()})


def report_archive(archive: Path, shapes: Mapping[str, Shape]) -> int:
    """Check an archive, print what was found; 1 if there are faults.

    Args:
        archive: File to check.
        shapes: Height and width of every tile, by stem.
    """
    faults, shares = check_archive(archive, shapes)
    if faults:
        lines = listing(faults, len(faults))
        count = quantity(len(faults), 'fault')
        print(f'{archive}: {count}\n{lines}', file=sys.stderr)
        return FAULTY
    size = archive.stat().st_size / 1e6
    print(f'{archive}: {len(shapes)} tiles, {size:.1f} MB, no fault')
    regions = [f'{name} {share:.1f} %' for name, share in shares.items()]
    print(f'Buildings: {", ".join(regions)}')
    return 0


def list_tiles(data_root: Path) -> dict[Path, Shape]:
    """Height and width of the images of all test tiles.

    Raises:
        DatasetError: If the folder or some of them are missing.
    """
    tiles, _ = find_tiles(data_root, list_files(data_root), LAYOUT, ['test'])
    files = {tile.name: data_root / tile.image for tile in tiles}
    missing = [f'{stem}{SUFFIX}' for stem in STEMS if stem not in files]
    if missing:
        raise DatasetError(
            f'{len(missing)} of the {len(STEMS)} test tiles are missing:\n'
            f'{listing(missing)}\nNext: unpack the whole dataset, or point '
            '--data-root to where it is.'
        )
    return read_shapes(files[stem] for stem in STEMS)
