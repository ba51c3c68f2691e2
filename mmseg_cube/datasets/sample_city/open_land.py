"""Plots without buildings, some of which look a little like roofs."""

import numpy as np

from .roofs import box
from .site import PAINT, Site

QUARTER = np.pi / 2
# Size of a parking bay and of the lane between two rows, in metres.
BAY_WIDTH, BAY_LENGTH, LANE = 2.6, 5.0, 6.5
# Distance of trunks in a forest, in metres.
FOREST_STEP = 3.7


def bays(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a rectangle with rows of parking bays along u."""
    rng = site.rng
    if u1 - u0 < 8 or v1 - v0 < 5:
        return
    site.lay_rect(u0, v0, u1, v1, 'lot')
    busy = rng.uniform(0.15, 0.85)
    row, facing = v0, 1
    while row + BAY_LENGTH <= v1:
        if site.sees(u0, row, u1, row + BAY_LENGTH):
            for u in np.arange(u0 + 1, u1 - 1, BAY_WIDTH):
                site.line((u, row), (u, row + BAY_LENGTH), 0.1)
                if u + BAY_WIDTH < u1 and rng.random() < busy:
                    spot = u + BAY_WIDTH / 2, row + BAY_LENGTH / 2
                    site.park(spot, facing * QUARTER)
        row += BAY_LENGTH + (LANE if facing > 0 else 0.3)
        facing = -facing


def parking(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with a car park."""
    site.lay_rect(u0, v0, u1, v1, 'lawn')
    bays(site, u0 + 2, v0 + 2, u1 - 2, v1 - 2)
    for v in (v0 + 0.5, v1 - 0.5):
        for u in np.arange(u0, u1, 11.0):
            if site.rng.random() < 0.6:
                site.plant((u, v), site.rng.uniform(1.2, 2.8))


def park(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with lawn, paths and groups of trees."""
    rng = site.rng
    site.lay_rect(u0, v0, u1, v1, 'lawn')
    for _ in range(2):
        a = rng.uniform(u0, u1), v0
        b = rng.uniform(u0, u1), v1
        points = _wide(site.frame.line(a, b), 1.6)
        site.lay(points, 'gravel')
    for _ in range(rng.poisson((u1 - u0) * (v1 - v0) / 700)):
        centre = rng.uniform((u0, v0), (u1, v1))
        spread = rng.uniform(2, 9)
        for at in rng.normal(centre, spread, (rng.integers(1, 7), 2)):
            if u0 < at[0] < u1 and v0 < at[1] < v1:
                site.plant(tuple(at), float(rng.gamma(9, 0.4)) + 0.8)
    if rng.random() < 0.35:
        turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        wobble = 1 + 0.2 * np.sin(3 * turns + rng.uniform(0, 6))
        pond = np.stack([np.cos(turns), np.sin(turns)], 1)
        pond = pond * wobble[:, None] * rng.uniform(7, 14)
        centre = (u0 + u1) / 2, (v0 + v1) / 2
        site.lay(site.frame.place(centre, pond), 'water')


def sport(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with courts and a striped playing field."""
    rng = site.rng
    site.lay_rect(u0, v0, u1, v1, 'lawn')
    material = site.ground.pick(rng, 'court')
    surround = site.ground.pick(rng, 'court')
    u = u0 + 12
    while u + 11 < min(u1, u0 + 58):
        centre = u, v0 + 22
        around = site.frame.place(centre, box(17.5, 35))
        site.canvas.fill(site.canvas.ground, around, surround)
        court = site.frame.place(centre, box(11, 23.8))
        site.canvas.fill(site.canvas.ground, court, material)
        for shape in (box(11, 23.8), box(8.2, 23.8), box(8.2, 12.8)):
            loop = site.frame.place(centre, shape[[0, 1, 2, 3, 0]])
            site.strokes.append((loop, PAINT, 0.1))
        u += 17.6
    first, second = (site.ground.numbers['turf'][i] for i in (0, 1))
    left = u + 3
    for i, start in enumerate(np.arange(left, u1 - 3, 5.5)):
        end = min(start + 5.5, u1 - 3)
        stripe = site.frame.patch(start, v0 + 4, end, v1 - 4)
        number = second if i % 2 else first
        site.canvas.fill(site.canvas.ground, stripe, number)
    if u1 - left > 20:
        loop = site.frame.patch(left + 2, v0 + 6, u1 - 5, v1 - 6)
        loop = np.concatenate([loop, loop[:1]])
        site.strokes.append((loop, PAINT, 0.12))
    for u in np.arange(u0, u1, 9.0):
        site.plant((u, v1 - 1), rng.uniform(1.5, 3.5))


def field(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with meadows, crops and bare earth, in strips."""
    rng = site.rng
    left = u0
    while left < u1 - 1:
        right = min(left + rng.uniform(18, 60), u1)
        material = 'soil' if rng.random() < 0.3 else 'meadow'
        site.lay_rect(left, v0, right, v1, material)
        if rng.random() < 0.75:
            _furrows(site, left, v0, right, v1, material)
        if rng.random() < 0.4:
            for v in np.arange(v0, v1, rng.uniform(4, 9)):
                if rng.random() < 0.6:
                    site.plant((right, v), rng.uniform(1.2, 3.4))
        left = right
    for _ in range(rng.poisson((u1 - u0) * (v1 - v0) / 2500)):
        at = rng.uniform((u0, v0), (u1, v1))
        site.plant(tuple(at), float(rng.gamma(9, 0.4)) + 1)


def _furrows(
    site: Site, u0: float, v0: float, u1: float, v1: float, material: str
) -> None:
    """Draw the lanes of a mower or plough."""
    rng, canvas = site.rng, site.canvas
    number = site.ground.pick(rng, material)
    step = rng.uniform(1.6, 4.5)
    for u in np.arange(u0 + step / 2, u1, step):
        line = site.frame.line((u, v0), (u, v1))
        canvas.stroke(canvas.ground, line, number, step * 0.4)


def forest(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with trees, up to a ragged edge."""
    rng, style = site.rng, site.style
    site.lay_rect(u0, v0, u1, v1, 'litter')
    us = np.arange(u0, u1, FOREST_STEP)
    vs = np.arange(v0, v1, FOREST_STEP)
    grid = np.stack(np.meshgrid(us, vs), axis=-1).reshape(-1, 2)
    grid = grid + rng.uniform(-1.8, 1.8, grid.shape)
    wave = rng.uniform(0, 6, 4)
    # Slow waves thin the forest out into glades.
    open_to = np.sin(grid[:, 0] / 13 + wave[0]) * np.sin(
        grid[:, 1] / 17 + wave[1]
    )
    conifers = np.clip(style.conifers + rng.uniform(-0.4, 0.4), 0, 1)
    # A forest looks as if lit from one side only when drawn that way.
    toward = site.frame.turn.T @ np.array(site.sun.direction[:2])
    for index in np.argsort(grid @ toward):
        at = grid[index]
        if open_to[index] < 0.75 and rng.random() < 0.95:
            conifer = rng.random() < conifers
            radius = rng.uniform(1.5, 2.9) if conifer else rng.gamma(10, 0.3)
            site.plant(tuple(at), float(radius), conifer)


def _wide(line: np.ndarray, width: float) -> np.ndarray:
    """Turn a line (n, 2) into a band (2n, 2) of ``width`` metres."""
    along = np.gradient(line, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    across *= width / 2 / np.linalg.norm(across, axis=1, keepdims=True)
    return np.concatenate([line + across, (line - across)[::-1]])
