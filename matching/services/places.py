"""Gemeenten with their wijken and buurten: loading them, and listing them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, delete, insert, select, tuple_
from sqlmodel import Session, SQLModel, col

from matching.models import Buurt, BuurtBorder, Gemeente, KeyFigure, Postcode, Tag, Wijk
from matching.models.base import utcnow
from matching.models.geo import wgs84_to_rd
from matching.services import history
from matching.services.place_files import Area, PlaceFiles, read_folder

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did to the rows of one gemeente; `kept` are buurten and wijken that the files no longer have,
    but that people may live in."""

    gemeente: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = f"{self.added} added, {self.changed} changed, {self.unchanged} unchanged, {self.removed} removed"
        kept = f"; no longer in the files, but kept: {', '.join(self.kept)}" if self.kept else ""
        return f"{self.gemeente}: {counts}{kept}"


@dataclass(frozen=True, slots=True)
class _Stored:
    """The same for one table; `kept` are the keys of rows that are no longer wanted but stay."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    kept: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class BuurtName:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class WijkNames:
    """A wijk with its buurten by name."""

    code: str
    name: str
    buurten: tuple[BuurtName, ...]


def import_places(session: Session, folder: Path, *, now: datetime | None = None) -> ImportReport:
    """Load the gemeente in `folder`, or bring it up to date. What people wrote themselves (introductions, telephone
    numbers, moderation) is left alone. Raises PlaceFileError before anything is written."""
    files = read_folder(folder)
    gemeente = files.gemeente.code
    mine = [area.code for area in (files.gemeente, *files.wijken, *files.buurten)]
    buurten = [area.code for area in files.buurten]
    borders = [{"buurt_code": a, "neighbour_code": b, "metres": m} for (a, b), m in files.borders.items()]
    within = col(BuurtBorder.buurt_code).in_(buurten) & col(BuurtBorder.neighbour_code).in_(buurten)
    steps = (
        _store(session, Gemeente, [_gemeente(files)], col(Gemeente.code) == gemeente),
        _store(session, Wijk, [_wijk(files, a) for a in files.wijken], col(Wijk.gemeente_code) == gemeente),
        _store(session, Buurt, [_buurt(files, a) for a in files.buurten], col(Buurt.gemeente_code) == gemeente),
        _store(session, BuurtBorder, borders, within, remove=True),
        _store(session, KeyFigure, _figures(files), col(KeyFigure.place_code).in_(mine)),
        _store(session, Postcode, _postcodes(session, files), col(Postcode.wijk_code).in_(mine)),
    )
    report = ImportReport(
        files.gemeente.name,
        added=sum(step.added for step in steps),
        changed=sum(step.changed for step in steps),
        unchanged=sum(step.unchanged for step in steps),
        removed=sum(step.removed for step in steps),
        kept=tuple(sorted(code for step in steps[:3] for (code,) in step.kept)),
    )
    if report.added or report.changed or report.removed:
        counts = {"added": report.added, "changed": report.changed, "removed": report.removed}
        found = session.get_one(Gemeente, gemeente)
        history.record(session, Tag.PLACES_IMPORTED, found, now=now or utcnow(), code=gemeente, **counts)
        session.flush()
    return report


def _place(area: Area) -> Values:
    x, y = wgs84_to_rd(area.lon, area.lat)
    shown: Values = {"code": area.code, "name": area.name, "lon": area.lon, "lat": area.lat}
    return shown | {"x": round(x), "y": round(y), "outline": area.outline}


def _gemeente(files: PlaceFiles) -> Values:
    return _place(files.gemeente) | {"year": files.year, "inhabitants": files.inhabitants}


def _wijk(files: PlaceFiles, area: Area) -> Values:
    return _place(area) | {"gemeente_code": files.gemeente.code}


def _buurt(files: PlaceFiles, area: Area) -> Values:
    return _place(area) | {"gemeente_code": files.gemeente.code, "wijk_code": area.parent}


def _figures(files: PlaceFiles) -> list[Values]:
    names = ("place_code", "source", "topic", "year")
    return [
        dict(zip(names, key, strict=True)) | {"value": value, "is_estimate": is_estimate}
        for key, (value, is_estimate) in files.figures.items()
    ]


def _postcodes(session: Session, files: PlaceFiles) -> list[Values]:
    """Those of this gemeente. A postcode that crosses a border stays with the gemeente that came first; otherwise
    importing the one would change the other for ever."""
    wijken = {area.code for area in files.wijken}
    elsewhere = {
        code
        for code, wijk in session.execute(select(col(Postcode.code), col(Postcode.wijk_code)))
        if wijk not in wijken
    }
    return [
        {"code": code, "wijk_code": wijk, "buurt_code": buurt}
        for code, (wijk, buurt) in files.postcodes.items()
        if code not in elsewhere
    ]


def _store(
    session: Session, table: type[SQLModel], rows: list[Values], scope: ColumnElement[bool], *, remove: bool = False
) -> _Stored:
    """Make the rows of `table` within `scope` say what `rows` say. Only the columns in `rows` are looked at and
    written; without any row there is nothing to do."""
    if not rows:
        return _Stored()
    columns = [getattr(table, name) for name in rows[0]]
    keys = [column.name for column in table.__table__.primary_key]  # type: ignore[attr-defined]
    key_of = _key(keys)
    found = session.execute(select(*columns).where(scope)).mappings()
    stored = {key_of(row): row for row in map(_plain, found)}
    wanted = {key_of(row): row for row in rows}
    added = [row for key, row in wanted.items() if key not in stored]
    changed = [key for key, row in wanted.items() if key in stored and stored[key] != row]
    gone = [key for key in stored if key not in wanted]
    if added:
        session.execute(insert(table), added)
    for key in changed:
        _update(session.get_one(table, key), wanted[key])
    if remove and gone:
        session.execute(delete(table).where(tuple_(*(getattr(table, name) for name in keys)).in_(gone)))
    session.flush()
    unchanged = len(wanted) - len(added) - len(changed)
    return _Stored(len(added), len(changed), unchanged, len(gone) * remove, () if remove else tuple(gone))


def _plain(row: RowMapping) -> Values:
    return {str(name): value for name, value in row.items()}


def _key(names: Iterable[str]) -> Callable[[Values], tuple[Any, ...]]:
    pick = [itemgetter(name) for name in names]
    return lambda row: tuple(each(row) for each in pick)


def _update(entity: SQLModel, values: Values) -> None:
    for name, value in values.items():
        setattr(entity, name, value)


def wijken_with_buurten(session: Session, gemeente_code: str | None = None) -> list[WijkNames]:
    """Every wijk (of one gemeente when given), in the order of their codes, with its buurten by name. One query."""
    query = (
        select(col(Wijk.code), col(Wijk.name), col(Buurt.code), col(Buurt.name))
        .join(Buurt, col(Buurt.wijk_code) == col(Wijk.code))
        .order_by(col(Wijk.code))
    )
    if gemeente_code is not None:
        query = query.where(col(Wijk.gemeente_code) == gemeente_code)
    wijken: dict[tuple[str, str], list[BuurtName]] = {}
    for wijk_code, wijk_name, code, name in session.connection().execute(query):
        wijken.setdefault((wijk_code, wijk_name), []).append(BuurtName(code, name))
    # Sorted here: databases order letters with accents each in their own way.
    return [
        WijkNames(code, name, tuple(sorted(buurten, key=lambda buurt: buurt.name.casefold())))
        for (code, name), buurten in wijken.items()
    ]
