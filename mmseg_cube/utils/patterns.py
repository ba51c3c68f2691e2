"""Names chosen by shell patterns."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from mmseg_cube.utils.words import name_some


def choose(
    names: Iterable[str], patterns: Sequence[str] | None, what: str
) -> list[str]:
    """Choose names by shell patterns.

    Args:
        names: Names, in an order that is kept.
        patterns: Shell patterns, such as ``'decode_head.*'``, one of which a
            name must match; None takes all names.
        what: What bears these names, for the message.

    Raises:
        ValueError: If a pattern matches none of the names.
    """
    names = list(names)
    if patterns is None:
        return names
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(
                f'pattern {pattern!r} matches no {what}; there are '
                f'{len(names)}: {name_some(names)}'
            )
    return [
        name
        for name in names
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    ]
