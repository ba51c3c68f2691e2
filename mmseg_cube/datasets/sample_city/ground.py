"""Ground: which material lies where, and what it looks like."""

import cv2
import numpy as np

from .canvas import Canvas
from .noise import fractal, jitter
from .styles import VEGETATION, Style

# Neighbouring gardens differ: each of these comes in several shades.
SHADES = {'lawn': 6, 'meadow': 4, 'soil': 3}
# Feature sizes of patches and of grain, in metres.
PATCHES = (45.0, 15.0, 5.0)
GRAINS = (1.4, 0.6, 0.3)
# Softness of the borders between materials, in pixels.
BORDER = 0.7
# Rows handled at once, so that large scenes stay small in memory.
BAND = 256
# Materials on which nothing grows.
PAVED = ('asphalt', 'kerb', 'concrete', 'gravel', 'water', 'pool', 'court')


class Ground:
    """The materials of a scene.

    Args:
        rng: Source of randomness.
        style: The town.
    """

    def __init__(self, rng: np.random.Generator, style: Style) -> None:
        self.numbers: dict[str, list[int]] = {}
        self._rows: list[np.ndarray] = []
        plants = VEGETATION[style.vegetation]
        for name in ('lawn', 'meadow', 'soil'):
            for _ in range(SHADES[name]):
                self._add(rng, name, plants[name], 0.07, 0.10, 0.05)
        self._add(rng, 'litter', plants['litter'], 0.13)
        grey = style.asphalt
        self._add(rng, 'asphalt', _greys(grey - 6, grey + 6), 0.022)
        self._add(rng, 'lot', _greys(grey - 22, grey + 2), 0.03)
        self._add(rng, 'kerb', _greys(162, 178), 0.03)
        self._add(rng, 'concrete', ((180, 176, 166), (196, 192, 182)), 0.03)
        self._add(rng, 'concrete', _greys(150, 172), 0.03)
        self._add(rng, 'gravel', ((158, 150, 136), (182, 174, 160)), 0.06)
        self._add(rng, 'water', ((66, 90, 84), (80, 106, 98)), 0.02)
        self._add(rng, 'pool', ((92, 170, 190), (116, 196, 210)), 0.02)
        self._add(rng, 'court', ((150, 92, 74), (158, 98, 80)), 0.02)
        self._add(rng, 'court', ((84, 120, 100), (92, 128, 106)), 0.02)
        self._add(rng, 'court', ((84, 108, 136), (90, 116, 144)), 0.02)
        self._add(rng, 'turf', ((76, 106, 76), (92, 120, 88)), 0.04)
        self._add(rng, 'turf', ((88, 116, 84), (104, 130, 96)), 0.04)

    def pick(self, rng: np.random.Generator, name: str) -> int:
        """Return the number of one shade of a material."""
        return int(rng.choice(self.numbers[name]))

    def is_paved(self, number: int) -> bool:
        """Tell whether nothing grows on a material."""
        return any(number in self.numbers[name] for name in PAVED)

    def paint(self, rng: np.random.Generator, canvas: Canvas) -> np.ndarray:
        """Colour the image by its materials.

        Returns:
            The grain used, int8 of shape (size, size), 32 per standard
            deviation: roofs are weathered with it too.
        """
        gsd, size = canvas.gsd, canvas.size
        patches = fractal(rng, size, [s / gsd for s in PATCHES])
        grain = fractal(rng, size, [s / gsd for s in GRAINS])
        table = np.array(self._rows, np.float32)
        for top in range(0, size, BAND):
            rows = slice(top, top + BAND)
            entry = table[canvas.ground[rows]]
            mix = np.clip(0.5 + 0.3 * patches[rows], 0, 1)[..., None]
            canvas.image[rows] = entry[..., :3] + entry[..., 3:6] * mix
        # Borders of materials are no staircases.
        cv2.GaussianBlur(canvas.image, (0, 0), BORDER, dst=canvas.image)
        for top in range(0, size, BAND):
            rows = slice(top, top + BAND)
            strength = table[:, 6][canvas.ground[rows]]
            worn = 1 + (strength * grain[rows])[..., None]
            colour = canvas.image[rows] * worn
            canvas.image[rows] = np.clip(colour, 0, 255)
        return np.clip(grain * 32, -127, 127).astype(np.int8)

    def _add(
        self,
        rng: np.random.Generator,
        name: str,
        colours: tuple,
        grain: float,
        light: float = 0.06,
        hue: float = 0.02,
    ) -> None:
        """Append a material: first colour, difference, grain."""
        first, second = np.array(colours, float)
        varied = np.array(jitter(rng, first, light, hue))
        row = np.concatenate([varied, (second - first), [grain]])
        self.numbers.setdefault(name, []).append(len(self._rows))
        self._rows.append(row)


def _greys(low: float, high: float) -> tuple:
    return (low, low, low * 0.99), (high, high, high * 0.98)
