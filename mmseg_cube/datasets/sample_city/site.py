"""What a scene consists of while it is being laid out."""

from dataclasses import dataclass, field

import numpy as np

from .building import Building
from .canvas import Canvas
from .frame import StreetFrame
from .ground import Ground
from .houses import make_roof, roof_colour
from .noise import jitter
from .objects import Vehicle
from .roofs import Roof
from .styles import VEGETATION, Style
from .sun import Sun
from .trees import Tree

# Paint on asphalt, RGB.
PAINT = (202, 202, 196)


@dataclass
class Site:
    """Collects the contents of a scene.

    Ground goes straight to the canvas; what stands on it is collected, to
    be drawn in the order in which it hides each other.

    Attributes:
        rng: Source of randomness of the layout.
        canvas: The sheet.
        frame: Street coordinates.
        style: The town.
        ground: Materials.
        sun: Light.
        density: Share of plots that are built on, 0 to 1.
        buildings: Buildings so far.
        trees: Trees so far.
        vehicles: Cars so far.
        strokes: Lines on the ground: points, colour, width in metres.
    """

    rng: np.random.Generator
    canvas: Canvas
    frame: StreetFrame
    style: Style
    ground: Ground
    sun: Sun
    density: float
    buildings: list[Building] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    vehicles: list[Vehicle] = field(default_factory=list)
    strokes: list[tuple[np.ndarray, tuple, float]] = field(
        default_factory=list
    )

    @property
    def margin(self) -> float:
        """Distance in metres from which a shadow falls into the picture."""
        return max(8.0, 1.2 * self.style.eaves[1])

    def lay(self, points: np.ndarray, material: str) -> None:
        """Cover a polygon of world coordinates (n, 2) with a material."""
        if self.canvas.sees(points):
            number = self.ground.pick(self.rng, material)
            self.canvas.fill(self.canvas.ground, points, number)

    def lay_rect(
        self, u0: float, v0: float, u1: float, v1: float, material: str
    ) -> None:
        """Cover a rectangle of street coordinates with a material."""
        self.lay(self.frame.patch(u0, v0, u1, v1), material)

    def line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        width: float = 0.12,
        colour: tuple = PAINT,
    ) -> None:
        """Draw a line on the ground between street coordinates."""
        points = self.frame.line(start, end)
        if self.canvas.sees(points):
            self.strokes.append((points, colour, width))

    def build(
        self,
        at: tuple[float, float],
        length: float,
        width: float,
        turn: float = 0.0,
        height: float | None = None,
        kind: str | None = None,
    ) -> None:
        """Put up a building of length x width metres."""
        roof = make_roof(self.rng, self.style, length, width, kind)
        self.erect(roof, at, (length, width), turn, height)

    def erect(
        self,
        roof: Roof,
        at: tuple[float, float],
        size: tuple[float, float],
        turn: float = 0.0,
        height: float | None = None,
    ) -> None:
        """Put up a building with a given roof."""
        rng = self.rng
        origin, rotation = self.frame.pose(at, turn)
        if height is None:
            height = rng.uniform(*self.style.eaves)
        self.buildings.append(
            Building(
                roof.moved(origin, rotation),
                height,
                roof_colour(rng, self.style, roof.pitch == 0),
                origin,
                rotation,
                size,
            )
        )

    def plant(
        self,
        at: tuple[float, float],
        radius: float,
        conifer: bool | None = None,
    ) -> None:
        """Plant a tree whose crown has the given radius in metres."""
        rng, style = self.rng, self.style
        x, y = self.frame.to_world(np.array([at]))[0]
        reach = radius * 3
        limit = self.canvas.extent + reach
        if not (-reach < x < limit and -reach < y < limit):
            return
        if conifer is None:
            conifer = rng.random() < style.conifers
        kind = 'needle' if conifer else 'leaf'
        colour = jitter(rng, VEGETATION[style.vegetation][kind], 0.18, 0.07)
        self.trees.append(Tree(x, y, radius, bool(conifer), colour))

    def park(
        self,
        at: tuple[float, float],
        turn: float = 0.0,
        lorry: bool = False,
    ) -> None:
        """Park a car or lorry, its length along u for a turn of 0."""
        turn = turn + self.rng.normal(0, 0.03)
        origin, rotation = self.frame.pose(at, turn)
        if self.canvas.sees(origin[None], 15):
            self.vehicles.append(Vehicle(origin, rotation, lorry))

    def sees(self, u0: float, v0: float, u1: float, v1: float) -> bool:
        """Tell whether a rectangle of street coordinates is in view."""
        corners = np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]])
        # High things outside cast shadows into the picture.
        return self.canvas.sees(self.frame.to_world(corners), self.margin)
