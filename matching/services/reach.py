"""Which rows lie in a place: CBS codes nest, so a place is a range of buurt codes that an index can find."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, cast, false, or_


def within(buurt_code: Any, places: Iterable[str]) -> ColumnElement[bool]:
    """Whether the column `buurt_code` lies in one of these gemeenten, wijken or buurten."""
    found = [_range(buurt_code, place) for place in sorted(set(places))]
    return or_(*found) if found else false()


def squared_metres(x: Any, y: Any, to_x: Any, to_y: Any) -> Any:  # SQL expressions; their generic types say nothing
    """The square of the distance between two points in RD New metres: exact, and in floating point because the
    whole numbers of PostgreSQL are too small for it."""
    across, along = cast(x, Float) - to_x, cast(y, Float) - to_y
    return across * across + along * along


def _range(buurt_code: Any, place: str) -> ColumnElement[bool]:
    """GM0402 is BU0402 up to BU0403, WK040206 is BU040206 up to BU040207, a buurt is itself."""
    digits = place[2:]
    following = str(int(digits) + 1).zfill(len(digits))
    if len(following) > len(digits):  # all nines: there is nothing after it
        return and_(buurt_code >= f"BU{digits}")
    return and_(buurt_code >= f"BU{digits}", buurt_code < f"BU{following}")
