"""Composes a scene: plan, ground, buildings, trees, picture."""

from collections.abc import Sequence

import numpy as np

from . import render
from .canvas import Canvas
from .frame import StreetFrame
from .ground import Ground
from .plan import lay_out
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
