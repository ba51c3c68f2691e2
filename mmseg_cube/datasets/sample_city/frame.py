"""Street coordinates: a turned and gently bent copy of the plane."""

from math import hypot

import numpy as np

# Distance of the points that follow a bent line, in metres.
STEP = 8.0
# Shares of the bends' long and short waves.
LONG, SHORT = 1.1, 0.3


class StreetFrame:
    """Maps street coordinates (u, v) to world coordinates (x, y), metres.

    Streets are lines of constant u or v; the origin lies in the middle of
    the image.

    Args:
        rng: Source of randomness.
        extent: Side of the scene in metres.
        angle: Turn of the streets in radians.
        bend: Amplitude of the bends in metres; 0 draws a straight grid.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        extent: float,
        angle: float,
        bend: float,
    ) -> None:
        self.centre = np.full(2, extent / 2)
        self.bend = bend
        self.turn = _rotation(angle)
        # Two waves of no common period, so that bends do not repeat.
        lengths = np.stack(
            [rng.uniform(250, 420, 2), rng.uniform(110, 190, 2)]
        )
        self.waves = 2 * np.pi / lengths
        self.phases = rng.uniform(0, 2 * np.pi, (2, 2))
        # Street coordinates within this distance of 0 cover the image.
        self.reach = extent * 0.71 + 2 * bend + 5

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Map street coordinates (n, 2) to world coordinates (n, 2)."""
        points = np.asarray(points, float)
        if self.bend:
            across = points[:, ::-1]
            long = np.sin(across * self.waves[0] + self.phases[0])
            short = np.sin(across * self.waves[1] + self.phases[1])
            points = points + self.bend * (LONG * long + SHORT * short)
        return points @ self.turn.T + self.centre

    def place(
        self, at: tuple[float, float], shape: np.ndarray, turn: float = 0.0
    ) -> np.ndarray:
        """Put a shape (n, 2) in metres at a point, along its street.

        Args:
            at: Street coordinates of the shape's origin.
            shape: Corners relative to that origin, in metres.
            turn: Further turn in radians.

        Returns:
            World coordinates of shape (n, 2).
        """
        origin, rotation = self.pose(at, turn)
        return shape @ rotation.T + origin

    def pose(
        self, at: tuple[float, float], turn: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the world position (2,) and rotation (2, 2) at a point."""
        u, v = at
        origin, ahead = self.to_world(np.array([[u, v], [u + 1, v]]))
        along = ahead - origin
        angle = np.arctan2(along[1], along[0]) + turn
        return origin, _rotation(angle)

    def line(
        self, start: tuple[float, float], end: tuple[float, float]
    ) -> np.ndarray:
        """Return a street line as world coordinates (n, 2)."""
        length = hypot(end[0] - start[0], end[1] - start[1])
        if self.bend == 0 or length < STEP:
            return self.to_world(np.array([start, end]))
        share = np.linspace(0, 1, int(length / STEP) + 2)[:, None]
        return self.to_world(start + share * np.subtract(end, start))

    def patch(self, u0: float, v0: float, u1: float, v1: float) -> np.ndarray:
        """Return the outline (n, 2) of a rectangle of street coordinates."""
        corners = [(u0, v0), (u1, v0), (u1, v1), (u0, v1), (u0, v0)]
        sides = [
            self.line(a, b)[:-1]
            for a, b in zip(corners[:-1], corners[1:], strict=True)
        ]
        return np.concatenate(sides)


def _rotation(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])
