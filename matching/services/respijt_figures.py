"""Figures about mantelzorg and respijtzorg of a gemeente: what the coordinator and the desk may know of all together.

Made once a night and kept as they are shown: what says more of people than of a place is left out before it is kept
(matching/suppression.py), the same for everybody who looks.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, TypedDict

from sqlalchemy import Row, and_, func, or_, select
from sqlmodel import Session, col

from matching.access import DESK_ROLES, Viewer, covers
from matching.errors import NotFound
from matching.models import (
    CareSituation,
    Entitlement,
    Gemeente,
    LedgerLine,
    ReliefRequest,
    RespijtBooking,
    RespijtFigures,
    Wijk,
)
from matching.respijt_catalogue import PAYERS
from matching.services.reach import within
from matching.services.strain_change import Change, read_change
from matching.suppression import FEW, suppress, with_totals
from matching.workflow import OPEN_RELIEF_STATES, BookingState, CareState
from matching.working_days import AMSTERDAM

HOURS = {"hour": 1, "half_day": 4, "day": 8, "night": 12}  # an assumption, and shown as one
MEASURES = ("granted", "planned", "used")
LATELY = timedelta(days=90)
REQUESTS_OF = timedelta(days=2 * 365)
ESTIMATES = Path(__file__).parent.parent / "data" / "mantelzorgers.json"
Numbers = list[int | None]  # None: left out


class Waiting(TypedDict):
    """Weeks from asking to the first time off, for whoever had one: the middle one, for how many mantelzorgers, by
    wijk, and how many still wait for a first time."""

    median: float | None
    carers: int | None
    wijken: list[float | None]
    still_waiting: int | None


class Figures(TypedDict):
    """wijken: code and name. payers: those of whom anybody has something. Lists run over the wijken with the gemeente
    at the end; hours: by measure, a list for each payer and one for all of them."""

    wijken: list[tuple[str, str]]
    payers: list[str]
    known: Numbers
    relieved: Numbers
    hours: dict[str, list[Numbers]]
    waiting: Waiting
    strain: Change | None


@dataclass(frozen=True, slots=True)
class Shown:
    """The figures of a gemeente, and which of its wijken (numbers in `figures["wijken"]`) are the viewer's."""

    gemeente_code: str
    gemeente_name: str
    at: datetime | None
    figures: Figures | None
    mine: list[int]


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many mantelzorgers there are, by somebody else's reckoning."""

    people: int
    year: int
    source: str


def look(session: Session, viewer: Viewer, gemeente_code: str) -> Shown:
    """The newest figures, for whoever works at the desk of (a part of) the gemeente. Raises NotFound for others."""
    places = [place for place in viewer.places(*DESK_ROLES) if place[2:6] == gemeente_code[2:]]
    gemeente = session.get(Gemeente, gemeente_code) if places else None
    if gemeente is None:
        raise NotFound(f"no figures of {gemeente_code}")
    kept = session.get(RespijtFigures, gemeente_code)
    if kept is None:
        return Shown(gemeente.code, gemeente.name, None, None, [])
    figures: Figures = kept.figures  # type: ignore[assignment]  # JSON of that form
    mine = [
        number for number, (code, _name) in enumerate(figures["wijken"])
        if any(covers(place, code) or covers(code, place) for place in places)
    ]  # fmt: skip
    return Shown(gemeente.code, gemeente.name, kept.at, figures, mine)


@cache
def estimate(gemeente_code: str) -> Estimate | None:
    """How many mantelzorgers the gemeente counts with; None where nobody said."""
    with ESTIMATES.open(encoding="utf-8") as file:
        found = json.load(file).get(gemeente_code)
    return Estimate(**found) if found else None


def gemeenten(session: Session) -> list[str]:
    """The codes of all gemeenten of which we know the wijken."""
    code = col(Wijk.gemeente_code)
    return list(session.connection().execute(select(code).distinct().order_by(code)).scalars())


def keep(session: Session, gemeente_code: str, figures: Figures, *, now: datetime) -> None:
    """Put the newest in the place of what there was."""
    session.merge(RespijtFigures(gemeente_code=gemeente_code, at=now, figures=dict(figures)))


def calculate(session: Session, gemeente_code: str, *, today: date) -> Figures:
    """All figures of a gemeente, small numbers left out. Reads only."""
    query = select(col(Wijk.code), col(Wijk.name)).where(col(Wijk.gemeente_code) == gemeente_code)
    wijken = [(row.code, row.name) for row in session.connection().execute(query.order_by(col(Wijk.name)))]
    place = {code: number for number, (code, _name) in enumerate(wijken)}
    homes = {carer: place[wijk] for carer, wijk in _homes(session, gemeente_code).items() if wijk in place}
    known, relieved = _carers(homes, _relieved(session, gemeente_code, today), len(wijken))
    ledger = list(_ledger(session, gemeente_code, today))
    payers = [payer for payer in PAYERS if any(row.payer == payer for row in ledger)]
    return Figures(
        wijken=wijken,
        payers=payers,
        known=known,
        relieved=relieved,
        hours=_hours(ledger, payers, homes, len(wijken)),
        waiting=_waiting(_requests(session, gemeente_code, today), homes, len(wijken)),
        strain=read_change(session, gemeente_code),
    )


def _open_in(gemeente_code: str) -> tuple[Any, ...]:
    return col(CareSituation.state) == CareState.OPEN, within(col(CareSituation.buurt_code), (gemeente_code,))


def _homes(session: Session, gemeente_code: str) -> dict[int, str]:
    """By mantelzorger, the wijk where they are counted: of their first open situation, so that each counts once."""
    c = CareSituation
    query = select(col(c.mantelzorger_id), col(c.buurt_code)).where(*_open_in(gemeente_code)).order_by(col(c.id).desc())
    return {row.mantelzorger_id: f"WK{row.buurt_code[2:8]}" for row in session.connection().execute(query)}


def _relieved(session: Session, gemeente_code: str, today: date) -> set[int]:
    """Mantelzorgers who had time off lately. What is over and nobody spoke about counts."""
    b, c = RespijtBooking, CareSituation
    midnight = datetime.combine(today, time(), AMSTERDAM)
    over = and_(col(b.state) == BookingState.PLANNED, col(b.ends_at) <= midnight)
    query = (
        select(col(c.mantelzorger_id))
        .join(b, col(b.situation_id) == col(c.id))
        .where(*_open_in(gemeente_code), col(b.starts_at) >= midnight - LATELY)
        .where(or_(col(b.state) == BookingState.USED, over))
        .distinct()
    )
    return set(session.connection().execute(query).scalars())


def _carers(homes: dict[int, int], relieved: set[int], wijken: int) -> tuple[Numbers, Numbers]:
    """Known, and with time off lately. That those without one are few is left out too."""
    body = [[0, 0] for _wijk in range(wijken)]
    for carer, wijk in homes.items():
        body[wijk][carer not in relieved] += 1
    table = with_totals(body)
    small = [(r, c) for r, row in enumerate(table) for c, number in enumerate(row) if number < FEW]
    hidden = suppress([table], small)
    known: Numbers = [None if (r, 2) in hidden else row[2] for r, row in enumerate(table)]
    with_relief: Numbers = [None if (r, 0) in hidden else row[0] for r, row in enumerate(table)]
    return known, with_relief


def _ledger(session: Session, gemeente_code: str, today: date) -> Iterable[Row[Any]]:
    """By mantelzorger, payer and unit what was granted, planned and used of what runs today."""
    c, e, line = CareSituation, Entitlement, LedgerLine
    columns = (col(c.mantelzorger_id), col(e.payer), col(e.unit))
    sums = [func.sum(col(getattr(line, name))).label(name) for name in MEASURES]
    query = (
        select(*columns, *sums)
        .join_from(e, c, col(c.id) == col(e.situation_id))
        .join(line, col(line.entitlement_id) == col(e.id))
        .where(*_open_in(gemeente_code), col(e.closed_at).is_(None))
        .where(col(e.first_day) <= today, col(e.last_day) >= today)
        .group_by(*columns)
    )
    return session.connection().execute(query)


def _hours(rows: Iterable[Row[Any]], payers: list[str], homes: dict[int, int], wijken: int) -> dict[str, list[Numbers]]:
    """Hours by measure, payer and wijk. A cell is small when few mantelzorgers are behind it, however many hours; the
    same cells are left out of all three, because they tell of each other."""
    if not payers:
        return {name: [[None] * (wijken + 1)] for name in MEASURES}
    size = len(payers) + 1, wijken + 1
    body = {name: [[0] * wijken for _payer in payers] for name in MEASURES}
    behind: dict[tuple[str, int, int], set[int]] = defaultdict(set)
    for row in rows:
        wijk, payer = homes[row.mantelzorger_id], payers.index(row.payer)
        for name in MEASURES:
            hours = max(0, int(getattr(row, name)) * HOURS[row.unit])
            body[name][payer][wijk] += hours
            if hours:
                for cell in ((payer, wijk), (payer, wijken), (len(payers), wijk), (len(payers), wijken)):
                    behind[name, *cell].add(row.mantelzorger_id)
    cells = [(r, c) for r in range(size[0]) for c in range(size[1])]
    small = [
        cell for cell in cells
        if len(behind["granted", *cell]) < FEW or any(0 < len(behind[name, *cell]) < FEW for name in MEASURES)
    ]  # fmt: skip
    tables = {name: with_totals(body[name]) for name in MEASURES}
    hidden = suppress(list(tables.values()), small)
    return {
        name: [[None if (r, c) in hidden else number for c, number in enumerate(row)] for r, row in enumerate(table)]
        for name, table in tables.items()
    }


def _requests(session: Session, gemeente_code: str, today: date) -> Iterable[Row[Any]]:
    r, c = ReliefRequest, CareSituation
    since = datetime.combine(today - REQUESTS_OF, time(), AMSTERDAM)
    query = (
        select(col(c.mantelzorger_id), col(r.created_at), col(r.first_relief_on), col(r.state))
        .join(c, col(c.id) == col(r.situation_id))
        .where(*_open_in(gemeente_code), col(r.created_at) >= since)
        .order_by(col(r.created_at))
    )
    return session.connection().execute(query)


def _waiting(rows: Iterable[Row[Any]], homes: dict[int, int], wijken: int) -> Waiting:
    """Of each mantelzorger the first request that led to time off."""
    weeks: dict[int, float] = {}
    wait: set[int] = set()
    for row in rows:
        if row.first_relief_on is not None:
            days = (row.first_relief_on - row.created_at.astimezone(AMSTERDAM).date()).days
            weeks.setdefault(row.mantelzorger_id, max(0, days) / 7)
        elif row.state in OPEN_RELIEF_STATES:
            wait.add(row.mantelzorger_id)
    by_wijk: list[list[float]] = [[] for _wijk in range(wijken)]
    for carer, each in weeks.items():
        by_wijk[homes[carer]].append(each)
    still = len(wait - set(weeks))
    return Waiting(
        median=_median(list(weeks.values())),
        carers=len(weeks) if len(weeks) >= FEW else None,
        wijken=[_median(found) for found in by_wijk],
        still_waiting=still if still >= FEW else None,
    )


def _median(weeks: Sequence[float]) -> float | None:
    return round(median(weeks), 1) if len(weeks) >= FEW else None
