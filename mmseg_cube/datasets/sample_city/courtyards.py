"""Blocks of houses wall to wall around a court."""

import numpy as np

from . import roofs
from .gardens import garden_trees, houses
from .site import Site

QUARTER = np.pi / 2
# Least side of a court in metres; smaller blocks get plain lots.
LEAST_COURT = 8.0
# Share of blocks that are one single building.
PALACE = 0.2
# Share of level roofs in a terrace.
LEVEL = 0.1


def courtyards(site: Site, u0: float, v0: float, u1: float, v1: float) -> None:
    """Line a block with houses wall to wall, around a court."""
    rng, style = site.rng, site.style
    depth = rng.uniform(11, 14)
    site.lay_rect(u0, v0, u1, v1, 'concrete')
    inner = u0 + depth, v0 + depth, u1 - depth, v1 - depth
    if min(inner[2] - inner[0], inner[3] - inner[1]) < LEAST_COURT:
        houses(site, u0, v0, u1, v1)
        return
    site.lay_rect(*inner, 'lawn' if rng.random() < 0.7 else 'lot')
    base = rng.uniform(*style.eaves)
    if rng.random() < PALACE * site.density:
        pitch = np.radians(rng.uniform(*style.pitch))
        size = u1 - u0, v1 - v0
        roof = roofs.ring(*size, depth, pitch)
        site.erect(roof, ((u0 + u1) / 2, (v0 + v1) / 2), size, 0.0, base)
    else:
        for v in (v0 + depth / 2, v1 - depth / 2):
            _terrace(site, u0, u1, v, depth, base, False)
        for u in (u0 + depth / 2, u1 - depth / 2):
            _terrace(site, v0 + depth, v1 - depth, u, depth, base, True)
    for _ in range(rng.poisson(1.2)):
        long, short = rng.uniform(8, 16), rng.uniform(6, 9)
        at = (
            rng.uniform(inner[0] + 9, max(inner[2] - 9, inner[0] + 9.1)),
            rng.uniform(inner[1] + 9, max(inner[3] - 9, inner[1] + 9.1)),
        )
        if rng.random() < 0.5 * site.density:
            site.build(at, long, short, 0.0, rng.uniform(4, 8))
    garden_trees(site, inner[0], inner[2], inner[1], inner[3], 1.5)


def _terrace(
    site: Site,
    start: float,
    end: float,
    middle: float,
    depth: float,
    base: float,
    turned: bool,
) -> None:
    """Build houses wall to wall along one side of a block."""
    rng = site.rng
    left = start
    while left < end - 2:
        right = left + rng.uniform(*site.style.lot)
        if right > end - 9:
            right = end
        centre = (left + right) / 2
        at = (middle, centre) if turned else (centre, middle)
        turn = QUARTER if turned else 0.0
        long = right - left
        if rng.random() < site.density:
            height = base + rng.choice((0.0, 0.0, -3.0, 1.5))
            # Party walls leave no room for anything but a plain box.
            roof = roofs.flat(roofs.box(long, depth))
            if rng.random() >= LEVEL:
                pitch = np.radians(rng.uniform(*site.style.pitch))
                roof = roofs.hip(long, depth, pitch, 0.0)
            site.erect(roof, at, (long, depth), turn, height)
        left = right
