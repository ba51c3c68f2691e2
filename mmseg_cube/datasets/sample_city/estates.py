"""Plots with large buildings: offices, halls, slabs of flats."""

import numpy as np

from .open_land import bays
from .site import Site

QUARTER = np.pi / 2


def offices(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with halls and level-roofed offices on asphalt."""
    rng = site.rng
    site.lay_rect(u0, v0, u1, v1, 'lot')
    left = u0
    while left < u1 - 14:
        right = min(left + rng.uniform(32, 65), u1)
        if u1 - right < 18:
            right = u1
        if site.sees(left, v0, right, v1):
            _yard(site, left, v0, right, v1)
        left = right


def _yard(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    rng = site.rng
    ground = rng.choice(('lot', 'concrete', 'gravel', 'lot'))
    site.lay_rect(u0, v0, u1, v1, str(ground))
    wide, deep = u1 - u0, v1 - v0
    share = rng.uniform(0.42, 0.68)
    back = v0 + deep * share
    if rng.random() < site.density:
        long = wide - rng.uniform(4, 10)
        short = deep * share - rng.uniform(4, 8)
        at = (u0 + u1) / 2, v0 + deep * share / 2
        height = rng.uniform(5, 11)
        turn = 0.0 if long > short else QUARTER
        kind = 'flat' if rng.random() < 0.8 else 'gable'
        site.build(at, max(long, short), min(long, short), turn, height, kind)
        if rng.random() < 0.4:
            size = rng.uniform(6, 12)
            place = u0 + wide * rng.uniform(0.25, 0.75), back + 2
            site.build(place, size * 1.4, size * 0.8, 0, 4.0, 'flat')
    bays(site, u0 + 2, back + 8, u1 - 2, v1 - 1)
    for _ in range(rng.integers(0, 4)):
        spot = rng.uniform(u0 + 5, u1 - 5), back + rng.uniform(1, 5)
        site.park(spot, rng.choice((0.0, QUARTER)), lorry=True)
    for _ in range(rng.poisson(wide / 14)):
        site.plant((rng.uniform(u0, u1), v1 - 0.5), rng.uniform(1.5, 3))


def flats(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Fill a block with slabs of flats between lawns and car parks."""
    rng = site.rng
    site.lay_rect(u0, v0, u1, v1, 'lawn')
    depth = rng.uniform(11, 14)
    gap = depth + rng.uniform(14, 20)
    kind = 'flat' if rng.random() < 0.6 else 'hip'
    height = rng.uniform(8, 17)
    upright = rng.random() < 0.5 and v1 - v0 > 40
    if upright:
        spots = np.arange(u0 + depth, u1 - depth / 2, gap)
        long = min(v1 - v0 - 8, 55)
    else:
        spots = np.arange(v0 + depth, v1 - depth / 2, gap)
        long = min(u1 - u0 - 8, 60)
    for i, spot in enumerate(spots):
        centre = (v0 + v1) / 2 if upright else (u0 + u1) / 2
        at = (spot, centre) if upright else (centre, spot)
        turn = QUARTER if upright else 0.0
        if rng.random() < site.density:
            site.build(at, long, depth, turn, height, kind)
        if i % 2 == 0:
            near = spot + depth / 2 + 2
            if upright:
                bays(site, near, v0 + 4, near + 12, v1 - 4)
            else:
                bays(site, u0 + 4, near, u1 - 4, near + 12)
    area = (u1 - u0) * (v1 - v0)
    for _ in range(rng.poisson(area / 260)):
        at = rng.uniform(u0, u1), rng.uniform(v0, v1)
        site.plant(at, float(rng.gamma(8, 0.4)) + 0.5)
