"""Deciding what the values of masks mean, from all masks of a dataset.

A tile without a building, or full of them, does not tell; its neighbours do.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from mmseg_cube.datasets.meaning import (
    SHOWN_VALUES,
    UNKNOWN,
    MaskMeaning,
    Value,
    as_colour,
    code_of,
    name_value,
    name_values,
)
from mmseg_cube.utils.words import name_some, quantity

BUILDING_VALUES = (1, 255)  # either marks a building, but not both at once
MOST_CLASSES = 64  # that a mask of several classes may hold
MOST, SOME = 0.75, 0.25  # of all pixels
SHOWN_FILES = 3
TO_BINARY = (
    'Write one band of 0 for background and 255 (or 1) for building; grey '
    'edges of a resized or JPEG mask can be cut at 128.'
)
NAMED = 'Or name what they mean: building_values=..., ignore_values=....'
NO_BUILDING = 'no mask has a building, so there is nothing to learn'
Declared = int | Sequence[int | Sequence[int]] | None


class Decision(NamedTuple):
    """A meaning, and why it may be wrong."""

    meaning: MaskMeaning
    faults: dict[str | PurePath, str]  # by mask, whose values mean nothing
    findings: list[str]  # of the whole dataset


def decide(
    masks: Mapping[str | PurePath, Sequence[Value]],
    building_values: Declared = None,
    ignore_values: Declared = None,
    polarity: bool = True,
) -> Decision:
    """Decide what the values of masks mean that belong together.

    A palette of black and white counts as these, 0 and 255, since quantisers
    sort by frequency. Of others the indices count, unless a colour is named.

    Args:
        masks: Values of each mask by its name.
        building_values: Values of buildings; all others are background then.
        ignore_values: Values of pixels that do not count.
        polarity: Whether to look for buildings and background exchanged.

    Raises:
        ValueError: If what is named is wrong.
    """
    building, coloured = _as_codes(building_values, 'building_values')
    ignored, too = _as_codes(ignore_values, 'ignore_values')
    if set(building) & set(ignored):
        raise ValueError(
            f'building_values={building_values!r} and ignore_values='
            f'{ignore_values!r} name the same value'
        )
    every = [value for values in masks.values() for value in values]
    colours = coloured or too or {x.colour for x in every} <= {-1, 0, 255}
    files = defaultdict(list)
    for name, values in masks.items():
        for value in values:
            if value.pixels:
                files[value.code(colours)].append(name)
    there = set(files) - set(ignored)
    if building:
        faults = {
            name: f'mask holds {len(values)} values. {TO_BINARY}'
            for name, values in masks.items()
            if len(values) > MOST_CLASSES
        }
        findings = []
        if len(there) > 1 and len(there & set(building)) in (0, len(there)):
            findings.append(
                f'building_values={building_values!r}, but masks hold '
                f'{name_values(files)}: all of it is one class'
            )
        meaning = MaskMeaning(building, ignored, True, colours)
        return Decision(meaning, faults, findings)
    found = tuple(sorted(there & set(BUILDING_VALUES)))
    meaning = MaskMeaning(found or BUILDING_VALUES, ignored, False, colours)
    faults = {}
    for name, values in masks.items():
        codes = {x.code(colours) for x in values if x.pixels}
        if any(meaning.label(code) == UNKNOWN for code in codes):
            held = f'mask holds {name_values(codes)}'
            faults[name] = f'{held}. {TO_BINARY} {NAMED}'
    findings = [] if colours else _compare_palettes(masks)
    if len(found) > 1:
        findings.append(
            f'1 is in {_name_files(files[1])}, 255 in '
            f'{_name_files(files[255])}. Both are buildings: '
            'building_values=[1, 255]; 255 is to be ignored: '
            'building_values=1, ignore_values=255'
        )
    if polarity and not faults and not findings:
        findings += _check_polarity(every, meaning)
    return Decision(meaning, faults, findings)


def _compare_palettes(masks: Mapping[str, Sequence[Value]]) -> list[str]:
    """Say which index has other colours in other palettes."""
    files = defaultdict(lambda: defaultdict(list))
    for name, values in masks.items():
        for value in values:
            if value.pixels and value.colour >= 0:
                files[value.value][value.colour].append(name)
    return [
        f'index {index} of the palettes has other colours in other files: '
        + ', '.join(
            f'{as_colour(colour)} in {_name_files(names)}'
            for colour, names in list(colours.items())[:SHOWN_VALUES]
        )
        + '. Name the index of buildings, building_values=1, or their colour, '
        'building_values=[[255, 0, 0]]'
        for index, colours in files.items()
        if len(colours) > 1
    ]


def _check_polarity(
    values: Sequence[Value], meaning: MaskMeaning
) -> list[str]:
    """Say so if buildings and background look exchanged.

    Buildings lie apart on a background that goes on from tile to tile, and
    cover less of it. Where the shares do not tell, the pieces do that touch
    no edge of their tile.
    """
    sides = [
        [x for x in values if meaning.label_of(x) == side] for side in (0, 1)
    ]
    ground, built = (sum(x.pixels for x in side) for side in sides)
    share = built / max(ground + built, 1)
    holes, islands = (sum(x.inside for x in side) for side in sides)
    apart = islands > holes or (islands == holes and share <= 0.5)
    if share <= SOME or (share <= MOST and apart):
        return []
    value = meaning.building[0]
    return [
        f'{share:.1%} of the pixels would be building, so buildings and '
        f'background look exchanged. 0 is building (masks of BuildFormer, '
        f'GeoSeg, UAGLNet): building_values=0; {value} is building indeed: '
        f'building_values={value}'
    ]


def _as_codes(declared: Declared, option: str) -> tuple[tuple[int, ...], bool]:
    """Turn values that a user names into codes, and say if one is a colour."""
    given = [declared] if isinstance(declared, int) else declared or []
    try:
        colours = [tuple(x) for x in given if not isinstance(x, int)]
        codes = [x for x in given if isinstance(x, int)]
        codes += [code_of(tuple(map(int, colour))) for colour in colours]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'{option} must be a value, such as 1, or a list of values or of '
            f'colours, such as [[255, 0, 0]], not {declared!r}'
        ) from error
    twice = [code for code in codes if codes.count(code) > 1]
    if twice:
        raise ValueError(
            f'{option}={declared!r} names {name_value(twice[0])} twice; a '
            f'colour is a list in the list, {[declared]!r}'
        )
    return tuple(codes), bool(colours)


def _name_files(names: Sequence[str]) -> str:
    return f'{quantity(len(names), "file")} ({name_some(names, SHOWN_FILES)})'
