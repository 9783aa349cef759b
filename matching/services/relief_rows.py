"""What is read of requests for time off: for their own mantelzorger, and for the desk of the buurt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from matching.access import DESK_ROLES, Viewer
from matching.models import Account, Arrangement, Buurt, CareSituation, DropOutPlan, ReliefRequest
from matching.services import care, opbouwwerkers, relief_rules
from matching.services.reach import within
from matching.workflow import OPEN_RELIEF_STATES, ArrangementState, ReliefState

WAITING = (ReliefState.ASKED, ReliefState.ARRANGING)  # what the desk has to do something for


@dataclass(frozen=True, slots=True)
class ReliefRow:
    """A request for time off, for its own mantelzorger or one situation at the desk."""

    id: int
    form: str
    need: str
    rrule: str
    first_day: date
    last_day: date | None
    slots: int
    minutes: int
    urgency: str
    state: ReliefState
    created_at: datetime
    taken_by: str | None  # first name
    taken_at: datetime | None
    first_relief_on: date | None
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_RELIEF_STATES


@dataclass(frozen=True, slots=True)
class DeskRow:
    """A request for time off in the list of the desk. follow_up_on: when to ask a provider how it stands."""

    id: int
    situation_id: int
    mantelzorger_id: int
    name: str
    buurt_code: str
    buurt_name: str
    form: str
    need: str
    rrule: str
    minutes: int
    first_day: date
    last_day: date | None
    urgency: str
    risks: Sequence[str]
    state: ReliefState
    created_at: datetime
    taken_by: str | None
    follow_up_on: date | None


def of(session: Session, situation_id: int) -> list[ReliefRow]:
    """All requests of a situation: what is open first, then the newest. Its own words are not read."""
    relief = ReliefRequest
    columns: tuple[Any, ...] = (
        col(relief.id),
        col(relief.form),
        col(relief.need),
        col(relief.rrule),
        col(relief.first_day),
        col(relief.last_day),
        col(relief.slots),
        col(relief.minutes),
        col(relief.urgency),
        col(relief.state),
        col(relief.created_at),
        col(Account.first_name).label("taken_by"),
        col(relief.taken_at),
        col(relief.first_relief_on),
        col(relief.ended_at),
    )
    rows = session.connection().execute(
        select(*columns)
        .outerjoin(Account, col(Account.id) == col(relief.taken_by_id))
        .where(col(relief.situation_id) == situation_id)
        .order_by(col(relief.id).desc())
    )
    found = [ReliefRow(**row._mapping) for row in rows]
    return sorted(found, key=lambda row: not row.is_open)


def open_for_desk(
    session: Session, viewer: Viewer, *, states: Sequence[ReliefState] = WAITING, limit: int = 500
) -> list[DeskRow]:
    """What mantelzorgers in the viewer's places asked and is not arranged yet: who needs help now first, then worrying
    words, then who waits longest. Whoever shows the names notes the looks with `note_looks`."""
    places = tuple(sorted(set(viewer.places(*DESK_ROLES))))
    if not places:
        return []
    relief, situation, taker = ReliefRequest, CareSituation, aliased(Account)
    follow_up = (
        select(func.min(col(Arrangement.follow_up_on)))
        .where(
            col(Arrangement.relief_id) == col(relief.id),
            col(Arrangement.state).in_((ArrangementState.PROPOSED, ArrangementState.WAITING)),
        )
        .scalar_subquery()
    )
    is_urgent = case((col(relief.urgency) == relief_rules.NOW, 0), else_=1)
    query: Any = (
        select(
            col(relief.id),
            col(situation.id).label("situation_id"),
            col(situation.mantelzorger_id),
            col(Account.first_name).label("name"),
            col(situation.buurt_code),
            col(Buurt.name).label("buurt_name"),
            col(relief.form),
            col(relief.need),
            col(relief.rrule),
            col(relief.minutes),
            col(relief.first_day),
            col(relief.last_day),
            col(relief.urgency),
            col(relief.risks),
            col(relief.state),
            col(relief.created_at),
            col(taker.first_name).label("taken_by"),
            follow_up.label("follow_up_on"),
        )
        .join(situation, col(situation.id) == col(relief.situation_id))
        .join(Account, col(Account.id) == col(situation.mantelzorger_id))
        .join(Buurt, col(Buurt.code) == col(situation.buurt_code))
        .outerjoin(taker, col(taker.id) == col(relief.taken_by_id))
        .where(within(col(situation.buurt_code), places), col(relief.state).in_(tuple(states)))
        .order_by(is_urgent, col(relief.created_at), col(relief.id))
        .limit(limit)
    )
    rows = [DeskRow(**row._mapping) for row in session.connection().execute(query)]
    return sorted(rows, key=lambda row: (row.urgency != relief_rules.NOW, not row.risks))


def note_looks(
    session: Session, viewer: Viewer, rows: Sequence[DeskRow], *, activity: str, trace_id: str, now: datetime
) -> None:
    """Every name in a list is a look at that person's data."""
    for row in rows:
        care.note_look(
            session,
            viewer,
            situation_id=row.situation_id,
            mantelzorger_id=row.mantelzorger_id,
            buurt_code=row.buurt_code,
            activity=activity,
            trace_id=trace_id,
            now=now,
        )


def who_reads(session: Session, buurt_code: str) -> list[str]:
    """First names of the opbouwwerkers who look at what is asked in this buurt, at most three."""
    ids = opbouwwerkers.of_buurt(session, buurt_code)
    names = select(col(Account.first_name)).where(col(Account.id).in_(ids), col(Account.deactivated_at).is_(None))
    return list(session.scalars(names.order_by(col(Account.first_name)).limit(3)))


def has_plan(session: Session, situation_id: int | None) -> bool:
    """Whether there is a plan for when this mantelzorger drops out."""
    return (
        session.scalars(select(col(DropOutPlan.id)).where(col(DropOutPlan.situation_id) == situation_id)).first()
        is not None
    )
