"""From pixels of a raster to places and metres."""

from typing import NamedTuple

import numpy as np
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.warp import transform

from mmseg_cube.datasets.errors import RasterError

LONGITUDE_LATITUDE = CRS.from_epsg(4326)
# The ellipsoid WGS 84: its axis in metres, its eccentricity squared.
AXIS, FLAT = 6378137.0, 0.00669437999014


class Ground(NamedTuple):
    """Where the pixels of a raster are; (column, row) are corners of them."""

    transform: Affine = Affine.identity()
    crs: CRS | None = None

    def places(self, points: np.ndarray, crs: CRS | None = None) -> np.ndarray:
        """Bring points (n, 2) to the CRS of the raster, or to another.

        A RasterError says that they have no place there.
        """
        matrix = np.array(self.transform).reshape(3, 3)[:2]
        places = points @ matrix[:, :2].T + matrix[:, 2]
        if crs and self.crs and crs != self.crs:
            try:
                x, y = transform(self.crs, crs, *places.T.tolist())
            except CPLE_BaseError:  # from some projections; or infinity
                x = y = np.full(len(points), np.inf)
            places = np.column_stack((x, y))
        if not np.isfinite(places).all():
            raise RasterError(
                'parts of it have no place on Earth, or not in the CRS that '
                'is asked for',
                'Correct its CRS and corner.',
            )
        return places

    def steps(self, points: np.ndarray) -> np.ndarray:
        """Measure a step of a pixel along columns and one along rows.

        They are true on the ground, also where the units of the CRS are
        degrees, or metres that are stretched as in EPSG:3857.

        Returns:
            Metres to the east and north per column and row, (n, 2, 2) at
            points (n, 2); pixels if the raster has no CRS.
        """
        if not self.crs:
            return np.broadcast_to(np.eye(2), (len(points), 2, 2))
        corners = points[:, None] + [[0, 0], [1, 0], [0, 1]]
        places = self.places(corners.reshape(-1, 2), LONGITUDE_LATITUDE)
        places = places.reshape(-1, 3, 2)
        degrees = places[:, 1:] - places[:, :1]
        degrees[..., 0] = (degrees[..., 0] + 180) % 360 - 180  # over 180
        latitude = np.radians(places[:, 0, 1])
        curve = 1 - FLAT * np.sin(latitude) ** 2
        north = AXIS * (1 - FLAT) / curve**1.5
        east = AXIS * np.cos(latitude) / curve**0.5
        metres = np.radians(degrees) * np.stack([east, north], 1)[:, None]
        return metres.transpose(0, 2, 1)
