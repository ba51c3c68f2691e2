"""Raw data as it was downloaded: a folder, or a zip that stays packed."""

import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

from mmseg_cube.datasets.errors import DatasetError, RasterError
from mmseg_cube.datasets.tiles import list_files

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError)

Read = Callable[[PurePosixPath], Path | bytes]


def open_source(path: Path) -> tuple[list[PurePosixPath], Read]:
    """Open raw data.

    Returns:
        All files, and what gives a file's path, or its content from a zip.
    """
    if path.is_dir():
        return list_files(path), path.joinpath
    fault = None
    if not path.exists():
        fault = (
            'does not exist.\nNext: give the archive that was downloaded, or '
            'the folder that it unpacks to.'
        )
    elif '.7z' in path.name.lower():
        fault = (
            'is a 7z archive, which cannot be read here.\nNext: run "7z x" '
            'on its first part (.7z.001), with all parts in one folder, and '
            'give the zip or the folder that comes out.'
        )
    elif not zipfile.is_zipfile(path):
        fault = (
            'is not a zip archive or only part of one.\nNext: download it '
            'again, or unpack it and give the folder.'
        )
    if fault:
        raise DatasetError(f'{path} {fault}')
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.endswith('/')]
    return sorted(map(PurePosixPath, names)), partial(_unpack, archive)


def _unpack(archive: zipfile.ZipFile, file: PurePosixPath) -> bytes:
    try:
        return archive.read(file.as_posix())
    except DAMAGED as error:
        raise RasterError(
            f'cannot be unpacked from {Path(archive.filename).name} ({error})',
            'Download the archive again.',
        ) from error
