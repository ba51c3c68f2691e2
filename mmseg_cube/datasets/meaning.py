"""What the values of building masks mean, decided from all of a dataset.

A tile without a building, or full of them, does not tell; its neighbours do.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.utils.words import name_some, quantity

BUILDING_VALUES = (1, 255)  # either marks a building, but not both at once
IGNORED = 255  # the label of pixels that do not count
SHOWN_VALUES, SHOWN_FILES = 8, 3
MOST_CLASSES = 64  # that a mask of several classes may hold
BLACK = 0, 0, 0
UNKNOWN = 254  # in place of a label
COLOUR = 1 << 24  # codes of colours, in the order RGB, start here
MOST, SOME = 0.75, 0.25  # of all pixels
TO_BINARY = (
    'Write one band of 0 for background and 255 (or 1) for building; grey '
    'edges of a resized or JPEG mask can be cut at 128.'
)
Palette = Mapping[int, tuple[int, ...]]  # colours by index; empty without one
Declared = int | Sequence[int | Sequence[int]] | None


class Value(NamedTuple):
    """A value of a mask, and what was counted of it."""

    value: int
    colour: int  # its code in the palette, -1 without one
    pixels: int
    inside: int  # pixels of connected pieces that touch no edge of the mask

    def code(self, colours: bool) -> int:
        """Return the value, or the colour that a palette gives it."""
        return self.colour if colours and self.colour >= 0 else self.value


class MaskMeaning(NamedTuple):
    """Which values are buildings, and which do not count.

    ``others`` tells whether all other values are background, or only 0;
    ``colours`` whether a palette's colours are the values, not its indices.
    """

    building: tuple[int, ...]
    ignored: tuple[int, ...] = ()
    others: bool = False
    colours: bool = False

    def label(self, value: int) -> int:
        """Return the label of a value: 0, 1, 255 or UNKNOWN."""
        if value in self.building:
            return 1
        if value in self.ignored:
            return IGNORED
        return 0 if self.others or value == 0 else UNKNOWN

    def label_of(self, value: Value) -> int:
        """Return the label of a value that was counted, likewise."""
        return self.label(value.code(self.colours))

    def labels(self, values: np.ndarray, palette: Palette) -> np.ndarray:
        """Return the labels 0, 1 and 255 of values, uint8 of shape (H, W)."""
        if values.dtype == np.uint8:
            colours = tuple(palette.items()) if self.colours else ()
            labels = cv2.LUT(values, _table(self, colours))
        else:
            found, places = np.unique(values, return_inverse=True)
            if palette and self.colours:
                found = [
                    code_of(palette.get(x, BLACK)) for x in found.tolist()
                ]
            table = np.array([self.label(x) for x in found], np.uint8)
            labels = table[places.reshape(values.shape)]
        if not self.others and (labels == UNKNOWN).any():
            found = name_values(np.unique(values).tolist())
            own = name_values(self.building)
            raise RasterError(
                f'mask holds {found}; buildings of its dataset are {own}',
                'Build the dataset anew with verify=True.',
            )
        return labels


class Decision(NamedTuple):
    """A meaning, and why it may be wrong."""

    meaning: MaskMeaning
    faults: dict[str, str]  # by mask, whose values mean nothing
    findings: list[str]  # of the whole dataset


def code_of(colour: Sequence) -> int | np.ndarray:
    """Return the value of a colour, or of bands: a grey one is its grey."""
    red, green, blue = colour[:3]
    grey = (red == green) & (green == blue)
    code = COLOUR + red * 65536 + green * 256 + blue
    if isinstance(grey, np.ndarray):
        return np.where(grey, red, code)
    return red if grey else code


def name_values(values: Iterable[int]) -> str:
    """Name values for people: 'the values 0, 7'."""
    names = name_some(list(map(_name, sorted(values))), SHOWN_VALUES)
    return f'the values {names}'


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
            f'{option}={declared!r} names {_name(twice[0])} twice; a colour '
            f'is a list in the list, {[declared]!r}'
        )
    return tuple(codes), bool(colours)


def decide(
    masks: Mapping[str, Sequence[Value]],
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
            faults[name] = f'mask holds {name_values(codes)}. {TO_BINARY}'
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
            f'{_as_colour(colour)} in {_name_files(names)}'
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


def _name(value: int) -> str:
    return str(value) if value < COLOUR else str(_as_colour(value))


def _as_colour(code: int) -> tuple[int, ...]:
    if code < COLOUR:  # a grey one
        return (code,) * 3
    return tuple((code - COLOUR).to_bytes(3, 'big'))


@lru_cache(maxsize=64)
def _table(meaning: MaskMeaning, palette: tuple = ()) -> np.ndarray:
    """Return the label of each value from 0 to 255, or of its colour."""
    codes = np.zeros(256, int) if palette else np.arange(256)
    for index, colour in palette:
        codes[index] = code_of(colour)
    return np.array([meaning.label(code) for code in codes], np.uint8)


def _name_files(names: Sequence[str]) -> str:
    return f'{quantity(len(names), "file")} ({name_some(names, SHOWN_FILES)})'
