"""Gemeente, wijk and buurt, with outlines and key figures. Keys are CBS codes: GM0402 > WK040206 > BU04020603."""

from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

# An outline is a list of rings; a ring is a closed list of [lon, lat] pairs (WGS84); the first ring of each
# polygon is its outside.
Outline = list[list[list[list[float]]]]  # polygons > rings > points > lon, lat


class Gemeente(SQLModel, table=True):
    """A municipality."""

    code: str = Field(primary_key=True, max_length=10)
    name: str = Field(max_length=120)
    lon: float
    lat: float
    x: int  # RD New, metres
    y: int
    outline: Any = Field(default_factory=list, sa_type=JSON)
    inhabitants: int | None = None
    phone: str | None = Field(default=None, max_length=20)  # as shown
    phone_hours: str | None = Field(default=None, max_length=120)
    year: int


class Wijk(SQLModel, table=True):
    """A district: several buurten."""

    code: str = Field(primary_key=True, max_length=10)
    gemeente_code: str = Field(foreign_key="gemeente.code", index=True)
    name: str = Field(max_length=120)
    lon: float
    lat: float
    x: int
    y: int
    outline: Any = Field(default_factory=list, sa_type=JSON)


class Buurt(SQLModel, table=True):
    """A neighbourhood: everything belongs to one."""

    code: str = Field(primary_key=True, max_length=10)
    wijk_code: str = Field(foreign_key="wijk.code", index=True)
    gemeente_code: str = Field(foreign_key="gemeente.code", index=True)
    name: str = Field(max_length=120)
    lon: float
    lat: float
    x: int
    y: int
    outline: Any = Field(default_factory=list, sa_type=JSON)
    intro: str = Field(default="", max_length=1000)
    moderation: str = Field(default="trust", max_length=10)  # trust, or review: staff read everything first


class BuurtBorder(SQLModel, table=True):
    """Two buurten that share a border; stored in both directions."""

    __tablename__ = "buurt_border"

    buurt_code: str = Field(primary_key=True, foreign_key="buurt.code")
    neighbour_code: str = Field(primary_key=True, foreign_key="buurt.code")
    metres: int


class KeyFigure(SQLModel, table=True):
    """A figure about a place, with its source. Never a feature of a person."""

    __tablename__ = "key_figure"

    place_code: str = Field(primary_key=True, max_length=10)
    source: str = Field(primary_key=True, max_length=40)
    topic: str = Field(primary_key=True, max_length=60)
    year: int = Field(primary_key=True)
    value: float | None = None
    is_estimate: bool = False


class Postcode(SQLModel, table=True):
    """A postcode of four or six characters and the place most of its addresses lie in."""

    code: str = Field(primary_key=True, max_length=6)
    wijk_code: str | None = Field(default=None, foreign_key="wijk.code")
    buurt_code: str | None = Field(default=None, foreign_key="buurt.code")


class MeetingPlace(SQLModel, table=True):
    """A buurthuis or another place where people meet; usable as a safe first meeting."""

    __tablename__ = "meeting_place"

    id: int | None = Field(default=None, primary_key=True)
    buurt_code: str = Field(foreign_key="buurt.code", index=True)
    name: str = Field(max_length=120)
    address: str = Field(default="", max_length=200)
    hours: str = Field(default="", max_length=200)
    is_example: bool = False  # made up for the demonstration, and shown as such
