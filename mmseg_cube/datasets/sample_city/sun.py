"""Where the light comes from, and how surfaces and shadows answer it."""

from dataclasses import dataclass

import numpy as np

# Light from the whole sky next to the sun's, on a surface facing it.
SKY_LIGHT = 0.55


@dataclass(frozen=True)
class Sun:
    """Sun and viewing direction of a scene.

    Attributes:
        direction: Unit vector (x, y, up) towards the sun.
        lean: Metres (x, y) by which a metre of height moves a roof in the
            image, because the camera is never exactly above it.
    """

    direction: tuple[float, float, float]
    lean: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> 'Sun':
        """Draw a late-morning to afternoon sun of the northern summer."""
        bearing = np.radians(rng.uniform(-65, 65))
        height = np.radians(rng.uniform(38, 60))
        # Image rows grow southwards, so the noon sun is at +y.
        flat = np.cos(height) * np.array([np.sin(bearing), np.cos(bearing)])
        view = rng.uniform(0, 2 * np.pi)
        tilt = rng.uniform(0.0, 0.16)
        return cls(
            (float(flat[0]), float(flat[1]), float(np.sin(height))),
            (float(tilt * np.cos(view)), float(tilt * np.sin(view))),
        )

    @property
    def cast(self) -> np.ndarray:
        """Shadow of a mast of one metre, (x, y) in metres."""
        x, y, up = self.direction
        return -np.array([x, y]) / up

    def light(self, slope: np.ndarray, pitch: float) -> float:
        """Return a tilted plane's brightness; level ground has 1.

        Args:
            slope: Unit vector (x, y) of the way down.
            pitch: Angle to the horizontal in radians.
        """
        x, y, up = self.direction
        facing = np.sin(pitch) * (slope[0] * x + slope[1] * y)
        facing = max(0.0, float(facing + np.cos(pitch) * up))
        return (SKY_LIGHT + facing) / (SKY_LIGHT + up)
