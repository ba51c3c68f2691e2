"""What camera and air do to a scene."""

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import Canvas

# Rows handled at once, so that large scenes stay small in memory.
BAND = 256
# Weathering of roofs, per standard deviation of the grain.
ROOF_GRAIN = 0.03
# Sensors differ in pixels, optics blur at least this many.
SHARPEST, SOFTEST = 0.35, 0.6


@dataclass(frozen=True)
class Sensor:
    """Camera and air of one flight.

    Attributes:
        haze: Share of air light in the picture.
        air: RGB of the air light.
        dark: RGB gains in shadows, where only the sky shines.
        gain: RGB gains of the picture.
        contrast: Steepness around mid-grey.
        blur: Standard deviation of the optics' blur in pixels.
        noise: Standard deviation of the sensor's noise in grey levels.
    """

    haze: float
    air: tuple[float, float, float]
    dark: tuple[float, float, float]
    gain: tuple[float, float, float]
    contrast: float
    blur: float
    noise: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> 'Sensor':
        """Draw a flight."""
        depth = rng.uniform(0.28, 0.46)
        warm = rng.uniform(-0.04, 0.04)
        light = rng.uniform(0.92, 1.08)
        return cls(
            haze=rng.uniform(0.02, 0.12),
            air=(176.0, 190.0, 204.0),
            dark=(depth, depth * 1.1, depth * 1.28),
            gain=(light * (1 + warm), light, light * (1 - warm)),
            contrast=rng.uniform(0.95, 1.18),
            blur=rng.uniform(SHARPEST, SOFTEST),
            noise=rng.uniform(2.5, 5.0),
        )

    def expose(
        self, rng: np.random.Generator, canvas: Canvas, grain: np.ndarray
    ) -> np.ndarray:
        """Turn the canvas into a picture.

        Args:
            rng: Source of the noise.
            canvas: Finished drawing; its image and shadow are overwritten.
            grain: Weathering (size, size), int8, 32 per deviation.

        Returns:
            Picture (size, size, 3), uint8 RGB.
        """
        # Penumbra: a shadow's edge is softer than a roof's.
        canvas.shadow = cv2.GaussianBlur(canvas.shadow, (0, 0), 0.7)
        dark = np.array(self.dark, np.float32) - 1
        gain = np.array(self.gain, np.float32)
        gain = gain * (1 - self.haze) * self.contrast
        shift = self.haze * np.array(self.air, np.float32) * self.contrast
        shift = (shift + 118 * (1 - self.contrast)).astype(np.float32)
        for rows in _bands(canvas.size):
            light = canvas.shadow[rows, :, None] * np.float32(1 / 255)
            light = 1 + light * dark
            worn = grain[rows] * (canvas.mask[rows] > 0)
            light *= 1 + worn[..., None] * np.float32(ROOF_GRAIN / 32)
            seen = canvas.image[rows] * light * gain + shift
            canvas.image[rows] = np.clip(seen, 0, 255)
        picture = cv2.GaussianBlur(canvas.image, (0, 0), self.blur)
        for rows in _bands(canvas.size):
            shape = picture[rows].shape
            noise = rng.standard_normal(shape, dtype=np.float32)
            noisy = picture[rows] + noise * np.float32(self.noise)
            picture[rows] = np.clip(noisy + 0.5, 0, 255)
        return picture


def _bands(size: int) -> list[slice]:
    return [slice(top, top + BAND) for top in range(0, size, BAND)]
