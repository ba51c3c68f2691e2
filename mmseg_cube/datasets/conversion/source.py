"""Raw data as it was downloaded: a folder, or a zip that stays packed."""

import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from ..errors import DatasetError, RasterError

ZIP_SUFFIX = '.zip'
PACKED = '.7z'
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError)


@dataclass(frozen=True)
class FolderSource:
    """A folder of files.

    Args:
        path: The folder.
    """

    path: Path

    def files(self) -> list[PurePosixPath]:
        """List all files, relative to the folder."""
        found = []
        for folder, _, names in os.walk(self.path, followlinks=True):
            inside = Path(folder).relative_to(self.path).as_posix()
            found += [PurePosixPath(inside, name) for name in names]
        return sorted(found)

    @contextmanager
    def local(self, file: PurePosixPath, scratch: Path) -> Iterator[Path]:
        """Give a file a path on disk.

        Args:
            file: One of :meth:`files`.
            scratch: Folder for temporary files.
        """
        yield self.path / file


@dataclass(frozen=True)
class ZipSource:
    """A zip archive, of which one file at a time is unpacked.

    Args:
        path: The archive.
    """

    path: Path

    def files(self) -> list[PurePosixPath]:
        """List all files by their names in the archive."""
        with zipfile.ZipFile(self.path) as archive:
            names = archive.namelist()
        return sorted(PurePosixPath(n) for n in names if not n.endswith('/'))

    @contextmanager
    def local(self, file: PurePosixPath, scratch: Path) -> Iterator[Path]:
        """Unpack a file for as long as it is needed.

        Args:
            file: One of :meth:`files`.
            scratch: Folder for temporary files.

        Raises:
            RasterError: If the archive is damaged there.
            OSError: If the file cannot be written.
        """
        path = scratch / f'{os.getpid()}-{file.parent.name}-{file.name}'
        try:
            with path.open('wb') as target:
                for block in self._blocks(file):
                    target.write(block)
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _blocks(self, file: PurePosixPath) -> Iterator[bytes]:
        try:
            # Handles must not be shared by processes.
            archive = _open_zip(self.path, os.getpid())
            with archive.open(file.as_posix()) as member:
                while block := member.read(shutil.COPY_BUFSIZE):
                    yield block
        except DAMAGED as error:
            raise RasterError(
                f'cannot be unpacked from {self.path.name} ({error})',
                'Download the archive again.',
            ) from error


Source = FolderSource | ZipSource


def open_source(path: Path) -> Source:
    """Tell what kind of raw data a path is.

    Args:
        path: A folder or a zip archive.

    Raises:
        DatasetError: If it is neither.
    """
    path = path.absolute()
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise DatasetError(
            f'{path} does not exist.\nNext: give the archive that was '
            'downloaded, or the folder that it unpacks to.'
        )
    if PACKED in path.name.lower():
        raise DatasetError(
            f'{path} is a 7z archive, which cannot be read here.\n'
            'Next: run "7z x" on its first part (.7z.001), with all parts in '
            'one folder, and give the zip or the folder that comes out.'
        )
    if not zipfile.is_zipfile(path):
        hint = ' or only part of one' if path.suffix == ZIP_SUFFIX else ''
        raise DatasetError(
            f'{path} is not a zip archive{hint}.\nNext: download it again, '
            'or unpack it and give the folder.'
        )
    return ZipSource(path)


@lru_cache(maxsize=1)
def _open_zip(path: Path, _: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)
