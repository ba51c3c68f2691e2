"""What can be wrong with a dataset, said so that a person can act on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath


class DatasetError(ValueError):
    """A dataset on disk cannot be used as it is."""


class RasterError(ValueError):
    """One file cannot be used; takes what was found and what to do."""

    def __str__(self) -> str:
        return '. '.join(self.args)


class FileError(ValueError):
    """One file cannot be used, others may; names it and what to do."""


@contextmanager
def errors_of(path: str | PurePath) -> Iterator[None]:
    """Raise what is wrong with a file as a FileError that names it."""
    try:
        yield
    except RasterError as error:
        raise FileError(f'{path}: {error}') from error
    except MemoryError as error:
        raise FileError(
            f'{path}: too large for the memory. Cut it into smaller files, or '
            'work on fewer at a time.'
        ) from error
