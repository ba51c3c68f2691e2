"""Files that are there whole or not at all."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside it, then rename it.

    What was there stays until the new one is whole. Errors of the disk name
    the file.
    """
    # Processes, maybe of several machines, may write the same file: each has
    # a temporary one of its own. Its name is short, as that may be too long.
    part = path.with_name(f'.{uuid.uuid4().hex}.part')
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(part)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_files(path: Path) -> Iterator[Path]:
    """Yield where to write a file, and others beside it that belong to it.

    Once all are whole they take their places, that of this name last.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix='.') as folder:
        part = Path(folder, path.name)
        yield part
        written = sorted(Path(folder).iterdir(), key=part.__eq__)
        for place in (path.with_name(file.name) for file in written):
            if place.is_dir():
                raise OSError(f'{place} is a folder; name another file')
        if len(written) > 1:
            path.unlink(missing_ok=True)  # never with parts of another
        for file in written:
            file.replace(path.with_name(file.name))


def write_text_whole(path: Path, text: str) -> None:
    """Write text in UTF-8, whole or not at all."""
    write_whole(path, lambda part: part.write_text(text, encoding='utf-8'))


def write_json(path: Path, numbers: object) -> None:
    """Write JSON, whole or not at all."""
    write_text_whole(path, json.dumps(numbers, indent=1) + '\n')
