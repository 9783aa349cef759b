"""What does not fit in a calendar: two at the same time, a rhythm with a hole in it, a stand-in who is away.

Nothing is refused for it and nothing is changed: people decide what to do about it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col, select

from matching.errors import Invalid
from matching.models import Absence, Account, Arrangement, Entitlement, ReliefRequest, RespijtBooking, Volunteer
from matching.services import series
from matching.services.respijt_moments import MOVED, Moment, between, day_of, overlap
from matching.services.standing_in import may_stand_in
from matching.workflow import ArrangementState, BookingState, ReliefState

AHEAD = timedelta(weeks=8)
PLANNED = BookingState.PLANNED


class Kind(StrEnum):
    """What is the matter."""

    OVERLAP = "overlap"  # two take over from the same mantelzorger at the same time
    DOUBLE_BOOKED = "double_booked"  # the stand-in has another moment at that time, perhaps elsewhere
    AWAY = "away"  # the stand-in told us to be away, or is on pause
    NOBODY = "nobody"  # it fell through, and nobody has taken it over
    NOTHING_LEFT = "nothing_left"  # a rhythm that goes on after the entitlement ended
    TOO_LITTLE = "too_little"  # not all of a rhythm could be counted
    MAY_NOT = "may_not"  # the stand-in lacks a valid VOG, an introduction or training by then
    NOT_LAID_OUT = "not_laid_out"  # a rhythm of which nothing is in the calendar


@dataclass(frozen=True, slots=True)
class Warning:
    """One thing that does not fit. days: on the Dutch clock, in order. who: of the moments it is about; of another
    situation nothing is told. booking_id: where something can be done, None where nothing is booked."""

    kind: Kind
    relief_id: int
    form: str
    days: tuple[date, ...]
    who: tuple[str, ...] = ()
    booking_id: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A rhythm that goes on, with the arrangement that lays it out, if any. who: first name of its volunteer."""

    relief_id: int
    form: str
    rrule: str
    first_day: date
    last_day: date | None
    slots: int
    minutes: int
    payer: str | None
    hour: time | None
    volunteer_id: int | None
    who: str | None


def warnings(session: Session, situation_id: int, *, now: datetime) -> list[Warning]:
    """All that does not fit in the coming eight weeks, what comes first on top."""
    moments = between(session, now, now + AHEAD, situation_id=situation_id)
    planned = [moment for moment in moments if moment.state == PLANNED]
    found = [
        *_overlaps(planned),
        *_elsewhere(session, situation_id, planned, now=now),
        *_away(session, planned),
        *_gaps(session, situation_id, moments, now=now),
    ]
    return sorted(_together(found), key=lambda each: (each.days, each.kind))


def _together(found: Iterable[Warning]) -> list[Warning]:
    """The same thing on several days is one warning, with the booking of the first day."""
    same: dict[tuple[Kind, int, tuple[str, ...]], list[Warning]] = defaultdict(list)
    for each in sorted(found, key=lambda each: each.days):
        same[each.kind, each.relief_id, tuple(sorted(each.who))].append(each)
    return [replace(each[0], days=tuple(sorted({day for one in each for day in one.days}))) for each in same.values()]


def _overlaps(planned: Sequence[Moment]) -> Iterable[Warning]:
    for n, one in enumerate(planned):
        for other in planned[n + 1 :]:
            if other.booking.starts_at >= one.booking.ends_at:
                break  # they come in order of their beginning
            if one.volunteer_id is None or one.volunteer_id != other.volunteer_id:
                yield _about(Kind.OVERLAP, other, other.first_day, (one.who, other.who))
            else:
                yield _about(Kind.DOUBLE_BOOKED, other, other.first_day, (other.who,))


def _about(kind: Kind, moment: Moment, day: date, who: tuple[str, ...]) -> Warning:
    return Warning(kind, moment.relief_id, moment.form, (day,), who, moment.booking.id)


def _elsewhere(session: Session, situation_id: int, planned: Sequence[Moment], *, now: datetime) -> Iterable[Warning]:
    """Whoever takes over here, and in another situation at the same time."""
    volunteers = {moment.volunteer_id for moment in planned if moment.volunteer_id is not None}
    if not volunteers:
        return
    rows = session.exec(
        select(RespijtBooking, Arrangement.volunteer_id)
        .join(Arrangement, col(Arrangement.id) == RespijtBooking.arrangement_id)
        .where(
            col(Arrangement.volunteer_id).in_(volunteers),
            RespijtBooking.situation_id != situation_id,
            RespijtBooking.state == PLANNED,
            col(RespijtBooking.ends_at) > now,
            col(RespijtBooking.starts_at) < now + AHEAD,
        )
    ).all()
    for moment in planned:
        if any(volunteer == moment.volunteer_id and overlap(moment.booking, other) for other, volunteer in rows):
            yield _about(Kind.DOUBLE_BOOKED, moment, moment.first_day, (moment.who,))


def _away(session: Session, planned: Sequence[Moment]) -> Iterable[Warning]:
    volunteers = {moment.volunteer_id for moment in planned if moment.volunteer_id is not None}
    if not volunteers:
        return
    away = session.exec(select(Absence).where(col(Absence.volunteer_id).in_(volunteers))).all()
    rows = session.exec(select(Volunteer).where(col(Volunteer.account_id).in_(volunteers)))
    known = {each.account_id: each for each in rows}
    for moment in planned:
        if (moment.volunteer_id in known and not known[moment.volunteer_id].is_available(moment.first_day)) or any(
            absence.volunteer_id == moment.volunteer_id
            and absence.first_day <= moment.last_day
            and absence.last_day >= moment.first_day
            for absence in away
        ):
            yield _about(Kind.AWAY, moment, moment.first_day, (moment.who,))


def _gaps(session: Session, situation_id: int, moments: Sequence[Moment], *, now: datetime) -> Iterable[Warning]:
    """Days of a rhythm without anybody, by the reason. What the mantelzorger called off or moved is no gap."""
    running = _running(session, situation_id)
    if not running:
        return
    on: dict[tuple[int, date], list[Moment]] = defaultdict(list)
    for moment in moments:
        on[moment.relief_id, moment.first_day].append(moment)
    entitlements = session.exec(select(Entitlement).where(Entitlement.situation_id == situation_id)).all()
    for relief in running:
        nobody: list[tuple[date, int | None]] = []
        by_reason: dict[Kind, list[date]] = defaultdict(list)
        for day in _days(relief, now=now):
            there = on[relief.relief_id, day]
            if not there:
                by_reason[_why_not_laid_out(session, relief, day, entitlements)].append(day)
            elif _is_left_open(there):
                nobody.append((day, there[-1].booking.id))
        for day, booking_id in nobody:
            yield Warning(Kind.NOBODY, relief.relief_id, relief.form, (day,), (), booking_id)
        for kind, days in by_reason.items():
            who = (relief.who,) if kind == Kind.MAY_NOT and relief.who else ()
            yield Warning(kind, relief.relief_id, relief.form, tuple(days), who)


def _is_left_open(there: Sequence[Moment]) -> bool:
    if any(moment.is_live or moment.booking.end_reason == MOVED for moment in there):
        return False
    return any(moment.needs_somebody for moment in there)


def _why_not_laid_out(session: Session, relief: Running, day: date, entitlements: Iterable[Entitlement]) -> Kind:
    volunteer = session.get(Volunteer, relief.volunteer_id) if relief.volunteer_id is not None else None
    if volunteer is not None and may_stand_in(session, volunteer, day):
        return Kind.MAY_NOT
    if not relief.payer:
        return Kind.NOT_LAID_OUT  # nothing is counted, so nothing can have been refused for it
    holding = (
        each
        for each in entitlements
        if each.payer == relief.payer
        and each.form in ("", relief.form)
        and each.first_day <= day <= min(each.last_day, each.indication_ends or each.last_day)
    )
    return Kind.TOO_LITTLE if any(holding) else Kind.NOTHING_LEFT


def _running(session: Session, situation_id: int) -> list[Running]:
    rows = session.connection().execute(
        sa.select(
            col(ReliefRequest.id),
            col(ReliefRequest.form),
            col(ReliefRequest.rrule),
            col(ReliefRequest.first_day),
            col(ReliefRequest.last_day),
            col(ReliefRequest.slots),
            col(ReliefRequest.minutes),
            col(Arrangement.series_payer),
            col(Arrangement.series_hour),
            col(Arrangement.volunteer_id),
            col(Account.first_name),
        )
        .outerjoin(
            Arrangement,
            (col(Arrangement.relief_id) == col(ReliefRequest.id))
            & (col(Arrangement.state) == ArrangementState.RUNNING)
            & ~col(Arrangement.is_backup),
        )
        .outerjoin(Account, col(Account.id) == col(Arrangement.volunteer_id))
        .where(
            col(ReliefRequest.situation_id) == situation_id,
            col(ReliefRequest.state) == ReliefState.RUNNING,
            col(ReliefRequest.rrule) != "",
        )
        .order_by(col(ReliefRequest.id), col(Arrangement.id))
    )
    return list({row[0]: Running(*row) for row in rows}.values())  # type: ignore[arg-type]  # a key is there


def _days(relief: Running, *, now: datetime) -> list[date]:
    """The days of the rhythm that have yet to come; none where the rule makes no sense any more."""
    last = day_of(now + AHEAD)
    try:
        found = series.occurrences(
            relief.rrule,
            relief.first_day,
            slots=relief.slots,
            minutes=relief.minutes,
            last_day=min(last, relief.last_day or last),
            since=day_of(now),
            hour=relief.hour,
        )
    except Invalid:
        return []
    return [each.day for each in found if each.starts_at > now]
