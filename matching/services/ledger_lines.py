"""Lines of the ledger: writing one, adding them up, and reading them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Integer, Select, cast, exists, extract, func
from sqlalchemy import select as sql_select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from matching.models import Account, CareSituation, Entitlement, LedgerLine, RespijtBooking
from matching.services.ledger_rules import ends_on

# The columns of a line that are read as they are.
OWN = "id", "by_id", "entitlement_id", "kind", "granted", "planned", "used", "day", "at", "reason", "corrects_id"
Group = tuple[int, int]  # id of the entitlement, calendar year


@dataclass(frozen=True)
class Balance:
    """An entitlement and the sums of its lines. left = granted - planned - used. ends_on: the last day it can be used
    on (of its period or of its indication). is_over: that day has passed."""

    entitlement: Entitlement
    granted: int
    planned: int
    used: int
    ends_on: date
    is_over: bool = False

    @property
    def left(self) -> int:
        return self.granted - self.planned - self.used


@dataclass(frozen=True)
class Line:
    """A line with what it is about. was_corrected: a later line undoes it. was_followed: its booking was used or came
    back later. by_id, by: who wrote it, with the first name; None for the program. created_by_id: who wrote down the
    entitlement. starts_at, ends_at: of the booking, where it has one."""

    id: int
    entitlement_id: int
    payer: str
    form: str
    unit: str
    kind: str
    granted: int
    planned: int
    used: int
    day: date
    at: datetime
    reason: str
    corrects_id: int | None
    was_corrected: bool
    was_followed: bool
    by_id: int | None
    by: str | None
    created_by_id: int
    starts_at: datetime | None
    ends_at: datetime | None


def hold(session: Session, situation_id: int) -> None:
    """Whoever writes in the ledger of this situation waits for whoever does already. Taken before anything else of the
    situation (requests, bookings, gaps, stand-ins), so that two who end the same thing never wait for each other. On
    SQLite the transaction itself holds it (matching.database.WRITES)."""
    query = select(CareSituation.id).where(CareSituation.id == situation_id)
    session.exec(query.with_for_update(key_share=True)).all()


def write(session: Session, line: LedgerLine) -> LedgerLine:
    """Add a line. Its key is unique: the same thing written twice is refused by the database."""
    session.add(line)
    session.flush()
    return line


def counted(session: Session, situation_id: int, *, today: date = date.min) -> list[Balance]:
    """All entitlements of a situation with their sums, in the order in which they were written down."""
    query = (
        select(Entitlement, _total(LedgerLine.granted), _total(LedgerLine.planned), _total(LedgerLine.used))
        .outerjoin(LedgerLine, col(LedgerLine.entitlement_id) == Entitlement.id)
        .where(Entitlement.situation_id == situation_id)
        .group_by(col(Entitlement.id))
        .order_by(col(Entitlement.id))
        .execution_options(populate_existing=True)
    )
    return [
        Balance(entitlement, granted, planned, used, ends_on(entitlement), ends_on(entitlement) < today)
        for entitlement, granted, planned, used in session.exec(query)
    ]


def _total(column: int) -> Any:
    """The sum of a column of numbers, as a whole number on both databases."""
    return cast(func.coalesce(func.sum(column), 0), Integer)


def balances(session: Session, situation_id: int, *, today: date) -> list[Balance]:
    """What there is and what is left: what ends soonest first, then what is over, the latest first."""
    found = counted(session, situation_id, today=today)
    running = [each for each in found if not each.is_over]
    over = [each for each in found if each.is_over]
    return sorted(running, key=lambda each: each.ends_on) + sorted(over, key=lambda each: each.ends_on, reverse=True)


def of_booking(session: Session, booking_id: int | None) -> dict[Group, list[LedgerLine]]:
    """The lines of a booking by entitlement and calendar year, each in the order in which they were written."""
    query = select(LedgerLine).where(LedgerLine.booking_id == booking_id).order_by(col(LedgerLine.id))
    groups: dict[Group, list[LedgerLine]] = defaultdict(list)
    for line in session.exec(query):
        groups[line.entitlement_id, line.day.year].append(line)
    return groups


def planned(lines: Iterable[LedgerLine]) -> int:
    return sum(line.planned for line in lines)


def used(lines: Iterable[LedgerLine]) -> int:
    return sum(line.used for line in lines)


def taken_by_year(session: Session, situation_id: int, payer: str, unit: str) -> dict[int, int]:
    """Planned and used over all entitlements of a payer, by calendar year."""
    year = extract("year", col(LedgerLine.day))
    query = (
        select(year, func.sum(LedgerLine.planned + LedgerLine.used))
        .join(Entitlement, col(Entitlement.id) == LedgerLine.entitlement_id)
        .where(Entitlement.situation_id == situation_id, Entitlement.payer == payer, Entitlement.unit == unit)
        .group_by(year)
    )
    return {int(each): int(units) for each, units in session.exec(query)}


def of_bookings(
    session: Session, entitlement_id: int | None, *, ending_after: datetime
) -> list[tuple[RespijtBooking, int, int, int]]:
    """Bookings that end after a moment and take something of an entitlement: with the calendar year, and what is
    planned and used in it."""
    year = extract("year", col(LedgerLine.day))
    columns = (RespijtBooking, year, func.sum(LedgerLine.planned), func.sum(LedgerLine.used))
    query = (
        select(*columns)
        .join(LedgerLine, col(LedgerLine.booking_id) == RespijtBooking.id)
        .where(LedgerLine.entitlement_id == entitlement_id, RespijtBooking.ends_at > ending_after)
        .group_by(col(RespijtBooking.id), year)
        .having(func.sum(LedgerLine.planned + LedgerLine.used) > 0)
        .order_by(col(RespijtBooking.starts_at), year)
    )
    return [(booking, int(each), int(plan), int(use)) for booking, each, plan, use in session.exec(query)]


def planned_of_ended(session: Session, situation_id: int) -> list[tuple[Entitlement, RespijtBooking, int, int]]:
    """What is planned in which calendar year of entitlements that were ended early, the soonest first. One query."""
    units, year = func.sum(LedgerLine.planned), extract("year", col(LedgerLine.day))
    columns = (Entitlement, RespijtBooking, year, units)
    query = (
        select(*columns)
        .join(LedgerLine, col(LedgerLine.entitlement_id) == Entitlement.id)
        .join(RespijtBooking, col(RespijtBooking.id) == LedgerLine.booking_id)
        .where(Entitlement.situation_id == situation_id, col(Entitlement.closed_at).is_not(None))
        .group_by(col(Entitlement.id), col(RespijtBooking.id), year)
        .having(units > 0)
        .order_by(col(RespijtBooking.starts_at), col(RespijtBooking.id), year)
    )
    return [(held, booking, int(each), int(planned)) for held, booking, each, planned in session.exec(query)]


def count_ends(session: Session, entitlement_id: int | None) -> int:
    """How often an entitlement was ended early."""
    query = select(func.count()).where(LedgerLine.entitlement_id == entitlement_id, LedgerLine.kind == "end")
    return session.exec(query).one()


def count(session: Session, situation_id: int) -> int:
    """How many lines the ledger of a situation has."""
    query = (
        select(func.count())
        .select_from(LedgerLine)
        .join(Entitlement, col(Entitlement.id) == LedgerLine.entitlement_id)
        .where(Entitlement.situation_id == situation_id)
    )
    return session.exec(query).one()


def lines(
    session: Session, situation_id: int, *, oldest_first: bool = False, limit: int | None = None, offset: int = 0
) -> list[Line]:
    """The lines of a situation, the newest first; a page of them with limit and offset."""
    order = col(LedgerLine.id).asc() if oldest_first else col(LedgerLine.id).desc()
    mine = col(Entitlement.situation_id) == situation_id
    query = _lines().where(mine).order_by(order).limit(limit).offset(offset)
    return [Line(**row) for row in session.connection().execute(query).mappings()]


def line_row(session: Session, line_id: int) -> Line:
    """One line, which has to exist."""
    query = _lines().where(col(LedgerLine.id) == line_id)
    return Line(**session.connection().execute(query).mappings().one())


def _lines() -> Select[Any]:
    later = aliased(LedgerLine)
    undone = exists().where(col(later.corrects_id) == LedgerLine.id).label("was_corrected")
    followed = exists().where(
        col(later.booking_id) == LedgerLine.booking_id,
        col(later.entitlement_id) == LedgerLine.entitlement_id,
        col(later.kind).in_(("use", "release")),
        col(later.id) > LedgerLine.id,
    )
    columns: list[Any] = [getattr(LedgerLine, name) for name in OWN]
    columns += [Entitlement.payer, Entitlement.form, Entitlement.unit, Entitlement.created_by_id]
    columns += [RespijtBooking.starts_at, RespijtBooking.ends_at]
    return (
        sql_select(*columns, col(Account.first_name).label("by"), undone, followed.label("was_followed"))
        .join(Entitlement, col(Entitlement.id) == LedgerLine.entitlement_id)
        .outerjoin(RespijtBooking, col(RespijtBooking.id) == LedgerLine.booking_id)
        .outerjoin(Account, col(Account.id) == LedgerLine.by_id)
    )
