"""What stands in a town, put up at street coordinates.

Solids are functions of points (x, y) around their middle, in metres. Each
returns how far the points are inside its outline, and its height there.
"""

from functools import partial

import cv2
import numpy as np

from mmseg_cube.datasets.sample_city import ground
from mmseg_cube.datasets.sample_city.canvas import Canvas, turned
from mmseg_cube.datasets.sample_city.ground import fractal, jitter

TILES = ((168, 112, 98), (190, 128, 104), (132, 110, 98), (108, 112, 118),
         (104, 94, 88), (116, 130, 148), (118, 134, 124))  # fmt: skip
SHEETS = (192, 191, 188), (146, 146, 145), (218, 217, 212), (174, 160, 142)
PAINTS = (205, 206, 206), (62, 64, 68), (222, 222, 218), (128, 76, 70)
GLASS, LEAF = (52, 58, 66), (74, 98, 76)
# Length, width, height and colour of what stands on roofs: machines on
# level ones, chimneys and windows on the others.
MACHINES = ((3.2, 2.0, 1.5, (186, 186, 184)), (1.2, 1.0, 0.7, (170, 170, 170)))
CHIMNEYS = ((0.9, 0.8, 1.0, (140, 110, 98)), (1.2, 0.9, 0.1, (150, 165, 180)))
# Pixels along a side of the picture of a crown.
CROWN = 64


def box(x, y, length, width, rim=0.0):
    """Return a level box, with a low wall around it if ``rim`` is not 0."""
    inside = np.minimum(length / 2 - abs(x), width / 2 - abs(y))
    return inside, rim * (inside < 0.5)


def ridged(x, y, length, width, pitch, hip):
    """Return a roof with its ridge along x, and gables if ``hip`` is 0."""
    ends, sides = length / 2 - abs(x), width / 2 - abs(y)
    up = np.minimum(sides, ends / hip) if hip else sides
    return np.minimum(ends, sides), pitch * up


def tree(x, y, length, width, crown):
    """Return a tree with one of the crowns of :func:`draw_crown`."""
    radius, middle = length / 2, CROWN / 2 - 0.5
    maps = [(axis * CROWN / length + middle).astype('f4') for axis in (x, y)]
    found = cv2.remap(crown, *maps, cv2.INTER_LINEAR, borderValue=(-1, 0))
    return found[..., 0] * radius, found[..., 1] * radius


def draw_crown(rng: np.random.Generator, conifer: bool) -> np.ndarray:
    """Draw a crown of radius 1: inside and height, (CROWN, CROWN, 2)."""
    axis = (np.arange(CROWN) + 0.5) * (2 / CROWN) - 1
    x, y = np.meshgrid(axis, axis)
    angle = np.arctan2(y, x)
    rim = np.full_like(x, 0.84)
    for waves in (2, 3, 5, 8, 13):
        phase = rng.uniform(0, 2 * np.pi)
        rim += rng.uniform(0.01, 0.06) * np.sin(waves * angle + phase)
    inside = 1 - np.hypot(x, y) / rim
    bumps = fractal(rng, CROWN, (13, 7)) + 0.45 * fractal(rng, CROWN, (4, 2))
    dome = np.sqrt(np.clip(1 - (1 - inside) ** 2, 0, 1))
    up = 1.2 + 0.8 * dome + 0.13 * bumps
    if conifer:
        up = 2.5 * inside + 0.06 * np.sin(7 * angle) + 0.05 * bumps
    return np.stack([inside + 0.05 * bumps, up], -1).astype(np.float32)


class Site(Canvas):
    """A canvas on which a town is put up."""

    def lay(self, rect: tuple, material: str) -> None:
        """Cover a rectangle (u0, v0, u1, v1) with a material."""
        corners = self.corners(rect)
        if corners is not None:
            # OpenCV counts from pixel centres, in sixteenths.
            pixels = (corners / self.gsd - 0.5) * 16
            number = int(ground.pick(self.rng, material))
            points = [pixels.round().astype(np.int32)]
            cv2.fillPoly(self.ground, points, number, shift=4)

    def bar(self, start: tuple, end: tuple, kind: tuple) -> None:
        """Put a bar on the ground: a painted mark or a hedge."""
        width, up, colour = kind
        u, v = np.subtract(end, start)
        pose = self.pose(np.add(start, end) / 2, np.arctan2(v, u))
        self.add(box, (np.hypot(u, v), width), pose, colour, up)

    def build(self, at: tuple, size: tuple, level: bool, eaves: float) -> None:
        """Put up a building of a size along u and v.

        Its roof is level or has a ridge, and ``eaves`` is its height.
        """
        rng, (width, length) = self.rng, sorted(size)
        turn = np.radians(np.clip(rng.normal(0, 2), -6, 6))
        pose = self.pose(at, turn + np.pi / 2 * (size[1] > size[0]))
        form = partial(box, rim=0.4)
        if not level:
            pitch = np.tan(np.radians(rng.uniform(18, 35)))
            hip = rng.choice((0, rng.uniform(0.75, 1)))
            form = partial(ridged, pitch=pitch, hip=hip)
        # Parts of one height, across each other, are one roof.
        parts = [((length, width), pose)]
        if rng.random() < 0.3:
            depth = width * rng.uniform(0.6, 0.8)
            wing = min(depth, 0.42 * length) * rng.uniform(0.75, 0.95)
            aside = rng.choice((-1, 1)) * (width - depth) / 2
            parts = [((length, depth), _beside(pose, 0, aside))]
            for end in (-1, 1)[: rng.integers(1, 3)]:
                place, turn = _beside(pose, end * (length - wing) / 2, 0)
                parts.append(((width, wing), (place, turn + np.pi / 2)))
        colours = SHEETS if level and rng.random() < 0.8 else TILES
        colour = jitter(rng, rng.choice(colours), 0.13)
        for sides, place in parts:
            self.add(form, sides, place, colour, eaves, roof=True)
        sides, pose = parts[0]
        for _ in range(rng.poisson(min(length * width, 900) / 60)):
            x, y = rng.uniform(-0.36, 0.36, 2) * sides
            *base, up, tone = (MACHINES if level else CHIMNEYS)[
                rng.integers(2)
            ]
            up += eaves + form(x, y, *sides)[1]
            tone = jitter(rng, tone, 0.3)
            self.add(box, base, _beside(pose, x, y), tone, up)

    def park(self, at: tuple, turn: float = 0.0) -> None:
        """Park a car, its length along u for a turn of 0."""
        pose = self.pose(at, turn + self.rng.normal(0, 0.03))
        paint = jitter(self.rng, self.rng.choice(PAINTS), 0.1)
        self.add(box, (4.5, 1.8), pose, paint, 0.8)
        pose = _beside(pose, -0.27, 0)
        self.add(box, (2.5, 1.55), pose, GLASS, 1.3)
        self.add(box, (1.4, 1.45), pose, paint, 1.5)

    def plant(self, rect: tuple, count: float) -> None:
        """Plant ``count`` trees per 100 square metres of a rectangle."""
        start, sides = np.array(rect[:2]), np.subtract(rect[2:], rect[:2])
        for _ in range(self.rng.poisson(count * abs(sides.prod()) / 100)):
            at = start + self.rng.random(2) * sides
            self.trees.append((at, 0.8 + self.rng.gamma(8, 0.72)))

    def grow(self) -> None:
        """Draw the trees that stand on open soil, clear of roofs."""
        rng = self.rng
        crowns = [draw_crown(rng, number > 3) for number in range(6)]
        taken = (self.ground >= ground.SOILS) | (self.mask > 0)
        for at, wide in self.trees:
            pose = self.pose(at, rng.uniform(-3, 3))
            # Crowns overhang other things by no more than their outer part.
            if not taken[self.window(pose[0], wide / 4)].any():
                shape = partial(tree, crown=crowns[rng.integers(6)])
                colour = jitter(rng, LEAF, 0.18)
                self.add(shape, (wide, wide), pose, colour)


def _beside(pose: tuple, x: float, y: float) -> tuple[np.ndarray, float]:
    """Move a pose by x and y metres in its own directions."""
    place, turn = pose
    return place + turned(np.array((x, y)), turn), turn
