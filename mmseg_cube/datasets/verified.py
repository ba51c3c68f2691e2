"""Memory of the files that were checked before, kept between runs."""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_dir

RULES = 1  # raise it when a check becomes stricter: old entries then lapse


def cache_folder() -> Path:
    """Return the user's folder for remembered checks."""
    return Path(user_cache_dir('mmseg_cube', appauthor=False)) / 'verified'


class VerifiedFiles:
    """What was learnt from files that passed, valid while they are unchanged.

    A file counts as unchanged while its byte count and modification time
    (nanoseconds) stay. The memory is a convenience: what cannot be read or
    written is forgotten without a word.

    Args:
        root: Folder of the dataset; each has a memory of its own.
    """

    def __init__(self, root: Path) -> None:
        key = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:20]
        self.path = cache_folder() / f'{key}.json'
        self._known = self._load()
        self._fresh: dict[str, list[int]] = {}

    def recall(self, kind: str, path: str) -> tuple[int, ...] | None:
        """Return what was noted of an unchanged file, else None.

        Args:
            kind: What was noted: the size of an ``image`` or ``mask``, ...
            path: The file.
        """
        entry = self._known.get(self._name(kind, path))
        if entry is None or entry[:2] != self.stamp(path):
            return None
        return tuple(entry[2:])

    def remember(
        self, kind: str, path: str, stamp: list[int], values: Sequence[int]
    ) -> None:
        """Note that a file passed.

        Args:
            kind: What is noted: the size of an ``image`` or ``mask``, ...
            path: The file.
            stamp: Its stamp from before it was read.
            values: The numbers to note, such as height and width in pixels.
        """
        self._fresh[self._name(kind, path)] = [*stamp, *values]

    def save(self) -> None:
        """Add what is new to the memory on disk, atomically."""
        if not self._fresh:
            return
        # Other processes may have saved meanwhile.
        entries = {**self._load(), **self._fresh}
        text = json.dumps({'rules': RULES, 'files': entries})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent)
        except OSError:
            return
        try:
            with os.fdopen(handle, 'w') as file:
                file.write(text)
            Path(name).replace(self.path)
        except OSError:
            Path(name).unlink(missing_ok=True)

    @staticmethod
    def stamp(path: str) -> list[int]:
        """Return byte count and modification time in nanoseconds."""
        status = Path(path).stat()
        return [status.st_size, status.st_mtime_ns]

    @staticmethod
    def _name(kind: str, path: str) -> str:
        return f'{kind}:{os.path.abspath(path)}'  # noqa: PTH100, lexical

    def _load(self) -> dict[str, list[int]]:
        try:
            content = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict) or content.get('rules') != RULES:
            return {}
        return content['files']
