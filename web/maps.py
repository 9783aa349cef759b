"""Maps as SVG: outlines in degrees become paths in whole pixels. Pure, and done once in a while, never per request.

Everything is computed in RD New metres, in which north is up and a metre is as long everywhere.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from matching.models.geo import wgs84_to_rd
from matching.services.buurten import Atlas, AtlasBuurt

WIDTH = 644  # pixels of the drawing; the page scales it
MARGIN = 12
LETTER, LINE = 16, 30  # a bold letter and a line of the map's text, in pixels, about
Ring = tuple[tuple[float, float], ...]  # x, y in RD metres


@dataclass(frozen=True, slots=True)
class Frame:
    """How RD metres become pixels: left and top in metres, scale in pixels per metre."""

    left: float
    top: float
    scale: float
    width: int
    height: int

    def pixels(self, x: float, y: float) -> tuple[int, int]:
        """Where a point in RD metres lies on the drawing."""
        return round((x - self.left) * self.scale), round((self.top - y) * self.scale)


@dataclass(frozen=True, slots=True)
class Label:
    """A name on the map; x and y of the middle of its line, in pixels."""

    x: int
    y: int
    text: str


@dataclass(frozen=True, slots=True)
class DrawnBuurt:
    code: str
    name: str
    wijk_code: str
    path: str
    neighbours: tuple[str, ...]
    is_countryside: bool


@dataclass(frozen=True, slots=True)
class DrawnWijk:
    code: str
    name: str
    path: str
    buurten: tuple[DrawnBuurt, ...]  # by name


@dataclass(frozen=True, slots=True)
class GemeenteMap:
    """A gemeente drawn: size in pixels, and its places with their paths."""

    width: int
    height: int
    wijken: dict[str, DrawnWijk]
    buurten: dict[str, DrawnBuurt]
    labels: tuple[Label, ...]

    def around(self, code: str) -> "Surroundings":
        """The map with this buurt and its neighbours marked. Raises KeyError for a buurt of another gemeente."""
        here = self.buurten[code]
        near = [self.buurten[other] for other in here.neighbours if other in self.buurten]
        marked = {code, *(buurt.code for buurt in near)}
        rest = [buurt for buurt in self.buurten.values() if buurt.code not in marked]
        return Surroundings(
            here,
            tuple(near),
            countryside="".join(buurt.path for buurt in rest if buurt.is_countryside),
            town="".join(buurt.path for buurt in rest if not buurt.is_countryside),
            beside="".join(buurt.path for buurt in near),
        )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A buurt among the others: one path for each kind of the rest."""

    here: DrawnBuurt
    near: tuple[DrawnBuurt, ...]
    countryside: str
    town: str
    beside: str


def to_rings(outline: Iterable[Sequence[Sequence[Sequence[float]]]]) -> tuple[Ring, ...]:
    """The rings of an outline in degrees, in RD metres."""
    return tuple(tuple(wgs84_to_rd(lon, lat) for lon, lat in ring) for polygon in outline for ring in polygon)


def svg_path(pixels: Callable[[float, float], tuple[int, int]], rings: Iterable[Ring]) -> str:
    """Rings as the `d` of a path. Corners that fall on the same pixel are drawn once."""
    drawn = []
    for ring in rings:
        corners = list(dict.fromkeys(pixels(x, y) for x, y in ring))
        drawn.append("M" + "L".join(f"{x} {y}" for x, y in corners) + "z")
    return "".join(drawn)


def fit(rings: Iterable[Ring], width: int = WIDTH, margin: int = MARGIN) -> Frame:
    """The frame of this width that holds all rings, with a margin in pixels around them.
    Raises ValueError without any point."""
    points = [point for ring in rings for point in ring]
    left, right = min(x for x, _y in points), max(x for x, _y in points)
    bottom, top = min(y for _x, y in points), max(y for _x, y in points)
    scale = (width - 2 * margin) / (right - left)
    height = round((top - bottom) * scale) + 2 * margin
    return Frame(left - margin / scale, top + margin / scale, scale, width, height)


def draw(atlas: Atlas) -> GemeenteMap:
    """The map of a gemeente."""
    rings = {wijk.code: to_rings(wijk.outline) for wijk in atlas.wijken}
    rings |= {buurt.code: to_rings(buurt.outline) for buurt in atlas.buurten}
    frame = fit(ring for each in rings.values() for ring in each)
    buurten = {buurt.code: _drawn(buurt, svg_path(frame.pixels, rings[buurt.code])) for buurt in atlas.buurten}
    wijken = {}
    for wijk in atlas.wijken:
        inside = sorted((b for b in buurten.values() if b.wijk_code == wijk.code), key=lambda b: b.name.casefold())
        wijken[wijk.code] = DrawnWijk(wijk.code, wijk.name, svg_path(frame.pixels, rings[wijk.code]), tuple(inside))
    # A wijk of woods and fields is green and has no middle to write its name in.
    named = [wijk for wijk in atlas.wijken if not all(b.is_countryside for b in wijken[wijk.code].buurten)]
    labels = [Label(*frame.pixels(wijk.x, wijk.y), wijk.name) for wijk in named]
    return GemeenteMap(frame.width, frame.height, wijken, buurten, spread(labels, frame.width))


def _drawn(buurt: AtlasBuurt, path: str) -> DrawnBuurt:
    return DrawnBuurt(buurt.code, buurt.name, buurt.wijk_code, path, buurt.neighbours, buurt.is_countryside)


def spread(labels: Iterable[Label], width: int) -> tuple[Label, ...]:
    """Labels inside the drawing that don't lie on top of one another: what would, moves down a line."""
    placed: list[Label] = []
    for label in sorted(labels, key=lambda label: label.y):
        half = min(len(label.text) * LETTER, width) // 2
        moved = Label(min(max(label.x, half), width - half), max(label.y, LINE), label.text)
        while clash := next((other for other in placed if _overlap(moved, other)), None):
            moved = Label(moved.x, clash.y + LINE, moved.text)
        placed.append(moved)
    return tuple(placed)


def _overlap(one: Label, two: Label) -> bool:
    apart = (len(one.text) + len(two.text)) * LETTER / 2
    return abs(one.x - two.x) < apart and abs(one.y - two.y) < LINE
