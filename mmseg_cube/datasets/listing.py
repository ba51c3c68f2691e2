"""Files of a folder, and their names without suffix."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES

UNREAD = '.', 'lost+found'  # how folders begin that hold no data

Files = Mapping[str, Sequence[PurePath]]  # by name without suffix


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


def list_rasters(folder: Path) -> Files:
    """List a folder's raster files by stem, in natural order."""
    return by_stem(files_in(folder), RASTER_SUFFIXES)


def natural_key(stem: str) -> list[tuple[int, int | str]]:
    """Sort key that puts ``tile2`` before ``tile10`` and 9 before 10."""
    return [
        (0, int(part)) if part.isdecimal() else (1, part)
        for part in re.split(r'(\d+)', stem)
        if part
    ]


def by_stem(files: Iterable[PurePath], suffixes: Sequence[str]) -> Files:
    """Sort raster files that are not hidden by their names without suffix.

    macOS writes letters with accents as two characters, others as one; both
    are one name here.
    """
    found = defaultdict(list)
    for path in files:
        name = path.name
        suffix = next((s for s in suffixes if name.lower().endswith(s)), None)
        if suffix is not None and not name.startswith('.'):
            stem = name[: len(name) - len(suffix)]
            found[unicodedata.normalize('NFC', stem)].append(path)
    return {stem: found[stem] for stem in sorted(found, key=natural_key)}


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
