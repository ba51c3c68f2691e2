"""Draws a scene: a town, in the light of a day, seen by a camera.

Streets and blocks are rectangles (u0, v0, u1, v1) in street coordinates.
"""

from collections.abc import Sequence
from itertools import pairwise, product

import cv2
import numpy as np
from numpy.random import Generator

from mmseg_cube.datasets.sample_city import ground
from mmseg_cube.datasets.sample_city.site import Site

# Width, height and colour of bars.
HEDGE, PAINT = (0.9, 1.2, (58, 76, 52)), (0.13, 0.02, (202, 202, 196))
# Width of pavements, and steps along a street, in metres.
PAVEMENT, STEP = 1.8, 7.0
# Size of a parking bay and of the lane behind it, in metres.
BAY, DEEP, LANE = 2.6, 5.0, 6.5
# Materials of open land, and trees on 100 square metres of it.
GREENS = (('lawn', 0.4), ('litter', 7), ('lawn', 0.05), ('soil', 0.05))


def draw_scene(
    seed: int | Sequence[int], size: int = 256, gsd: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Draw an aerial picture of a town and the mask of its buildings.

    The same arguments give the same bytes. ``gsd`` is the side of a pixel in
    metres. Returned are the picture (size, size, 3), uint8 RGB, and the mask
    (size, size), uint8, 255 on roofs and 0 elsewhere.
    """
    # A stream for each step: changing one leaves the others as they are.
    plan, soil, camera = np.random.default_rng(seed).spawn(3)
    # What stands around the picture casts shadows into it.
    margin = int(8 / gsd)
    site = Site(plan, size + 2 * margin, gsd)
    _lay_out(site)
    picture = _expose(camera, site, soil)
    inside = np.s_[margin : margin + size, margin : margin + size]
    return picture[inside].copy(), site.mask[inside].copy()


def _expose(rng: Generator, site: Site, soil: Generator) -> np.ndarray:
    """Turn a site into a photo, uint8 RGB."""
    image, grain = ground.paint(soil, site.ground, site.gsd)
    image *= 1 - site.cover[..., None]
    image += site.image * (1 + 0.03 * grain * (site.mask > 0))[..., None]
    # In shadows shines the sky alone, which is blue.
    depth = 1 - rng.uniform(0.28, 0.46) * np.array((1, 1.1, 1.28), np.float32)
    image *= 1 - site.shadow()[..., None] * depth
    haze, warm = rng.uniform(0.02, 0.12), rng.uniform(-0.04, 0.04)
    gain = rng.uniform(0.92, 1.08) * np.array((1 + warm, 1, 1 - warm), 'f4')
    air = np.array((176, 190, 204), np.float32)
    image = (1 - haze) * gain * image + haze * air
    image = 118 + rng.uniform(0.95, 1.18) * (image - 118)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.35, 0.6))
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image += noise * np.float32(rng.uniform(2.5, 5))
    return np.clip(image + 0.5, 0, 255).astype(np.uint8)


def _lay_out(site: Site) -> None:
    """Fill a site with streets and blocks; one in eight has no building."""
    rng, half = site.rng, site.rng.uniform(3, 4.5)
    edge, empty = half + PAVEMENT, rng.random() < 0.125
    # The middle of the picture looks at a street and the houses along it.
    near = rng.choice((-1, 1)) * (edge + rng.uniform(2, 16))
    grid = np.arange(-site.reach // 60 - 1, site.reach // 60 + 3)
    us = rng.uniform(-60, 60) + rng.uniform(90, 130) * grid
    vs = near + rng.uniform(66, 78) * grid
    roads = [(True, at) for at in us] + [(False, at) for at in vs]
    for road in roads:
        site.lay(_street(site, *road, edge), 'kerb')
    for (u0, u1), (v0, v1) in product(pairwise(us), pairwise(vs)):
        rect = u0 + edge, v0 + edge, u1 - edge, v1 - edge
        if site.corners(rect) is None:
            continue
        draw = rng.random()
        if empty or draw < 0.15:
            _green(site, *rect)
        elif draw < 0.35 and not (u0 < 0 < u1 and v0 < 0 < v1):
            _offices(site, *rect)
        else:
            _houses(site, *rect)
    for road in roads:
        site.lay(_street(site, *road, half), 'asphalt')
    for road in roads:
        _furnish(site, *road, half - 1.1)
    site.grow()


def _street(site: Site, upright: bool, at: float, half: float) -> tuple:
    """Return the rectangle of a street along v (upright) or u."""
    u0, v0, u1, v1 = -site.reach, at - half, site.reach, at + half
    return (v0, u0, v1, u1) if upright else (u0, v0, u1, v1)


def _furnish(site: Site, upright: bool, at: float, kerb: float) -> None:
    """Give a street its marks, and cars that park this far from its middle."""
    parked = site.rng.uniform(0.02, 0.35)
    for along in np.arange(-site.reach, site.reach, STEP):
        spots = np.array([(along, at), (along + 3, at),
                          (along, at - kerb), (along, at + kerb)])  # fmt: skip
        start, end, *sides = spots[:, ::-1] if upright else spots
        if site.corners((*start, *end)) is not None:
            site.bar(start, end, PAINT)
            for side in sides:
                if site.rng.random() < parked:
                    site.park(side, upright * np.pi / 2)


def _houses(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with two rows of lots, back to back."""
    back = (v0 + v1) / 2
    for street in (v0, v1):
        for left, right in pairwise(np.linspace(u0, u1, 6)):
            if site.corners((left, street, right, back)) is not None:
                _lot(site, left, right, street, back)


def _lot(site: Site, u0: float, u1: float, street: float, back: float) -> None:
    """Build a house on a lot that reaches from its street to its back."""
    rng, inward = site.rng, np.sign(back - street)
    site.lay((u0, street, u1, back), 'lawn')
    site.plant((u0, street, u1, back), 0.4)
    wide, deep = min(rng.uniform(10, 17), u1 - u0 - 1.5), rng.uniform(8, 12)
    setback, side = rng.uniform(3, 8), rng.choice((-1, 1))
    u = (u0 + u1 + side * rng.random() * (u1 - u0 - 1.5 - wide)) / 2
    v = street + inward * (setback + deep / 2)
    site.build((u, v), (wide, deep), rng.random() < 0.15, rng.uniform(3, 6))
    # Drives cross the pavement.
    u, half = np.clip(u - side * wide / 2, u0 + 2, u1 - 2), rng.uniform(1.4, 2)
    end = street + inward * (setback + rng.uniform(0, 7))
    site.lay((u - half, street - inward * 2.5, u + half, end), 'concrete')
    if rng.random() < 0.5:
        site.park((u, street + inward * setback / 2), np.pi / 2)
    u, v = (u0 + u1) / 2, back - inward * 5
    if rng.random() < 0.12:
        site.lay((u - 5, v - 3.2, u + 5, v + 3.2), 'concrete')
        site.lay((u - 4, v - 2, u + 4, v + 2), 'pool')
    elif rng.random() < 0.4:
        at = u + rng.uniform(-0.3, 0.3) * (u1 - u0), v + inward * 2
        site.build(at, rng.uniform(2.6, 5, 2), rng.random() < 0.5, 2.4)
    if rng.random() < 0.5:
        near = street + inward * setback
        site.bar((u1, near), (u1, back), HEDGE)
        site.bar((u0, back), (u1, back), HEDGE)


def _offices(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with halls and their car parks."""
    rng = site.rng
    for left, right in pairwise(np.linspace(u0, u1, 3)):
        site.lay((left, v0, right, v1), 'lot')
        back = v0 + (v1 - v0) * rng.choice((0.2, 0.45, 0.6))
        at, size = (left + right) / 2, (right - left - 8, back - v0 - 5)
        level, eaves = rng.random() < 0.8, rng.uniform(5, 11)
        site.build((at, (v0 + back) / 2), size, level, eaves)
        busy = rng.uniform(0.15, 0.85)
        bays = np.arange(left + 3, right - 3, BAY)
        for u, v in product(bays, np.arange(back + 6, v1 - DEEP, DEEP + LANE)):
            if site.corners((u, v, u + BAY, v + DEEP)) is not None:
                site.bar((u, v), (u, v + DEEP), PAINT)
                if rng.random() < busy:
                    site.park((u + BAY / 2, v + DEEP / 2), np.pi / 2)


def _green(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with strips of park, forest, meadow or field."""
    for left, right in pairwise(np.linspace(u0, u1, 3)):
        material, trees = GREENS[site.rng.integers(len(GREENS))]
        site.lay((left, v0, right, v1), material)
        site.plant((left, v0, right, v1), trees)
