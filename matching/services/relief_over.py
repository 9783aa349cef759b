"""Time off that is behind them: the program itself finishes what had a last day or was asked for once."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import exists
from sqlmodel import Session, col, select

from matching.models import Arrangement, ReliefRequest, RespijtBooking
from matching.services import locks, relief
from matching.workflow import BookingState, ReliefState
from matching.working_days import AMSTERDAM

PASSED = "passed"  # why it ended


def due(session: Session, *, today: date) -> list[int]:
    """Time off that runs, of which the last day is over or which was for once and went ahead; nothing is planned any
    more, and of all that was planned somebody said, or a week went by, how it went."""
    r = ReliefRequest
    is_over = (col(r.last_day) < today) | ((col(r.rrule) == "") & col(r.last_day).is_(None) & _has(BookingState.USED))
    query = select(r.id).where(r.state == ReliefState.RUNNING, is_over, ~_has(BookingState.PLANNED))
    return [key for key in session.exec(query.order_by(col(r.id))) if key is not None]


def finish(session: Session, relief_id: int, *, now: datetime) -> bool:
    """Finish it, with whoever took over. False when it is not over after all."""
    found = locks.relief(session, relief_id)
    if relief_id not in due(session, today=now.astimezone(AMSTERDAM).date()):
        return False
    relief.finish(session, found, reason=PASSED, by=None, now=now)
    return True


def _has(state: BookingState) -> Any:
    """Whether the time off has a moment in this state."""
    return (
        exists()
        .where(col(RespijtBooking.arrangement_id) == col(Arrangement.id), col(RespijtBooking.state) == state)
        .where(col(Arrangement.relief_id) == col(ReliefRequest.id))
        .correlate(ReliefRequest)
    )
