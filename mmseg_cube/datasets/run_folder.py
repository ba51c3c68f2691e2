"""A folder that a run fills, and the next one goes on with.

A manifest says what everything in it depends on, a journal has a line of JSON
for each part that was written.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mmseg_cube.datasets.errors import DatasetError

LOCK = '.lock'


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; clear what a killed one left there.

    A DatasetError says that another process holds it.
    """
    try:
        # The system lets go of it with the process, however that ends.
        with FileLock(folder / LOCK, timeout=0):
            for part in folder.glob('.*.part'):
                part.unlink()
            yield
    except Timeout as error:
        raise DatasetError(
            f'another run is writing to {folder}. Wait until it is done, or '
            'name another place'
        ) from error


def refuse_other_settings(path: Path, settings: Mapping[str, object]) -> None:
    """Refuse, by a DatasetError, a manifest of other settings."""
    try:
        there = json.loads(path.read_text(encoding='utf-8'))
        changed = [
            f'{key} is {there.get(key)!r} there and {value!r} now'
            for key, value in settings.items()
            if there.get(key) != value
        ]
    except (ValueError, AttributeError) as error:
        changed = [f'{path.name} is not readable as JSON ({error})']
    if changed:
        raise DatasetError(
            f'{path.parent} was begun otherwise: {"; ".join(changed)}.\n'
            'Next: give a new or empty folder, or the same settings to '
            'continue.'
        )


def read_journal(path: Path) -> Iterator[object]:
    """Read what was noted, if anything; lines that are no JSON are passed.

    The last one may be: a killed run was writing it.
    """
    text = path.read_text(errors='replace') if path.exists() else ''
    for line in text.splitlines():
        with suppress(ValueError):
            yield json.loads(line)
