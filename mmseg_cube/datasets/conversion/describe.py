"""Building shares, empty tiles, black borders and sizes of a part."""

from collections import Counter
from collections.abc import Sequence

from ..folders import natural_key
from .inspect_tile import Record

MOSTLY = 0.6  # share of building above which masks may well be inverted
FRAMED = 0.1  # share of black among the outermost pixels


def describe(part: str, records: Sequence[Record]) -> list[str]:
    """Word what a person should know of a part.

    Args:
        part: ``train``, ``val`` or ``test``.
        records: What was found out about each of its tiles.

    Returns:
        One line of text each.
    """
    notes = []
    labelled = [r for r in records if r.building is not None]
    if not any(record.tile.mask for record in records):
        notes.append(f'{part}: no labels')
    empty = [r for r in labelled if not r.building]
    if empty:
        notes.append(f'{part}: {len(empty)} tiles without a building')
    framed = [r for r in records if r.black_frame > FRAMED]
    if framed:
        names = _some([record.tile.name for record in framed])
        notes.append(
            f'{part}: {len(framed)} tiles with black borders: {names}'
        )
    sizes = Counter(r.shape for r in records if r.shape)
    if len(sizes) > 1:
        notes.append(
            f'{part}: images of {len(sizes)} sizes; most common is '
            '{1} x {0}'.format(*sizes.most_common(1)[0][0])
        )
    share = building_share(labelled)
    if share is not None and share > MOSTLY:
        notes.append(
            f'{part}: {share:.0%} is building; are 0 and 255 exchanged?'
        )
    return notes


def building_share(records: Sequence[Record]) -> float | None:
    """Share of building among all labelled pixels; None without any."""
    labelled = [r for r in records if r.building is not None and r.shape]
    pixels = [r.shape[0] * r.shape[1] for r in labelled]
    if not pixels:
        return None
    covered = zip(labelled, pixels, strict=True)
    return sum(r.building * count for r, count in covered) / sum(pixels)


def _some(names: list[str], shown: int = 8) -> str:
    names = sorted(names, key=natural_key)
    return ', '.join(names[:shown]) + ', ...' * (len(names) > shown)
