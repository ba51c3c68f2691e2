"""Files that are there whole or not at all."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside it, then rename it.

    What was there stays until the new one is whole.
    """
    # Processes may write the same file: each has a temporary one of its own.
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text_whole(path: Path, text: str) -> None:
    """Write text in UTF-8, whole or not at all."""
    write_whole(path, partial(_write_text, text))


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding='utf-8')
