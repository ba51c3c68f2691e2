"""Folders that are written once, and repair themselves."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

# Raise when the same arguments start to draw other pictures.
VERSION = 1
MARKER = '.sample_city.json'
PART = '.part'


class Store:
    """A folder of files that are made from parameters.

    A marker in the folder names the parameters and the files. Files of
    other parameters are removed first; files that are there are kept, for
    each is written under another name and renamed when it is complete.
    One process writes a folder at a time.

    Args:
        root: Folder.
        parameters: What the files depend on; must be fit for JSON.
    """

    def __init__(self, root: str | Path, parameters: dict) -> None:
        self.root = Path(root)
        # Through JSON, so that tuples and lists compare alike.
        self.parameters = json.loads(
            json.dumps({'version': VERSION, **parameters})
        )
        self.folders: set[Path] = set()
        self.jobs: list[tuple[list[Path], Callable]] = []

    def folder(self, name: str) -> None:
        """Plan a folder, for it may stay empty."""
        self.folders.add(self.root / name)

    def add(
        self, names: Sequence[str], make: Callable[[], Sequence[bytes]]
    ) -> None:
        """Plan files that are made together.

        Args:
            names: Their paths inside the root, with forward slashes.
            make: Returns the contents in the same order, called only if a
                file is missing; contents without a name are dropped.
        """
        paths = [self.root / name for name in names]
        self.folders.update(path.parent for path in paths)
        self.jobs.append((paths, make))

    def fill(self) -> list[Path]:
        """Make the files that are missing.

        Returns:
            The files that were written.

        Raises:
            ValueError: If one of the files exists and is not known to come
                from here.
        """
        paths = [path for job, _ in self.jobs for path in job]
        self._clear(paths)
        for folder in sorted(self.folders):
            folder.mkdir(parents=True, exist_ok=True)
            for rest in folder.glob(f'.*{PART}'):
                rest.unlink()
        names = [path.relative_to(self.root).as_posix() for path in paths]
        note = {'parameters': self.parameters, 'files': names}
        if self._marker() != note:
            self.root.mkdir(parents=True, exist_ok=True)
            _write(self.root / MARKER, json.dumps(note).encode())
        written = []
        for job, make in self.jobs:
            missing = [not path.exists() for path in job]
            if any(missing):
                for path, data, wanted in zip(
                    job, make(), missing, strict=False
                ):
                    if wanted:
                        _write(path, data)
                        written.append(path)
        return written

    def _clear(self, paths: Sequence[Path]) -> None:
        """Remove the files of other parameters."""
        note = self._marker()
        if note is None:
            # What lies there may be the real dataset: never overwrite it.
            for path in paths:
                if path.exists():
                    raise ValueError(
                        f'{self.root} must not hold other data, but there '
                        f'is {path} and no {MARKER}'
                    )
        elif note.get('parameters') != self.parameters:
            for name in note.get('files', []):
                (self.root / name).unlink(missing_ok=True)

    def _marker(self) -> dict | None:
        path = self.root / MARKER
        return json.loads(path.read_text()) if path.exists() else None


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f'.{path.name}{PART}')
    part.write_bytes(data)
    part.replace(path)
