"""The small map on which somebody points out where they live, roughly.

A browser without script sends only how many pixels from the corner the map was pressed, so the map is shown at one
fixed size that fits the narrowest phone. There a thumb covers a kilometre; so the first press brings the place closer,
and the next one points it out. Places are in RD New metres.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from matching.models import Buurt, Wijk
from matching.models.geo import round_100m
from web.maps import Frame, Label, Ring, fit, svg_path, to_rings

WIDTH = 288  # pixels on screen: 320 less the gutters
CLOSER = 4  # times as large after the first press; the drawing is that much larger than the screen
MARGIN = 16  # pixels of the drawing
EMPTY = Frame(0.0, 0.0, 1.0, WIDTH * CLOSER, 0)


@dataclass(frozen=True, slots=True)
class Shape:
    """A buurt on the map."""

    code: str
    rings: tuple[Ring, ...]
    path: str  # for SVG, in pixels of the drawing

    def holds(self, x: float, y: float) -> bool:
        """Whether the point lies inside: a line from it to the east crosses the outline an odd number of times."""
        crossings = 0
        for ring in self.rings:
            for (x1, y1), (x2, y2) in pairwise(ring):
                if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                    crossings += 1
        return crossings % 2 == 1


@dataclass(frozen=True, slots=True)
class View:
    """The part of the drawing that is shown: all of it, or four times closer."""

    frame: Frame  # from metres to pixels on screen
    left: int  # in pixels of the drawing
    top: int
    width: int
    height: int
    labels: tuple[Label, ...]
    is_close: bool

    @property
    def box(self) -> str:
        """The viewBox for SVG."""
        return f"{self.left} {self.top} {self.width} {self.height}"

    def place(self, across: int, down: int) -> tuple[float, float]:
        """The RD metres under a pixel of the screen."""
        return self.frame.left + across / self.frame.scale, self.frame.top - down / self.frame.scale


@dataclass(frozen=True, slots=True)
class PickMap:
    """All buurten: as shapes to press, and as choices (code, name, attributes, wijk) for the list beside it."""

    choices: tuple[tuple[str, str, dict[str, str], str], ...]
    names: dict[str, str] = field(default_factory=dict)
    frame: Frame = EMPTY
    shapes: tuple[Shape, ...] = ()
    wijk_labels: tuple[Label, ...] = ()
    buurt_labels: tuple[Label, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on screen, in pixels."""
        return WIDTH, self.frame.height // CLOSER

    def at(self, x: float, y: float) -> tuple[str, int, int] | None:
        """The buurt and the point (rounded to 100 m) at a place; None outside the gemeente."""
        found = next((shape.code for shape in self.shapes if shape.holds(x, y)), None)
        return (found, round_100m(x), round_100m(y)) if found else None

    def is_near(self, code: str | None, x: int, y: int) -> bool:
        """Whether a rounded point can stand for a place in this buurt: rounding moves it at most 50 m each way."""
        shape = next((shape for shape in self.shapes if shape.code == code), None)
        steps = (-50, -25, 0, 25, 50)
        return shape is not None and any(shape.holds(x + dx, y + dy) for dx in steps for dy in steps)

    def whole(self) -> View:
        """All of it, with the names of the wijken."""
        width, height = self.size
        small = Frame(self.frame.left, self.frame.top, self.frame.scale / CLOSER, width, height)
        return View(small, 0, 0, self.frame.width, self.frame.height, self.wijk_labels, is_close=False)

    def around(self, x: float, y: float) -> View:
        """The surroundings of a place, with the names of the buurten there."""
        (across, down), (width, height) = self.frame.pixels(x, y), self.size
        left, top = across - width // 2, down - height // 2
        scale = self.frame.scale
        large = Frame(self.frame.left + left / scale, self.frame.top - top / scale, scale, width, height)
        shown = tuple(
            label for label in self.buurt_labels if left < label.x < left + width and top < label.y < top + height
        )
        return View(large, left, top, width, height, shown, is_close=True)


def read_map(session: Session) -> PickMap:
    """The map of every buurt in the database. Two queries."""
    rows = session.connection().execute
    wijken = rows(select(col(Wijk.code), col(Wijk.name), col(Wijk.x), col(Wijk.y)).order_by(col(Wijk.code))).all()
    wijk_names = {wijk.code: wijk.name for wijk in wijken}
    facts = (Buurt.code, Buurt.name, Buurt.wijk_code, Buurt.outline, Buurt.x, Buurt.y)
    buurten = rows(select(*map(col, facts)).order_by(col(Buurt.wijk_code), col(Buurt.name))).all()
    choices: Any = tuple((buurt.code, buurt.name, {}, wijk_names[buurt.wijk_code]) for buurt in buurten)
    names = {buurt.code: buurt.name for buurt in buurten}
    rings = {buurt.code: to_rings(buurt.outline) for buurt in buurten if buurt.outline}
    if not rings:
        return PickMap(choices, names)
    frame = fit((ring for each in rings.values() for ring in each), WIDTH * CLOSER, MARGIN)
    return PickMap(
        choices,
        names,
        frame,
        shapes=tuple(Shape(code, each, svg_path(frame.pixels, each)) for code, each in rings.items()),
        wijk_labels=tuple(Label(*frame.pixels(wijk.x, wijk.y), wijk.name) for wijk in wijken),
        buurt_labels=tuple(Label(*frame.pixels(buurt.x, buurt.y), buurt.name) for buurt in buurten),
    )
