"""Raw data as it was downloaded: a folder, or a zip that stays packed."""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from mmseg_cube.datasets.errors import DatasetError, RasterError
from mmseg_cube.datasets.tiles import list_files

ZIP_SUFFIX = '.zip'
PACKED = '.7z'
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError)


class FolderSource:
    """A folder of files.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[PurePosixPath]:
        """List all files, relative to the folder."""
        return list_files(self.path)

    def read(self, file: PurePosixPath) -> Path:
        """Return where a file can be read."""
        return self.path / file


class ZipSource:
    """A zip archive.

    Args:
        path: The archive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive = zipfile.ZipFile(path)

    def files(self) -> list[PurePosixPath]:
        """List all files by their names in the archive."""
        names = self._archive.namelist()
        return sorted(PurePosixPath(n) for n in names if not n.endswith('/'))

    def read(self, file: PurePosixPath) -> bytes:
        """Unpack a file.

        Raises:
            RasterError: If the archive is damaged there.
        """
        try:
            return self._archive.read(file.as_posix())
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
