"""Polygons of buildings, from a raster that is read strip by strip.

The set of polygons is that of the whole raster, however it is cut into
strips. Memory is bounded by the tallest component of connected pixels.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import shapely
from rasterio.crs import CRS

from mmseg_cube.inference.components import Block, find_components
from mmseg_cube.inference.ground import Grid, scale
from mmseg_cube.inference.outlines import (
    fill_holes,
    separate,
    simplify,
    trace,
)
from mmseg_cube.inference.split import split_touching

LARGEST_BATCH = 20_000
SPLITS = 'none', 'watershed'
UNSURE = 'components left out that are never above --seed'
# What is noted of a building until all of its neighbours are known.
BUILDING = np.dtype(
    [(name, np.int64) for name in ('group', 'top', 'bottom')]
    + [(name, np.int64) for name in ('row', 'column')]
    + [(name, np.float64) for name in ('confidence', 'p_max')]
    + [(name, object) for name in ('exact', 'simple')]
    + [('done', bool)]
)


@dataclass(frozen=True)
class PolygonOptions:
    """What counts as a building, and how its outline is drawn.

    Metres are those on the ground; pixels of a raster without CRS.
    """

    threshold: float = 0.5  # probability that pixels have to be above
    split: str = 'none'  # or 'watershed', for buildings that touch
    seed: float = 0.95  # probability that each of these has to be above
    min_area: float = 10  # m2
    max_hole: float = 5  # m2; holes up to this, or to min_area, are filled
    min_confidence: float = 0  # mean probability
    simplify: float = 0.6  # m; 0 keeps the borders of pixels
    max_rows: int = 4096  # components of so many rows are cut
    crs: CRS | None = None  # of the polygons; by default that of the raster
    id_prefix: str = ''

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f'split must be one of {SPLITS}')
        for name in ('threshold', 'seed', 'min_confidence'):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f'{name} must be from 0 to 1, not {value}')
        for name in ('min_area', 'max_hole', 'simplify'):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise ValueError(f'{name} must be 0 or more, not {value}')
        if self.split != 'none' and self.seed < self.threshold:
            raise ValueError(
                f'seed must be at least the threshold of {self.threshold}, '
                f'not {self.seed}'
            )


@dataclass
class Strips:
    """A raster from top to bottom.

    Attributes:
        rows: Arrays (any, width), 0 where there is no data.
        full: Their value of probability 1.
        grid: Where the pixels are.
        source: What the raster is called, part of the ids.
        notes: Counts what a user should know of.
    """

    rows: Iterable[np.ndarray]
    full: float = 1
    grid: Grid = field(default_factory=Grid)
    source: str = ''
    notes: Counter = field(default_factory=Counter)


@dataclass
class Batch:
    """Polygons (n,), in the wanted CRS and in pixels; arrays (n,) by field."""

    polygons: np.ndarray
    pixels: np.ndarray
    fields: dict[str, np.ndarray]


def polygons(
    strips: Strips, options: PolygonOptions | None = None
) -> Iterator[Batch]:
    """Find the buildings of a raster.

    Yields batches of at most 20,000 polygons, at least one batch: valid,
    without overlap, outer rings against the clock. Ids name row and column of
    the first pixel, so they stay the same from run to run.

    Raises:
        RasterError: If the raster has no place on Earth, or none in the CRS
            that is asked for.
    """
    options = options or PolygonOptions()
    table = np.zeros(0, BUILDING)
    ready = [table]
    level = options.threshold * strips.full
    for block in find_components(
        strips.rows, level, options.max_rows, strips.notes
    ):
        new = _find_buildings(block, strips, options)
        table = np.concatenate([table, new])
        # What has not ended does not reach into their rows.
        settled = ~table['done'] & (table['bottom'] <= block.open_top)
        shapes = [table[x] for x in ('simple', 'exact', 'group')]
        ready.append(table[settled])
        ready[-1]['simple'] = separate(*shapes, settled)
        table['done'] |= settled
        top = table['top'][~table['done']].min(initial=block.open_top)
        table = table[~table['done'] | (table['bottom'] > top)]
        if sum(map(len, ready)) >= LARGEST_BATCH:
            yield from _make_batches(ready, strips, options)
            ready = []
    yield from _make_batches(ready, strips, options)


def _find_buildings(
    block: Block, strips: Strips, options: PolygonOptions
) -> np.ndarray:
    """Measure, filter and outline what has ended: a table of BUILDING."""
    labels, values, full = block.labels, block.values, strips.full
    width = labels.shape[1]
    owner = np.arange(labels.max(initial=0) + 1)
    if options.split != 'none':
        labels, owner, unsure = split_touching(
            labels, values, options.seed * full, full
        )
        strips.notes[UNSURE] += unsure
    at = np.flatnonzero(labels)
    number = labels.flat[at]
    count = np.bincount(number, minlength=len(owner))
    total = np.bincount(number, values.flat[at], len(owner))
    peak = np.zeros(len(owner))
    np.maximum.at(peak, number, values.flat[at])
    first, last = np.zeros((2, len(owner)), int)
    # Of several values for one place, the last one is kept.
    first[number[::-1]], last[number] = at[::-1], at
    # The first and last pixel of the component of each.
    there = np.flatnonzero(count)
    start = np.full(owner.max() + 1, labels.size)
    end = np.zeros(len(start), int)
    np.minimum.at(start, owner[there], first[there])
    np.maximum.at(end, owner[there], last[there])
    start, end = start[owner], end[owner]

    points = np.column_stack(np.divmod(start[there], width)[::-1])
    steps = np.zeros((len(owner), 2, 2))
    steps[there] = strips.grid.steps(points + [0, block.top])
    pixel = abs(np.linalg.det(steps))
    confidence = total / np.maximum(count, 1) / full
    kept = (count > 0) & (count * pixel >= options.min_area)
    kept &= confidence >= options.min_confidence
    shapes, at = trace(np.where(kept[labels], labels, 0), block.top)
    # No building that is kept could stand in a hole that is filled.
    largest = min(options.max_hole, options.min_area) / pixel[at]
    exact = fill_holes(shapes, largest)

    table = np.zeros(len(at), BUILDING)
    table['group'] = start[at] + block.top * width
    table['top'] = start[at] // width + block.top
    table['bottom'] = end[at] // width + block.top + 1
    table['row'] = first[at] // width + block.top
    table['column'] = first[at] % width
    table['confidence'] = confidence[at]
    table['p_max'] = peak[at] / full
    table['exact'] = table['simple'] = exact
    if options.simplify:
        table['simple'] = simplify(
            exact, table['group'], steps[at], options.simplify
        )
    return table


def _make_batches(
    tables: list[np.ndarray], strips: Strips, options: PolygonOptions
) -> Iterator[Batch]:
    """Bring polygons to their place, and describe them."""
    table, grid = np.concatenate(tables), strips.grid
    pixels = table['simple']
    steps = grid.steps(shapely.get_coordinates(shapely.centroid(pixels)))
    unit, square = ('m', 'm2') if grid.crs else ('px', 'px2')
    prefix = f'{options.id_prefix}{strips.source}_'
    rings = shapely.get_num_interior_rings(pixels) + 1
    fields = {
        'id': [f'{prefix}{x["row"]}_{x["column"]}' for x in table],
        f'area_{square}': shapely.area(pixels) * abs(np.linalg.det(steps)),
        f'perimeter_{unit}': shapely.length(scale(pixels, steps)),
        'confidence': table['confidence'],
        'p_max': table['p_max'],
        # Rings end where they begin.
        'vertices': shapely.get_num_coordinates(pixels) - rings,
        'source': [strips.source] * len(table),
    }
    placed = shapely.orient_polygons(grid.place(pixels, options.crs))
    fields = {name: np.asarray(x) for name, x in fields.items()}
    # Simpler outlines may have become smaller.
    kept = np.flatnonzero(fields[f'area_{square}'] >= options.min_area)
    for i in range(0, max(len(kept), 1), LARGEST_BATCH):
        part = kept[i : i + LARGEST_BATCH]
        columns = {name: x[part] for name, x in fields.items()}
        yield Batch(placed[part], pixels[part], columns)
