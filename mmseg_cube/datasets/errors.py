"""What can be wrong with a dataset, said so that a person can act on it."""

from collections.abc import Sequence

SHOWN = 5  # faults named one by one; the rest is counted


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


def listing(faults: Sequence[str]) -> str:
    """Put the first few faults on lines of their own and count the rest.

    Args:
        faults: One line of text per fault.
    """
    lines = [f'  - {fault}' for fault in faults[:SHOWN]]
    if len(faults) > SHOWN:
        lines.append(f'  ... and {len(faults) - SHOWN} more')
    return '\n'.join(lines)
