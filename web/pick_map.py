"""The small map on which somebody points out where they live, roughly.

A browser without script sends only how many pixels from the corner the map was pressed, so the map is drawn at one
fixed size that fits the narrowest phone. Everything is computed in RD New metres.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from matching.models import Buurt, Wijk
from matching.models.geo import round_100m, wgs84_to_rd

WIDTH = 288  # pixels: 320 less the gutters
MARGIN = 4
Ring = tuple[tuple[float, float], ...]  # x, y in RD metres


@dataclass(frozen=True, slots=True)
class Shape:
    """A buurt on the map."""

    code: str
    rings: tuple[Ring, ...]
    path: str = ""  # for SVG, in pixels

    def holds(self, x: float, y: float) -> bool:
        """Whether the point lies inside: a line from it to the east crosses the outline an odd number of times."""
        crossings = 0
        for ring in self.rings:
            for (x1, y1), (x2, y2) in zip(ring, ring[1:], strict=False):
                if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                    crossings += 1
        return crossings % 2 == 1


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a wijk on the map, in pixels."""

    x: int
    y: int
    name: str


@dataclass(frozen=True, slots=True)
class PickMap:
    """All buurten: as shapes to press, and as choices (code, name, wijk) for the list beside it."""

    choices: tuple[tuple[str, str, dict[str, str], str], ...]
    shapes: tuple[Shape, ...] = ()
    labels: tuple[Label, ...] = ()
    height: int = 0
    left: float = 0.0
    top: float = 0.0
    scale: float = 1.0  # pixels per metre
    width: int = WIDTH
    names: dict[str, str] = field(default_factory=dict)

    def at(self, across: int, down: int) -> tuple[str, int, int] | None:
        """The buurt and the point (rounded to 100 m) under a pixel; None outside the gemeente."""
        x, y = self.left + across / self.scale, self.top - down / self.scale
        found = next((shape.code for shape in self.shapes if shape.holds(x, y)), None)
        return (found, round_100m(x), round_100m(y)) if found else None

    def pixels(self, x: float, y: float) -> tuple[int, int]:
        """Where a point in RD metres lies on the map."""
        return round((x - self.left) * self.scale), round((self.top - y) * self.scale)

    def is_near(self, code: str | None, x: int, y: int) -> bool:
        """Whether a rounded point can stand for a place in this buurt: rounding moves it at most 50 m each way."""
        shape = next((shape for shape in self.shapes if shape.code == code), None)
        steps = (-50, -25, 0, 25, 50)
        return shape is not None and any(shape.holds(x + dx, y + dy) for dx in steps for dy in steps)


def read_map(session: Session) -> PickMap:
    """The map of every buurt in the database. Two queries."""
    wijken = session.exec(select(Wijk.code, Wijk.name, Wijk.x, Wijk.y).order_by(col(Wijk.code))).all()
    buurten = session.exec(
        select(Buurt.code, Buurt.name, Buurt.wijk_code, Buurt.outline).order_by(col(Buurt.wijk_code), col(Buurt.name))
    ).all()
    wijk_names = {code: name for code, name, _x, _y in wijken}
    choices = tuple((code, name, {}, wijk_names[wijk]) for code, name, wijk, _outline in buurten)
    names = {code: name for code, name, _wijk, _outline in buurten}
    shapes = tuple(Shape(code, _rings(outline)) for code, _name, _wijk, outline in buurten if outline)
    points = [point for shape in shapes for ring in shape.rings for point in ring]
    if not points:
        return PickMap(choices, names=names)
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    bottom, top = min(y for _, y in points), max(y for _, y in points)
    scale = (WIDTH - 2 * MARGIN) / (right - left)
    placed = PickMap(
        choices,
        height=round((top - bottom) * scale) + 2 * MARGIN,
        left=left - MARGIN / scale,
        top=top + MARGIN / scale,
        scale=scale,
        names=names,
    )
    drawn = tuple(Shape(shape.code, shape.rings, _path(placed, shape.rings)) for shape in shapes)
    labels = tuple(Label(*placed.pixels(x, y), name) for _code, name, x, y in wijken)
    return PickMap(choices, drawn, labels, placed.height, placed.left, placed.top, scale, names=names)


def _rings(outline: Iterable[Sequence[Sequence[Sequence[float]]]]) -> tuple[Ring, ...]:
    return tuple(
        tuple(wgs84_to_rd(lon, lat) for lon, lat in ring) for polygon in outline for ring in polygon
    )


def _path(placed: PickMap, rings: Iterable[Ring]) -> str:
    drawn = []
    for ring in rings:
        corners = [placed.pixels(x, y) for x, y in ring]
        drawn.append("M" + "L".join(f"{x} {y}" for x, y in corners) + "z")
    return "".join(drawn)
