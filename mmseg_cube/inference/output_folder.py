"""The folder that a prediction fills, and what it notes there.

``manifest.json`` says what all its files depend on. ``manifest.jsonl`` has a
line per raster: the state of its files when they were read, and what was made
of it. What is not noted, or whose raster has changed since, is made again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.run_folder import (
    LOCK,
    only_run,
    read_journal,
    refuse_other_settings,
)
from mmseg_cube.utils.whole_files import write_json, write_text_whole

MANIFEST, JOURNAL, PARTS = 'manifest.json', 'manifest.jsonl', '.parts'


class Note(NamedTuple):
    """A line of the journal."""

    name: str  # of the raster
    identity: str  # as of ``Scene.identity``
    files: Mapping[str, int]  # that were made, and their bytes
    building: int  # pixels
    pixels: int  # that have data


class OutputFolder:
    """Files that know of which rasters they are."""

    def __init__(self, folder: Path, shared: bool = False) -> None:
        self.folder, self.shared = folder, shared
        self._journal = folder / JOURNAL
        self.notes: dict[str, Note] = {}
        self._is_open = False

    @contextmanager
    def opened(
        self, settings: Mapping[str, object], about: Mapping[str, object]
    ) -> Iterator[None]:
        """Take the folder, if it is not taken already, for this run.

        Args:
            settings: What all files depend on.
            about: What else to note: weights may lie elsewhere the next time.

        Raises:
            DatasetError: If it was begun with other settings, or another run
                is writing there.
        """
        if self._is_open:
            yield
            return
        made = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        with nullcontext() if self.shared else only_run(self.folder):
            self._open_manifest(settings, about)
            self.read_notes()
            if not self.shared:  # the last line may be cut short
                lines = [f'{json.dumps(n)}\n' for n in self.notes.values()]
                write_text_whole(self._journal, ''.join(lines))
            self._is_open = True
            try:
                yield
            finally:
                self._is_open = False
                if not self.shared:
                    self._tidy(made)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep processes that share the folder out; know what they noted."""
        with FileLock(self.folder / LOCK) if self.shared else nullcontext():
            if self.shared:
                self.read_notes()
            yield

    def read_notes(self) -> None:
        """Read what was noted, by other processes too."""
        for entry in read_journal(self._journal):
            with suppress(TypeError):  # a line of another version
                note = Note(*entry)
                self.notes[note.name] = note

    def has(self, name: str, identity: str, files: Iterable[str]) -> bool:
        """Tell whether files of this very raster are there, whole."""
        note = self.notes.get(name)
        if note is None or note.identity != identity:
            return False
        paths = {self.folder / file: note.files.get(file) for file in files}
        return all(p.is_file() and p.stat().st_size == paths[p] for p in paths)

    def note(self, note: Note) -> None:
        """Note what was made."""
        with self._journal.open('a') as file:
            file.write(json.dumps(note) + '\n')
        self.notes[note.name] = note

    def discard(
        self, name: str, identity: str = '', files: Iterable[str] = ()
    ) -> dict[str, int]:
        """Remove these files, and what was made of a raster before.

        Others of this very raster stay, and are returned as in a note.
        """
        note = self.notes.pop(name, None)
        old = note.files if note else {}
        same = note and note.identity == identity
        there = [x for x in old if same and (self.folder / x).is_file()]
        kept = {x: old[x] for x in there if x not in files}
        for file in {*files, *old} - {*kept}:
            (self.folder / file).unlink(missing_ok=True)
        return kept

    def _tidy(self, made: bool) -> None:
        """Leave no empty folders, and nothing at all if nothing was made."""
        parts = self.folder / PARTS
        for folder in (*parts.glob('*'), parts):
            with suppress(OSError):  # there are strips
                folder.rmdir()
        if not self.notes and not parts.exists():
            for name in (MANIFEST, JOURNAL, LOCK):
                (self.folder / name).unlink(missing_ok=True)
            if made:
                self.folder.rmdir()

    def _open_manifest(
        self, settings: Mapping[str, object], about: Mapping[str, object]
    ) -> None:
        path = self.folder / MANIFEST
        if path.is_file():
            refuse_other_settings(path, settings)
        elif any(
            path.suffix in ('.png', '.tif') for path in self.folder.iterdir()
        ):
            raise DatasetError(
                f'{self.folder} holds masks, but no {MANIFEST} that says how '
                'they were made.\nNext: give a new or empty folder.'
            )
        else:
            write_json(path, {**about, **settings})
