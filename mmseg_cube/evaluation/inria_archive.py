"""Checking of the archive that Inria's leaderboard takes."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_cube.datasets.inria_tiles import parse_tile
from mmseg_cube.utils.quiet import quiet_libraries

from .inria_submission import STEMS, SUFFIX, TILE_SIZE, Shape, inspect_tile

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


def check_archive(
    archive: Path, shapes: Mapping[str, Shape] | None = None
) -> ArchiveReport:
    """Open an archive and hold it to what the leaderboard expects.

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
        with zipfile.ZipFile(archive) as file, quiet_libraries():
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
