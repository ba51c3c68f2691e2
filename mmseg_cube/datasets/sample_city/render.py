"""Draws buildings: shadow, walls, roof planes, fittings."""

import numpy as np

from .building import Building
from .canvas import Canvas, hull
from .fittings import dress_level, dress_pitched
from .noise import jitter
from .sun import Sun

# Plaster, before it is varied.
FACADE = (168, 162, 152)


def mark(canvas: Canvas, building: Building, sun: Sun) -> None:
    """Enter a building's roof outline into the mask."""
    lean = np.array(sun.lean) * building.height
    for part in building.roof.parts:
        canvas.fill(canvas.mask, part.points + lean, 255)


def draw(
    rng: np.random.Generator, canvas: Canvas, building: Building, sun: Sun
) -> None:
    """Draw a building with its shadow; lower ones come first."""
    roof, height = building.roof, building.height
    lean = np.array(sun.lean) * height
    reach = height + roof.rise
    if not any(canvas.sees(part.points, reach * 2) for part in roof.parts):
        return
    facade = jitter(rng, FACADE, 0.25)
    if np.dot(sun.lean, sun.direction[:2]) > 0:
        # The camera looks at the walls that face away from the sun.
        facade = tuple(0.5 * v for v in facade)
    for part in roof.parts:
        outline = part.points
        tops = [outline, outline + sun.cast * height]
        if part.ridge is not None:
            tops.append(part.ridge + sun.cast * reach)
        canvas.fill(canvas.shadow, hull(np.concatenate(tops)), 255)
        walls = hull(np.concatenate([outline, outline + lean]))
        canvas.fill(canvas.image, walls, facade, smooth=True)
    for part in roof.parts:
        canvas.fill(canvas.shadow, part.points + lean, 0)
        canvas.fill(
            canvas.image, part.points + lean, building.colour, smooth=True
        )
    for plane in roof.planes:
        pitch = roof.pitch if plane.slope.any() else 0.0
        gain = sun.light(plane.slope, pitch) * rng.uniform(0.97, 1.03)
        colour = tuple(min(255.0, v * gain) for v in building.colour)
        canvas.fill(canvas.image, plane.points + lean, colour, smooth=True)
    dress = dress_pitched if roof.pitch else dress_level
    dress(rng, canvas, building, sun, lean)
