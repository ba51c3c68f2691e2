"""The archive that Inria's leaderboard takes: written and checked.

It holds one TIFF per test tile, at its root and under the name of the tile.
The organisers ask for one band of 0 and 255 that went through ``gdal_translate
--config GDAL_PAM_ENABLED NO -co COMPRESS=CCITTFAX4 -co NBITS=1``, which is
what :class:`~mmseg_cube.inference.inria_folder.InriaFolder` writes.
"""

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mmseg_cube.datasets.inria_tiles import TEST_REGIONS, parse_tile
from mmseg_cube.inference.inria_folder import SUFFIX, Shape, inspect_tile
from mmseg_cube.utils.whole_files import write_whole

TILE_SIZE = 5000
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


@dataclass
class ArchiveReport:
    """What was found in an archive.

    Attributes:
        tiles: Number of tiles without a fault.
        faults: One line of text per fault.
        buildings: Building pixels by region, of tiles without a fault.
        pixels: All pixels by region, likewise.
    """

    tiles: int = 0
    faults: list[str] = field(default_factory=list)
    buildings: dict[str, int] = field(default_factory=dict)
    pixels: dict[str, int] = field(default_factory=dict)

    def shares(self) -> dict[str, float]:
        """Share of building pixels by region, in percent."""
        return {
            region: 100 * self.buildings[region] / pixels
            for region, pixels in self.pixels.items()
        }


def pack_archive(
    folder: Path, archive: Path, stems: Iterable[str] = STEMS
) -> None:
    """Write the archive of the tiles in a folder, whole or not at all.

    Args:
        folder: Where the tiles are.
        archive: File to write.
        stems: Names of the tiles.
    """
    write_whole(archive, partial(_pack, folder=folder, stems=stems))


def check_archive(
    archive: Path, shapes: Mapping[str, Shape] | None = None
) -> ArchiveReport:
    """Open an archive and compare it with what the leaderboard expects.

    Every tile is decoded.

    Args:
        archive: File to check.
        shapes: Height and width in pixels of every tile, by stem; the 180
            test tiles of 5000 x 5000 by default.

    Returns:
        Faults, if any, and shares of building pixels.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    shapes = shapes or dict.fromkeys(STEMS, (TILE_SIZE, TILE_SIZE))
    report = ArchiveReport()
    expected = {stem + SUFFIX: stem for stem in shapes}
    try:
        with zipfile.ZipFile(archive) as file:
            names = file.namelist()
            report.faults += _find_wrong_names(names, list(expected))
            # Of two with one name, only the last one can be read.
            for name in dict.fromkeys(names):
                if name in expected:
                    stem = expected[name]
                    _check_member(file, name, stem, shapes[stem], report)
    except zipfile.BadZipFile as error:
        report.faults.append(f'it is no zip archive, or cut short ({error})')
    return report


def _pack(archive: Path, folder: Path, stems: Iterable[str]) -> None:
    with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as file:
        for stem in stems:
            name = stem + SUFFIX
            file.write(folder / name, name)


def _find_wrong_names(names: list[str], expected: list[str]) -> list[str]:
    missing = [name for name in expected if name not in set(names)]
    faults = [f'{name}: is missing' for name in missing]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            faults.append(f'{name}: is there {names.count(name)} times')
        if '/' in name or '\\' in name:
            faults.append(f'{name}: is not at the root of the archive')
        elif name not in expected:
            faults.append(f'{name}: does not belong there')
    return faults


def _check_member(
    file: zipfile.ZipFile,
    name: str,
    stem: str,
    shape: Shape,
    report: ArchiveReport,
) -> None:
    try:
        content = file.read(name)
    except UNPACK_ERRORS as error:
        report.faults.append(f'{name}: cannot be unpacked ({error})')
        return
    fault, buildings = inspect_tile(content, shape)
    if fault:
        report.faults.append(f'{name}: {fault}')
        return
    region, _ = parse_tile(stem)
    pixels = shape[0] * shape[1]
    report.tiles += 1
    report.buildings[region] = report.buildings.get(region, 0) + buildings
    report.pixels[region] = report.pixels.get(region, 0) + pixels
