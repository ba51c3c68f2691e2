"""Lists and numbers in words, for messages."""

from collections.abc import Sequence

SHOWN = 5  # things named one by one; the rest is counted


def listing(lines: Sequence[str], shown: int = SHOWN) -> str:
    """Put the first few on lines of their own and count the rest.

    Args:
        lines: One line of text per thing, such as a fault.
        shown: How many of them to show.
    """
    texts = [f'  - {line}' for line in lines[:shown]]
    if len(lines) > shown:
        texts.append(f'  ... and {len(lines) - shown} more')
    return '\n'.join(texts)


def name_some(names: Sequence[object], shown: int = SHOWN) -> str:
    """Name the first few in one line and count the rest: 'a, b and 3 more'."""
    text = ', '.join(map(str, names[:shown]))
    more = len(names) - shown
    return f'{text} and {more} more' if more > 0 else text


def quantity(number: int, noun: str) -> str:
    """Count things that form their plural with an s: '1 tile', '3 tiles'."""
    return f'{number} {noun}' if number == 1 else f'{number} {noun}s'


def cut(name: str, letters: int) -> str:
    """Cut a name that is too long for its place: '...levels.0.conv1'."""
    return name if len(name) <= letters else f'...{name[3 - letters :]}'
