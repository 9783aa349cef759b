"""Who takes over when: booking, laying out a rhythm, confirming, cancelling, moving.

Each change moves the units in the ledger in the same transaction, and what falls through on the side of the stand-in
is offered to somebody else at once.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from matching.access import Viewer
from matching.errors import IllegalMove, NotFound
from matching.models import Arrangement, CareSituation, GapOffer, ReliefRequest, RespijtBooking, Tag
from matching.notices import respijt_moment
from matching.services import care, covering, evaluating, ledger, locks, opbouwwerkers, outbox
from matching.services.calendar_warnings import AHEAD, Kind, Warning, warnings
from matching.services.history import record
from matching.services.respijt_booking import (
    LaidOut,
    Refused,
    book,
    bookable,
    extend,
    lay_out,
    make,
    relief_of,
    tell_stand_in,
)
from matching.services.respijt_moments import (
    MOVED,
    STAND_IN_REASONS,
    Day,
    Moment,
    Month,
    coming,
    coming_for,
    day_of,
    month,
    month_of_stand_in,
    of_account,
    of_booking,
    overview,
    to_confirm,
)
from matching.workflow import BOOKING_MOVES, BookingState, after

__all__ = [
    "AHEAD",
    "CARER_REASONS",
    "STAND_IN_REASONS",
    "Day",
    "Kind",
    "LaidOut",
    "Moment",
    "Month",
    "Refused",
    "Warning",
    "assume_used",
    "book",
    "bookable",
    "cancel",
    "cancel_coming",
    "cancel_paid_by",
    "coming",
    "coming_for",
    "extend",
    "lay_out",
    "look",
    "miss",
    "month",
    "month_of_stand_in",
    "my_moment",
    "my_turn",
    "of_account",
    "of_booking",
    "overview",
    "swap",
    "to_confirm",
    "use",
    "warnings",
]

ASSUMED_AFTER = timedelta(days=7)  # nobody said it did not go ahead
CARER_REASONS = ("not_needed", "cared_for_ill", "other")
NO_SHOW = "no_show"  # nobody came


def my_moment(session: Session, account_id: int | None, booking_id: int) -> tuple[CareSituation, Moment]:
    """A moment for its mantelzorger. Raises NotFound for everybody else."""
    moment = of_booking(session, booking_id)
    if moment is None:
        raise NotFound
    return care.own(session, account_id, moment.booking.situation_id), moment


def my_turn(session: Session, account_id: int | None, booking_id: int) -> Moment:
    """A moment for the volunteer who takes over. Raises NotFound for everybody else."""
    moment = of_booking(session, booking_id, volunteer_id=account_id) if account_id is not None else None
    if moment is None:
        raise NotFound
    return moment


def look(
    session: Session, viewer: Viewer, booking_id: int, *, activity: str, trace_id: str, now: datetime
) -> tuple[CareSituation, Moment]:
    """A moment for the desk of the buurt; the look is noted. Raises NotFound."""
    moment = of_booking(session, booking_id)
    if moment is None:
        raise NotFound
    situation_id = moment.booking.situation_id
    return care.look(session, viewer, situation_id, activity=activity, trace_id=trace_id, now=now), moment


def use(session: Session, booking: RespijtBooking, *, by: int | None, now: datetime) -> None:
    """It went ahead. by None: nobody said otherwise for a week. Raises IllegalMove, also before it began."""
    _lock(session, booking)
    if booking.starts_at > now:
        raise IllegalMove("it has yet to begin")
    _end(session, booking, "use", "", by=by, now=now)
    if booking.payer:
        ledger.use(session, booking, by=by, now=now)
    record(session, Tag.BOOKING_USED, booking, now=now, actor_id=by, assumed=by is None)
    evaluating.invite(session, booking.arrangement_id, now=now)
    _note_first_relief(session, booking)


def miss(session: Session, booking: RespijtBooking, *, by: int | None, now: datetime) -> None:
    """Nobody came. The units come back and the desk hears of it. Raises IllegalMove, also before it began."""
    _lock(session, booking)
    if booking.starts_at > now:
        raise IllegalMove("it has yet to begin")
    _end(session, booking, "miss", NO_SHOW, by=by, now=now)
    if booking.payer:
        ledger.release(session, booking, by=by, now=now)
    record(session, Tag.BOOKING_NO_SHOW, booking, now=now, actor_id=by)
    _tell_desk(session, booking, NO_SHOW, now=now)


def cancel(session: Session, booking: RespijtBooking, *, reason: str, by: int | None, now: datetime) -> None:
    """It does not go ahead, or did not although it was counted. The units come back. Where the stand-in can't, it is
    offered to somebody else at once. reason: CARER_REASONS, STAND_IN_REASONS, or another service's own (at most 20
    characters). Raises IllegalMove, also for a stand-in who takes back what somebody else said."""
    _lock(session, booking)
    step = "correct" if booking.state == BookingState.USED else "cancel"
    arrangement = session.get_one(Arrangement, booking.arrangement_id)
    is_stand_in = by is not None and by == arrangement.volunteer_id
    if step == "correct" and is_stand_in and booking.ended_by_id not in (None, by):
        raise IllegalMove("somebody else said that it went ahead")
    _end(session, booking, step, reason, by=by, now=now)
    if booking.payer:
        ledger.release(session, booking, by=by, now=now)
    record(session, Tag.BOOKING_CANCELLED, booking, now=now, actor_id=by, reason=reason)
    if step == "correct":
        _note_first_relief(session, booking)
    if reason == NO_SHOW:
        _tell_desk(session, booking, NO_SHOW, now=now)
    if booking.ends_at <= now:
        return  # it is over: the other side does not have to hear of it, and nobody can take it over
    if (reason in STAND_IN_REASONS or is_stand_in) and _reoffer(session, booking, now=now):
        _tell_carer(session, booking, by=by, now=now)
    tell_stand_in(session, booking, arrangement, "cancelled", by=by, now=now)


def swap(
    session: Session, booking: RespijtBooking, *, starts_at: datetime, ends_at: datetime, by: int | None, now: datetime
) -> RespijtBooking:
    """Move it to another time: the old one is cancelled as moved, the new one is booked, or neither. The stand-in hears
    of it and can say that it does not suit. Raises IllegalMove for one that has begun or is over, and what `book`
    raises."""
    _lock(session, booking)
    if booking.starts_at <= now:
        raise IllegalMove("it has begun")
    arrangement = session.get_one(Arrangement, booking.arrangement_id)
    relief = relief_of(session, arrangement)
    with session.begin_nested():
        _end(session, booking, "cancel", MOVED, by=by, now=now)
        if booking.payer:
            ledger.release(session, booking, by=by, now=now)
        moved = make(
            session, arrangement, relief, starts_at=starts_at, ends_at=ends_at, payer=booking.payer, by=by, now=now
        )
    record(session, Tag.BOOKING_CANCELLED, booking, now=now, actor_id=by, reason=MOVED, moved_to=moved.id)
    tell_stand_in(session, moved, arrangement, "moved", by=by, now=now)
    return moved


def cancel_coming(
    session: Session,
    *,
    situation_id: int | None = None,
    arrangement_id: int | None = None,
    reason: str,
    by: int | None,
    now: datetime,
) -> int:
    """Cancel all that has yet to begin, of a situation or of an arrangement, and give the units back. Nothing is
    offered anew and nobody is told: whoever ends a situation or an arrangement does that. What is under way stays
    planned, and the desk hears of it: only people know how much of a stay was used. Returns how many were cancelled."""
    whose = (
        RespijtBooking.arrangement_id == arrangement_id
        if arrangement_id is not None
        else RespijtBooking.situation_id == situation_id
    )
    query = select(RespijtBooking).where(
        whose, RespijtBooking.state == BookingState.PLANNED, col(RespijtBooking.ends_at) > now
    )
    found = session.exec(query.order_by(col(RespijtBooking.id)).with_for_update()).all()
    coming = [booking for booking in found if booking.starts_at > now]
    for booking in found:
        if booking not in coming:
            _tell_desk(session, booking, "under_way", now=now)
    for booking in coming:
        _end(session, booking, "cancel", reason, by=by, now=now)
        if booking.payer:
            ledger.release(session, booking, by=by, now=now)
        record(session, Tag.BOOKING_CANCELLED, booking, now=now, actor_id=by, reason=reason)
    return len(coming)


def cancel_paid_by(
    session: Session, situation: CareSituation, payer: str, *, reason: str, by: int | None, now: datetime
) -> int:
    """What has yet to begin and is paid by this payer, who no longer may, is cancelled. Volunteers hear of it, and the
    desk tells the organisations. Returns how many."""
    assert situation.id is not None
    locks.situation(session, situation.id)
    query = select(RespijtBooking).where(
        RespijtBooking.situation_id == situation.id,
        RespijtBooking.payer == payer,
        RespijtBooking.state == BookingState.PLANNED,
        col(RespijtBooking.starts_at) > now,
    )
    found = session.exec(query.order_by(col(RespijtBooking.id))).all()
    for booking in found:
        cancel(session, booking, reason=reason, by=by, now=now)
    for booking in {each.arrangement_id: each for each in found}.values():
        _tell_desk(session, booking, reason, now=now)
    return len(found)


def assume_used(session: Session, booking_id: int, *, now: datetime) -> bool:
    """Count what ended a week ago, and of which nobody said anything, as used. False when there is nothing to do."""
    booking = session.get_one(RespijtBooking, booking_id)
    _lock(session, booking)
    if booking.state != BookingState.PLANNED or booking.ends_at > now - ASSUMED_AFTER:
        return False
    use(session, booking, by=None, now=now)
    return True


def _lock(session: Session, booking: RespijtBooking) -> None:
    """Of two people who end the same booking at the same moment, one is first and the other finds it ended."""
    locks.situation(session, booking.situation_id)
    session.refresh(booking, with_for_update=True)


def _end(session: Session, booking: RespijtBooking, step: str, reason: str, *, by: int | None, now: datetime) -> None:
    booking.state = after(BOOKING_MOVES, BookingState(booking.state), step)
    booking.end_reason, booking.ended_by_id, booking.ended_at = reason, by, now
    session.add(booking)
    session.flush()


def _note_first_relief(session: Session, booking: RespijtBooking) -> None:
    """The day of the first time that went ahead."""
    arrangement = session.get_one(Arrangement, booking.arrangement_id)
    relief = session.get_one(ReliefRequest, arrangement.relief_id)
    first = session.exec(
        select(RespijtBooking.starts_at)
        .join(Arrangement, col(Arrangement.id) == RespijtBooking.arrangement_id)
        .where(Arrangement.relief_id == relief.id, RespijtBooking.state == BookingState.USED)
        .order_by(col(RespijtBooking.starts_at))
        .limit(1)
    ).first()
    relief.first_relief_on = day_of(first) if first is not None else None
    session.add(relief)


def _reoffer(session: Session, booking: RespijtBooking, *, now: datetime) -> bool:
    """Ask the back-up persons. Whether the mantelzorger has yet to hear that it fell through."""
    gap = covering.reoffer(session, booking, now=now)
    if gap is None:
        return True
    asked = select(GapOffer.id).where(GapOffer.gap_id == gap.id, GapOffer.answer == "")
    return session.exec(asked).first() is not None  # with nobody to ask they have just been told so


def _tell_desk(session: Session, booking: RespijtBooking, what: str, *, now: datetime) -> None:
    """Somebody counted on it and it did not or does not go ahead: a human calls."""
    arrangement = session.get_one(Arrangement, booking.arrangement_id)
    opbouwwerkers.tell(session, arrangement.relief_id, f"{what}:{booking.id}", now=now)


def _tell_carer(session: Session, booking: RespijtBooking, *, by: int | None, now: datetime) -> None:
    situation = session.get_one(CareSituation, booking.situation_id)
    if situation.mantelzorger_id != by:
        assert booking.id is not None
        notice = respijt_moment(situation.mantelzorger_id, booking.id, "fell_through", stand_in=False)
        outbox.post(session, notice, now=now)
