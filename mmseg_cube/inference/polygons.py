"""Polygons of buildings, from a raster that is read strip by strip.

The set of polygons is that of the whole raster, however it is cut into
raster. Memory is bounded by the tallest component of connected pixels.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import shapely
from rasterio.crs import CRS

from mmseg_cube.datasets.ground import Ground
from mmseg_cube.inference.components import Block, find_components
from mmseg_cube.inference.outlines import (
    fill_holes,
    first_pixels,
    largest_parts,
    scale,
    separate,
    simplify,
    trace,
)
from mmseg_cube.inference.split import split_touching

LARGEST_BATCH = 20_000
SPLITS = 'none', 'watershed'
LIMITS = dict(threshold=1, seed=1, min_confidence=1)
LIMITS |= dict(min_area=1e9, max_hole=1e9, simplify=1e4)
UNSURE = 'components left out that are never above --seed'
# What is noted of a building until all of its neighbours are known.
BUILDING = np.dtype(
    [(name, np.int64) for name in ('group', 'row', 'column', 'bottom')]
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
    max_hole: float = 5  # m2; holes below this and min_area are filled
    min_confidence: float = 0  # mean probability
    simplify: float = 0.6  # m; 0 keeps the borders of pixels
    max_rows: int = 4096  # components of so many rows are cut
    crs: CRS | None = None  # of the polygons; by default that of the raster
    id_prefix: str = ''

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f'split must be one of {", ".join(SPLITS)}')
        for name, most in LIMITS.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise ValueError(f'{name} must be from 0 to {most:g}: {value}')
        if self.split != 'none' and self.seed < self.threshold:
            raise ValueError(f'seed {self.seed} is below the threshold')


@dataclass
class Probabilities:
    """Those of a raster, from top to bottom.

    Attributes:
        rows: Arrays (any, width), 0 where there is no data.
        full: Their value of probability 1.
        ground: Where its pixels are.
        source: What the raster is called, part of the ids.
        shape: Height and width.
        notes: Counts what a user should know of.
    """

    rows: Iterable[np.ndarray]
    full: float = 1
    ground: Ground = field(default_factory=Ground)
    source: str = ''
    shape: tuple[int, int] | None = None
    notes: Counter = field(default_factory=Counter)


@dataclass
class Batch:
    """Some polygons; all arrays are of shape (n,).

    Attributes:
        polygons: In the CRS that is asked for.
        pixels: The same in columns and rows of the raster.
        area: In m2, or in square pixels if the raster has no CRS.
        fields: What a file says of each, by name; area is one of them.
    """

    polygons: np.ndarray
    pixels: np.ndarray
    area: np.ndarray
    fields: dict[str, np.ndarray]


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
    for block in find_components(
        raster.rows, level, options.max_rows, raster.notes
    ):
        new = _find_buildings(block, raster, options)
        table = np.concatenate([table, new])
        # What has not ended does not reach into their rows.
        settled = ~table['done'] & (table['bottom'] <= block.open_top)
        shapes = [table[x] for x in ('simple', 'exact', 'group')]
        ready.append(table[settled])
        ready[-1]['simple'] = separate(*shapes, settled)
        table['done'] |= settled
        top = table['row'][~table['done']].min(initial=block.open_top)
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
    owner = np.arange(labels.max(initial=0) + 1)
    if options.split != 'none':
        labels, owner, unsure = split_touching(
            labels, values, options.seed * full, full
        )
        raster.notes[UNSURE] += unsure
    shapes, number = trace(labels, block.top)
    pixels = first_pixels(shapes)
    # The name of a component is its first pixel.
    names = np.full((owner.max() + 1, 2), np.inf)
    owner = owner[number]
    order = np.lexsort(pixels.T)[::-1]
    names[owner[order]] = pixels[order]
    steps = raster.ground.steps(names[owner])
    pixel = abs(np.linalg.det(steps))
    inside = np.flatnonzero(labels)
    where, values = labels.flat[inside], values.flat[inside]
    total = np.bincount(where, values, minlength=1)
    peak = np.zeros(len(total))
    np.maximum.at(peak, where, values)
    confidence = total[number] / shapely.area(shapes) / full

    table = np.zeros(len(number), BUILDING)
    table['group'] = names[owner] @ [1, labels.shape[1]]
    table['column'], table['row'] = pixels.T
    table['bottom'] = shapely.bounds(shapes)[:, 3]
    table['confidence'] = confidence
    table['p_max'] = peak[number] / full
    # No building that is kept could stand in a hole that is filled.
    least = min(options.max_hole, options.min_area)
    table['exact'] = fill_holes(shapes, pixel, least)
    kept = shapely.area(shapes) * pixel >= options.min_area
    kept &= confidence >= options.min_confidence
    table, steps = table[kept], steps[kept]
    table['simple'] = table['exact']
    if options.simplify:
        table['simple'] = simplify(
            table['exact'], table['group'], steps, options.simplify
        )
    return table


def _make_batches(
    tables: list[np.ndarray], raster: Probabilities, options: PolygonOptions
) -> Iterator[Batch]:
    """Bring polygons to their place, and describe them."""
    table, ground = np.concatenate(tables), raster.ground
    pixels = table['simple']
    steps = ground.steps(shapely.get_coordinates(shapely.centroid(pixels)))
    area = shapely.area(pixels) * abs(np.linalg.det(steps))
    unit, square = ('m', 'm2') if ground.crs else ('px', 'px2')
    prefix = f'{options.id_prefix}{raster.source}_'
    rings = shapely.get_num_interior_rings(pixels) + 1
    fields = {
        'id': [f'{prefix}{x["row"]}_{x["column"]}' for x in table],
        f'area_{square}': area.round(2),
        f'perimeter_{unit}': shapely.length(scale(pixels, steps)).round(2),
        'confidence': table['confidence'].round(4),
        'p_max': table['p_max'].round(4),
        # Rings end where they begin.
        'vertices': shapely.get_num_coordinates(pixels) - rings,
        'source': [raster.source] * len(table),
    }
    places = ground.places(shapely.get_coordinates(pixels), options.crs)
    placed = shapely.set_coordinates(pixels.copy(), places)
    # Rings may touch, and places are rounded.
    broken = ~shapely.is_valid(placed)
    placed[broken] = largest_parts(shapely.make_valid(placed[broken]))
    placed = shapely.orient_polygons(placed)
    for name in ('id', 'source'):
        fields[name] = np.array(fields[name], object)
    # Simpler outlines may have become smaller.
    kept = np.flatnonzero((area > 0) & (area >= options.min_area))
    for i in range(0, max(len(kept), 1), LARGEST_BATCH):
        part = kept[i : i + LARGEST_BATCH]
        columns = {name: x[part] for name, x in fields.items()}
        yield Batch(placed[part], pixels[part], area[part], columns)
