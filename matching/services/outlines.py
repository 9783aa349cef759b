"""Checking the outlines of places, as GeoJSON geometry. Pure geometry: no files, no database."""

from typing import Any

from matching.models.places import Outline

Point = tuple[float, float]

# Where the formulas of matching.models.geo hold: the Netherlands, in degrees.
WEST, EAST, SOUTH, NORTH = 3.2, 7.3, 50.7, 53.7


def read_outline(geometry: Any) -> Outline:
    """The polygons of a GeoJSON Polygon or MultiPolygon.

    Raises ValueError with the reason for whatever is not a valid outline: another type, a point outside the
    Netherlands, a ring that is too short, not closed or crosses itself.
    """
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError("the geometry must be a Polygon or a MultiPolygon")
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(polygons, list) or not polygons or not all(isinstance(p, list) and p for p in polygons):
        raise ValueError("the outline has no rings")
    return [[_read_ring(ring) for ring in polygon] for polygon in polygons]


def check_point(lon: float, lat: float) -> None:
    """Raises ValueError for a point outside the Netherlands."""
    if not (WEST <= lon <= EAST and SOUTH <= lat <= NORTH):
        raise ValueError(f"the point {lon}, {lat} is not in the Netherlands (longitude comes first)")


def count_points(outline: Outline) -> int:
    return sum(len(ring) for polygon in outline for ring in polygon)


def _read_ring(ring: Any) -> list[list[float]]:
    if not isinstance(ring, list) or len(ring) < 4:
        raise ValueError("a ring is too short: it needs at least 4 points")
    points = [_read_point(point) for point in ring]
    if points[0] != points[-1]:
        raise ValueError("a ring is not closed: its last point must equal its first")
    if _twice_area(points) == 0:
        raise ValueError("a ring encloses nothing")
    if _crosses_itself(points):
        raise ValueError("a ring crosses itself")
    return [list(point) for point in points]


def _read_point(point: Any) -> Point:
    if not isinstance(point, list) or len(point) < 2:
        raise ValueError("a point must be a list of longitude and latitude")
    lon, lat = point[0], point[1]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in (lon, lat)):
        raise ValueError(f"a point has a bad number: {lon!r}, {lat!r}"[:120])
    check_point(lon, lat)
    return float(lon), float(lat)


def _twice_area(points: list[Point]) -> float:
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(points, points[1:], strict=False))


def _crosses_itself(points: list[Point]) -> bool:
    """Whether two segments cross. Sorted from west to east, a segment meets only those that start before it ends."""
    segments = zip(points, points[1:], strict=False)
    ordered = sorted(segments, key=lambda segment: min(segment[0][0], segment[1][0]))
    for at, (start, end) in enumerate(ordered):
        most_east = max(start[0], end[0])
        for from_, to in ordered[at + 1 :]:
            if min(from_[0], to[0]) > most_east:
                break
            if _cross(start, end, from_, to):
                return True
    return False


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether ab and cd cross in one point inside both. Neighbours in a ring touch, which is no crossing."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, c: Point) -> int:
    """1 when c lies left of the line ab, -1 right of it, 0 on it."""
    turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (turn > 0) - (turn < 0)
