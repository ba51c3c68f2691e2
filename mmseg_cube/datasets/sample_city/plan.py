"""Plans a town: streets, blocks between them, and their use."""

import numpy as np

from . import courtyards, estates, gardens, open_land, streets
from .houses import pick
from .site import Site
from .streets import PAVEMENT, Street

# Share of streets that also run through open country.
THROUGH = 0.25
# Chance that a block is used like the one beside it.
ALIKE = 0.35
# Pictures up to this side in metres show hardly more than one block.
SMALL_EXTENT = 80.0

LAND_USES = {
    'houses': gardens.houses,
    'courtyards': courtyards.courtyards,
    'offices': estates.offices,
    'flats': estates.flats,
    'parking': open_land.parking,
    'park': open_land.park,
    'sport': open_land.sport,
    'field': open_land.field,
    'forest': open_land.forest,
}
# Land that nobody lays a street around.
COUNTRY = ('field', 'forest')


def lay_out(site: Site) -> None:
    """Plan streets and blocks and fill the blocks in view."""
    rng, town, reach = site.rng, site.style, site.frame.reach
    width = rng.uniform(*town.street)
    margin = width / 2 + PAVEMENT
    depth = tuple(2 * (v + margin) for v in town.lot_depth)
    # The middle of the picture looks at a street and the houses along it.
    near = margin + rng.uniform(2, 16)
    us = _lines(rng, reach, town.block, rng.uniform(-60, 60))
    vs = _lines(rng, reach, depth, near * rng.choice((-1, 1)))
    uses = _land_uses(site, us, vs)
    country = np.isin(uses, COUNTRY)
    upright = _present(rng, country)
    level = _present(rng, country.T)
    network = _streets(us, vs, upright, True)
    network += _streets(vs, us, level, False)

    streets.lay(site, network, width / 2 + PAVEMENT, 'kerb')
    for i, j in np.ndindex(uses.shape):
        rect = (
            us[i] + margin * upright[i, j],
            vs[j] + margin * level[j, i],
            us[i + 1] - margin * upright[i + 1, j],
            vs[j + 1] - margin * level[j + 1, i],
        )
        if site.sees(*rect):
            LAND_USES[str(uses[i, j])](site, *rect)
    streets.lay(site, network, width / 2, 'asphalt')
    streets.furnish(site, network, width)


def _lines(
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
    count = int((reach + abs(nearest)) / spacing[0]) + 2
    up = nearest + np.cumsum(rng.uniform(*spacing, count))
    down = nearest - np.cumsum(rng.uniform(*spacing, count))
    up = up[: np.searchsorted(up, reach) + 1]
    down = down[: np.searchsorted(-down, reach) + 1]
    return np.concatenate([down[::-1], [nearest], up])


def _land_uses(site: Site, us: np.ndarray, vs: np.ndarray) -> np.ndarray:
    """Choose the use of each block; returns names (n - 1, m - 1)."""
    uses = np.empty((len(us) - 1, len(vs) - 1), object)
    for i, j in np.ndindex(uses.shape):
        middle = us[i] <= 0 < us[i + 1] and vs[j] <= 0 < vs[j + 1]
        uses[i, j] = _land_use(site, uses, i, j, middle)
    return uses


def _land_use(
    site: Site, uses: np.ndarray, i: int, j: int, middle: bool
) -> str:
    rng, town = site.rng, site.style
    built, wild = pick(rng, town.built), pick(rng, town.wild)
    use = built if rng.random() < town.urban else wild
    alike, beside = rng.random() < ALIKE, rng.random() < 0.5
    if site.density == 0:
        use = wild
    elif middle:
        # A small picture shows little else, so it shows the usual.
        usual = max(town.built, key=town.built.get)
        return usual if site.canvas.extent < SMALL_EXTENT else built
    if alike and beside and i > 0:
        return uses[i - 1, j]
    if alike and not beside and j > 0:
        return uses[i, j - 1]
    return use


def _present(rng: np.random.Generator, country: np.ndarray) -> np.ndarray:
    """Choose which pieces of the streets exist.

    Args:
        rng: Source of randomness.
        country: Whether each block (n - 1, m - 1) is open country.

    Returns:
        Whether each piece (n, m - 1) of the streets before, between and
        after the rows of blocks is there.
    """
    edge = np.ones((1, country.shape[1]), bool)
    lonely = np.concatenate([edge, country]) & np.concatenate([country, edge])
    through = rng.random((len(lonely), 1)) < THROUGH
    return ~lonely | through


def _streets(
    at: np.ndarray, ends: np.ndarray, present: np.ndarray, upright: bool
) -> list[Street]:
    return [
        Street(at[i], ends[j], ends[j + 1], upright)
        for i, j in zip(*np.nonzero(present), strict=True)
    ]
