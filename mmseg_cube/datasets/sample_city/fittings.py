"""What stands on roofs: ridges, seams, chimneys, windows, machines."""

import numpy as np

from . import roofs
from .building import Building
from .canvas import Canvas, hull
from .noise import jitter
from .sun import Sun

# Share of pitched roofs with standing seams and with solar panels.
SEAMS = 0.25
SOLAR = 0.09
SOLAR_BLUE = (58, 68, 92)
# Square metres of level roof per machine.
MACHINE_AREA = 70.0
MACHINES_MOST = 14


def shade(colour: tuple[float, ...], gain: float) -> tuple[float, ...]:
    """Return an RGB colour made darker or lighter."""
    return tuple(min(255.0, value * gain) for value in colour)


def dress_pitched(
    rng: np.random.Generator,
    canvas: Canvas,
    building: Building,
    sun: Sun,
    lean: np.ndarray,
) -> None:
    """Finish a pitched roof: ridges, seams, chimneys and windows."""
    roof, colour = building.roof, building.colour
    seams = rng.random() < SEAMS
    for plane in roof.planes:
        level = sun.light(plane.slope, roof.pitch)
        edge = shade(colour, level * 0.88)
        if seams:
            _seams(canvas, plane, shade(colour, level * 0.93), lean)
        canvas.stroke(
            canvas.image, plane.points + lean, edge, 0.12, closed=True
        )
    ridge = shade(colour, rng.choice((0.78, 1.2)))
    for part in roof.parts:
        if part.ridge is not None:
            canvas.stroke(canvas.image, part.ridge + lean, ridge, 0.2)
    length, width = building.size
    for _ in range(rng.integers(0, 3)):
        at = rng.uniform(-0.4, 0.4) * length, rng.uniform(-0.2, 0.2) * width
        stack = roofs.box(rng.uniform(0.6, 1.1), rng.uniform(0.6, 0.9))
        tone = jitter(rng, (140, 110, 98), 0.3)
        _box(canvas, building, stack + at, 1.0, tone, sun, lean)
    if rng.random() < 0.35:
        window = roofs.box(0.9, 1.2)
        tone = jitter(rng, (150, 165, 180), 0.35)
        for at in np.linspace(-0.3, 0.3, int(rng.integers(1, 4))):
            place = window + (at * length, 0.24 * width)
            canvas.fill(
                canvas.image, building.put(place, lean), tone, smooth=True
            )
    if rng.random() < SOLAR:
        _solar(rng, canvas, building, lean)


def dress_level(
    rng: np.random.Generator,
    canvas: Canvas,
    building: Building,
    sun: Sun,
    lean: np.ndarray,
) -> None:
    """Finish a level roof: parapet, sheets, machines, hatches."""
    colour = building.colour
    length, width = building.size
    if length * width > 150:
        _sheets(rng, canvas, building, lean)
    tone = shade(colour, rng.choice((0.8, 1.15, 1.22)))
    outlines = [part.points for part in building.roof.parts]
    if len(outlines) == 1:
        canvas.stroke(
            canvas.image, outlines[0] + lean, tone, 0.35, closed=True
        )
    count = rng.poisson(length * width / MACHINE_AREA)
    for _ in range(min(int(count), MACHINES_MOST)):
        side = rng.uniform(0.8, max(1.0, min(4.0, 0.25 * width)), 2)
        at = rng.uniform(-0.36, 0.36, 2) * (length, width)
        box = roofs.box(*side) + at
        tone = jitter(rng, (186, 186, 184), 0.3)
        height = rng.uniform(0.6, 1.8)
        inside = building.put(box, lean)
        if _on_roof(canvas, inside):
            _box(canvas, building, box, height, tone, sun, lean)


def _sheets(
    rng: np.random.Generator,
    canvas: Canvas,
    building: Building,
    lean: np.ndarray,
) -> None:
    """Draw lanes of membrane and a stain or two."""
    length, width = building.size
    tone = shade(building.colour, rng.uniform(0.93, 0.97))
    lanes = np.arange(-width / 2, width / 2, rng.uniform(2.0, 5.0))[1:]
    for lane in lanes:
        line = np.array([[-length / 2, lane], [length / 2, lane]])
        ends = building.put(line * 0.97, lean)
        if _on_roof(canvas, ends):
            canvas.stroke(canvas.image, ends, tone, 0.1)
    for _ in range(rng.integers(0, 3)):
        stain = roofs.box(*rng.uniform(0.1, 0.4, 2) * (length, width))
        stain = stain + rng.uniform(-0.25, 0.25, 2) * (length, width)
        place = building.put(stain, lean)
        if _on_roof(canvas, place):
            gain = rng.uniform(0.9, 1.08)
            canvas.fill(
                canvas.image, place, shade(building.colour, gain), True
            )


def _seams(
    canvas: Canvas,
    plane: roofs.Plane,
    colour: tuple[float, ...],
    lean: np.ndarray,
) -> None:
    """Draw the standing seams of a four-cornered plane, eave to ridge."""
    if len(plane.points) != 4:
        return
    eave0, top0, top1, eave1 = plane.points + lean
    count = int(np.linalg.norm(eave1 - eave0) / 1.4)
    for share in np.linspace(0, 1, max(2, count))[1:-1]:
        foot = eave0 + (eave1 - eave0) * share
        head = top0 + (top1 - top0) * share
        canvas.stroke(canvas.image, np.stack([foot, head]), colour, 0.1)


def _solar(
    rng: np.random.Generator,
    canvas: Canvas,
    building: Building,
    lean: np.ndarray,
) -> None:
    """Draw a field of solar panels on one side of the ridge."""
    length, width = building.size
    field = roofs.box(rng.uniform(0.25, 0.6) * length, 0.26 * width)
    field = field + (rng.uniform(-0.1, 0.1) * length, 0.25 * width)
    place = building.put(field, lean)
    if _on_roof(canvas, place):
        blue = jitter(rng, SOLAR_BLUE, 0.15)
        canvas.fill(canvas.image, place, blue, smooth=True)
        canvas.stroke(canvas.image, place, shade(blue, 1.5), 0.08, closed=True)


def _box(
    canvas: Canvas,
    building: Building,
    points: np.ndarray,
    height: float,
    colour: tuple[float, ...],
    sun: Sun,
    lean: np.ndarray,
) -> None:
    """Draw a box with its shadow on the roof."""
    place = building.put(points, lean)
    dark = shade(building.colour, 0.55)
    cast = hull(np.concatenate([place, place + sun.cast * height]))
    if _on_roof(canvas, cast):
        canvas.fill(canvas.image, cast, dark, smooth=True)
    canvas.fill(canvas.image, place, colour, smooth=True)


def _on_roof(canvas: Canvas, points: np.ndarray) -> bool:
    """Tell whether no visible corner lies off the buildings."""
    for x, y in points:
        at = canvas.pixel(x, y)
        if at is not None and not canvas.mask[at]:
            return False
    return True
