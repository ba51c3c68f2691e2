"""Labels from the footprints of a vector file, on the grids of images."""

from pathlib import Path
from threading import Lock

import numpy as np
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.features import rasterize
from rasterio.transform import array_bounds

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.ground import crs_of
from mmseg_cube.datasets.rasters import open_raster
from mmseg_cube.datasets.vectors import read_footprints, shapely
from mmseg_cube.datasets.windows import Window


class Footprints:
    """Polygons of a vector file, with options of :func:`read_footprints`."""

    def __init__(self, path: Path, layer: str | None, crs: str | None) -> None:
        self.source = path, layer, crs
        self._trees: dict[CRS, shapely.STRtree] = {}
        self._lock = Lock()

    def check(self, image: Path) -> None:
        """Refuse, by a RasterError, an image that lies elsewhere."""
        dataset = open_raster(image)
        if crs_of(dataset) is None:
            raise RasterError(
                'has no georeference, so footprints have no place in it',
                'Give a GeoTIFF, or masks instead.',
            )
        here = array_bounds(*dataset.shape, dataset.transform)
        there = shapely.total_bounds(
            self._tree(dataset.crs).geometries
        ).tolist()
        if not shapely.box(*here).intersects(shapely.box(*there)):
            here, there = ([round(x, 6) for x in xy] for xy in (here, there))
            raise RasterError(
                f'has the bounds {here} in its CRS, and the footprints of '
                f'{self.source[0]} have {there}: none is in it',
                'Give footprints of this place, or name their CRS by --crs.',
            )

    def labels(self, image: Path, window: Window) -> np.ndarray:
        """Return 1 where the middle of a pixel is on one, uint8 (H, W)."""
        dataset, shape = open_raster(image), (window.height, window.width)
        place = dataset.transform * Affine.translation(window.x, window.y)
        tree = self._tree(dataset.crs)
        near = tree.geometries[
            tree.query(shapely.box(*array_bounds(*shape, place)))
        ]
        if not len(near):  # GDAL wants one
            return np.zeros(shape, np.uint8)
        return rasterize(near, shape, transform=place, dtype=np.uint8)

    def _tree(self, crs: CRS) -> shapely.STRtree:
        """Return the polygons in a CRS; they are read once for each."""
        with self._lock:
            if crs not in self._trees:
                found = read_footprints(*self.source, to=crs)
                if not len(found):
                    raise RasterError(f'{self.source[0]} has no polygons')
                self._trees[crs] = shapely.STRtree(found.polygons)
            return self._trees[crs]
