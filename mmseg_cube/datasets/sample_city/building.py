"""A building: a roof in its place."""

from dataclasses import dataclass

import numpy as np

from .roofs import Roof


@dataclass(frozen=True)
class Building:
    """A roof in its place.

    Attributes:
        roof: Geometry in world metres.
        height: Height of the eaves in metres.
        colour: RGB of the roof.
        origin: World position (2,) of the middle.
        rotation: Turn (2, 2) from roof to world coordinates.
        size: Length and width of the main part in metres.
    """

    roof: Roof
    height: float
    colour: tuple[float, float, float]
    origin: np.ndarray
    rotation: np.ndarray
    size: tuple[float, float]

    def put(self, points: np.ndarray, lean: np.ndarray) -> np.ndarray:
        """Map roof coordinates (n, 2) to world coordinates (n, 2).

        Args:
            points: Relative to the middle of the roof, in metres.
            lean: Shift (2,) by the height of the roof, in metres.
        """
        return points @ self.rotation.T + self.origin + lean
