"""The care situations that a desk knows: one page of the list, in columns and never in entities, because every
encrypted column would have to be read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlmodel import Session, col

from matching.access import DESK_ROLES, Viewer
from matching.models import Account, Buurt, CareSituation, HelpRequest, ReliefRequest, RespijtBooking
from matching.services import care
from matching.services.reach import within
from matching.workflow import BookingState, CareState

ACTIVITY = "care.list"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of the list: rows with id, mantelzorger_id, first_name, buurt_code, buurt_name, next_check_on and
    last_relief_at (None when there was none)."""

    rows: list[Row[Any]]
    total: int
    size: int
    number: int
    pages: int


def known(
    session: Session,
    viewer: Viewer,
    *,
    page: int,
    size: int,
    trace_id: str,
    now: datetime,
) -> Sheet:
    """Open situations in the viewer's buurten, whoever should be asked first on top; each row is a look that is noted.
    Two queries."""
    places = tuple(sorted(set(viewer.places(*DESK_ROLES))))
    here = [col(CareSituation.state) == CareState.OPEN, within(col(CareSituation.buurt_code), places)]
    total = session.scalar(select(func.count()).select_from(CareSituation).where(*here)) or 0
    pages = max(1, -(-total // size))
    number = min(page, pages)
    rows = list(session.execute(_rows(here).limit(size).offset((number - 1) * size)).all())
    for row in rows:
        care.note_look(
            session,
            viewer,
            situation_id=row.id,
            mantelzorger_id=row.mantelzorger_id,
            buurt_code=row.buurt_code,
            activity=ACTIVITY,
            trace_id=trace_id,
            now=now,
        )
    return Sheet(rows, total, size, number, pages)


def _rows(here: list[ColumnElement[bool]]) -> Any:  # an SQL expression
    last_relief = (
        select(func.max(col(RespijtBooking.ends_at)))
        .where(
            col(RespijtBooking.situation_id) == col(CareSituation.id), col(RespijtBooking.state) == BookingState.USED
        )
        .correlate(CareSituation)
        .scalar_subquery()
    )
    due = col(CareSituation.next_check_on)
    return (
        select(
            col(CareSituation.id),
            col(CareSituation.mantelzorger_id),
            col(Account.first_name),
            col(CareSituation.buurt_code),
            col(Buurt.name).label("buurt_name"),
            due,
            last_relief.label("last_relief_at"),
        )
        .join(Account, col(Account.id) == col(CareSituation.mantelzorger_id))
        .join(Buurt, col(Buurt.code) == col(CareSituation.buurt_code))
        .where(*here)
        .order_by(due.is_(None), due, col(CareSituation.id))
    )


def note_looks_at_requests(
    session: Session, viewer: Viewer, request_ids: Collection[int], *, activity: str, trace_id: str, now: datetime
) -> None:
    """Note the looks at the mantelzorgers for whom these requests for help were made. One query; none without ids."""
    if not request_ids:
        return
    asked = (
        select(col(CareSituation.id), col(CareSituation.mantelzorger_id), col(HelpRequest.buurt_code))
        .join(ReliefRequest, col(ReliefRequest.situation_id) == col(CareSituation.id))
        .join(HelpRequest, col(HelpRequest.id) == col(ReliefRequest.help_request_id))
        .where(col(ReliefRequest.help_request_id).in_(request_ids))
    )
    for situation_id, mantelzorger_id, buurt_code in session.execute(asked):
        care.note_look(
            session,
            viewer,
            situation_id=situation_id,
            mantelzorger_id=mantelzorger_id,
            buurt_code=buurt_code,
            activity=activity,
            trace_id=trace_id,
            now=now,
        )
