"""The folder that a conversion fills: whole files, settings, journal."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from ..errors import DatasetError

RULE = 1  # raise it when the same settings start to give other patches
MANIFEST = 'conversion.json'
JOURNAL = 'conversion.jsonl'
SCRATCH = '.part'
FORMATS = ('png', 'tif')  # both lossless


class Output:
    """Patches in ``{part}/{image,label}``, and what is known about them.

    ``conversion.json`` holds the settings, ``conversion.jsonl`` one line per
    finished tile. Files are written in ``.part`` and renamed when they are
    whole.

    Args:
        root: The folder.
        settings: What the patches depend on; must be fit for JSON.
    """

    def __init__(self, root: Path, settings: dict) -> None:
        self.root = root.absolute()
        self.settings = json.loads(json.dumps({'rule': RULE, **settings}))
        self.scratch = self.root / SCRATCH

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Take the folder for this run and leave no temporary files there.

        Raises:
            DatasetError: If it holds other data, or another run fills it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.root, os.O_RDONLY)
        try:
            self._take(lock)
            self._check_settings()
            self._sweep()
            self.scratch.mkdir()
            if not (self.root / MANIFEST).exists():
                self.save(None)
            try:
                yield
            finally:
                self._sweep()
        finally:
            os.close(lock)

    def save(self, counts: dict[str, dict[str, int]] | None) -> None:
        """Write the manifest.

        Args:
            counts: Tiles and patches per part; None while incomplete.
        """
        content = {
            **self.settings,
            'complete': counts is not None,
            'counts': counts or {},
        }
        text = json.dumps(content, indent=2) + '\n'
        self.write(self.root / MANIFEST, text.encode())

    def paths(self, part: str, name: str, labelled: bool) -> list[Path]:
        """Paths of a patch: its image and, if labelled, its mask."""
        kinds = ('image', 'label') if labelled else ('image',)
        name = f'{name}.{self.settings["format"]}'
        return [self.root / part / kind / name for kind in kinds]

    def write_patch(
        self,
        part: str,
        name: str,
        image: np.ndarray,
        mask: np.ndarray | None,
    ) -> None:
        """Write a patch, the image last.

        Args:
            part: ``train``, ``val`` or ``test``.
            name: Name of the patch.
            image: BGR of shape (H, W, 3), uint8.
            mask: 0 and 1 of shape (H, W), uint8.
        """
        layers = [image]
        if mask is not None:
            layers.append(mask * 255)
        paths = self.paths(part, name, mask is not None)
        for path, values in zip(paths[::-1], layers[::-1], strict=True):
            _, data = cv2.imencode(path.suffix, np.ascontiguousarray(values))
            self.write(path, data.tobytes())

    def write(self, path: Path, data: bytes) -> None:
        """Write a file whole or not at all.

        Raises:
            OSError: If it cannot be written.
        """
        temporary = self.scratch / f'{os.getpid()}{SCRATCH}'
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def note(self, tile: str, patches: list[str]) -> None:
        """Add a finished tile to the journal."""
        line = json.dumps({'tile': tile, 'patches': patches})
        with (self.root / JOURNAL).open('a') as file:
            file.write(line + '\n')

    def finished(self) -> dict[str, list[str]]:
        """Return the names of the patches of each finished tile."""
        try:
            lines = (self.root / JOURNAL).read_text().splitlines()
        except FileNotFoundError:
            return {}
        found = {}
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:  # the line that a killed run was writing
                continue
            found[entry['tile']] = entry['patches']
        return found

    def _sweep(self) -> None:
        # Also what a run that was killed has left.
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _take(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DatasetError(
                f'another conversion is writing to {self.root}.\nNext: wait '
                'until it is done, or take another folder.'
            ) from error
        except OSError:  # some file systems of clusters have no locks
            pass

    def _check_settings(self) -> None:
        path = self.root / MANIFEST
        if not path.exists():
            # A run that was killed at its start leaves nothing but .part.
            others = [p.name for p in self.root.iterdir() if p != self.scratch]
            if others:
                raise DatasetError(
                    f'{self.root} holds {sorted(others)[0]!r} and no '
                    f'{MANIFEST}, so it is not the output of a conversion.\n'
                    'Next: give a new or empty folder.'
                )
            return
        try:
            there = json.loads(path.read_text())
            changed = [
                f'{key} is {there.get(key)!r} there and {value!r} now'
                for key, value in self.settings.items()
                if there.get(key) != value
            ]
        except (ValueError, AttributeError) as error:
            raise DatasetError(
                f'{path} is not readable as JSON ({error}).\nNext: give a '
                'new or empty folder.'
            ) from error
        if changed:
            raise DatasetError(
                f'{self.root} was filled with other settings: '
                f'{"; ".join(changed)}.\nNext: give a new or empty folder, '
                'or the same settings to continue.'
            )
