"""What can be wrong with a dataset, said so that a person can act on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath


class DatasetError(ValueError):
    """A dataset on disk cannot be used as it is."""


class RasterError(ValueError):
    """One image or mask file cannot be used.

    Args:
        found: What is wrong with the file, with the value found.
        advice: What to do about it.
    """

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found, advice)
        self.found = found
        self.advice = advice

    def __str__(self) -> str:
        return f'{self.found}. {self.advice}'


@contextmanager
def errors_of(path: str | PurePath) -> Iterator[None]:
    """Put the name of a file before what is wrong with it.

    Raises:
        ValueError: In place of a ``RasterError``.
    """
    try:
        yield
    except RasterError as error:
        raise ValueError(f'{path}: {error}') from error
