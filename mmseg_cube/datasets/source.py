"""Where files lie: in a folder, or in a zip archive that stays packed.

Both have ``files``, all that is in them; ``read`` gives a file's path, or its
content from a zip; ``stamp`` gives numbers that change when the file does.
"""

import lzma
import struct
import zipfile
import zlib
from pathlib import Path, PurePath, PurePosixPath

from mmseg_cube.datasets.errors import DatasetError, RasterError
from mmseg_cube.datasets.listing import list_files
from mmseg_cube.datasets.rasters import stamp
from mmseg_cube.utils.words import not_found

# What the zip module lets through, encryption and packings it lacks included.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
DAMAGED += EOFError, ValueError, OSError, RuntimeError


class Folder:
    """Files of a folder, or of any by their whole paths."""

    def __init__(self, path: Path = Path()) -> None:
        self.path = path

    @property
    def files(self) -> list[PurePosixPath]:
        """All files in it, and in folders of it."""
        return list_files(self.path)

    def read(self, file: PurePath) -> Path:
        """Return the path of a file."""
        return self.path / file

    def stamp(self, file: PurePath) -> list[int]:
        """Return time and size."""
        return list(stamp(self.path / file)[1:])


class Archive:
    """Files of a zip archive, whatever program named them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip = zipfile.ZipFile(path)
        self._entries = {}
        for entry in self._zip.infolist():
            # Some programs write ./a/b, those of Windows a\b.
            name = entry.filename.replace('\\', '/')
            if not name.endswith('/'):
                self._entries[PurePosixPath(name)] = entry
        self.files = sorted(self._entries)

    def read(self, file: PurePath) -> bytes:
        """Return the content of a file."""
        try:
            return self._zip.read(self._entries[file])
        except DAMAGED as error:
            raise RasterError(
                f'cannot be unpacked from {self.path.name} ({error})',
                'Unpack the archive, for example with "7z x", and give the '
                'folder; if that fails, copy or download it again.',
            ) from error

    def stamp(self, file: PurePath) -> list[int]:
        """Return checksum and size."""
        return [self._entries[file].CRC, self._entries[file].file_size]


def open_source(path: Path) -> Folder | Archive:
    """Open raw data.

    Raises:
        DatasetError: If it is missing, or neither a folder nor a zip.
    """
    if path.is_dir():
        return Folder(path)
    if not path.exists():
        advice = 'give the archive, or the folder that comes out'
        raise DatasetError(not_found('archive or folder', path, advice))
    state = 'is no file or folder'
    try:
        if path.is_file():  # a pipe would never end
            return Archive(path)
    except DAMAGED as error:
        state = f'is not a zip archive or only part of one ({error})'
    raise DatasetError(
        f'{path} {state}.\nNext: download a zip again; unpack others, by '
        '"7z x" on the first part (.7z.001) or "tar xf", and give the folder '
        'that comes out.'
    )
