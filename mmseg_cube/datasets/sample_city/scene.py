"""Draws a scene: a town, in the light of a day, seen by a camera."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from mmseg_cube.datasets.sample_city import ground
from mmseg_cube.datasets.sample_city.canvas import Canvas
from mmseg_cube.datasets.sample_city.site import Site
from mmseg_cube.datasets.sample_city.town import lay_out


def draw_scene(
    seed: int | Sequence[int], size: int = 256, gsd: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Draw an aerial picture of a town and the mask of its buildings.

    The same arguments give the same bytes.

    Args:
        seed: One or more non-negative numbers.
        size: Side of the picture in pixels.
        gsd: Side of a pixel in metres.

    Returns:
        Picture (size, size, 3), uint8 RGB, and mask (size, size), uint8,
        255 on roofs and 0 elsewhere.
    """
    # A stream for each step: changing one leaves the others as they are.
    plan, soil, camera = np.random.default_rng(seed).spawn(3)
    # What stands around the picture casts shadows into it.
    margin = int(8 / gsd)
    site = Site(plan, size + 2 * margin, gsd)
    lay_out(site)
    picture = _expose(camera, site, soil)
    inside = np.s_[margin : margin + size, margin : margin + size]
    return picture[inside].copy(), site.mask[inside].copy()


def _expose(rng: Generator, canvas: Canvas, soil: Generator) -> np.ndarray:
    """Turn a canvas into a photo, uint8 RGB."""
    image, grain = ground.paint(soil, canvas.ground, canvas.gsd)
    image *= 1 - canvas.cover[..., None]
    image += canvas.image * (1 + 0.03 * grain * (canvas.mask > 0))[..., None]
    # In shadows shines the sky alone, which is blue.
    depth = 1 - rng.uniform(0.28, 0.46) * np.array((1, 1.1, 1.28), np.float32)
    image *= 1 - canvas.shadow()[..., None] * depth
    haze, warm = rng.uniform(0.02, 0.12), rng.uniform(-0.04, 0.04)
    gain = rng.uniform(0.92, 1.08) * np.array((1 + warm, 1, 1 - warm), 'f4')
    air = np.array((176, 190, 204), np.float32)
    image = (1 - haze) * gain * image + haze * air
    image = 118 + rng.uniform(0.95, 1.18) * (image - 118)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.35, 0.6))
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image += noise * np.float32(rng.uniform(2.5, 5))
    return np.clip(image + 0.5, 0, 255).astype(np.uint8)
