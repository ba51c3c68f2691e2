"""Inria's submission: from the test tiles to an archive that was checked.

The archive holds one TIFF per test tile, at its root and under the name of
the tile. The organisers ask for one band of 0 and 255 that went through
``gdal_translate --config GDAL_PAM_ENABLED NO -co COMPRESS=CCITTFAX4 -co
NBITS=1``. That is one bit a pixel, set for building, and 1 means white: GDAL
reads 0 and 1, Pillow and OpenCV read 0 and 255.
"""

import math
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import rasterio

from mmseg_cube.datasets.errors import DatasetError, RasterError
from mmseg_cube.datasets.inria_tiles import LAYOUT, TEST_REGIONS, parse_tile
from mmseg_cube.datasets.rasters import open_raster, read_raster
from mmseg_cube.datasets.tiles import find_tiles
from mmseg_cube.inference.inputs import Inputs
from mmseg_cube.inference.prediction import (
    Shape,
    predict_inputs,
    read_shapes,
    warn_of_shares,
)
from mmseg_cube.utils.quiet import quiet_libraries
from mmseg_cube.utils.whole_files import write_whole
from mmseg_cube.utils.words import listing, quantity

TILE_SIZE = 5000  # side in pixels
STEMS = tuple(
    f'{region}{number}' for region in TEST_REGIONS for number in range(1, 37)
)
SUFFIX = '.tif'
COMPRESSION = 'CCITTFAX4'

# Of damaged members, and of those with a password or an unknown method.
UNPACK_ERRORS = zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError


def write_submission(
    given: Mapping[str, object], data_root: Path, archive: Path
) -> int:
    """Predict and pack the test tiles; 1 if the leaderboard refuses them.

    Options are given as to :func:`predict_inputs`.
    """
    if archive.suffix != '.zip' or archive.is_dir():
        raise ValueError(
            f'the archive must be a file that ends in .zip, not {archive}'
        )
    tiles = list_tiles(data_root)
    shapes, _ = read_shapes(tiles)
    odd = [x for x, shape in shapes.items() if set(shape) != {TILE_SIZE}]
    if odd:
        height, width = shapes[odd[0]]
        print(
            f'Note: {len(odd)} tiles are not of {TILE_SIZE} x {TILE_SIZE} '
            f'pixels, such as {odd[0]} of {width} x {height}: the '
            'leaderboard will not take them.',
            file=sys.stderr,
        )
    folder = archive.with_name(f'{archive.stem}_tiles')
    predict_inputs(tiles, folder, dict(given, write=('inria',)))
    pack_archive(folder, archive, STEMS)
    return report_archive(archive, shapes)


def report_archive(archive: Path, shapes: Mapping[str, Shape]) -> int:
    """Check an archive, print what was found; 1 if there are faults."""
    faults, shares = check_archive(archive, shapes)
    if faults:
        count, lines = len(faults), listing(faults, len(faults))
        text = f'{archive}: {quantity(count, "fault")}\n{lines}'
        print(text, file=sys.stderr)
        return 1
    size = archive.stat().st_size / 1e6
    print(f'{archive}: {len(shapes)} tiles, {size:.1f} MB, no fault')
    regions = [f'{name} {share:.1f} %' for name, share in shares.items()]
    print(f'Buildings: {", ".join(regions)}')
    warn_of_shares(shares)
    return 0


def list_tiles(data_root: Path) -> Inputs:
    """List the images of all test tiles."""
    tiles, faults = find_tiles(data_root, LAYOUT, ['test'])
    if faults:
        raise DatasetError(f'{data_root}:\n{listing(faults, len(faults))}')
    files = {tile.name: data_root / tile.image for tile in tiles}
    missing = [f'{stem}{SUFFIX}' for stem in STEMS if stem not in files]
    if missing:
        raise DatasetError(
            f'{len(missing)} of the {len(STEMS)} test tiles are missing:\n'
            f'{listing(missing)}\nNext: unpack the whole dataset, or point '
            '--data-root to where it is.'
        )
    return {stem: [files[stem]] for stem in STEMS}


def expected_shapes(data_root: Path | None = None) -> dict[str, Shape]:
    """Height and width of tiles, by stem: of a folder, or as published."""
    if data_root is None:
        return dict.fromkeys(STEMS, (TILE_SIZE, TILE_SIZE))
    shapes, faults = read_shapes(list_tiles(data_root))
    if faults:
        raise DatasetError('\n'.join(faults))
    return shapes


def pack_archive(folder: Path, archive: Path, stems: Iterable[str]) -> None:
    """Write the archive of the tiles in a folder, whole or not at all."""

    def pack(path: Path) -> None:
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
            for stem in stems:
                file.write(folder / (stem + SUFFIX), stem + SUFFIX)

    write_whole(archive, pack)


def check_archive(
    archive: Path, shapes: Mapping[str, Shape]
) -> tuple[list[str], dict[str, float]]:
    """Decode an archive and compare it with what the leaderboard expects.

    Returned are a line of text per fault, and by region the percentage of
    buildings in all tiles without a fault.
    """
    faults, buildings, pixels = [], Counter(), Counter()
    expected = {stem + SUFFIX: shape for stem, shape in shapes.items()}
    try:
        with zipfile.ZipFile(archive) as file:
            names = Counter(file.namelist())
            faults += _find_wrong_names(names, expected)
            for name in filter(names.get, expected):
                try:
                    content = file.read(name)
                    fault, count = _inspect_tile(content, expected[name])
                except UNPACK_ERRORS as error:
                    fault = f'cannot be unpacked ({error})'
                if fault:
                    faults.append(f'{name}: {fault}')
                    continue
                region, _ = parse_tile(name.removesuffix(SUFFIX))
                buildings[region] += count
                pixels[region] += math.prod(expected[name])
    except zipfile.BadZipFile as error:
        faults.append(f'it is no zip archive, or cut short ({error})')
    return faults, {r: 100 * buildings[r] / n for r, n in pixels.items()}


def _find_wrong_names(
    names: Counter[str], expected: Collection[str]
) -> list[str]:
    faults = [f'{name}: is missing' for name in expected if name not in names]
    for name, times in names.items():
        if times > 1:
            faults.append(f'{name}: is there {times} times')
        if '/' in name or '\\' in name:
            faults.append(f'{name}: is not at the root of the archive')
        elif name not in expected:
            faults.append(f'{name}: does not belong there')
    return faults


def _inspect_tile(content: bytes, shape: Shape) -> tuple[str, int]:
    """Return the fault of a tile, or none, and its building pixels."""
    if not content:
        return 'is empty', 0
    try:
        with quiet_libraries():
            fault = _find_wrong_header(open_raster(content), shape)
            marked = 0 if fault else read_raster(content)[0].sum()
            return fault, int(marked)
    except RasterError:
        return 'cannot be read, it is damaged, cut short or no image', 0


def _find_wrong_header(tile: rasterio.DatasetReader, shape: Shape) -> str:
    structure = tile.tags(ns='IMAGE_STRUCTURE')
    bits = tile.tags(1, ns='IMAGE_STRUCTURE').get('NBITS')
    compression = structure.get('COMPRESSION', 'none')
    height, width = shape
    checks = {
        f'is a {tile.driver}, not a TIFF': tile.driver == 'GTiff',
        f'is {tile.width} x {tile.height} pixels, not {width} x {height}': (
            tile.shape == (height, width)
        ),
        f'has {tile.count} bands, not one': tile.count == 1,
        f'has pixels of {tile.dtypes[0]}, not of 1 bit': bits == '1',
        f'has compression {compression}, not {COMPRESSION}': (
            compression == COMPRESSION
        ),
        'stores white as 0, so its values are inverted': (
            structure.get('MINISWHITE') != 'YES'
        ),
    }
    return ', '.join(fault for fault, passed in checks.items() if not passed)
