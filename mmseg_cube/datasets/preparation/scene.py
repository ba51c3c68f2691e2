"""An image at another resolution, and the tiles of it."""

from collections.abc import Callable
from math import ceil, dist, floor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import Resampling, reproject, transform

from mmseg_cube.datasets.contract import image_shape, read_rgb
from mmseg_cube.datasets.damage import errors_of_decoders
from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.meaning import IGNORED
from mmseg_cube.datasets.rasters import open_raster
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window

DEGREES = CRS.from_epsg(4326)
PLANE = CRS.from_epsg(3857)  # GDAL wants one where only pixels are meant
AROUND = 8  # pixels about the middle of an image that are measured
SHRUNK, ENLARGED = 1 / 64, 8  # times; more is a mistake


class Scene(NamedTuple):
    """An image of ``source`` pixels as one of ``shape`` pixels.

    Both are (height, width), and cover the same ground. Windows are of
    ``shape`` and may reach beyond its right and lower edge; what is there is
    black and holds no data.
    """

    path: Path
    source: tuple[int, int]
    shape: tuple[int, int]

    def windows(self, size: int) -> list[Window]:
        """Tile it, row by row; one tile if it is no larger than that."""
        height, width = self.shape
        if max(self.shape) <= size:
            return [Window(0, 0, width, height)]
        return [
            Window(x, y, size, size)
            for y in range(0, height, size)
            for x in range(0, width, size)
        ]

    def image(self, window: Window) -> np.ndarray:
        """Read red, green and blue (3, H, W) of a window."""
        (height, width), (rows, columns) = self.source, self.shape
        shrinks = rows * columns < height * width
        how = Resampling.average if shrinks else Resampling.bilinear
        bands = read_rgb(self.path, self._covered(window))
        return self._resample(window, bands, how)

    def valid(self, window: Window) -> np.ndarray:
        """Tell where a window has data in the middle of its pixels (H, W)."""
        rows, columns = self._middles(window)
        height, width = self.source
        inside = (rows < height) & (columns < width)
        valid = read_valid(self.path, self._covered(window))
        return inside if valid is None else inside & self._take(window, valid)

    def labels(
        self, window: Window, read: Callable[[Window], np.ndarray]
    ) -> np.ndarray:
        """Make the labels (H, W) of a window from those of source pixels.

        A pixel is building if they cover one half of it or more; it does not
        count if that in its middle does not, or holds no data.
        """
        labels = read(self._covered(window))
        share = (labels == 1).astype(np.float32)[None]
        built = self._resample(window, share, Resampling.average)[0] >= 0.5
        counts = self.valid(window) & (self._take(window, labels) != IGNORED)
        return np.where(counts, built, IGNORED).astype(np.uint8)

    def _steps(self) -> tuple[float, float]:
        """Source pixels that a pixel is high and wide."""
        (height, width), (rows, columns) = self.source, self.shape
        return height / rows, width / columns

    def _covered(self, window: Window) -> Window:
        """Source pixels under a window, and one more around for bilinear."""
        (high, wide), (height, width) = self._steps(), self.source
        left = max(floor(window.x * wide) - 1, 0)
        top = max(floor(window.y * high) - 1, 0)
        right = min(ceil((window.x + window.width) * wide) + 1, width)
        bottom = min(ceil((window.y + window.height) * high) + 1, height)
        return Window(left, top, right - left, bottom - top)

    def _middles(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Rows (H, 1) and columns (W,) of the source in pixels' middles."""
        high, wide = self._steps()
        rows = (window.y + np.arange(window.height) + 0.5) * high
        columns = (window.x + np.arange(window.width) + 0.5) * wide
        return rows.astype(int)[:, None], columns.astype(int)

    def _take(self, window: Window, values: np.ndarray) -> np.ndarray:
        """Take covered values in the middle of a window's pixels."""
        (rows, columns), (height, width) = self._middles(window), self.source
        left, top, *_ = self._covered(window)
        rows, columns = (
            np.minimum(rows, height - 1),
            np.minimum(columns, width - 1),
        )
        return values[rows - top, columns - left]

    def _resample(
        self, window: Window, bands: np.ndarray, how: Resampling
    ) -> np.ndarray:
        """Resample covered bands (n, h, w) to a window, 0 beyond the edges."""
        high, wide = self._steps()
        covered = self._covered(window)
        corner = Affine.translation(window.x * wide, window.y * high)
        result = np.zeros(
            (len(bands), window.height, window.width), bands.dtype
        )
        reproject(
            np.ascontiguousarray(bands),
            result,
            src_transform=Affine.translation(covered.x, covered.y),
            dst_transform=corner * Affine.scale(wide, high),
            src_crs=PLANE,
            dst_crs=PLANE,
            resampling=how,
        )
        return result


def open_scene(path: Path, resolution: float, ground: float | None) -> Scene:
    """Open an image at metres of a pixel.

    ``ground`` is its own metres of a pixel if it has no georeference. A
    RasterError says that it is no image, that they are not known, or cannot
    be meant.
    """
    shape = image_shape(path)
    sides = measure(path) or (ground, ground)
    if None in sides:
        raise RasterError(
            'has no georeference, so its resolution is not known',
            'Say how many metres a pixel is, such as --ground 0.3.',
        )
    times = [side / resolution for side in sides]
    if not all(SHRUNK <= each <= ENLARGED for each in times):
        raise RasterError(
            f'a pixel of it is {sides[1]:.4g} x {sides[0]:.4g} m, too far '
            f'from the resolution of {resolution:g} m',
            'Correct --resolution, --ground or the georeference.',
        )
    pairs = zip(shape, times, strict=True)
    new = tuple(max(round(side * each), 1) for side, each in pairs)
    return Scene(path, shape, new)


def measure(path: Path) -> tuple[float, float] | None:
    """Measure how many metres a pixel is high and wide, true on the ground.

    That is in the middle of the image, for metres of Web Mercator, and
    degrees, vary with latitude. None if it has no georeference.
    """
    dataset = open_raster(path)
    if dataset.crs is None:
        return None
    y, x = (side / 2 for side in dataset.shape)
    with errors_of_decoders():
        middle = [[each] for each in dataset.transform * (x, y)]
        (east,), (north,) = transform(dataset.crs, DEGREES, *middle)
        # True in all directions from its middle.
        local = CRS.from_proj4(f'+proj=aeqd +lat_0={north} +lon_0={east}')
        ends = (0, AROUND), (0, -AROUND), (AROUND, 0), (-AROUND, 0)
        points = [dataset.transform * (x + i, y + j) for i, j in ends]
        places = transform(dataset.crs, local, *zip(*points, strict=True))
    below, above, right, left = zip(*places, strict=True)
    lengths = dist(below, above), dist(right, left)
    return tuple(length / (2 * AROUND) for length in lengths)
