"""Lots with houses: drives, garages, pools, hedges, trees."""

import numpy as np

from .objects import pool_outline
from .site import Site

# Room between a house and the sides of its lot, in metres.
SIDE_ROOM = 1.3
# Half a turn and a quarter turn.
QUARTER = np.pi / 2
HEDGE = (58, 74, 50)
FENCE = (140, 128, 112)


def houses(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with two rows of lots, back to back."""
    middle = (v0 + v1) / 2
    alley = 2.2 if site.style.alley else 0.0
    _row(site, u0, u1, v0, middle - alley)
    _row(site, u0, u1, v1, middle + alley)
    if alley:
        site.lay_rect(u0, middle - alley, u1, middle + alley, 'lot')


def _row(site: Site, u0: float, u1: float, v0: float, v1: float) -> None:
    """Fill a row of lots whose street runs along v0."""
    rng = site.rng
    left = u0
    while left < u1 - 3:
        width = rng.uniform(*site.style.lot)
        right = left + width
        if right > u1 - 0.6 * site.style.lot[0]:
            right = u1
        if site.sees(left, v0, right, v1):
            _lot(site, left, right, v0, v1)
        left = right


def _lot(site: Site, u0: float, u1: float, v0: float, v1: float) -> None:
    rng, style = site.rng, site.style
    deep, inward = abs(v1 - v0), np.sign(v1 - v0)
    site.lay_rect(u0, v0, u1, v1, 'lawn')
    if rng.random() > site.density:
        garden_trees(site, u0, u1, v0, v1, 2.0)
        return
    room = u1 - u0 - SIDE_ROOM
    setback = min(rng.uniform(*style.setback), deep * 0.4)
    long, short = rng.uniform(*style.length), rng.uniform(*style.width)
    across = rng.random() < style.across
    front, depth = (short, long) if across else (long, short)
    front = min(front, room)
    depth = min(depth, deep - setback - 5)
    spare = max(0.0, room - front) / 2
    side = int(rng.choice((-1, 1)))
    u = (u0 + u1) / 2 + side * spare * rng.uniform(0.3, 1.0)
    v = v0 + inward * (setback + depth / 2)
    turn = np.radians(rng.normal(0, style.loose))
    turn = float(np.clip(turn, -0.35, 0.35))
    if depth > front:
        site.build((u, v), depth, front, turn + QUARTER)
    else:
        site.build((u, v), front, depth, turn)
    _drive(site, u - side * front / 2, -side, v0, inward * setback, u0, u1)
    if rng.random() < 0.5:
        patio = v + inward * depth / 2
        reach = inward * rng.uniform(2, 4)
        half = front * rng.uniform(0.2, 0.4)
        site.lay_rect(u - half, patio, u + half, patio + reach, 'concrete')
    _yard(site, u0, u1, v + inward * (depth / 2 + 1), v1)
    garden_trees(site, u0, u1, v0, v1, 1.0)
    if rng.random() < 0.6:
        colour = HEDGE if rng.random() < 0.5 else FENCE
        wide = 0.9 if colour is HEDGE else 0.15
        site.line((u1, v0 + inward * setback), (u1, v1), wide, colour)
        site.line((u0, v1), (u1, v1), wide, colour)


def _drive(
    site: Site,
    edge: float,
    side: int,
    v0: float,
    setback: float,
    u0: float,
    u1: float,
) -> None:
    """Lay a drive beside or in front of the house, sometimes with a car."""
    if site.style.alley:
        return
    rng = site.rng
    wide = rng.uniform(2.8, 5.0)
    near = float(np.clip(edge + side * wide * 0.3, u0 + 1.5, u1 - 1.5))
    inward = np.sign(setback)
    reach = setback + inward * rng.uniform(0, 7)
    # Real drives cross the pavement.
    site.lay_rect(
        near - wide / 2,
        v0 - inward * 2.5,
        near + wide / 2,
        v0 + reach,
        'concrete' if rng.random() < 0.75 else 'gravel',
    )
    if rng.random() < 0.5:
        site.park((near, v0 + setback * 0.55), QUARTER)


def _yard(site: Site, u0: float, u1: float, v0: float, v1: float) -> None:
    """Put a garage, shed or pool behind the house."""
    rng, style = site.rng, site.style
    deep, inward = abs(v1 - v0), np.sign(v1 - v0)
    if (v1 - v0) * inward < 6 or deep < 6:
        return
    middle = (u0 + u1) / 2
    if style.alley:
        if rng.random() < 0.8:
            size = min(6.2, u1 - u0 - 1.0)
            at = middle, v1 - inward * (size / 2 + 0.6)
            kind = 'gable' if rng.random() < 0.4 else 'flat'
            site.build(at, size, size * 0.95, 0.0, 2.8, kind)
        return
    if rng.random() < style.pools and deep > 8:
        spot = middle, v0 + inward * deep * 0.45
        shape = pool_outline(rng)
        site.lay(site.frame.place(spot, shape * 1.35), 'concrete')
        site.lay(site.frame.place(spot, shape), 'pool')
    elif rng.random() < 0.3:
        length, width = rng.uniform(3, 7), rng.uniform(2.6, 4.5)
        side = rng.choice((-1, 1)) * ((u1 - u0) / 2 - length / 2 - 1)
        at = middle + side, v1 - inward * (width / 2 + 1)
        kind = 'gable' if rng.random() < 0.6 else 'flat'
        site.build(at, max(length, width), width, 0.0, 2.4, kind)


def garden_trees(
    site: Site, u0: float, u1: float, v0: float, v1: float, gain: float
) -> None:
    """Plant ``gain`` times the usual trees, and shrubs along the sides."""
    rng = site.rng
    area = (u1 - u0) * abs(v1 - v0)
    for _ in range(rng.poisson(gain * site.style.trees * area / 100)):
        at = rng.uniform(u0, u1), rng.uniform(min(v0, v1), max(v0, v1))
        site.plant(at, float(rng.gamma(6, 0.42)) + 0.6)
    for _ in range(rng.poisson(area / 160)):
        at = rng.choice((u0, u1)), rng.uniform(min(v0, v1), max(v0, v1))
        site.plant(at, rng.uniform(0.5, 1.1), conifer=False)
