"""Trees: crowns modelled as bumpy heights, lit by the scene's sun."""

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import Canvas
from .noise import fractal
from .sun import Sun

# Side of a modelled crown in pixels, and how many shapes of each kind.
STAMP = 96
SHAPES = 4
# Shadows of crowns under this diameter in pixels are plain.
SMALL = 10
# Crown colours span this much of the brightness, from shade to light.
DARKEST, BRIGHTEST = 0.34, 1.55


@dataclass(frozen=True)
class Tree:
    """A tree.

    Attributes:
        x: World position in metres.
        y: World position in metres.
        radius: Radius of the crown in metres.
        conifer: Whether it is a cone instead of a ball.
        colour: RGB.
    """

    x: float
    y: float
    radius: float
    conifer: bool
    colour: tuple[float, float, float]

    @property
    def height(self) -> float:
        """Height of the tree in metres."""
        return self.radius * (4.0 if self.conifer else 2.2)


class Forester:
    """Draws trees under one sun.

    Args:
        rng: Source of randomness.
        sun: Light of the scene.
    """

    def __init__(self, rng: np.random.Generator, sun: Sun) -> None:
        self.rng = rng
        self.sun = sun
        self._crowns: dict[tuple[bool, int], np.ndarray] = {}
        self._sizes: dict[tuple[bool, int, int], np.ndarray] = {}

    def shade(self, canvas: Canvas, tree: Tree) -> None:
        """Draw the shadow a tree casts on the ground."""
        foot = np.array([tree.x, tree.y])
        length = min(tree.height, 12.0) * 0.75
        tip = foot + self.sun.cast * length
        if tree.conifer:
            side = np.array([-self.sun.cast[1], self.sun.cast[0]])
            side *= 0.8 * tree.radius / np.linalg.norm(side)
            cone = np.stack([foot - side, foot + side, tip])
            canvas.fill(canvas.shadow, cone, 255)
            return
        side = 2 * tree.radius / canvas.gsd
        width = (1.7 if side < SMALL else 1.3) * tree.radius
        canvas.stroke(canvas.shadow, np.stack([foot, tip]), 255, width)
        if side < SMALL:
            return
        for share in (0.6, 1.0):
            place = self._place(canvas, foot + (tip - foot) * share, side)
            if place is not None:
                window, crown = place
                patch = canvas.shadow[window]
                patch[crown[..., 0] > 0.3] = 255

    def draw(self, canvas: Canvas, tree: Tree) -> None:
        """Draw the crown of a tree."""
        side = 2 * tree.radius / canvas.gsd
        at = np.array([tree.x, tree.y])
        place = self._place(canvas, at, side, tree.conifer)
        if place is None:
            return
        window, crown = place
        cover, light = crown[..., :1], crown[..., 1:]
        colour = np.array(tree.colour, np.float32)
        patch = canvas.image[window]
        blend = patch + (light * colour - patch) * cover
        patch[:] = np.minimum(blend, 255)
        canvas.shadow[window][cover[..., 0] > 0.5] = 0

    def _place(
        self,
        canvas: Canvas,
        at: np.ndarray,
        side: float,
        conifer: bool = False,
    ) -> tuple[tuple[slice, slice], np.ndarray] | None:
        """Put a random crown on the canvas.

        Args:
            canvas: The sheet.
            at: World position (2,) in metres.
            side: Diameter in pixels.
            conifer: Kind of crown.

        Returns:
            Window of the canvas (rows, columns) and the crown's part in
            it, or None outside.
        """
        side = max(3, round(side))
        left, top = (round(v / canvas.gsd - side / 2) for v in at)
        x0, y0 = max(left, 0), max(top, 0)
        x1 = min(left + side, canvas.size)
        y1 = min(top + side, canvas.size)
        if x1 <= x0 or y1 <= y0:
            return None
        crown = self._crown_at(conifer, side)
        crown = crown[y0 - top : y1 - top, x0 - left : x1 - left]
        return (slice(y0, y1), slice(x0, x1)), crown

    def _crown_at(self, conifer: bool, side: int) -> np.ndarray:
        """Return a random crown (side, side, 2): cover and light."""
        shape = conifer, int(self.rng.integers(SHAPES))
        if shape not in self._crowns:
            self._crowns[shape] = _crown(self.rng, self.sun, conifer)
        key = (*shape, side)
        if key not in self._sizes:
            self._sizes[key] = cv2.resize(
                self._crowns[shape],
                (side, side),
                interpolation=cv2.INTER_AREA
                if side < STAMP
                else cv2.INTER_LINEAR,
            )
        return self._sizes[key]


def _crown(rng: np.random.Generator, sun: Sun, conifer: bool) -> np.ndarray:
    """Model a crown and light it; (STAMP, STAMP, 2), float32."""
    axis = (np.arange(STAMP, dtype=np.float32) + 0.5) * (2 / STAMP) - 1
    x, y = np.meshgrid(axis, axis)
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    rim = np.full_like(radius, 0.84)
    for waves in (2, 3, 5, 8, 13):
        phase = rng.uniform(0, 2 * np.pi)
        rim += rng.uniform(0.01, 0.06) * np.sin(waves * angle + phase)
    reach = radius / rim
    bumps = fractal(rng, STAMP, (20, 10))
    bumps += 0.45 * fractal(rng, STAMP, (5, 2.5))
    if conifer:
        boughs = int(rng.integers(6, 9))
        height = 1.5 * (1 - reach) + 0.06 * np.sin(boughs * angle)
        height += 0.05 * bumps
    else:
        height = 0.8 * np.sqrt(np.clip(1 - reach**2, 0, 1)) + 0.11 * bumps
    slope_y, slope_x = np.gradient(height, 2 / STAMP)
    sx, sy, up = sun.direction
    facing = (up - slope_x * sx - slope_y * sy) / np.sqrt(
        1 + slope_x**2 + slope_y**2
    )
    light = DARKEST + (BRIGHTEST - DARKEST) * np.clip(facing, 0, 1)
    # Light reaches the top of a crown better than its skirts.
    light *= 0.72 + 0.3 * np.clip(1 - reach, 0, 1) + 0.1 * bumps
    ragged = (1 - reach + 0.07 * bumps) * 9
    cover = np.clip(ragged, 0, 1)
    return np.stack([cover, light], axis=-1).astype(np.float32)
