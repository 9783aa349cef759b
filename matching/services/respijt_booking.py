"""Putting moments in the calendar: one by hand, or a rhythm until a day.

Every booking takes its units from the ledger in the same transaction.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from matching.errors import Invalid
from matching.models import (
    Account,
    Arrangement,
    CareSituation,
    ReliefRequest,
    RespijtBooking,
    RespijtProvider,
    Tag,
    Volunteer,
)
from matching.notices import respijt_moment
from matching.respijt_catalogue import FORMS, PAYERS
from matching.services import covering, ledger, locks, outbox, series, standing_in
from matching.services.calendar_warnings import AHEAD
from matching.services.history import record
from matching.services.relief_rules import LONGEST_STAY
from matching.services.respijt_moments import day_of
from matching.workflow import ArrangementState, CareState, ReliefState

FARTHEST = timedelta(days=366)  # ahead
BOOKABLE = (ArrangementState.TRIAL, ArrangementState.AGREEING, ArrangementState.RUNNING)


@dataclass(frozen=True, slots=True)
class Refused:
    """A moment of a rhythm that was not booked: reason is a key of the ledger's or of the calendar's own."""

    day: date
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class LaidOut:
    """What laying out did. Moments that were there already, or that somebody cancelled, stand in neither list."""

    made: list[RespijtBooking] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def book(
    session: Session,
    arrangement: Arrangement,
    *,
    starts_at: datetime,
    ends_at: datetime,
    payer: str,
    by: int | None,
    now: datetime,
) -> RespijtBooking:
    """One moment. payer: empty where nothing is counted. Raises Invalid: starts_at (past, too_far, taken), ends_at
    (before_start, too_long), payer (unknown, no_form), arrangement (not_running, or what keeps the stand-in from it),
    and what the ledger refuses."""
    relief = relief_of(session, arrangement)
    booking = make(session, arrangement, relief, starts_at=starts_at, ends_at=ends_at, payer=payer, by=by, now=now)
    tell_stand_in(session, booking, arrangement, "planned", by=by, now=now)
    return booking


def bookable(session: Session, situation_id: int) -> list[tuple[int, str, str]]:
    """Who can be booked in a situation: id of the arrangement, first name or name of the place, and form."""
    rows = session.execute(
        sa.select(
            col(Arrangement.id),
            sa.func.coalesce(col(Account.first_name), col(RespijtProvider.name), ""),
            col(ReliefRequest.form),
        )
        .join(ReliefRequest, col(ReliefRequest.id) == col(Arrangement.relief_id))
        .outerjoin(Account, col(Account.id) == col(Arrangement.volunteer_id))
        .outerjoin(RespijtProvider, col(RespijtProvider.id) == col(Arrangement.provider_id))
        .where(col(ReliefRequest.situation_id) == situation_id, col(Arrangement.state).in_(BOOKABLE))
        .order_by(col(Arrangement.is_backup), col(Arrangement.id))
    )
    return [(key, who, form) for key, who, form in rows]


def lay_out(
    session: Session,
    arrangement: Arrangement,
    *,
    until: date,
    payer: str,
    by: int | None,
    now: datetime,
    hour: time | None = None,
) -> LaidOut:
    """Book the rhythm of the relief from today until a day, included. Done twice it makes nothing twice, and a moment
    that was cancelled or moved stays so. hour: by the Dutch clock, from now on. What is refused stands in the answer,
    and the others are made. Raises Invalid: rrule, minutes, payer (unknown) or arrangement."""
    relief = relief_of(session, arrangement)
    if arrangement.state != ArrangementState.RUNNING:
        raise Invalid("arrangement", "not_running")  # before the agreement there is a trial, not a rhythm
    _check_payer(payer, relief)
    hour = hour or arrangement.series_hour
    found = series.occurrences(
        relief.rrule,
        relief.first_day,
        slots=relief.slots,
        minutes=relief.minutes,
        last_day=min(until, relief.last_day or until, day_of(now + FARTHEST)),
        since=day_of(now),
        hour=hour,
    )
    arrangement.series_payer, arrangement.series_hour = payer, hour
    session.add(arrangement)
    result = LaidOut()
    known = _known_days(session, arrangement, since=now)
    for each in found:
        if each.day in known or each.starts_at <= now:
            continue
        _try_one(session, arrangement, relief, each, result, by=by, now=now)
    if result.made and by is not None:  # that the rhythm goes on by itself is no news
        tell_stand_in(session, result.made[0], arrangement, "laid_out", by=by, now=now)
    return result


def _try_one(
    session: Session,
    arrangement: Arrangement,
    relief: ReliefRequest,
    each: series.Occurrence,
    result: LaidOut,
    *,
    by: int | None,
    now: datetime,
) -> None:
    """Book one occurrence; what is refused leaves no trace of it but the reason."""
    payer = arrangement.series_payer or ""
    attempt = session.begin_nested()
    try:
        made = make(
            session, arrangement, relief, starts_at=each.starts_at, ends_at=each.ends_at, payer=payer, by=by, now=now
        )
    except Invalid as error:
        attempt.rollback()
        result.refused.append(Refused(each.day, error.field, error.reason))
    else:
        attempt.commit()
        result.made.append(made)


def _known_days(session: Session, arrangement: Arrangement, *, since: datetime) -> set[date]:
    """Days on which this arrangement has a booking, also a cancelled one: what somebody took out stays out."""
    starts = session.exec(
        select(RespijtBooking.starts_at).where(
            RespijtBooking.arrangement_id == arrangement.id,
            col(RespijtBooking.starts_at) > since - timedelta(days=1),
        )
    )
    return {day_of(moment) for moment in starts}


def relief_of(session: Session, arrangement: Arrangement) -> ReliefRequest:
    """The relief that this arrangement is for, both taken so that neither ends meanwhile. Raises Invalid("arrangement",
    "not_running")."""
    relief = locks.arrangement(session, arrangement, with_request=False)
    situation = session.get_one(CareSituation, relief.situation_id)
    if arrangement.state not in BOOKABLE or situation.state != CareState.OPEN:
        raise Invalid("arrangement", "not_running")
    return relief


def _check_payer(payer: str, relief: ReliefRequest) -> None:
    if payer and payer not in PAYERS:
        raise Invalid("payer", "unknown")
    if payer and relief.form not in FORMS:
        raise Invalid("payer", "no_form")  # what is counted follows from the form, and none was chosen yet


def _check_stand_in(session: Session, arrangement: Arrangement, on: date) -> None:
    """Nobody is alone with somebody who depends on care without a VOG that is valid on that day, an introduction and
    training. Raises Invalid("arrangement", reason)."""
    if arrangement.volunteer_id is None:
        return
    obstacles = standing_in.may_stand_in(session, session.get_one(Volunteer, arrangement.volunteer_id), on)
    if obstacles:
        raise Invalid("arrangement", obstacles[0])


def make(
    session: Session,
    arrangement: Arrangement,
    relief: ReliefRequest,
    *,
    starts_at: datetime,
    ends_at: datetime,
    payer: str,
    by: int | None,
    now: datetime,
) -> RespijtBooking:
    """The same without telling anybody."""
    _check_times(starts_at, ends_at, now=now)
    _check_stand_in(session, arrangement, day_of(ends_at))
    _check_payer(payer, relief)
    assert arrangement.id is not None
    booking = RespijtBooking(
        situation_id=relief.situation_id,
        arrangement_id=arrangement.id,
        payer=payer,
        starts_at=starts_at,
        ends_at=ends_at,
        created_at=now,
    )
    try:
        with session.begin_nested():  # two at once: one of them finds it taken, and nothing else is undone
            session.add(booking)
            session.flush()
    except IntegrityError:
        raise Invalid("starts_at", "taken") from None
    if payer:
        ledger.plan(session, booking, by=by, now=now)
    covering.fill(session, booking, by=by, now=now)
    record(session, Tag.BOOKING_PLANNED, booking, now=now, actor_id=by)
    return booking


def _check_times(starts_at: datetime, ends_at: datetime, *, now: datetime) -> None:
    if starts_at <= now:
        raise Invalid("starts_at", "past")
    if starts_at > now + FARTHEST:
        raise Invalid("starts_at", "too_far")
    if ends_at <= starts_at:
        raise Invalid("ends_at", "before_start")
    if ends_at - starts_at > LONGEST_STAY:
        raise Invalid("ends_at", "too_long")


def extend(session: Session, arrangement_id: int, *, now: datetime) -> int:
    """Lay a running rhythm out eight weeks ahead. Returns how many moments were made."""
    arrangement = session.get_one(Arrangement, arrangement_id)
    relief = session.get_one(ReliefRequest, arrangement.relief_id)
    if arrangement.series_payer is None or relief.state != ReliefState.RUNNING:
        return 0
    laid = lay_out(session, arrangement, until=day_of(now + AHEAD), payer=arrangement.series_payer, by=None, now=now)
    return len(laid.made)


def tell_stand_in(
    session: Session, booking: RespijtBooking, arrangement: Arrangement, what: str, *, by: int | None, now: datetime
) -> None:
    """News for the volunteer. A provider hears of it from the opbouwwerker; whoever did it knows."""
    if arrangement.volunteer_id is not None and arrangement.volunteer_id != by:
        assert booking.id is not None
        outbox.post(session, respijt_moment(arrangement.volunteer_id, booking.id, what, stand_in=True), now=now)
