"""Polygons of buildings, from a raster that is read strip by strip.

The set of polygons is that of the whole raster, however it is cut into
strips. Memory is bounded by the tallest component of connected pixels.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
import shapely
from rasterio.crs import CRS

from mmseg_cube.datasets.ground import AXIS, Ground
from mmseg_cube.inference import outlines
from mmseg_cube.inference.components import (
    Block,
    find_components,
    split_touching,
)

DAY = r'\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])'
LARGEST_BATCH = 20_000
REACH = 32  # pixels by which right angles may lie outside of a building's box
SPLITS = 'none', 'watershed'
LIMITS = dict(threshold=1, seed=1, min_confidence=1)
LIMITS |= dict(min_area=1e9, max_hole=1e9, simplify=1e4)
UNSURE = 'components left out that are never above --seed'
# What is noted of a building until all of its neighbours are known.
BUILDING = np.dtype(
    [(name, np.int64) for name in ('group', 'row', 'column', 'bottom')]
    + [(name, np.float64) for name in ('confidence', 'p_max')]
    + [(name, object) for name in ('exact', 'simple', 'regular')]
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
    max_hole: float = 5  # m2; holes below this and min_area are filled
    min_confidence: float = 0  # mean probability
    simplify: float = 0.6  # m; 0 keeps the borders of pixels
    regularise: bool = False  # right angles, by buildingregulariser
    rectangles: bool = False  # where they fit and meet no other building
    max_rows: int = 4096  # components of so many rows are cut
    crs: CRS | None = None  # of the polygons; by default that of the raster
    id_prefix: str = ''
    image_date: str | None = None  # such as 2024-05-31; of the raster

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f'split must be one of {", ".join(SPLITS)}')
        for name, most in LIMITS.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise ValueError(f'{name} must be from 0 to {most:g}: {value}')
        if self.split != 'none' and self.seed < self.threshold:
            raise ValueError(f'seed {self.seed} is below the threshold')
        if self.image_date and not re.fullmatch(DAY, self.image_date):
            raise ValueError(f'{self.image_date} is no day as 2024-05-31 is')
        if self.regularise and self.rectangles:
            raise ValueError('choose one of regularise and rectangles')
        if self.regularise:
            outlines.load_regulariser()  # says what is missing
            if not self.simplify:
                raise ValueError('right angles need simplify above 0')


@dataclass
class Probabilities:
    """Those of a raster, from top to bottom."""

    rows: Iterable[np.ndarray]  # (any, width), 0 where there is no data
    full: float = 1  # their value of probability 1
    ground: Ground = field(default_factory=Ground)
    source: str = ''  # what the raster is called, part of the ids
    shape: tuple[int, int] | None = None  # height and width
    notes: Counter = field(default_factory=Counter)  # for the user
    about: Mapping[str, str] = field(default_factory=dict)  # tags of its file


class Batch(NamedTuple):
    """Some polygons; all arrays are of shape (n,)."""

    polygons: np.ndarray  # in the CRS that is asked for
    pixels: np.ndarray  # the same in columns and rows of the raster
    fields: dict[str, np.ndarray]  # what a file says of each, by name


def polygons(
    raster: Probabilities, options: PolygonOptions | None = None
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
    level = options.threshold * raster.full
    blocks = find_components(
        raster.rows, level, options.max_rows, raster.notes
    )
    for block in chain(blocks, [None]):
        open_top = np.iinfo(int).max  # at the end
        if block:
            new = _find_buildings(block, raster, options)
            table = np.concatenate([table, new])
            open_top = block.open_top
        # What has not ended does not reach into their rows.
        settled = ~table['done'] & (table['bottom'] <= open_top)
        shapes = (table[x] for x in ('simple', 'exact', 'group'))
        ready.append(table[settled])
        simple = outlines.separate(*shapes, settled)
        if options.rectangles or options.regularise:
            shapes = table['regular'], table['simple']
            free = outlines.find_free(*shapes, settled)
            simple = np.where(free, table['regular'][settled], simple)
        ready[-1]['simple'] = simple
        table['done'] |= settled
        top = table['row'][~table['done']].min(initial=open_top)
        table = table[~table['done'] | (table['bottom'] > top)]
        if sum(map(len, ready)) >= LARGEST_BATCH:
            yield from _make_batches(ready, raster, options)
            ready = [table[:0]]
    yield from _make_batches(ready, raster, options)


def _find_buildings(
    block: Block, raster: Probabilities, options: PolygonOptions
) -> np.ndarray:
    """Outline, measure, filter and simplify what has ended."""
    labels, values, full = block.labels, block.values, raster.full
    width = labels.shape[1]
    owner = np.arange(labels.max(initial=0) + 1)
    if options.split != 'none':
        limits = options.threshold * full, options.seed * full
        labels, owner, unsure = split_touching(labels, values, *limits, full)
        raster.notes[UNSURE] += unsure
    # The watershed may leave several regions of one label.
    shapes, number, regions = outlines.trace(labels, block.top)
    owner, count = owner[number], len(shapes)
    inside = np.flatnonzero(regions)
    where, values = regions.flat[inside] - 1, values.flat[inside]
    peak = np.zeros(count, values.dtype)  # of another type it is slow
    np.maximum.at(peak, where, values)
    # Of several values, the one that is assigned last stays.
    first = np.zeros(count, int)
    first[where[::-1]] = inside[::-1] + block.top * width
    # The name of a component is its first pixel.
    names = np.full(owner.max(initial=0) + 1, np.iinfo(int).max)
    np.minimum.at(names, owner, first)

    table = np.zeros(count, BUILDING)
    table['group'] = names[owner]
    table['row'], table['column'] = divmod(first, width)
    table['bottom'] = shapely.bounds(shapes)[:, 3]
    table['confidence'] = np.bincount(where, values, count) / full
    table['confidence'] /= shapely.area(shapes)
    table['p_max'] = peak / full
    row, column = divmod(table['group'], width)
    steps = raster.ground.steps(np.column_stack((column, row)))
    pixel = abs(np.linalg.det(steps))  # its area
    # No building that is kept could stand in a hole that is filled.
    least = min(options.max_hole, options.min_area)
    filled = outlines.fill_holes(shapes, least / pixel)
    table['exact'] = table['simple'] = filled
    kept = shapely.area(shapes) * pixel >= options.min_area
    kept &= table['confidence'] >= options.min_confidence
    table, size = table[kept], options.simplify / np.sqrt(pixel[kept])
    if options.simplify:
        given = table['exact'], table['group'], size
        table['simple'] = outlines.simplify(*given)
    if len(table) and (options.regularise or options.rectangles):
        if options.rectangles:
            found = outlines.rectangles(_turn(table['exact'], steps[kept]))
        else:
            metres = _turn(table['simple'], steps[kept])
            found = outlines.regularise(metres, options.simplify)
        found = _turn(found, np.linalg.inv(steps[kept]))
        box = shapely.bounds(table['exact']) + [-REACH, -REACH, REACH, REACH]
        fits = shapely.covers(shapely.box(*box.T), found)
        fits &= shapely.area(found) * pixel[kept] >= options.min_area
        table['regular'] = np.where(fits, found, None)
        table['bottom'] += 2 * REACH  # as far as those below may reach up
    return table


def _turn(shapes: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Multiply the points of shapes (n,) with their matrices (n, 2, 2)."""
    points, of = shapely.get_coordinates(shapes, return_index=True)
    turned = np.einsum('nij,nj->ni', matrices[of], points)
    return shapely.set_coordinates(shapes.copy(), turned)


def _join(shapes: np.ndarray, crs: CRS) -> np.ndarray:
    """Let shapes across 180 degrees go on there, not around the world."""
    half = 180 if crs.is_geographic else np.pi * AXIS
    west, _, east, _ = shapely.bounds(shapes).T
    torn = east - west > half
    shapes[torn] = shapely.transform(
        shapes[torn], lambda x: x + (x < 0) * [2 * half, 0]
    )
    return shapes


def _make_batches(
    tables: list[np.ndarray], raster: Probabilities, options: PolygonOptions
) -> Iterator[Batch]:
    """Bring polygons to their place, and describe them."""
    table, ground = np.concatenate(tables), raster.ground
    pixels = table['simple']
    points = shapely.get_coordinates(pixels)
    steps = ground.steps(shapely.get_coordinates(shapely.centroid(pixels)))
    area = shapely.area(pixels) * abs(np.linalg.det(steps))
    length = shapely.length(_turn(pixels, steps))
    unit = 'm' if ground.crs else 'px'
    when = options.image_date or raster.about.get('image_date')
    prefix = f'{options.id_prefix}{raster.source}_'
    names = [f'{prefix}{x["row"]}_{x["column"]}' for x in table]
    rings = shapely.get_num_interior_rings(pixels) + 1
    fields = {
        'id': np.array(names, object),
        f'area_{unit}2': area.round(2),
        f'perimeter_{unit}': length.round(2),
        'confidence': table['confidence'].round(4),
        'p_max': table['p_max'].round(4),
        # Rings end where they begin.
        'vertices': shapely.get_num_coordinates(pixels) - rings,
        'source': np.full(len(table), raster.source, object),
        'image_date': np.full(len(table), when, object),
    }
    places = ground.places(points, options.crs)
    placed = shapely.set_coordinates(pixels.copy(), places)
    if options.crs:
        placed = _join(placed, options.crs)
    # Rings may touch, and places are rounded.
    broken = ~shapely.is_valid(placed)
    placed[broken] = outlines.largest_parts(shapely.make_valid(placed[broken]))
    placed = shapely.orient_polygons(placed)
    # Simpler outlines may have become smaller.
    kept = np.flatnonzero((area > 0) & (area >= options.min_area))
    for i in range(0, max(len(kept), 1), LARGEST_BATCH):
        part = kept[i : i + LARGEST_BATCH]
        columns = {name: x[part] for name, x in fields.items()}
        yield Batch(placed[part], pixels[part], columns)
