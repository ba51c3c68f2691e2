"""Lists, numbers and names in words, for messages."""

import fnmatch
import os
import textwrap
from collections.abc import Iterable, Sequence

SHOWN = 5  # things named one by one; the rest is counted
LONGEST_REASON = 300  # letters


def listing(lines: Sequence[str], shown: int = SHOWN) -> str:
    """Put the first few on lines of their own and count the rest."""
    texts = [f'  - {line}' for line in lines[:shown]]
    if len(lines) > shown:
        texts.append(f'  ... and {len(lines) - shown} more')
    return '\n'.join(texts)


def name_some(names: Sequence[object], shown: int = SHOWN) -> str:
    """Name the first few in one line and count the rest: 'a, b and 3 more'."""
    text = ', '.join(map(str, names[:shown]))
    more = len(names) - shown
    return f'{text} and {more} more' if more > 0 else text


def not_found(what: str, path: object, advice: str) -> str:
    """Say that something is not there, such as a config, and what to do."""
    return f'{what} not found: {path}. Next: {advice}'


def quantity(number: int, noun: str) -> str:
    """Count things that form their plural with an s: '1 tile', '3 tiles'."""
    return f'{number} {noun}' if number == 1 else f'{number} {noun}s'


def shorten(error: Exception) -> str:
    """Say what torch reports, without the pages of it."""
    return textwrap.shorten(str(error), LONGEST_REASON, placeholder=' ...')


def cut(name: str, letters: int) -> str:
    """Cut a name that is too long for its place: '...levels.0.conv1'."""
    return name if len(name) <= letters else f'...{name[3 - letters :]}'


def choose(
    names: Iterable[str], patterns: Sequence[str] | None, what: str
) -> list[str]:
    """Choose names by shell patterns such as ``'decode_head.*'``; all by None.

    A ValueError says that a pattern matches no ``what``.
    """
    names = list(names)
    if patterns is None:
        return names
    chosen = set()
    for pattern in patterns:
        matching = fnmatch.filter(names, pattern)
        if not matching:
            raise ValueError(
                f'pattern {pattern!r} matches no {what}; there are '
                f'{len(names)}: {name_some(names)}'
            )
        chosen.update(matching)
    return [name for name in names if name in chosen]


def refuse_other_than_paths(**given: object) -> None:
    """Raise ValueError, with the name, for what is neither a path nor None.

    In values on a command line mmengine takes commas for those of lists, and
    digits for numbers.
    """
    for name, path in given.items():
        if not isinstance(path, str | os.PathLike | None):
            raise ValueError(
                f'{name} must be one path, not {path!r}; on a command line '
                'commas make a list, and digits a number, unless they are in '
                f'quotes that the shell leaves: {name}="\'...\'"'
            )
