"""Streets: where they run, and how they are drawn."""

import numpy as np

from .site import Site

# Width of pavements in metres.
PAVEMENT = 1.8
# Length of a lane mark and of the gap after it, in metres.
DASH, GAP = 3.0, 5.0
# Chance of a car on a stretch of kerb this long, in metres.
KERB_STRETCH, PARKED = 6.0, 0.3


def lines(
    rng: np.random.Generator,
    reach: float,
    spacing: tuple[float, float],
    nearest: float,
) -> np.ndarray:
    """Draw the positions of parallel streets that cover -reach to reach.

    Args:
        rng: Source of randomness.
        reach: Half the range to cover, in metres.
        spacing: Range of distances in metres.
        nearest: Position of one of the streets.

    Returns:
        Sorted positions (n,); the outer ones lie beyond the range.
    """
    count = int(2 * reach / spacing[0]) + 2
    up = nearest + np.cumsum(rng.uniform(*spacing, count))
    down = nearest - np.cumsum(rng.uniform(*spacing, count))
    up = up[: np.searchsorted(up, reach) + 1]
    down = down[: np.searchsorted(-down, reach) + 1]
    return np.concatenate([down[::-1], [nearest], up])


def draw(site: Site, us: np.ndarray, vs: np.ndarray, width: float) -> None:
    """Draw streets at constant u and at constant v."""
    u_ends, v_ends = (us[0], us[-1]), (vs[0], vs[-1])
    half = width / 2
    for wide, material in ((half + PAVEMENT, 'kerb'), (half, 'asphalt')):
        # One shade per layer, or crossings would show seams.
        number = site.ground.numbers[material][0]
        for u in us:
            _band(site, (u - wide, v_ends[0]), (u + wide, v_ends[1]), number)
        for v in vs:
            _band(site, (u_ends[0], v - wide), (u_ends[1], v + wide), number)
    marked = width > 6.5
    for v in vs:
        for start, end in zip(us[:-1], us[1:], strict=True):
            _side(site, start + half + 3, end - half - 3, v, half, False)
            if marked:
                _marks(site, start + half + 2, end - half - 2, v, False)
    for u in us:
        for start, end in zip(vs[:-1], vs[1:], strict=True):
            _side(site, start + half + 3, end - half - 3, u, half, True)
            if marked:
                _marks(site, start + half + 2, end - half - 2, u, True)


def _band(
    site: Site,
    low: tuple[float, float],
    high: tuple[float, float],
    number: int,
) -> None:
    points = site.frame.patch(*low, *high)
    site.canvas.fill(site.canvas.ground, points, number)


def _marks(
    site: Site, start: float, end: float, at: float, upright: bool
) -> None:
    """Draw the dashes along the middle of a street."""
    if not _visible(site, start, end, at, upright):
        return
    for s in np.arange(start, end - DASH, DASH + GAP):
        a, b = (s, at), (s + DASH, at)
        if upright:
            a, b = a[::-1], b[::-1]
        site.line(a, b, 0.15)


def _side(
    site: Site,
    start: float,
    end: float,
    at: float,
    half: float,
    upright: bool,
) -> None:
    """Park cars and plant trees along both kerbs."""
    rng, style = site.rng, site.style
    if not _visible(site, start, end, at, upright):
        return
    trees = min(0.6, style.trees)
    for side in (-1, 1):
        for s in np.arange(start, end, KERB_STRETCH):
            if rng.random() < PARKED:
                spot = s, at + side * (half - 1.1)
                spot = spot[::-1] if upright else spot
                site.park(spot, np.pi / 2 if upright else 0.0)
            if rng.random() < 0.3 * trees:
                spot = s, at + side * (half + PAVEMENT + 0.4)
                spot = spot[::-1] if upright else spot
                site.plant(spot, rng.uniform(1.5, 4.0), conifer=False)


def _visible(
    site: Site, start: float, end: float, at: float, upright: bool
) -> bool:
    if end <= start:
        return False
    if upright:
        return site.sees(at - 5, start, at + 5, end)
    return site.sees(start, at - 5, end, at + 5)
