"""The folder that a prediction fills, and what it notes there.

``manifest.json`` says what all masks depend on. ``manifest.jsonl`` has a line
per mask: name, time and size of the file of its image, and what the mask
holds. A mask that is not noted, or whose image has changed since, is made
again.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmseg_cube.datasets.errors import DatasetError, FileError, errors_of
from mmseg_cube.datasets.mask_folder import MaskFolder
from mmseg_cube.datasets.rasters import stamp
from mmseg_cube.datasets.run_folder import (
    only_run,
    read_journal,
    refuse_other_settings,
)
from mmseg_cube.datasets.validity import BESIDE
from mmseg_cube.utils.whole_files import write_json, write_text_whole

MANIFEST, JOURNAL = 'manifest.json', 'manifest.jsonl'
# Of the manifest; the same weights may lie elsewhere the next time.
FOR_PEOPLE = ('config', 'checkpoint')


class Note(NamedTuple):
    """A line of the journal."""

    mask: str  # file name
    image: list  # as of ``identify``
    shape: tuple[int, int]  # height and width in pixels
    building: int  # pixels
    pixels: int  # that have data


def identify(image: Path) -> list[str | int]:
    """Return file name, time (ns) and bytes: others once it is replaced.

    The same of the files beside it that may say where it has no data.
    """
    beside = [image.with_name(f'{image.name}{x}') for x in BESIDE]
    with errors_of(image):
        # Path.exists fails where a name becomes too long.
        files = [image, *filter(os.path.lexists, beside)]
        return [x for f in files for x in (f.name, *stamp(f)[1:])]


class OutputFolder:
    """Masks that know of which images they are."""

    def __init__(self, masks: MaskFolder) -> None:
        self.masks, self.folder = masks, masks.folder
        self._journal = self.folder / JOURNAL
        self._notes: dict[str, Note] = {}

    @contextmanager
    def opened(self, settings: Mapping[str, object]) -> Iterator[None]:
        """Take the folder for this run, unless its masks are made otherwise.

        Raises:
            DatasetError: If they are, or another run is writing there.
        """
        with only_run(self.folder):
            self._open_manifest(settings)
            for entry in read_journal(self._journal):
                with suppress(TypeError):  # a line of another version
                    note = Note(*entry)
                    self._notes[note.mask] = note
            lines = [json.dumps(note) + '\n' for note in self._notes.values()]
            write_text_whole(self._journal, ''.join(lines))
            yield

    def path(self, image: Path) -> Path:
        """Return where the mask of an image belongs."""
        return self.folder / self.masks.claim(image)

    def has(self, image: Path) -> bool:
        """Tell whether the mask of this very image is there, whole."""
        path = self.path(image)
        note = self._notes.get(path.name)
        try:
            if note is None or note.image != identify(image):
                return False
        except FileError:  # it is gone
            return False
        return path.is_file() and self.masks.is_whole(path, tuple(note.shape))

    def write(self, mask: np.ndarray, image: Path, identity: list) -> None:
        """Write a mask (H, W), and note the image that it was read from."""
        pixels = self.masks.write(mask, image)
        name, building = self.path(image).name, int((mask == 1).sum())
        note = Note(name, identity, mask.shape, building, pixels)
        with self._journal.open('a') as file:
            file.write(json.dumps(note) + '\n')
        self._notes[name] = note

    def discard(self, image: Path) -> None:
        """Remove the mask of what an image was before."""
        path = self.path(image)
        path.unlink(missing_ok=True)
        self._notes.pop(path.name, None)

    def building_share(self, images: Iterable[Path]) -> float:
        """Share of buildings in all pixels with data, in percent."""
        notes = [self._notes.get(self.path(image).name) for image in images]
        notes = [note for note in notes if note]
        pixels = sum(note.pixels for note in notes)
        return 100 * sum(note.building for note in notes) / max(pixels, 1)

    def _open_manifest(self, settings: Mapping[str, object]) -> None:
        """Note what masks depend on, or compare it."""
        path = self.folder / MANIFEST
        if path.is_file():
            fixed = {k: v for k, v in settings.items() if k not in FOR_PEOPLE}
            refuse_other_settings(path, fixed)
        elif any(self.folder.glob(f'*{self.masks.suffix}')):
            raise DatasetError(
                f'{self.folder} holds masks, but no {MANIFEST} that says how '
                'they were made.\nNext: give a new or empty folder.'
            )
        else:
            write_json(path, settings)
