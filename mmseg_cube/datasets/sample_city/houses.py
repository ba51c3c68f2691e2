"""Which roof a house gets."""

import numpy as np

from . import roofs
from .noise import jitter
from .roofs import Roof
from .styles import ROOF_COLOURS, Style


def pick(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """Draw a key by its weight."""
    names = list(weights)
    shares = np.array(list(weights.values()), float)
    return names[rng.choice(len(names), p=shares / shares.sum())]


def make_roof(
    rng: np.random.Generator,
    style: Style,
    length: float,
    width: float,
    kind: str | None = None,
) -> Roof:
    """Draw a roof that fits into length x width metres."""
    kind = kind or pick(rng, style.roofs)
    pitch = np.radians(rng.uniform(*style.pitch))
    if kind == 'flat':
        return _flat(rng, length, width)
    if kind == 'gable' and rng.random() < 0.08:
        return roofs.shed(length, width, pitch / 3)
    cut = 0.0 if kind == 'gable' else rng.uniform(0.75, 1.0)
    if kind == 'wings':
        return _winged(rng, length, width, pitch, cut)
    return roofs.hip(length, width, pitch, cut)


def _winged(
    rng: np.random.Generator,
    length: float,
    width: float,
    pitch: float,
    cut: float,
) -> Roof:
    """Draw an L- or U-shaped roof."""
    cut *= rng.random() < 0.7
    depth = width * rng.uniform(0.62, 0.8)
    side = int(rng.choice((-1, 1)))
    roof = roofs.hip(length, depth, pitch, cut)
    ends = [-1, 1] if rng.random() < 0.25 else [int(rng.choice((-1, 1)))]
    for end in ends:
        wing = min(depth, length * 0.42) * rng.uniform(0.75, 0.95)
        at = end * (length / 2 - wing / 2 - rng.choice((0.0, 1.0)))
        roof = roof.joined(
            roofs.cross_wing(depth, at, wing, width - depth, side, cut)
        )
    back = -side * (width - depth) / 2
    return roof.moved(np.array([0, back]), np.eye(2))


def _flat(rng: np.random.Generator, length: float, width: float) -> Roof:
    """Draw a level roof: plain, round, L-shaped or with a cut corner."""
    draw = rng.random()
    if draw < 0.05 and width > 8:
        return roofs.disc(width / 2)
    if draw < 0.3 and width > 7:
        notch = width * rng.uniform(0.3, 0.5)
        long = length * rng.uniform(0.4, 0.65)
        side, end = rng.choice((-1.0, 1.0), 2)
        back = roofs.box(length, width - notch) + [0, side * notch / 2]
        wing = roofs.box(long, width) + [end * (length - long) / 2, 0]
        return roofs.flat(back, wing)
    if draw < 0.4:
        box = roofs.box(length, width)
        bite = min(length, width) * rng.uniform(0.15, 0.4)
        after = box[1] + (box[0] - box[1]) / length * bite
        before = box[1] + (box[2] - box[1]) / width * bite
        corner = np.stack([box[0], after, before, box[2], box[3]])
        return roofs.flat(corner)
    return roofs.flat(roofs.box(length, width))


def roof_colour(
    rng: np.random.Generator, style: Style, level: bool
) -> tuple[float, float, float]:
    """Draw a roof colour; level roofs are rarely of red tiles."""
    names = style.colours
    if level and rng.random() < 0.8:
        names = ('light', 'grey', 'white', 'tan', 'slate', 'grey')
    return jitter(rng, ROOF_COLOURS[str(rng.choice(names))], 0.13, 0.025)
