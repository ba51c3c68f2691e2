"""Streets, their marks, and what stands at the kerb."""

from dataclasses import dataclass

import numpy as np

from .site import Site

# Width of pavements in metres.
PAVEMENT = 1.8
# Length of a lane mark and of the gap after it, in metres.
DASH, GAP = 3.0, 5.0
# Streets from this width on have a line in the middle, in metres.
MARKED = 6.5
# Kerb that a parked car takes in metres, and how full kerbs are.
KERB_STRETCH, PARKED = 6.0, (0.02, 0.35)


@dataclass(frozen=True)
class Street:
    """A street between two crossings, in street coordinates.

    Attributes:
        at: Position of its middle line in metres.
        start: Where it starts along that line, in metres.
        end: Where it ends.
        upright: Whether it runs along v, at a constant u.
    """

    at: float
    start: float
    end: float
    upright: bool

    def rect(self, half: float, more: float = 0.0) -> tuple:
        """Return (u0, v0, u1, v1) for half a width, made longer."""
        low, high = self.at - half, self.at + half
        start, end = self.start - more, self.end + more
        if self.upright:
            return low, start, high, end
        return start, low, end, high

    def point(self, along: float, aside: float) -> tuple[float, float]:
        """Return (u, v) of a point along and beside the street."""
        if self.upright:
            return self.at + aside, along
        return along, self.at + aside


def lay(site: Site, network: list[Street], half: float, material: str) -> None:
    """Pave all streets; ``half`` is half their width in metres."""
    # One shade for all, or crossings would show seams.
    number = site.ground.numbers[material][0]
    for street in network:
        points = site.frame.patch(*street.rect(half, half))
        site.canvas.fill(site.canvas.ground, points, number)


def furnish(site: Site, network: list[Street], width: float) -> None:
    """Mark streets of ``width`` metres, park cars and plant trees."""
    half = width / 2
    for street in network:
        if not site.sees(*street.rect(half + PAVEMENT)):
            continue
        if width >= MARKED:
            ends = street.start + half + 2, street.end - half - 2 - DASH
            for s in np.arange(*ends, DASH + GAP):
                a, b = street.point(s, 0), street.point(s + DASH, 0)
                site.line(a, b, 0.15)
        for side in (-1, 1):
            _kerb(site, street, half, side)


def _kerb(site: Site, street: Street, half: float, side: int) -> None:
    """Line one side of a street with cars and trees."""
    rng, style = site.rng, site.style
    parked = rng.uniform(*PARKED)
    trees = 0.3 * min(0.6, style.trees)
    turn = np.pi / 2 if street.upright else 0.0
    ends = street.start + half + 3, street.end - half - 3
    for s in np.arange(*ends, KERB_STRETCH):
        if rng.random() < parked:
            site.park(street.point(s, side * (half - 1.1)), turn)
        if rng.random() < trees:
            spot = street.point(s, side * (half + PAVEMENT + 0.4))
            site.plant(spot, rng.uniform(1.5, 4.0), conifer=False)
