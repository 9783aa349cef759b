"""An organisation takes over: a referral, and what becomes of it.

The desk asks the organisation and looks again on the day it set: a place, a waiting list, or a no with its reason.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from matching.access import Viewer
from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import Arrangement, CareSituation, ReliefRequest, RespijtProvider, Tag
from matching.services import locks, relief_rules
from matching.services import relief as reliefs
from matching.services.history import record
from matching.workflow import ARRANGEMENT_MOVES, RELIEF_MOVES, ArrangementState, ReliefState, after
from matching.working_days import AMSTERDAM, add_working_days

FOLLOW_UP = 5  # working days after which to ask how it stands, unless another day is chosen
FURTHEST = timedelta(days=366)
LONGEST_WORDS = 1000
REFUSALS = ("full", "not_fitting", "too_far", "not_paid", "declined", "no_answer", "other")
ENDINGS = ("finished", "not_fitting", "stopped", "other")


@dataclass(frozen=True, slots=True)
class ReferralRow:
    """An organisation that was asked, or takes over. words: notes of the desk."""

    id: int
    provider_id: int
    provider: str
    phone: str
    state: ArrangementState
    follow_up_on: date | None
    words: str
    created_at: datetime
    ended_at: datetime | None
    end_reason: str

    @property
    def is_asked(self) -> bool:
        return self.state in (ArrangementState.PROPOSED, ArrangementState.WAITING)

    @property
    def is_running(self) -> bool:
        return self.state == ArrangementState.RUNNING


def usual_follow_up(now: datetime) -> date:
    """The day on which to ask how it stands, if nobody chooses another."""
    return add_working_days(now.astimezone(AMSTERDAM).date(), FOLLOW_UP)


def of(session: Session, relief_id: int) -> list[ReferralRow]:
    """The referrals of a request, newest first."""
    query: Any = (
        select(
            col(Arrangement.id),
            col(Arrangement.provider_id),
            col(RespijtProvider.name).label("provider"),
            col(RespijtProvider.phone),
            col(Arrangement.state),
            col(Arrangement.follow_up_on),
            col(Arrangement.words),
            col(Arrangement.created_at),
            col(Arrangement.ended_at),
            col(Arrangement.end_reason),
        )
        .join(RespijtProvider, col(RespijtProvider.id) == col(Arrangement.provider_id))
        .where(col(Arrangement.relief_id) == relief_id)
        .order_by(col(Arrangement.id).desc())
    )
    return [ReferralRow(**row._mapping) for row in session.connection().execute(query)]


def look(
    session: Session, viewer: Viewer, arrangement_id: int, *, activity: str, trace_id: str, now: datetime
) -> tuple[ReliefRequest, Arrangement]:
    """A referral, for the desk of the buurt; the look is noted. Raises NotFound, also for a volunteer's arrangement."""
    found = session.get(Arrangement, arrangement_id)
    if found is None or found.provider_id is None:
        raise NotFound
    _situation, relief = reliefs.look(session, viewer, found.relief_id, activity=activity, trace_id=trace_id, now=now)
    return relief, found


def refer(
    session: Session,
    relief: ReliefRequest,
    provider: RespijtProvider,
    *,
    viewer: Viewer,
    now: datetime,
    follow_up_on: date,
    words: str = "",
) -> Arrangement:
    """Ask this organisation. Asked already, it is the same referral.

    Raises IllegalMove unless somebody took the request up, Invalid("provider", "form" or "gone"),
    Invalid("follow_up_on", "past" or "too_far"), Invalid("words", "too_long"), Invalid("form", ...) as the asking does.
    """
    assert relief.id is not None
    locks.relief(session, relief.id, with_request=False)
    if relief.state not in (ReliefState.ARRANGING, ReliefState.RUNNING):
        raise IllegalMove(f"cannot refer a request that is {relief.state}")
    situation = session.get_one(CareSituation, relief.situation_id)
    if provider.retired_at is not None or provider.gemeente_code != f"GM{situation.buurt_code[2:6]}":
        raise Invalid("provider", "gone")
    if relief.form not in provider.forms:
        raise Invalid("provider", "form")
    relief_rules.check_form(relief.form, reliefs.home_of(situation))
    _check_follow_up(follow_up_on, now)
    if len(words) > LONGEST_WORDS:
        raise Invalid("words", "too_long")
    for known in reliefs.live_arrangements(session, relief):
        if known.provider_id == provider.id:
            return known
    arrangement = Arrangement(
        relief_id=relief.id, provider_id=provider.id, follow_up_on=follow_up_on, words=words.strip(), created_at=now
    )
    session.add(arrangement)
    session.flush()
    relief.updated_at = now
    session.add(relief)
    _moved(session, relief, arrangement, "propose", viewer, now)
    return arrangement


def wait(session: Session, arrangement: Arrangement, *, viewer: Viewer, now: datetime, follow_up_on: date) -> None:
    """There is a waiting list. On it already, only the day to ask again moves. Raises IllegalMove, Invalid."""
    relief = _locked(session, arrangement)
    _check_follow_up(follow_up_on, now)
    if arrangement.state == ArrangementState.WAITING:
        _ask_again(session, arrangement, viewer, now, follow_up_on)
        return
    arrangement.state = after(ARRANGEMENT_MOVES, arrangement.state, "wait")
    arrangement.follow_up_on = follow_up_on
    _moved(session, relief, arrangement, "wait", viewer, now)


def ask_again(session: Session, arrangement: Arrangement, *, viewer: Viewer, now: datetime, follow_up_on: date) -> None:
    """No answer yet: look again on another day. Raises IllegalMove when there is one, Invalid."""
    _locked(session, arrangement)
    _check_follow_up(follow_up_on, now)
    if arrangement.state not in (ArrangementState.PROPOSED, ArrangementState.WAITING):
        raise IllegalMove(f"nothing to ask: it is {arrangement.state}")
    _ask_again(session, arrangement, viewer, now, follow_up_on)


def _ask_again(session: Session, arrangement: Arrangement, viewer: Viewer, now: datetime, follow_up_on: date) -> None:
    arrangement.follow_up_on = follow_up_on
    session.add(arrangement)
    record(session, Tag.ARRANGEMENT_FOLLOWED_UP, arrangement, now=now, actor_id=viewer.account_id)


def place(session: Session, arrangement: Arrangement, *, viewer: Viewer, now: datetime) -> None:
    """There is a place: it runs from now on, and so does the request. Raises IllegalMove."""
    relief = _locked(session, arrangement)
    arrangement.state = after(ARRANGEMENT_MOVES, arrangement.state, "place")
    arrangement.follow_up_on = None
    if relief.state == ReliefState.ARRANGING:
        relief.state, relief.updated_at = after(RELIEF_MOVES, relief.state, "start"), now
        session.add(relief)
        record(session, Tag.RELIEF_STARTED, relief, now=now, actor_id=viewer.account_id)
    _moved(session, relief, arrangement, "place", viewer, now)


def refuse(session: Session, arrangement: Arrangement, *, reason: str, viewer: Viewer, now: datetime) -> None:
    """It does not become this one; the request stays at the desk. Raises Invalid("reason", "missing"), IllegalMove."""
    if reason not in REFUSALS:
        raise Invalid("reason", "missing")
    relief = _locked(session, arrangement)
    arrangement.state = after(ARRANGEMENT_MOVES, arrangement.state, "refuse")
    _over(arrangement, reason, now)
    _moved(session, relief, arrangement, "refuse", viewer, now)


def end(session: Session, arrangement: Arrangement, *, reason: str, viewer: Viewer, now: datetime) -> None:
    """It ran, and stops. What was planned is cancelled; with nobody else left the request goes back to the desk, or
    is done when that was the reason, with all that hangs from it. Raises Invalid("reason", "missing"), IllegalMove."""
    from matching.services import respijt_calendar  # it asks the arranging, which asks the requests

    if reason not in ENDINGS:
        raise Invalid("reason", "missing")
    relief = _locked(session, arrangement)
    arrangement.state = after(ARRANGEMENT_MOVES, arrangement.state, "end")
    _over(arrangement, reason, now)
    by = viewer.account_id
    assert by is not None
    respijt_calendar.cancel_coming(session, arrangement_id=arrangement.id, reason="ended", by=by, now=now)
    _moved(session, relief, arrangement, "end", viewer, now)
    others = reliefs.live_arrangements(session, relief)
    if relief.state != ReliefState.RUNNING or any(_takes_over(each) for each in others):
        return
    if reason == "finished":
        reliefs.finish(session, relief, reason=reason, by=by, now=now)
        return
    relief.state, relief.updated_at = after(RELIEF_MOVES, relief.state, "fall_through"), now
    session.add(relief)


def _takes_over(arrangement: Arrangement) -> bool:
    return arrangement.state == ArrangementState.RUNNING and not arrangement.is_backup


def _over(arrangement: Arrangement, reason: str, now: datetime) -> None:
    arrangement.ended_at, arrangement.end_reason, arrangement.follow_up_on = now, reason, None


def _locked(session: Session, arrangement: Arrangement) -> ReliefRequest:
    """Take the request first, as everything else does, and read the referral afresh."""
    return locks.arrangement(session, arrangement)


def _check_follow_up(day: date, now: datetime) -> None:
    today = now.astimezone(AMSTERDAM).date()
    if day < today:
        raise Invalid("follow_up_on", "past")
    if day - today > FURTHEST:
        raise Invalid("follow_up_on", "too_far")


def _moved(
    session: Session, relief: ReliefRequest, arrangement: Arrangement, move: str, viewer: Viewer, now: datetime
) -> None:
    session.add(arrangement)
    record(session, Tag.ARRANGEMENT_MOVED, arrangement, now=now, actor_id=viewer.account_id, move=move)
    reliefs.tell(session, relief, f"{arrangement.id}:{arrangement.state}", now=now)
