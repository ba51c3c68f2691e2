"""The split of tiles by place, so that neighbours do not leak."""

from collections.abc import Mapping

import numpy as np

from mmseg_cube.datasets.ground import AXIS, Ground, crs_of
from mmseg_cube.datasets.preparation.resampled import PLANE, Resampled
from mmseg_cube.datasets.rasters import open_raster
from mmseg_cube.datasets.splits import divide
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.datasets.windows import Window

SIDES = 4, 3, 2, 1  # of blocks in tiles, the first that makes enough of them
ENOUGH = 20


def split_by_place(
    pieces: Mapping[Tile, tuple[Resampled, Window]],
    side: float,
    fractions: Mapping[str, float],
    seed: int,
) -> dict[Tile, str]:
    """Choose splits for tiles, which are windows of images.

    Squares of 4 x 4 tiles, of ``side`` metres each, are drawn as one, or
    smaller ones where that makes less than 20; of images without a
    georeference, all tiles. ``fractions`` and ``seed`` are as of ``divide``.
    """
    names = np.array([tile.image.stem for tile in pieces], object)
    places = np.array([_place(*piece) for piece in pieces.values()])
    here = ~np.isnan(places[:, 0])
    if here.any():
        # The map, of a sphere with this radius, stretches lengths by
        # latitude, alike in all directions.
        side *= np.cosh(np.median(places[here, 1]) / AXIS)
        steps = (places[here] - places[here].min(0)) / side + 0.5
        for tiles in SIDES:
            names[here] = [f'{x},{y}' for x, y in steps // tiles]
            if len(set(names)) >= ENOUGH:
                break
    home = divide(names, fractions, seed)
    return {tile: home[name] for tile, name in zip(pieces, names, strict=True)}


def _place(image: Resampled, window: Window) -> np.ndarray:
    """Return the middle of a window in Web Mercator; nan if it has none."""
    dataset = open_raster(image.path)
    if crs_of(dataset) is None:
        return np.full(2, np.nan)
    x, y, width, height = window
    middle = np.array([image.scale * (x + width / 2, y + height / 2)])
    return Ground(dataset.transform, dataset.crs).places(middle, PLANE)[0]
