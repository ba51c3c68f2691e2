"""Small things that are no buildings: cars, pools, courts."""

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, hull
from .noise import jitter
from .roofs import box
from .sun import Sun

# Paints of cars, RGB; greys are the rule.
CAR_PAINTS = (
    *((205, 206, 206), (176, 178, 182), (120, 122, 126), (62, 64, 68)),
    *((48, 50, 54), (222, 222, 218), (92, 94, 98), (150, 152, 150)),
    *((190, 190, 186), (84, 88, 98), (128, 76, 70), (80, 94, 122)),
)
GLASS = (52, 58, 66)
# Length, width and height of cars and of lorries in metres.
CAR = (4.5, 1.8, 1.5)
LORRY = (12.0, 2.5, 3.6)
LORRY_PAINTS = ((222, 222, 220), (200, 200, 198), (150, 84, 74))


@dataclass(frozen=True)
class Vehicle:
    """A car or lorry.

    Attributes:
        origin: World position (2,) of its middle.
        rotation: Turn (2, 2), length along x.
        lorry: Whether it is a lorry.
    """

    origin: np.ndarray
    rotation: np.ndarray
    lorry: bool = False

    def draw(self, rng: np.random.Generator, canvas: Canvas, sun: Sun) -> None:
        """Draw the vehicle and its shadow."""
        length, width, height = LORRY if self.lorry else CAR
        length *= rng.uniform(0.92, 1.08)
        body = self._put(box(length, width))
        if not canvas.sees(body, 2 * height):
            return
        shade = hull(np.concatenate([body, body + sun.cast * height]))
        canvas.fill(canvas.shadow, shade, 255)
        canvas.fill(canvas.shadow, body, 0)
        paints = LORRY_PAINTS if self.lorry else CAR_PAINTS
        paint = jitter(rng, paints[rng.integers(len(paints))], 0.1)
        canvas.fill(canvas.image, body, paint, smooth=True)
        if self.lorry:
            cab = box(0.6, width * 0.9) + [length * 0.34, 0]
            canvas.fill(canvas.image, self._put(cab), GLASS, smooth=True)
            return
        cabin = box(length * 0.56, width * 0.86) - [length * 0.06, 0]
        canvas.fill(canvas.image, self._put(cabin), GLASS, smooth=True)
        top = box(length * 0.3, width * 0.8) - [length * 0.06, 0]
        canvas.fill(canvas.image, self._put(top), paint, smooth=True)

    def _put(self, points: np.ndarray) -> np.ndarray:
        return points @ self.rotation.T + self.origin


def pool_outline(rng: np.random.Generator) -> np.ndarray:
    """Draw the outline (n, 2) of a garden pool in metres."""
    length, width = rng.uniform(6, 11), rng.uniform(3, 5)
    if rng.random() < 0.5:
        return box(length, width)
    turns = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    bean = 0.5 * np.stack(
        [length * np.cos(turns), width * np.sin(turns)], axis=1
    )
    bean[:, 1] += 0.12 * width * np.cos(2 * turns)
    return bean
