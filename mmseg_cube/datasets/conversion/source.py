"""Raw data as it was downloaded: a folder, or a zip that stays packed.

Both have ``files``, all that is in them; ``read`` gives a file's path, or its
content from a zip; ``stamp`` gives numbers that change when the file does.
"""

import lzma
import struct
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

from mmseg_cube.datasets.errors import DatasetError, RasterError
from mmseg_cube.datasets.listing import list_files
from mmseg_cube.datasets.validity import BESIDE
from mmseg_cube.utils.words import not_found

# What the zip module lets through.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
DAMAGED += EOFError, ValueError, OSError, NotImplementedError
METHODS = 0, 8, 12, 14  # stored, deflate, bzip2 and lzma: all that it unpacks
ENCRYPTED = 1  # among the flags of an entry
UNPACK = 'Unpack the archive, for example with "7z x", and give the folder.'


class Folder:
    """Files of a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = list_files(path)

    def read(self, file: PurePosixPath) -> Path:
        """Return the path of a file."""
        return self.path / file

    def stamp(self, file: PurePosixPath) -> list[int]:
        """Return numbers of a file as :func:`stamp_of`."""
        return stamp_of(self.path / file)


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
        faults = list(map(_unreadable, self._entries.values()))
        if faults and all(faults):
            raise DatasetError(f'{path}: {faults[0]}.\nNext: {UNPACK}')

    def read(self, file: PurePosixPath) -> bytes:
        """Return the content of a file."""
        entry = self._entries[file]
        if fault := _unreadable(entry):
            raise RasterError(f'cannot be unpacked: {fault}', UNPACK)
        try:
            return self._zip.read(entry)
        except DAMAGED as error:
            raise RasterError(
                'cannot be unpacked, it is damaged within '
                f'{self.path.name} ({error})',
                'Copy or download the archive again.',
            ) from error

    def stamp(self, file: PurePosixPath) -> list[int]:
        """Return size and checksum."""
        return [self._entries[file].file_size, self._entries[file].CRC]


def open_source(path: Path) -> Folder | Archive:
    """Open raw data.

    Raises:
        DatasetError: If it is missing, or neither a folder nor a zip.
    """
    if path.is_dir():
        return Folder(path)
    advice = 'give the archive that was downloaded'
    if not path.exists():
        advice += ', or the folder that comes out'
        raise DatasetError(not_found('archive or folder', path, advice))
    state = 'is no file or folder'
    try:
        if path.is_file():  # a pipe would never end
            return Archive(path)
    except DatasetError:
        raise
    except DAMAGED as error:
        state = f'is not a zip archive or only part of one ({error})'
        advice = (
            'download a zip again; unpack others, by "7z x" on the first part '
            '(.7z.001), or "tar xf"'
        )
    raise DatasetError(
        f'{path} {state}.\nNext: {advice}, or give the folder that comes out.'
    )


def stamp_of(path: Path) -> list[int]:
    """Return size and times of a file, also that which no program can set."""
    found = []
    # A raster may have more to say of itself in files beside it.
    for end in ('', *BESIDE):
        with suppress(OSError):  # reading it will say why
            status = Path(f'{path}{end}').stat()
            found += [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    return found


def _unreadable(entry: zipfile.ZipInfo) -> str:
    """Say why Python cannot unpack an entry; empty if it can."""
    method = entry.compress_type
    if entry.flag_bits & ENCRYPTED:
        return 'it is encrypted, which needs its password'
    if method in METHODS:
        return ''
    name = zipfile.compressor_names.get(method, f'number {method}')
    return f'its packing {name} cannot be read here'
