"""The sheet a scene is drawn on: metres go in, pixels come out."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

# Light of the whole sky next to the sun's, on a surface facing the sun.
SKY_LIGHT = 0.55


class Canvas:
    """The rasters of one scene, ``size`` pixels wide, of ``gsd`` metres.

    Street coordinates (u, v) are metres along and across streets, with the
    origin in the middle. A pose is a place, in metres (x, y) from the upper
    left corner, and a turn in radians.
    """

    def __init__(self, rng: np.random.Generator, size: int, gsd: float):
        self.rng, self.size, self.gsd = rng, size, gsd
        self.reach = 0.71 * size * gsd  # street coordinates that are in view
        self.trees: list[tuple] = []  # street coordinates and diameters
        self.ground = np.zeros((size, size), np.uint8)  # shades of materials
        self.image = np.zeros((size, size, 3), 'f4')  # solids, by their cover
        self.cover = np.zeros((size, size), 'f4')  # share under a solid
        self.height = np.zeros((size, size), 'f4')  # in metres
        self.mask = np.zeros((size, size), np.uint8)  # 255 on buildings
        # Rows grow southwards, so the sun at noon is at +y.
        bearing, above = np.radians(rng.uniform((-65, 38), (65, 60)))
        flat = np.cos(above) * np.array([np.sin(bearing), np.cos(bearing)])
        self._sun = np.array([*flat, np.sin(above)])
        self._turn = rng.uniform(-np.pi, np.pi)

    def pose(self, at: tuple, turn: float = 0.0) -> tuple[np.ndarray, float]:
        """Return the pose of what stands at (u, v), turned in its street."""
        place = turned(np.array(at, float), self._turn)
        return place + self.size * self.gsd / 2, self._turn + turn

    def corners(self, rect: tuple) -> np.ndarray | None:
        """Return the places (4, 2) of a rectangle (u0, v0, u1, v1) in view."""
        u0, v0, u1, v1 = rect
        places = self.pose([(u0, v0), (u1, v0), (u1, v1), (u0, v1)])[0]
        low, high = places.min(axis=0).max(), places.max(axis=0).min()
        return places if high > 0 and low < self.size * self.gsd else None

    def window(self, place: np.ndarray, reach: float) -> tuple:
        """Return the rows and columns around a place, as slices."""
        low, high = (place - reach) / self.gsd - 1, (place + reach) / self.gsd
        x0, y0 = np.clip(low, 0, self.size).astype(int)
        x1, y1 = np.clip(high + 2, 0, self.size).astype(int)
        return np.s_[y0:y1, x0:x1]

    def add(
        self,
        shape: Callable[..., tuple[np.ndarray, np.ndarray]],
        sides: Sequence[float],
        pose: tuple[np.ndarray, float],
        colour: Sequence[float],
        base: float = 0.0,
        roof: bool = False,
    ) -> None:
        """Add a solid, lit by the sun, where nothing is higher yet.

        ``shape`` is a solid of :mod:`.site`, ``sides`` its length and width,
        ``base`` the height under it, in metres. A roof counts as building.
        """
        place, turn = pose
        window = self.window(place, np.hypot(*sides) / 2)
        pixels = np.stack(np.mgrid[window][::-1], axis=-1)
        if min(pixels.shape) < 2:
            return
        points = turned((pixels + 0.5) * self.gsd - place, -turn)
        inside, height = shape(points[..., 0], points[..., 1], *sides)
        cover = np.clip(inside / self.gsd + 0.5, 0, 1)
        cover *= height + base > self.height[window]
        lit = self._light(height)[..., None] * np.asarray(colour)
        self.image[window] += (lit - self.image[window]) * cover[..., None]
        self.cover[window] += (1 - self.cover[window]) * cover
        solid = cover > 0.5
        self.height[window][solid] = height[solid] + base
        if roof:
            self.mask[window][inside > 0] = 255

    def shadow(self) -> np.ndarray:
        """Return where no sun falls, 0 to 1, float32 (size, size)."""
        x, y, up = self._sun / np.hypot(*self._sun[:2])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        dark = np.zeros(self.mask.shape, bool)
        for step in range(1, int(self.height.max() / (up * self.gsd)) + 1):
            move = np.array([[1, 0, x * step], [0, 1, y * step]])
            near = cv2.warpAffine(self.height, move, dark.shape, flags=flags)
            dark |= near > self.height + up * step * self.gsd + 0.2
        return cv2.GaussianBlur(dark.astype(np.float32), (0, 0), 0.7)

    def _light(self, height: np.ndarray) -> np.ndarray:
        """Return the brightness of a surface; level ground has 1."""
        down, right = np.gradient(height, self.gsd)
        x, y, up = self._sun
        facing = (up - right * x - down * y) / np.sqrt(1 + right**2 + down**2)
        return (SKY_LIGHT + np.maximum(facing, 0)) / (SKY_LIGHT + up)


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Turn points (..., 2) around the origin."""
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])
