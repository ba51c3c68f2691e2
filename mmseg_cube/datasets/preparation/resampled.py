"""An image at another ground resolution, read in windows of that."""

from collections.abc import Callable
from math import ceil, floor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import Resampling, reproject

from mmseg_cube.datasets.bands import Channels
from mmseg_cube.datasets.contract import image_shape, read_rgb
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.ground import crs_of, pixel_size
from mmseg_cube.datasets.meaning import IGNORED
from mmseg_cube.datasets.rasters import open_raster
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window, cut_tiles

PLANE = CRS.from_epsg(3857)  # GDAL wants one where only pixels are meant
# A share of buildings in a byte; large areas are averaged.
FULL, HALF = np.uint8(255), 128
CLOSE = 0.02  # to a resolution, so that pixels stay as they are
SHRUNK, ENLARGED = 1 / 64, 8  # times; more is a mistake


class Resampled(NamedTuple):
    """An image of ``source`` pixels as one of ``shape`` pixels.

    Both are (height, width), and cover the same ground. Windows are of
    ``shape``; beyond its right and lower edge all is 0.
    """

    path: Path
    channels: Channels
    source: tuple[int, int]
    shape: tuple[int, int]

    @property
    def scale(self) -> Affine:
        """What turns pixels into those of the source."""
        (height, width), (rows, columns) = self.source, self.shape
        return Affine.scale(width / columns, height / rows)

    def windows(self, size: int) -> list[Window]:
        """Tile it, row by row; one tile if it is no larger than that."""
        if max(self.shape) <= size:
            return [Window(0, 0, *self.shape[::-1])]
        return cut_tiles(*self.shape, size)

    def image(self, window: Window) -> np.ndarray:
        """Read the channels (C, H, W) of a window."""
        shrinks = self.scale.determinant > 1
        how = Resampling.average if shrinks else Resampling.bilinear
        covered = self._covered(window)
        bands = read_rgb(self.path, covered, self.channels)
        return self._resample(window, covered, bands, how)

    def valid(self, window: Window) -> np.ndarray:
        """Tell where a window has data in the middle of its pixels (H, W)."""
        covered = self._covered(window)
        valid = read_valid(self.path, covered, self.channels)
        if valid is None:
            valid = np.ones((covered.height, covered.width))
        valid = valid.astype(np.uint8)
        return self._resample(window, covered, valid, Resampling.nearest) > 0

    def labels(
        self, window: Window, read: Callable[[Window], np.ndarray]
    ) -> np.ndarray:
        """Make the labels (H, W) of a window from those of source pixels.

        A pixel is building if they cover one half of it or more; it does not
        count if that in its middle does not, or holds no data.
        """
        covered = self._covered(window)
        labels = read(covered)
        share = np.uint8(labels == 1) * FULL
        share = self._resample(window, covered, share, Resampling.average)
        middle = self._resample(window, covered, labels, Resampling.nearest)
        counts = self.valid(window) & (middle != IGNORED)
        return np.where(counts, share >= HALF, IGNORED).astype(np.uint8)

    def _covered(self, window: Window) -> Window:
        """Source pixels under a window, and one more around for bilinear."""
        x, y, width, height = window
        left, top = self.scale * (x, y)
        right, bottom = self.scale * (x + width, y + height)
        left, top = max(floor(left) - 1, 0), max(floor(top) - 1, 0)
        right = min(ceil(right) + 1, self.source[1])
        bottom = min(ceil(bottom) + 1, self.source[0])
        return Window(left, top, right - left, bottom - top)

    def _resample(
        self,
        window: Window,
        covered: Window,
        values: np.ndarray,
        how: Resampling,
    ) -> np.ndarray:
        """Resample values (..., h, w) of covered pixels to a window."""
        size = *values.shape[:-2], window.height, window.width
        result, _ = reproject(
            np.ascontiguousarray(values),
            np.zeros(size, values.dtype),
            src_transform=Affine.translation(covered.x, covered.y),
            dst_transform=self.scale * Affine.translation(window.x, window.y),
            src_crs=PLANE,
            dst_crs=PLANE,
            resampling=how,
        )
        return result


def open_resampled(
    path: Path, channels: Channels, resolution: float, ground: float | None
) -> Resampled:
    """Open an image at metres of a pixel.

    They are true on the ground in its middle; ``ground`` has those of the
    source if it does not know its place. A RasterError says that they cannot
    be meant.
    """
    shape, dataset = image_shape(path, channels), open_raster(path)
    placed = crs_of(dataset)
    if not (placed or ground):
        raise RasterError(
            'has no georeference, so its resolution is not known',
            'Say how many metres a pixel is, such as --ground 0.3.',
        )
    wide, high = pixel_size(dataset) if placed else (ground, ground)
    times = np.array((high, wide)) / resolution
    # Pixels of 0.3 m in UTM are of 0.3001 m on the ground.
    times[np.abs(times - 1) < CLOSE] = 1
    if not (times.min() >= SHRUNK and times.max() <= ENLARGED):
        raise RasterError(
            f'a pixel of it is {wide:.4g} x {high:.4g} m, too far from the '
            f'resolution of {resolution:g} m',
            'Correct --resolution, --ground or the georeference.',
        )
    new = np.maximum(np.rint(shape * times), 1).astype(int)
    return Resampled(path, channels, shape, tuple(new.tolist()))
