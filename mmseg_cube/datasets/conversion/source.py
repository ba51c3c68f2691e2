"""Raw data as it was downloaded: a folder, or a zip that stays packed."""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from mmseg_cube.datasets.errors import DatasetError, RasterError
from mmseg_cube.datasets.tiles import list_files

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError)


class Source:
    """A folder or a zip archive of raw data.

    Args:
        path: The folder or archive.

    Raises:
        DatasetError: If it is neither.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._archive = None if path.is_dir() else _open_zip(self.path)

    def files(self) -> list[PurePosixPath]:
        """List all files, relative to the folder or by name in the archive."""
        if self._archive is None:
            return list_files(self.path)
        names = self._archive.namelist()
        return sorted(PurePosixPath(n) for n in names if not n.endswith('/'))

    def read(self, file: PurePosixPath) -> Path | bytes:
        """Return where a file is, or what is in it.

        Raises:
            RasterError: If the archive is damaged there.
        """
        if self._archive is None:
            return self.path / file
        try:
            return self._archive.read(file.as_posix())
        except DAMAGED as error:
            raise RasterError(
                f'cannot be unpacked from {self.path.name} ({error})',
                'Download the archive again.',
            ) from error


def _open_zip(path: Path) -> zipfile.ZipFile:
    if not path.exists():
        raise DatasetError(
            f'{path} does not exist.\nNext: give the archive that was '
            'downloaded, or the folder that it unpacks to.'
        )
    if '.7z' in path.name.lower():
        raise DatasetError(
            f'{path} is a 7z archive, which cannot be read here.\n'
            'Next: run "7z x" on its first part (.7z.001), with all parts in '
            'one folder, and give the zip or the folder that comes out.'
        )
    if not zipfile.is_zipfile(path):
        hint = ' or only part of one' if path.suffix == '.zip' else ''
        raise DatasetError(
            f'{path} is not a zip archive{hint}.\nNext: download it again, '
            'or unpack it and give the folder.'
        )
    return zipfile.ZipFile(path)
