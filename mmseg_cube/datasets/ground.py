"""From pixels of a raster to places and metres."""

from typing import NamedTuple

import numpy as np
from affine import Affine
from rasterio import DatasetReader
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.warp import transform

from mmseg_cube.datasets.errors import RasterError

CHUNK = 10_000  # points that are lists of numbers at a time
MOST = 91  # degrees north; grids of the world may end beyond a pole
LONGITUDE_LATITUDE = CRS.from_epsg(4326)
# The ellipsoid WGS 84: its axis in metres, its eccentricity squared.
AXIS, FLAT = 6378137.0, 0.00669437999014


def project(points: np.ndarray, source: CRS, target: CRS) -> np.ndarray:
    """Bring points (n, 2) to another CRS.

    A RasterError says that one of them has no place there.
    """
    parts, places = np.array_split(points, len(points) // CHUNK + 1), points
    if source != target:
        try:
            moved = [transform(source, target, *x.T.tolist()) for x in parts]
        except CPLE_BaseError:  # from some projections; infinity from others
            moved = [[[np.inf], [np.inf]]]
        places = np.hstack(moved).T
    north = places[:, 1] if target.is_geographic else np.zeros(1)
    if not (np.isfinite(places).all() and (abs(north) <= MOST).all()):
        ends = ', '.join(f'{x:.10g}' for x in (*points.min(0), *points.max(0)))
        raise RasterError(
            f'its bounds, {ends}, are not all places of its CRS, or of that '
            'which is asked for',
            'Correct its CRS and corner, or name the CRS that they are in.',
        )
    return places


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
        if crs and self.crs:
            places = project(places, self.crs, crs)
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


def crs_of(dataset: DatasetReader) -> CRS | None:
    """CRS of a raster; None where that alone does not tell a place."""
    place = dataset.transform
    known = place.determinant and place != Affine.identity()
    return dataset.crs if known else None


def pixel_size(dataset: DatasetReader) -> np.ndarray:
    """Width and height in metres of the pixel in the middle of a raster."""
    middle = np.array([[dataset.width / 2, dataset.height / 2]])
    (steps,) = Ground(dataset.transform, dataset.crs).steps(middle)
    return np.hypot(*steps)
