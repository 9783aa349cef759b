"""The steps of an arrangement with a volunteer: introduction visit, trial, agreement in writing by both, start, end.

No step can be left out: the table of moves allows one order only, and the start looks again at everything that has to
be there at that moment.
"""

from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import Arrangement, Pairing, ReliefRequest, RespijtBooking, Tag, Volunteer
from matching.services import covering, locks, opbouwwerkers, pairing, standing_in
from matching.services.history import record
from matching.services.standing_in import UNDER_WAY
from matching.workflow import (
    ARRANGEMENT_MOVES,
    LIVE_PAIRING_STATES,
    RELIEF_MOVES,
    ArrangementState,
    BookingState,
    ReliefState,
    after,
)
from matching.working_days import AMSTERDAM

AGREEMENT = "2026-11"  # the version of templates/care/agreement_text.html
LONGEST_WORDS = 1000
# Why it stops, before it runs or afterwards. The first two are about these two people: they are not brought together
# for this situation again.
NOT_AGAIN = ("not_this_person", "stand_in")
REASONS = (*NOT_AGAIN, "time", "moved", "done", "other")
SOON = timedelta(weeks=2)  # moments of somebody who stops: a back-up person is asked for these
LONGEST_AGO = 366  # days: an introduction or a trial of longer ago says little


def introduced(session: Session, arrangement: Arrangement, on: date, *, by: int, now: datetime) -> None:
    """They met on this day, with the opbouwwerker; a trial comes next.

    Raises Invalid("on", "future" or "too_old"), and IllegalMove when it is not the time for it.
    """
    _hold(session, arrangement)
    state = after(ARRANGEMENT_MOVES, arrangement.state, "try")
    _check_day(on, now)
    arrangement.introduced_on = on
    _move(session, arrangement, state, "try", by=by, now=now)
    standing_in.tell_both(session, arrangement, "trial", now=now)


def tried(session: Session, arrangement: Arrangement, on: date, *, went_well: bool, by: int, now: datetime) -> None:
    """They tried it once. When it went well, both read the agreement; otherwise they may try again, or stop.

    Raises Invalid("on", "future", "too_old" or "before_introduction"), and IllegalMove.
    """
    _hold(session, arrangement)
    state = after(ARRANGEMENT_MOVES, arrangement.state, "agree")
    _check_day(on, now)
    if arrangement.introduced_on is None or on < arrangement.introduced_on:
        raise Invalid("on", "before_introduction")
    if not went_well:
        record(session, Tag.ARRANGEMENT_MOVED, arrangement, now=now, actor_id=by, move="tried", well=False)
        return
    arrangement.tried_on = on
    _move(session, arrangement, state, "agree", by=by, now=now)
    standing_in.tell_both(session, arrangement, "agreement", now=now)


def agree(session: Session, arrangement: Arrangement, *, by: int, version: str, now: datetime) -> None:
    """The mantelzorger or the volunteer agrees with this version of the text. Twice changes nothing.

    What the other one agreed to earlier, in an older version, no longer counts: both agree to the same text.
    Raises NotFound for anybody else, IllegalMove before the trial or afterwards, Invalid("version", "old").
    """
    _hold(session, arrangement)
    is_carer = by == standing_in.carer_id(session, arrangement)
    if not is_carer and by != arrangement.volunteer_id:
        raise NotFound
    if arrangement.state != ArrangementState.AGREEING:
        raise IllegalMove(f"cannot agree while it is {arrangement.state}")
    if version != AGREEMENT:
        raise Invalid("version", "old")
    if arrangement.agreement_version != version:
        arrangement.agreement_version = version
        arrangement.mantelzorger_agreed_at = arrangement.stand_in_agreed_at = None
    side = "mantelzorger_agreed_at" if is_carer else "stand_in_agreed_at"
    if getattr(arrangement, side) is not None:
        return
    setattr(arrangement, side, now)
    session.add(arrangement)
    record(session, Tag.ARRANGEMENT_AGREED, arrangement, now=now, actor_id=by, version=version)
    if arrangement.mantelzorger_agreed_at and arrangement.stand_in_agreed_at:
        opbouwwerkers.tell(session, arrangement.relief_id, f"agreed:{arrangement.id}", now=now)


def missing(session: Session, arrangement: Arrangement, *, today: date) -> list[str]:
    """What has to be there before it can start: introduction, trial, mantelzorger, stand_in (their agreement), and
    what standing_in.may_stand_in finds; nothing when the list is empty."""
    stands = {
        "introduction": arrangement.introduced_on is None,
        "trial": arrangement.tried_on is None,
        "mantelzorger": arrangement.mantelzorger_agreed_at is None,
        "stand_in": arrangement.stand_in_agreed_at is None,
    }
    volunteer = session.get_one(Volunteer, arrangement.volunteer_id)
    return [key for key, holds in stands.items() if holds] + standing_in.may_stand_in(session, volunteer, today)


def start(session: Session, arrangement: Arrangement, *, by: int, now: datetime) -> None:
    """From now on this volunteer takes over. The search is done, and so is the pairing.

    Raises Invalid("start", the first of missing()), and IllegalMove when it is not the time for it.
    """
    relief = _hold(session, arrangement)
    state = after(ARRANGEMENT_MOVES, arrangement.state, "start")
    lacking = missing(session, arrangement, today=now.astimezone(AMSTERDAM).date())
    if lacking:
        raise Invalid("start", lacking[0])
    made = _live_pairing(session, arrangement)
    if made is not None:
        pairing.finish(session, made, now=now, actor_id=by, asks_feedback=False)  # it has an evaluation of its own
    _move(session, arrangement, state, "start", by=by, now=now)
    _runs(session, relief, by=by, now=now)
    standing_in.tell_both(session, arrangement, "running", now=now)


def refuse(session: Session, arrangement: Arrangement, *, reason: str, by: int, now: datetime) -> None:
    """It stops before it runs, with the trial that was planned; somebody else is looked for at once.

    Raises Invalid("reason", "missing"), and IllegalMove.
    """
    from matching.services import respijt_calendar  # it asks this side who may stand in

    known = _known(reason)
    _hold(session, arrangement)
    state = after(ARRANGEMENT_MOVES, arrangement.state, "refuse")
    made = _live_pairing(session, arrangement)
    if made is not None:  # which ends the arrangement too
        pairing.fall_through(session, made, "time" if known == "time" else "other", now=now, actor_id=by)
        session.refresh(arrangement)
        arrangement.end_reason = known
        session.add(arrangement)
        return
    arrangement.ended_at, arrangement.end_reason = now, known
    _move(session, arrangement, state, "refuse", by=by, now=now, why=known)
    session.flush()
    respijt_calendar.cancel_coming(session, arrangement_id=arrangement.id, reason="ended", by=by, now=now)


def end(session: Session, arrangement: Arrangement, *, reason: str, by: int, now: datetime) -> None:
    """What ran stops: what was planned is cancelled, the other one and the desk hear of it. When nobody but back-up
    persons is left, they are asked for what comes soon, and the desk looks after the time off again.

    Raises Invalid("reason", "missing"), and IllegalMove.
    """
    from matching.services import respijt_calendar  # it asks this side who may stand in

    known = _known(reason)
    relief = _hold(session, arrangement)
    state = after(ARRANGEMENT_MOVES, arrangement.state, "end")
    arrangement.ended_at, arrangement.end_reason = now, known
    _move(session, arrangement, state, "end", by=by, now=now, why=known)
    session.flush()
    soon = _planned_soon(session, arrangement, now=now)
    respijt_calendar.cancel_coming(session, arrangement_id=arrangement.id, reason="ended", by=by, now=now)
    others = session.exec(_running(relief)).all()
    if relief.state == ReliefState.RUNNING and all(each.is_backup for each in others):
        relief.state, relief.updated_at = after(RELIEF_MOVES, relief.state, "fall_through"), now
        session.add(relief)
    for booking in soon if others else ():
        covering.reoffer(session, booking, now=now)
    standing_in.tell_both(session, arrangement, "ended", now=now, but=by)
    opbouwwerkers.tell(session, arrangement.relief_id, f"ended:{arrangement.id}", now=now)


def _planned_soon(session: Session, arrangement: Arrangement, *, now: datetime) -> list[RespijtBooking]:
    query = select(RespijtBooking).where(
        RespijtBooking.arrangement_id == arrangement.id,
        RespijtBooking.state == BookingState.PLANNED,
        RespijtBooking.starts_at > now,
        RespijtBooking.starts_at < now + SOON,
    )
    return list(session.exec(query.order_by(col(RespijtBooking.starts_at))))


def _running(relief: ReliefRequest) -> SelectOfScalar[Arrangement]:
    return select(Arrangement).where(Arrangement.relief_id == relief.id, Arrangement.state == ArrangementState.RUNNING)


def make_regular(session: Session, arrangement: Arrangement, *, by: int, now: datetime) -> None:
    """A back-up person becomes the one who comes, where nobody else does. Raises IllegalMove otherwise."""
    relief = _hold(session, arrangement)
    others = session.exec(_running(relief).where(~col(Arrangement.is_backup))).first()
    if arrangement.state != ArrangementState.RUNNING or not arrangement.is_backup or others is not None:
        raise IllegalMove("somebody else comes already, or this is no back-up person")
    arrangement.is_backup = False
    session.add(arrangement)
    record(session, Tag.ARRANGEMENT_MOVED, arrangement, now=now, actor_id=by, move="make_regular")
    _runs(session, relief, by=by, now=now)


def _runs(session: Session, relief: ReliefRequest, *, by: int, now: datetime) -> None:
    """Somebody comes from now on, if nobody did."""
    if relief.state != ReliefState.RUNNING:
        relief.state, relief.updated_at = after(RELIEF_MOVES, relief.state, "start"), now
        session.add(relief)
        record(session, Tag.RELIEF_STARTED, relief, now=now, actor_id=by)


def tell(session: Session, arrangement: Arrangement, words: str, *, by: int, now: datetime) -> None:
    """What the mantelzorger wants this one volunteer to know: habits, keys. Raises NotFound for anybody else,
    Invalid("words", "too_long"), and IllegalMove when it is over."""
    if by != standing_in.carer_id(session, arrangement):
        raise NotFound
    _hold(session, arrangement)
    if arrangement.state not in standing_in.LIVE:
        raise IllegalMove(f"it is {arrangement.state}")
    if len(words) > LONGEST_WORDS:
        raise Invalid("words", "too_long")
    arrangement.words = words.strip()
    session.add(arrangement)


def _known(reason: str) -> str:
    if reason not in REASONS:
        raise Invalid("reason", "missing")
    return reason


def _check_day(on: date, now: datetime) -> None:
    today = now.astimezone(AMSTERDAM).date()
    if on > today:
        raise Invalid("on", "future")
    if (today - on).days > LONGEST_AGO:
        raise Invalid("on", "too_old")


def _hold(session: Session, arrangement: Arrangement) -> ReliefRequest:
    """Take the rows and read them afresh: whoever takes a step at this very moment waits here."""
    relief = locks.arrangement(session, arrangement)
    if arrangement.volunteer_id is None:
        raise IllegalMove("a provider is referred to, not introduced")
    return relief


def _move(
    session: Session,
    arrangement: Arrangement,
    state: ArrangementState,
    move: str,
    *,
    by: int,
    now: datetime,
    **facts: str,
) -> None:
    arrangement.state = state
    session.add(arrangement)
    record(session, Tag.ARRANGEMENT_MOVED, arrangement, now=now, actor_id=by, move=move, **facts)


def _live_pairing(session: Session, arrangement: Arrangement) -> Pairing | None:
    """The pairing from which this arrangement came, as long as it does not run."""
    if arrangement.state not in UNDER_WAY:
        return None
    query = (
        select(Pairing)
        .join(ReliefRequest, col(ReliefRequest.help_request_id) == col(Pairing.request_id))
        .where(
            ReliefRequest.id == arrangement.relief_id,
            Pairing.volunteer_id == arrangement.volunteer_id,
            col(Pairing.state).in_(LIVE_PAIRING_STATES),
        )
    )
    return session.exec(query).first()
