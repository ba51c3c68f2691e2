"""Roof shapes, as geometry: parts, planes and ridges in metres.

Shapes are built around the origin with the ridge along x.
"""

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class Plane:
    """One roof plane.

    Attributes:
        points: Corners (n, 2) in metres.
        slope: Unit vector (2,) of the way down; zero for a level plane.
    """

    points: np.ndarray
    slope: np.ndarray


@dataclass(frozen=True)
class Part:
    """A convex piece of a building's outline.

    Attributes:
        points: Corners (n, 2) in metres.
        ridge: Ends (2, 2) of its ridge, or None.
    """

    points: np.ndarray
    ridge: np.ndarray | None = None


@dataclass(frozen=True)
class Roof:
    """A roof; its outline is the union of its parts.

    Attributes:
        parts: Convex pieces of the outline.
        planes: What is seen from above, in drawing order.
        pitch: Angle of the planes in radians.
        rise: Height of the ridge above the eaves in metres.
    """

    parts: list[Part] = field(default_factory=list)
    planes: list[Plane] = field(default_factory=list)
    pitch: float = 0.0
    rise: float = 0.0

    def joined(self, other: 'Roof') -> 'Roof':
        """Return this roof with another one's parts and planes added."""
        return replace(
            self,
            parts=self.parts + other.parts,
            planes=self.planes + other.planes,
        )

    def moved(self, origin: np.ndarray, rotation: np.ndarray) -> 'Roof':
        """Return the roof turned by (2, 2) and moved by (2,) metres."""

        def move(points: np.ndarray) -> np.ndarray:
            return points @ rotation.T + origin

        return replace(
            self,
            parts=[
                Part(
                    move(part.points),
                    None if part.ridge is None else move(part.ridge),
                )
                for part in self.parts
            ],
            planes=[
                Plane(move(plane.points), rotation @ plane.slope)
                for plane in self.planes
            ],
        )


def box(length: float, width: float) -> np.ndarray:
    """Return the corners (4, 2) of a rectangle around the origin."""
    a, b = length / 2, width / 2
    return np.array([[-a, -b], [a, -b], [a, b], [-a, b]])


def flat(*outlines: np.ndarray) -> Roof:
    """Return a level roof over convex outlines (n, 2)."""
    level = np.zeros(2)
    return Roof(
        [Part(points) for points in outlines],
        [Plane(points, level) for points in outlines],
    )


def shed(length: float, width: float, pitch: float) -> Roof:
    """Return a roof of a single tilted plane."""
    outline = box(length, width)
    rise = width * np.tan(pitch)
    high = Part(outline, outline[:2])
    return Roof([high], [Plane(outline, np.array([0, 1.0]))], pitch, rise)


def hip(length: float, width: float, pitch: float, cut: float) -> Roof:
    """Return a ridged roof; ``cut`` tells a gable (0) from a hip (1).

    Args:
        length: Size along the ridge in metres, at least ``width``.
        width: Size across the ridge in metres.
        pitch: Angle of the planes in radians.
        cut: Length of the hipped ends over half the width.
    """
    a, b = length / 2, width / 2
    end = a - cut * min(a, b)
    west, east = [-end, 0.0], [end, 0.0]
    planes = [
        _plane([[-a, b], west, east, [a, b]], (0, 1)),
        _plane([[-a, -b], west, east, [a, -b]], (0, -1)),
    ]
    if cut > 0:
        planes += [
            _plane([[-a, -b], west, [-a, b]], (-1, 0)),
            _plane([[a, -b], east, [a, b]], (1, 0)),
        ]
    part = Part(box(length, width), np.array([west, east]))
    return Roof([part], planes, pitch, b * np.tan(pitch))


def cross_wing(
    width: float, at: float, wing: float, reach: float, side: int, cut: float
) -> Roof:
    """Return a wing across the ridge of :func:`hip`, with its valleys.

    It has the pitch of the main roof and is drawn after it.

    Args:
        width: Width of the main roof in metres.
        at: Position of the wing along the ridge in metres.
        wing: Width of the wing in metres, at most ``width``.
        reach: How far it sticks out in metres.
        side: 1 or -1, the side of the ridge.
        cut: As in :func:`hip`, for the wing's end.
    """
    eave, half = width / 2, wing / 2
    out = eave + reach
    # Equal pitch: the wing's ridge meets the main plane half a wing inside.
    top = [at, eave - half]
    foot = [at, out - cut * min(half, reach)]
    planes = [
        _plane([[at - half, eave], top, foot, [at - half, out]], (-1, 0)),
        _plane([[at + half, eave], top, foot, [at + half, out]], (1, 0)),
    ]
    if cut > 0:
        planes.append(
            _plane([[at - half, out], foot, [at + half, out]], (0, 1))
        )
    outline = box(wing, reach + half) + [at, (out + eave - half) / 2]
    part = Part(outline, np.array([top, foot]))
    mirror = np.diag([1.0, float(side)])
    return Roof([part], planes).moved(np.zeros(2), mirror)


def ring(length: float, width: float, depth: float, pitch: float) -> Roof:
    """Return four ridged wings of ``depth`` metres around a courtyard."""
    outer, middle, inner = (
        box(length - shrink, width - shrink)
        for shrink in (0, depth, 2 * depth)
    )
    roof = Roof([], [], pitch, depth / 2 * np.tan(pitch))
    for i, slope in enumerate(((0, -1), (1, 0), (0, 1), (-1, 0))):
        j = (i + 1) % 4
        roof.parts.append(
            Part(np.array([outer[i], outer[j], inner[j], inner[i]]))
        )
        roof.planes.append(
            _plane([outer[i], outer[j], middle[j], middle[i]], slope)
        )
        roof.planes.append(
            _plane(
                [middle[i], middle[j], inner[j], inner[i]],
                (-slope[0], -slope[1]),
            )
        )
    return roof


def disc(radius: float) -> Roof:
    """Return a level round roof."""
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return flat(np.stack([np.cos(turns), np.sin(turns)], 1) * radius)


def _plane(points: list, slope: tuple[float, float]) -> Plane:
    return Plane(np.array(points, float), np.asarray(slope, float))
