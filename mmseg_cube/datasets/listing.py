"""Files of a folder, and their names without suffix."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES

UNREAD = '.', 'lost+found'  # how folders begin that hold no data

Files = Mapping[str, Sequence[PurePath]]  # by name without suffix


class Naming(NamedTuple):
    """How the images, or the masks, of a dataset are named."""

    suffixes: tuple[str, ...] = RASTER_SUFFIXES  # in lower case
    pattern: str = '{}'  # of the name without suffix; {} names the tile

    @classmethod
    def of(cls, ends: str | Sequence[str] | None, pattern: str) -> 'Naming':
        """Take one suffix or several, with a dot or not; all known by None."""
        ends = [ends] if isinstance(ends, str) else ends or RASTER_SUFFIXES
        # Ends such as '_rgb.tif' have a dot already.
        dotted = (end if '.' in end else f'.{end}' for end in ends)
        return cls(tuple(end.lower() for end in dotted), pattern)

    def tile(self, file: str) -> str | None:
        """Return the tile that a file's name names.

        It is empty if the pattern does not fit, None of another suffix.
        macOS writes letters with accents as two characters, others as one;
        both are one name here.
        """
        suffix = next(
            (s for s in self.suffixes if file.lower().endswith(s)), None
        )
        if suffix is None or file.startswith('.'):
            return None
        stem = unicodedata.normalize('NFC', file[: len(file) - len(suffix)])
        before, after = self.pattern.split('{}')
        inner = stem[len(before) : len(stem) - len(after)]
        return inner if stem == f'{before}{inner}{after}' else ''


ANY = Naming()


def list_files(root: Path) -> list[PurePosixPath]:
    """List all files below a folder, relative to it.

    Links are followed, but not to a folder that is around them.

    Raises:
        DatasetError: If a folder cannot be looked into.
    """
    found, around = [], {os.fspath(root): ()}  # what each folder lies in
    walk = os.walk(root, onerror=_refuse_folder, followlinks=True)
    for folder, inner, names in walk:
        inside = Path(folder).relative_to(root).as_posix()
        found += [PurePosixPath(inside, name) for name in names]
        holders = (*around.pop(folder), _identity(folder))
        paths = {name: os.path.join(folder, name) for name in inner}  # noqa: PTH118
        inner[:] = [n for n in inner if _identity(paths[n]) not in holders]
        around.update((paths[name], holders) for name in inner)
    return sorted(found)


def files_in(folder: Path) -> list[Path]:
    """List the files of one folder."""
    return [path for path in sorted(folder.iterdir()) if not path.is_dir()]


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text, also of Windows, that are not empty."""
    data = path.read_bytes()
    wide = data.startswith((b'\xff\xfe', b'\xfe\xff'))  # by PowerShell
    text = data.decode('utf-16' if wide else 'utf-8-sig', 'replace')
    return [*filter(None, map(str.strip, text.splitlines()))]


def natural_key(stem: str) -> list[tuple[int, int | str]]:
    """Sort key that puts ``tile2`` before ``tile10`` and 9 before 10."""
    return [
        (0, int(part)) if part.isdecimal() else (1, part)
        for part in re.split(r'(\d+)', stem)
        if part
    ]


def by_tile(files: Iterable[PurePath], naming: Naming = ANY) -> Files:
    """Sort raster files that are not hidden by the tiles that they name."""
    found = defaultdict(list)
    for path in files:
        tile = naming.tile(path.name)
        if tile is not None:
            found[tile].append(path)
    return {tile: found[tile] for tile in sorted(found, key=natural_key)}


def _refuse_folder(error: OSError) -> None:
    """Say which folder cannot be listed, if it can matter."""
    advice = 'get the right to read it, or give a folder further down'
    if isinstance(error, NotADirectoryError):
        advice = 'give a folder; unpack an archive first'
    missing = isinstance(error, FileNotFoundError)
    if not missing and not Path(error.filename).name.startswith(UNREAD):
        raise DatasetError(
            f'{error.filename} cannot be looked into ({error.strerror}).\n'
            f'Next: {advice}.'
        ) from error


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)  # noqa: PTH116, of many folders
    return status.st_dev, status.st_ino
