"""What makes a ring of an outline usable."""

from collections.abc import Sequence
from itertools import pairwise

Point = Sequence[float]  # lon, lat
Side = tuple[Point, Point]


def why_not_a_ring(ring: Sequence[Point]) -> str:
    """Why these points can't be drawn as a closed shape, as the end of "a ring that ..."; "" when they can."""
    if len(ring) < 4:
        return f"has {len(ring)} points, and needs at least 4"
    if tuple(ring[0]) != tuple(ring[-1]):
        return "is not closed: its last point must be its first"
    if crossing := _crossing(ring):
        return f"crosses itself near {crossing[0]}, {crossing[1]}"
    if _twice_area(ring) == 0:
        return "has no surface"
    return ""


def _twice_area(ring: Sequence[Point]) -> float:
    x0, y0 = ring[0]  # from a corner of its own, so that small shapes far from zero keep their digits
    return sum((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0) for (x1, y1), (x2, y2) in pairwise(ring))


def _crossing(ring: Sequence[Point]) -> Point | None:
    """Where two sides cross; None when none do. Touching is fine: merged areas do that.

    From west to east each side meets only those that overlap it there, so a ring of thousands of points is fast.
    """
    sides = sorted(pairwise(ring), key=lambda side: min(side[0][0], side[1][0]))
    near: list[Side] = []
    for side in sides:
        west = min(side[0][0], side[1][0])
        near = [other for other in near if max(other[0][0], other[1][0]) > west]
        if any(_cross(side, other) for other in near):
            return side[0]
        near.append(side)
    return None


def _cross(one: Side, two: Side) -> bool:
    return _turn(*one, two[0]) * _turn(*one, two[1]) < 0 and _turn(*two, one[0]) * _turn(*two, one[1]) < 0


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
