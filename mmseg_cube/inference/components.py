"""Connected pixels of a raster that is read from top to bottom."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy import ndimage

CUT = 'components cut at --max-rows'


class Block(NamedTuple):
    """Rows in which components have ended."""

    labels: np.ndarray  # int32 (rows, width); 0 where none of them is
    values: np.ndarray  # (rows, width), as read
    top: int  # first row
    open_top: int  # first row of the components that have not ended


def find_components(
    strips: Iterable[np.ndarray], level: float, max_rows: int, notes: Counter
) -> Iterator[Block]:
    """Find the components of pixels above a level, each when it has ended.

    Kept from strip to strip are those that touch the last row read: they
    may go on. Pixels are connected by their four sides only: polygons of
    those that touch at corners, too, would not be valid.

    Args:
        strips: The raster from top to bottom, arrays (any, width).
        level: What values have to be above.
        max_rows: Components of so many rows are cut, at a multiple of it, so
            that the place does not depend on the strips.
        notes: Counts components that were cut.
    """
    kept, new, bottom = [], [], 0
    for strip in chain(_cut(strips, max_rows), [None]):
        at_end, at_cut = strip is None, False
        if not at_end:
            new.append(strip)
            bottom += len(strip)
            at_cut = bottom % max_rows == 0
            # What is kept is looked at again when there is as much new, so
            # that high components do not cost more than others.
            if not at_cut and sum(map(len, new)) < sum(map(len, kept)):
                continue
        if not any(map(len, kept + new)):
            return  # at the end
        values = np.concatenate(kept + new)
        labels, count = ndimage.label(values > level)
        goes_on = np.zeros(count + 1, bool)
        if not at_end:
            goes_on[labels[-1]] = True
            goes_on[0] = False
        if at_cut:
            boxes = ndimage.find_objects(labels)
            for number in np.flatnonzero(goes_on):
                if boxes[number - 1][0].start <= len(values) - max_rows:
                    goes_on[number] = False
                    notes[CUT] += 1
        pending = goes_on[labels]
        labels[pending] = 0
        rows = pending.any(axis=1)
        start = rows.argmax() if rows.any() else len(values)
        top = bottom - len(values)
        yield Block(labels, values, top, top + int(start))
        kept = [np.where(pending[start:], values[start:], 0)]
        new = []


def _cut(strips: Iterable[np.ndarray], rows: int) -> Iterator[np.ndarray]:
    """Cut strips at the multiples of a number of rows."""
    top = 0
    for strip in strips:
        while len(strip):
            part = strip[: rows - top % rows]
            yield part
            strip = strip[len(part) :]
            top += len(part)
