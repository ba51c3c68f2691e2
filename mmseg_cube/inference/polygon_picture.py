"""A picture of outlines over the raster that they come from."""

from collections.abc import Iterable, Iterator
from math import ceil
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize

from mmseg_cube.inference.polygons import Probabilities
from mmseg_cube.utils.figures import new_figure, save_figure

SIDE = 1000  # pixels, however large the raster
LARGEST_SCALE = 8


class OutlinePicture:
    """Watches a raster as it is read, and keeps a small copy of it."""

    def __init__(self, raster: Probabilities) -> None:
        self.raster, self._rows = raster, []
        self._step = ceil(max(raster.shape) / SIDE)
        self._scale = min(SIDE / max(raster.shape), LARGEST_SCALE)
        size = [ceil(side * self._scale) for side in raster.shape]
        self._outlines = np.zeros(size, np.uint8)
        raster.rows = self._watch(raster.rows)

    def _watch(self, strips: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        top, step = 0, self._step
        for strip in strips:
            self._rows.append(strip[-top % step :: step, ::step].copy())
            top += len(strip)
            yield strip

    def add(self, pixels: np.ndarray) -> None:
        """Draw outlines in columns and rows of the raster."""
        if len(pixels):
            rasterize(
                shapely.boundary(pixels),
                out=self._outlines,
                transform=Affine.scale(1 / self._scale),
            )

    def save(self, path: Path) -> None:
        """Write it as PNG."""
        height, width = self.raster.shape
        place = dict(extent=(0, width, height, 0), interpolation='nearest')
        figure, [[axes]] = new_figure(size=(10, 10))
        # Half of the scale, so that outlines are seen on what is sure.
        most = 2 * self.raster.full
        values = np.concatenate(self._rows)
        axes.imshow(values, 'Greys', vmin=0, vmax=most, **place)
        outlines = np.ma.masked_equal(self._outlines, 0)
        axes.imshow(outlines, 'autumn', **place)
        axes.set_title(self.raster.source)
        save_figure(figure, path)
