"""From pixels to places and metres."""

from typing import NamedTuple

import numpy as np
import shapely
from affine import Affine
from rasterio.crs import CRS

from mmseg_cube.datasets.vectors import project

WGS84 = CRS.from_epsg(4326)
RADIUS, ECCENTRICITY = 6378137.0, 0.0066943799901413165  # squared


class Ground(NamedTuple):
    """Where pixels of a raster are, (column, row)."""

    transform: Affine = Affine.identity()
    crs: CRS | None = None

    def place(self, shapes: np.ndarray, crs: CRS | None = None) -> np.ndarray:
        """Bring shapes from pixels to the CRS of the raster, or to another.

        Raises a RasterError if they have no place there.
        """
        points = shapely.get_coordinates(shapes)
        matrix = np.array(self.transform).reshape(3, 3)[:2]
        points = points @ matrix[:, :2].T + matrix[:, 2]
        moved = shapely.set_coordinates(shapes.copy(), points)
        return project(moved, self.crs, crs) if crs and self.crs else moved

    def steps(self, points: np.ndarray) -> np.ndarray:
        """Measure a step of a pixel along columns and one along rows.

        Taken from the ellipsoid, as few CRS keep lengths: those of web maps
        double them at 60 degrees.

        Args:
            points: Pixels (n, 2), column and row.

        Returns:
            Metres to the east and north per column and row, (n, 2, 2); pixels
            if the raster has no CRS.
        """
        if not self.crs:
            return np.broadcast_to(np.eye(2), (len(points), 2, 2))
        corners = points[:, None] + [[0, 0], [1, 0], [0, 1]]
        places = self.place(shapely.points(corners.reshape(-1, 2)), WGS84)
        places = shapely.get_coordinates(places).reshape(-1, 3, 2)
        degrees = places[:, 1:] - places[:, :1]
        degrees[..., 0] = (degrees[..., 0] + 180) % 360 - 180  # over 180
        latitude = np.radians(places[:, 0, 1])
        bend = 1 - ECCENTRICITY * np.sin(latitude) ** 2
        north = RADIUS * (1 - ECCENTRICITY) / bend**1.5
        east = RADIUS * np.cos(latitude) / bend**0.5
        metres = np.radians(degrees) * np.stack([east, north], 1)[:, None]
        return metres.transpose(0, 2, 1)


def scale(shapes: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Multiply the vertices of shapes by a matrix (2, 2) of each shape."""
    points, index = shapely.get_coordinates(shapes, return_index=True)
    moved = np.einsum('nij,nj->ni', steps[index], points)
    return shapely.set_coordinates(shapes.copy(), moved)
