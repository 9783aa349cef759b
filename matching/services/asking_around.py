"""Asking around: a human says that whoever fits may be asked, one after another, until somebody says yes.

Here it is released, watched and stopped; the job "offer" does the asking (matcher/offering.py). While `asking_since`
stands, no human has to choose: it rests while somebody's yes waits for the asker or people help each other, and goes on
by itself when that falls through. Holding, closing, withdrawing and finishing a request end it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import HelpRequest, Proposal, Tag
from matching.notices import UNDO_WINDOW
from matching.services import ending, questions, wishes
from matching.services.history import record
from matching.services.judging import can_undo, lock, undecide
from matching.workflow import PROPOSAL_MOVES, ProposalState, RequestState, after
from matching.working_days import AMSTERDAM

MATCHER = "matcher"
ASKABLE = (RequestState.OPEN, RequestState.ASKED)
QUARTER = timedelta(minutes=15)
# Between these hours of the day messages go out; when it is urgent, between the later two.
FIRST_HOUR, LAST_HOUR = 8, 21
URGENT_FIRST_HOUR, URGENT_LAST_HOUR = 7, 22
URGENT_WITHIN = timedelta(hours=24)
HALF_DAY = timedelta(hours=6)
ANSWERING = timedelta(hours=4)  # to read, to answer, and for the asker to agree
NOBODY_LEFT, TOO_LATE = "nobody_left", "too_late"


def why_not(request: HelpRequest, *, now: datetime) -> str:
    """What keeps us from asking around for this request: a hold reason (discreet, risk_words, category, buurt, staff,
    unverified), "past" or "busy" (somebody said yes, or it is over); "" when nothing does."""
    held = request.hold_reasons
    if held:
        return held[0]
    if request.state not in ASKABLE:
        return "busy"
    return "past" if wishes.is_over(request, now=now) else ""


def start(
    session: Session, request: HelpRequest, *, by: int, now: datetime, without: Iterable[int] = ()
) -> list[Proposal]:
    """Release a request for asking around, but not these volunteers: their pairs with this request are settled.

    Nobody is asked in the minute in which `stop` takes it back. Gives the proposals that were rejected. Raises
    Invalid("asking", a reason as in `why_not`), IllegalMove when a colleague was first or one of `without` was asked
    already, and NotFound for one who was never proposed for this request.
    """
    lock(session, request)
    why = why_not(request, now=now)
    if why:
        raise Invalid("asking", why)
    if request.asking_since is not None:
        raise IllegalMove("we ask around for this request already")
    struck = [_strike_off(session, request, each, by=by, now=now) for each in sorted(set(without))]
    request.asking_since, request.asking_by_id, request.updated_at = now, by, now
    session.add(request)
    record(session, Tag.REQUEST_ASKED_AROUND, request, now=now, actor_id=by, without=len(struck))
    questions.go_on(session, request, delay=UNDO_WINDOW)
    return struck


def stop(session: Session, request: HelpRequest, *, by: int, now: datetime) -> None:
    """Ask nobody new. Who was asked already may still answer. Within the minute everything stands as before: who was
    struck off waits for a choice again. Raises IllegalMove when we do not ask around."""
    lock(session, request)
    began = request.asking_since
    if began is None:
        raise IllegalMove("we do not ask around for this request")
    if can_undo(began, now=now):
        for proposal in _struck_off(session, request, began):
            _propose_again(session, proposal, by=by, now=now)
    _end(session, request, by=by, now=now, why="")


def run_out(session: Session, request: HelpRequest, why: str, *, now: datetime) -> bool:
    """There is nobody left to ask, or no time (NOBODY_LEFT, TOO_LATE): the desk sees the request again. False when that
    is not so any more."""
    lock(session, request)
    if request.asking_since is None or request.state != RequestState.OPEN:
        return False
    if why == TOO_LATE and not wishes.is_over(request, now=now):
        return False
    _end(session, request, by=None, now=now, why=why)
    return True


def _end(session: Session, request: HelpRequest, *, by: int | None, now: datetime, why: str) -> None:
    ending.stop_asking_around(request)
    request.updated_at = now
    session.add(request)
    record(session, Tag.REQUEST_ASKING_STOPPED, request, now=now, actor_id=by, why=why)


def _strike_off(session: Session, request: HelpRequest, volunteer_id: int, *, by: int, now: datetime) -> Proposal:
    """This volunteer is not asked. What the matcher withdrew a moment ago is settled all the same."""
    query = select(Proposal).where(Proposal.request_id == request.id, Proposal.volunteer_id == volunteer_id)
    found = list(session.exec(query.order_by(col(Proposal.id)).execution_options(populate_existing=True)))
    if not found:
        raise NotFound(f"volunteer {volunteer_id} was never proposed for this request")
    live = next((each for each in found if each.state in (ProposalState.ASKED, ProposalState.ACCEPTED)), None)
    if live is not None:
        raise IllegalMove("this volunteer was asked already")
    proposal = next((each for each in found if each.state == ProposalState.PROPOSED), None) or _copy(found[-1], now)
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "reject")
    proposal.decided_by_id, proposal.decided_at = by, now
    session.add(proposal)
    session.flush()
    record(session, Tag.PROPOSAL_REJECTED, proposal, now=now, actor_id=by)
    return proposal


def _copy(old: Proposal, now: datetime) -> Proposal:
    facts: dict[str, Any] = {name: getattr(old, name) for name in ("request_id", "volunteer_id", "distance_m", "p")}
    return Proposal(**facts, source=MATCHER, reasons=list(old.reasons), created_at=now)


def _propose_again(session: Session, proposal: Proposal, *, by: int, now: datetime) -> None:
    try:
        with session.begin_nested():
            undecide(session, proposal, by=by, now=now)
    except IntegrityError:  # this volunteer offered to help in the meantime: that stands
        session.refresh(proposal)


def _struck_off(session: Session, request: HelpRequest, began: datetime) -> list[Proposal]:
    query = select(Proposal).where(
        Proposal.request_id == request.id,
        Proposal.state == ProposalState.REJECTED,
        Proposal.decided_at == began,
        Proposal.decided_by_id == request.asking_by_id,
    )
    return list(session.exec(query))


def deadline(request: HelpRequest, urgency: float, *, now: datetime) -> datetime:
    """By when somebody should have said yes.

    With a day: before its last half-day begins, with time to answer; when that has passed, as long as there is time
    left to help. Without one: 7 days after the release, 3 or 1 for the urgent (urgency 2, 3), and as long again each
    time nobody was found.
    """
    end = wishes.ends_at(request)
    if end is not None:
        in_time = end - HALF_DAY - ANSWERING
        return in_time if in_time > now else end - timedelta(minutes=request.minutes)
    began = request.asking_since or now
    days = timedelta(days=1 if urgency >= 3 else 3 if urgency >= 2 else 7)
    return began + days * ((max(now, began) - began) // days + 1)


@dataclass(frozen=True, slots=True)
class Tally:
    """How asking around goes: how many were asked since it began, how many have yet to answer, how many said no."""

    asked: int
    waiting: int
    declined: int


def tally(since: datetime, rows: Iterable[Any]) -> Tally:
    """rows: of proposals for the request, with asked_at and state."""
    asked = [row.state for row in rows if row.asked_at is not None and row.asked_at >= since]
    return Tally(len(asked), asked.count(ProposalState.ASKED), asked.count(ProposalState.DECLINED))


def next_moment(request: HelpRequest, *, now: datetime) -> datetime:
    """The first moment, in UTC, at which somebody new may be asked: a quarter within the hours for messages."""
    end = wishes.ends_at(request)
    urgent = end is not None and deadline(request, 1.0, now=now) - now <= URGENT_WITHIN
    first, last = (URGENT_FIRST_HOUR, URGENT_LAST_HOUR) if urgent else (FIRST_HOUR, LAST_HOUR)
    soonest = max(_next_quarter(now), (request.asking_since or now) + UNDO_WINDOW)
    here = soonest.astimezone(AMSTERDAM)
    if first <= here.hour < last:
        return soonest
    day = here.date() if here.hour < first else here.date() + timedelta(days=1)
    return datetime.combine(day, time(first), AMSTERDAM).astimezone(UTC)


def _next_quarter(now: datetime) -> datetime:
    return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + QUARTER
