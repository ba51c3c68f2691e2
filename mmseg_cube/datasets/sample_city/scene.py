"""Composes a scene: plan, ground, buildings, trees, picture."""

from collections.abc import Sequence

import numpy as np

from . import estates, gardens, open_land, render, streets
from .canvas import Canvas
from .frame import StreetFrame
from .ground import Ground
from .houses import pick
from .sensor import Sensor
from .site import Site
from .styles import STYLES
from .sun import Sun
from .trees import Forester, Tree

MIN_SIZE, MAX_SIZE = 64, 5000
# Ground sample distances that make sense from the air, in metres.
MIN_GSD, MAX_GSD = 0.05, 2.0
# Share of scenes without a building when nothing else is asked for.
EMPTY = 0.125
# Share of the crown within which no roof may lie: trees overhang a little.
CROWN_CORE = 0.6

LAND_USES = {
    'houses': gardens.houses,
    'courtyards': gardens.courtyards,
    'offices': estates.offices,
    'flats': estates.flats,
    'parking': open_land.parking,
    'park': open_land.park,
    'sport': open_land.sport,
    'field': open_land.field,
    'forest': open_land.forest,
}


def draw_scene(
    seed: int | Sequence[int],
    size: int = 256,
    gsd: float = 0.3,
    density: float | None = None,
    style: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw an aerial picture of a town and the mask of its buildings.

    The same arguments give the same bytes.

    Args:
        seed: One or more non-negative numbers.
        size: Side of the picture in pixels, 64 to 5000.
        gsd: Side of a pixel in metres, 0.05 to 2.
        density: Share of plots that are built on, 0 to 1. By default it is
            drawn, and one scene in eight has no building.
        style: Key of :data:`STYLES`, the kind of town. By default one is
            drawn.

    Returns:
        Picture (size, size, 3), uint8 RGB, and mask (size, size), uint8,
        255 on roofs and 0 elsewhere.

    Raises:
        ValueError: If an argument is out of its range.
    """
    _check(size, gsd, density, style)
    rng = np.random.default_rng(seed)
    # A stream of its own for each step: more trees do not move houses.
    plan, ground_rng, roof_rng, tree_rng, noise_rng = rng.spawn(5)
    if style is None:
        style = str(rng.choice(sorted(STYLES)))
    drawn = rng.uniform(0.8, 1.0) if rng.random() >= EMPTY else 0.0
    density = drawn if density is None else density
    town = STYLES[style]

    canvas = Canvas(size, gsd)
    sun = Sun.draw(rng)
    frame = StreetFrame(
        plan, canvas.extent, plan.uniform(-np.pi, np.pi), town.bend
    )
    ground = Ground(ground_rng, town)
    site = Site(plan, canvas, frame, town, ground, sun, density)
    lay_out(site)
    grain = ground.paint(ground_rng, canvas)
    _draw_contents(site, roof_rng, tree_rng)
    sensor = Sensor.draw(noise_rng)
    return sensor.expose(noise_rng, canvas, grain), canvas.mask


def lay_out(site: Site) -> None:
    """Plan streets and blocks and fill the blocks in view."""
    rng, town, reach = site.rng, site.style, site.frame.reach
    width = rng.uniform(*town.street)
    margin = width / 2 + streets.PAVEMENT
    depth = tuple(2 * (v + margin) for v in town.lot_depth)
    # The middle of the picture looks at a street and the houses along it.
    near = margin + rng.uniform(2, 16)
    us = streets.lines(rng, reach, town.block, rng.uniform(-60, 60))
    vs = streets.lines(rng, reach, depth, near * rng.choice((-1, 1)))
    streets.draw(site, us, vs, width)
    uses: dict[tuple[int, int], str] = {}
    for i, (u0, u1) in enumerate(zip(us[:-1], us[1:], strict=True)):
        for j, (v0, v1) in enumerate(zip(vs[:-1], vs[1:], strict=True)):
            middle = u0 <= 0 < u1 and v0 <= 0 < v1
            use = _land_use(site, uses, i, j, middle)
            uses[i, j] = use
            rect = u0 + margin, v0 + margin, u1 - margin, v1 - margin
            if site.sees(*rect):
                LAND_USES[use](site, *rect)


def _land_use(
    site: Site, uses: dict[tuple[int, int], str], i: int, j: int, middle: bool
) -> str:
    """Choose what a block is used for; neighbours often agree."""
    rng, town = site.rng, site.style
    draw = pick(rng, town.built), pick(rng, town.wild)
    built = rng.random() < town.urban
    copy, beside = rng.random(), rng.random() < 0.5
    if site.density == 0:
        return draw[1]
    if middle:
        return draw[0]
    neighbour = uses.get((i - 1, j) if beside else (i, j - 1))
    if neighbour is not None and copy < 0.35:
        return neighbour
    return draw[0] if built else draw[1]


def _draw_contents(
    site: Site, roof_rng: np.random.Generator, tree_rng: np.random.Generator
) -> None:
    """Draw what stands on the ground, from low to high."""
    canvas, sun = site.canvas, site.sun
    for points, colour, width in site.strokes:
        canvas.stroke(canvas.image, points, colour, width)
    buildings = sorted(site.buildings, key=lambda item: item.height)
    for building in buildings:
        render.mark(canvas, building, sun)
    trees = [tree for tree in site.trees if _may_grow(site, tree)]
    forester = Forester(tree_rng, sun)
    for tree in trees:
        forester.shade(canvas, tree)
    for vehicle in site.vehicles:
        vehicle.draw(roof_rng, canvas, sun)
    for building in buildings:
        render.draw(roof_rng, canvas, building, sun)
    for tree in trees:
        forester.draw(canvas, tree)


def _may_grow(site: Site, tree: Tree) -> bool:
    """Tell whether a tree stands on open soil, clear of roofs."""
    canvas = site.canvas
    trunk = canvas.pixel(tree.x, tree.y)
    if trunk is not None and site.ground.is_paved(int(canvas.ground[trunk])):
        return False
    core = CROWN_CORE * tree.radius
    for dx, dy in ((0, 0), (core, 0), (-core, 0), (0, core), (0, -core)):
        at = canvas.pixel(tree.x + dx, tree.y + dy)
        if at is not None and canvas.mask[at]:
            return False
    return True


def check_size(size: int) -> None:
    """Raise ValueError if a scene cannot have this side in pixels."""
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise ValueError(
            f'size must be {MIN_SIZE} to {MAX_SIZE} pixels, got {size}'
        )


def _check(
    size: int, gsd: float, density: float | None, style: str | None
) -> None:
    check_size(size)
    if not MIN_GSD <= gsd <= MAX_GSD:
        raise ValueError(
            f'gsd must be {MIN_GSD} to {MAX_GSD} metres, got {gsd}'
        )
    if density is not None and not 0 <= density <= 1:
        raise ValueError(f'density must be 0 to 1 or None, got {density}')
    if style is not None and style not in STYLES:
        raise ValueError(
            f'style must be one of {sorted(STYLES)}, got {style!r}'
        )
