"""What the values of building masks mean, and the labels that this makes."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.utils.words import name_some

IGNORED = 255  # the label of pixels that do not count
SHOWN_VALUES = 8
BLACK = 0, 0, 0
UNKNOWN = 254  # in place of a label
COLOUR = 1 << 24  # codes of colours, in the order RGB, start here
Palette = Mapping[int, tuple[int, ...]]  # colours by index; empty without one


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
        colours = tuple(palette.items()) if self.colours else ()
        if values.dtype == np.uint8:
            labels = cv2.LUT(values, _table(self, range(256), colours))
        else:
            found, places = np.unique(values, return_inverse=True)
            table = _table(self, tuple(found.tolist()), colours)
            labels = table[places.reshape(values.shape)]
        if not self.others and (labels == UNKNOWN).any():
            found = name_values(np.unique(values).tolist())
            own = name_values(self.building)
            raise RasterError(
                f'mask holds {found}; buildings of its dataset are {own}',
                'Build the dataset anew with verify=True.',
            )
        return labels


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
    names = name_some(list(map(name_value, sorted(values))), SHOWN_VALUES)
    return f'the values {names}'


def name_value(value: int) -> str:
    """Name a value for people: '7', or '(255, 0, 0)'."""
    return str(value) if value < COLOUR else str(as_colour(value))


def as_colour(code: int) -> tuple[int, ...]:
    """Return red, green and blue of a colour's value."""
    if code < COLOUR:  # a grey one
        return (code,) * 3
    return tuple((code - COLOUR).to_bytes(3, 'big'))


@lru_cache(maxsize=64)
def _table(
    meaning: MaskMeaning, values: Sequence[int], palette: tuple
) -> np.ndarray:
    """Return the labels of values, or of the colours that they stand for."""
    if palette:
        colours = dict(palette)
        values = [code_of(colours.get(value, BLACK)) for value in values]
    return np.array([meaning.label(value) for value in values], np.uint8)
