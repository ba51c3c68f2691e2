"""The archive that Inria's leaderboard takes: packed and checked.

It holds one TIFF per test tile, at its root and under the name of the tile.
The organisers ask for one band of 0 and 255 that went through ``gdal_translate
--config GDAL_PAM_ENABLED NO -co COMPRESS=CCITTFAX4 -co NBITS=1``, which is
what ``InriaFolder`` writes.
"""

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mmseg_cube.datasets.inria_tiles import TEST_REGIONS, parse_tile
from mmseg_cube.inference.inria_folder import SUFFIX, Shape, inspect_tile
from mmseg_cube.utils.whole_files import write_whole

TILE_SIZE = 5000  # side in pixels
TILES_PER_REGION = 36
STEMS = tuple(
    f'{region}{number}'
    for region in TEST_REGIONS
    for number in range(1, TILES_PER_REGION + 1)
)
# Of damaged members, and of those with a password or an unknown method.
UNPACK_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    OSError,
    EOFError,
)


class ArchiveReport(NamedTuple):
    """What was found in an archive.

    Attributes:
        faults: One line of text per fault.
        shares: Share of building pixels by region, in percent, of all tiles
            without a fault.
    """

    faults: list[str]
    shares: dict[str, float]


def pack_archive(folder: Path, archive: Path, stems: Iterable[str]) -> None:
    """Write the archive of the tiles in a folder, whole or not at all.

    Args:
        folder: Where the tiles are.
        archive: File to write.
        stems: Names of the tiles.
    """
    write_whole(archive, partial(_pack, folder=folder, stems=stems))


def check_archive(archive: Path, shapes: Mapping[str, Shape]) -> ArchiveReport:
    """Open an archive and compare it with what the leaderboard expects.

    Every tile is decoded.

    Args:
        archive: File to check.
        shapes: Height and width in pixels of every tile, by stem.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    faults, buildings, pixels = [], Counter(), Counter()
    try:
        with zipfile.ZipFile(archive) as file:
            names = Counter(file.namelist())
            expected = {stem + SUFFIX: stem for stem in shapes}
            faults += _find_wrong_names(names, list(expected))
            for name, stem in expected.items():
                if name not in names:
                    continue
                fault, count = _check_member(file, name, shapes[stem])
                if fault:
                    faults.append(f'{name}: {fault}')
                    continue
                region, _ = parse_tile(stem)
                buildings[region] += count
                pixels[region] += shapes[stem][0] * shapes[stem][1]
    except zipfile.BadZipFile as error:
        faults.append(f'it is no zip archive, or cut short ({error})')
    shares = {r: 100 * buildings[r] / count for r, count in pixels.items()}
    return ArchiveReport(faults, shares)


def _pack(archive: Path, folder: Path, stems: Iterable[str]) -> None:
    with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as file:
        for stem in stems:
            name = stem + SUFFIX
            file.write(folder / name, name)


def _find_wrong_names(names: Counter[str], expected: list[str]) -> list[str]:
    faults = [f'{name}: is missing' for name in expected if name not in names]
    for name, times in names.items():
        if times > 1:
            faults.append(f'{name}: is there {times} times')
        if '/' in name or '\\' in name:
            faults.append(f'{name}: is not at the root of the archive')
        elif name not in expected:
            faults.append(f'{name}: does not belong there')
    return faults


def _check_member(
    file: zipfile.ZipFile, name: str, shape: Shape
) -> tuple[str, int]:
    try:
        return inspect_tile(file.read(name), shape)
    except UNPACK_ERRORS as error:
        return f'cannot be unpacked ({error})', 0
