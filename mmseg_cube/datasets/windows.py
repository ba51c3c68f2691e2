"""Windows that a large raster is cut into."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mmseg_cube.datasets.errors import RasterError

STRIP = 2**24  # pixels
BLOCK = 512  # rows, so that strips take the blocks of a tiled TIFF whole


class Window(NamedTuple):
    """A rectangle in pixels of a raster; it may reach beyond the edges."""

    x: int  # column of its left edge
    y: int  # row of its upper edge
    width: int
    height: int

    def inside(self, other: 'Window') -> tuple[slice, slice]:
        """Rows and columns of another window that this one covers."""
        x, y = self.x - other.x, self.y - other.y
        return slice(y, y + self.height), slice(x, x + self.width)

    def places(self, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of a raster of this size, mirrored at its edges.

        Raises:
            RasterError: If none of them is inside of it.
        """
        x, y, own_width, own_height = self
        if not (-own_width < x < width and -own_height < y < height):
            raise RasterError(
                f'{tuple(self)} (x, y, width, height) lies outside of its '
                f'{width} x {height} pixels',
                'Compute the windows anew from the size of this file.',
            )
        return _reflect(y, own_height, height), _reflect(x, own_width, width)


class Cut(NamedTuple):
    """A window, and its core: windows may overlap, cores do not."""

    window: Window
    core: Window


def take_window(values: np.ndarray, window: Window) -> np.ndarray:
    """Take a window of (..., H, W), reflected beyond its edges."""
    height, width = values.shape[-2:]
    right, bottom = window.x + window.width, window.y + window.height
    if min(window[:2]) >= 0 and right <= width and bottom <= height:
        # Without copying.
        return values[..., window.y : bottom, window.x : right]
    rows, columns = window.places(height, width)
    return values[..., rows[:, None], columns]


def refuse_smaller(
    shape: tuple[int, int], size: int, option: str = 'window_size'
) -> None:
    """Refuse a raster, (height, width), that is smaller than a window."""
    if size > min(shape):
        raise RasterError(
            f'has {shape[1]} x {shape[0]} pixels, less than a window of '
            f'{size}',
            f'Set {option} to {min(shape)} or less.',
        )


def cut_grid(
    height: int, width: int, size: int, stride: int | None = None
) -> list[Cut]:
    """Cover a raster with square windows, row by row.

    The last windows of a row and of a column are moved inwards to end with
    the raster; one that is smaller than a window gets a window that reaches
    beyond its right and lower edge. Cores meet halfway where windows overlap
    and cover every pixel once. The stride is the distance of neighbouring
    windows, by default their size.
    """
    stride = size if stride is None else stride
    if not 1 <= stride <= size:
        raise ValueError(
            f'stride must be from 1 to the window size of {size}, or pixels '
            f'are left out, but is {stride}'
        )
    return [
        Cut(Window(left, top, size, size), Window(x, y, x_end - x, y_end - y))
        for top, y, y_end in _spans(height, size, stride)
        for left, x, x_end in _spans(width, size, stride)
    ]


def cut_tiles(
    height: int, width: int, size: int, padded: bool = False
) -> list[Window]:
    """Tile a raster, row by row, beyond its right and lower edge.

    Padded it reaches as far beyond all edges, as in BuildFormer
    (github.com/WangLibo1995/BuildFormer): 5000 pixels become 5120, 60 on
    either side, and ten windows of 512.
    """
    top, left = (
        -(-length % size // 2) if padded else 0 for length in (height, width)
    )
    return [
        Window(x, y, size, size)
        for y in range(top, height, size)
        for x in range(left, width, size)
    ]


def cut_strips(height: int, width: int) -> Iterator[Window]:
    """Cut a raster from top to bottom into what fits into memory."""
    rows = BLOCK * max(STRIP // (BLOCK * width), 1)
    for top in range(0, height, rows):
        yield Window(0, top, width, min(rows, height - top))


def _spans(length: int, size: int, stride: int) -> list[tuple[int, int, int]]:
    """Start of each window along an axis, start and end of its core."""
    last = max(length - size, 0)
    starts = [*range(0, last, stride), last]
    # Halfway through the overlap of one window with the next.
    borders = [(one + size + next_) // 2 for one, next_ in pairwise(starts)]
    return list(zip(starts, [0, *borders], [*borders, length], strict=True))


def _reflect(start: int, size: int, length: int) -> np.ndarray:
    """Places along an axis, mirrored at its first and last pixel."""
    period = max(2 * (length - 1), 1)
    places = np.arange(start, start + size) % period
    return np.minimum(places, period - places)
