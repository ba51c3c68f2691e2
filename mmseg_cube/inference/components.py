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
    those that touch at corners, too, would not be valid. Components of
    ``max_rows`` rows are cut at a multiple of it, so that the place does not
    depend on the strips, and ``notes`` counts them.
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
        kept, new = [np.where(pending[start:], values[start:], 0)], []


def _cut(strips: Iterable[np.ndarray], rows: int) -> Iterator[np.ndarray]:
    """Cut strips at the multiples of a number of rows."""
    top = 0
    for strip in strips:
        yield from np.split(strip, range(rows - top % rows, len(strip), rows))
        top += len(strip)


def split_touching(
    labels: np.ndarray,
    values: np.ndarray,
    level: float,
    sure: float,
    full: float,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Split components by a watershed that grows from what is sure.

    Components are labels (H, W) of values above a level; each group of their
    pixels above ``sure`` is a building, and ``full`` is probability 1.

    Returns:
        Buildings, int32 (H, W), for each number the component it is of, and
        how many components were left out, for they have none.
    """
    seeds, count = ndimage.label((values > sure) & (labels > 0))
    owner = np.zeros(count + 1, int)
    owner[seeds] = labels
    owner[0] = 0
    # All of a component with one seed belongs to it.
    number = np.zeros(labels.max(initial=0) + 1, np.int32)
    number[owner] = np.arange(count + 1)
    number[0] = 0
    buildings = number[labels]
    boxes = ndimage.find_objects(labels)
    for component in np.flatnonzero(np.bincount(owner) > 1):
        box = boxes[component - 1]
        inside = labels[box] == component
        # The cost of a step is the difference of heights. That to the outside
        # is above all others, so no way leads through it.
        height = np.rint(127 * ((full - values[box]) / (full - level)))
        grown = ndimage.watershed_ift(
            np.where(inside, height, 255).astype(np.uint8),
            np.where(inside, seeds[box], 0),
        )
        buildings[box][inside] = grown[inside]
    unsure = np.setdiff1d(labels, owner)
    return buildings, owner, len(unsure)
