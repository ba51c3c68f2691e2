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
    if kind != 'wings':
        return roofs.hip(length, width, pitch, cut)
    cut *= rng.random() < 0.7
    depth = width * rng.uniform(0.62, 0.8)
    side = int(rng.choice((-1, 1)))
    main = roofs.hip(length, depth, pitch, cut).moved(
        np.array([0, -side * (width - depth) / 2]), np.eye(2)
    )
    back = -side * (width - depth) / 2
    roof = main
    ends = [-1, 1] if rng.random() < 0.25 else [int(rng.choice((-1, 1)))]
    for end in ends:
        wing = min(depth, length * 0.42) * rng.uniform(0.75, 0.95)
        at = end * (length / 2 - wing / 2 - rng.choice((0.0, 1.0)))
        grown = roofs.with_wing(
            roofs.Roof(pitch=pitch, rise=main.rise),
            depth,
            at,
            wing,
            width - depth,
            side,
            cut,
        ).moved(np.array([0, back]), np.eye(2))
        roof = Roof(
            roof.parts + grown.parts,
            roof.planes + grown.planes,
            pitch,
            main.rise,
        )
    return roof


def _flat(rng: np.random.Generator, length: float, width: float) -> Roof:
    draw = rng.random()
    if draw < 0.05 and width > 8:
        return roofs.dome(width / 2, 1.0, 0.0)
    if draw < 0.3 and width > 7:
        notch = width * rng.uniform(0.3, 0.5)
        long = length * rng.uniform(0.4, 0.65)
        side, end = rng.choice((-1.0, 1.0), 2)
        back = roofs.box(length, width - notch) + [0, side * notch / 2]
        wing = roofs.box(long, width) + [end * (length - long) / 2, 0]
        return roofs.flat(back, wing)
    if draw < 0.4:
        corner = box = roofs.box(length, width)
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
    return jitter(rng, ROOF_COLOURS[str(rng.choice(names))], 0.12, 0.05)
