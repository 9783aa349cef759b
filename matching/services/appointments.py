"""Dated occurrences of a pairing: the first one, the next one, an hour, a cancellation. A day and an hour are those
of the Dutch clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from matching.errors import Invalid
from matching.models import Appointment, Frequency, HelpRequest, Pairing, Tag, Volunteer
from matching.notices import reminder
from matching.services import outbox, wishes
from matching.services.history import record
from matching.workflow import APPOINTMENT_MOVES, AppointmentState, PairingState, after

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
LONGEST_AHEAD = 366  # days
NIGHT = 3
PART_HOURS = ((6, 12), (12, 18), (18, 23), (0, 6))  # morning, afternoon, evening, night


def plan_next(session: Session, pairing: Pairing, request: HelpRequest, *, now: datetime) -> Appointment:
    """The first appointment: on a half-day that suits both."""
    volunteer = session.get_one(Volunteer, pairing.volunteer_id)
    day, part = next_occasion(request, volunteer.slots, now=now)
    assert pairing.id is not None
    appointment = Appointment(pairing_id=pairing.id, day=day, part=part, minutes=request.minutes)
    session.add(appointment)
    session.flush()
    record(session, Tag.APPOINTMENT_PLANNED, appointment, now=now)
    return appointment


def next_occasion(request: HelpRequest, volunteer_slots: int, *, now: datetime) -> tuple[date, int]:
    """Day and part (0 to 3) of the first shared half-day that has yet to begin, or of the day that was asked for.
    Where a human brought two together who share none, the asker's half-day counts."""
    shared = request.slots & volunteer_slots or request.slots or 1
    if request.frequency == Frequency.ONCE and request.day is not None:
        parts = _parts(shared, request.day) or [0]
        to_come = [part for part in parts if wishes.part_starts(request.day, part) > now]
        return request.day, to_come[0] if to_come else parts[-1]
    start = now.astimezone(AMSTERDAM).date()
    week = [(day, part) for n in range(8) for day in [start + timedelta(days=n)] for part in _parts(shared, day)]
    for day, part in sorted(week, key=lambda each: each[1] == NIGHT):  # a night only where nothing else suits
        if wishes.part_starts(day, part) > now:
            return day, part
    raise AssertionError("a week holds every half-day")


def _parts(slots: int, day: date) -> list[int]:
    return [part for part in range(4) if slots >> (day.weekday() * 4 + part) & 1]


def plan_a_week_later(session: Session, last: Appointment, *, now: datetime) -> Appointment:
    """The same half-day and hour by the Dutch clock, one week on; the first such day that is not over.

    An hour that does not exist on that day (summer time begins) is left open.
    """
    day = last.day + timedelta(days=7)
    today = now.astimezone(AMSTERDAM).date()
    while day < today:
        day += timedelta(days=7)
    starts = None
    if last.starts_at is not None:
        starts = moment_of(day, last.starts_at.astimezone(AMSTERDAM).time())
    appointment = Appointment(
        pairing_id=last.pairing_id, day=day, part=last.part, starts_at=starts, minutes=last.minutes
    )
    session.add(appointment)
    session.flush()
    record(session, Tag.APPOINTMENT_PLANNED, appointment, now=now)
    return appointment


def moment_of(day: date, hour: time) -> datetime | None:
    """A day and an hour on the Dutch clock as a moment in UTC; None for the hour that summer time skips. The hour
    that comes twice in October is the first of the two."""
    starts = datetime.combine(day, hour, AMSTERDAM).astimezone(UTC)
    return starts if starts.astimezone(AMSTERDAM).time() == hour else None


def has_come(appointment: Appointment, *, now: datetime) -> bool:
    """Whether its half-day, or its hour when they agreed on one, is there."""
    return (appointment.starts_at or wishes.part_starts(appointment.day, appointment.part)) <= now


def set_hour(
    session: Session, appointment: Appointment, day: date, hour: time, *, now: datetime, actor_id: int
) -> None:
    """The hour that both agreed on, by the Dutch clock. Raises Invalid for a moment that is over or does not
    exist (the hour skipped when summer time begins), or more than a year away."""
    today = now.astimezone(AMSTERDAM).date()
    if day < today:
        raise Invalid("day", "past")
    if day > today + timedelta(days=LONGEST_AHEAD):
        raise Invalid("day", "too_far")
    starts = moment_of(day, hour)
    if starts is None:
        raise Invalid("hour", "skipped")
    if starts <= now:
        raise Invalid("hour", "past")
    appointment.day, appointment.starts_at = day, starts
    appointment.part = next((n for n, (first, end) in enumerate(PART_HOURS) if first <= hour.hour < end), 2)
    appointment.reminded_at = None
    session.add(appointment)
    session.flush()
    record(session, Tag.APPOINTMENT_PLANNED, appointment, now=now, actor_id=actor_id, hour=True)


def planned(session: Session, pairing: Pairing) -> Appointment | None:
    """The appointment that comes first."""
    return session.exec(
        select(Appointment)
        .where(Appointment.pairing_id == pairing.id, Appointment.state == AppointmentState.PLANNED)
        .order_by(col(Appointment.day))
    ).first()


def cancel_planned(session: Session, pairing: Pairing, *, now: datetime, actor_id: int | None) -> None:
    """Cancel every appointment of a pairing that is still to come."""
    for appointment in session.exec(
        select(Appointment).where(Appointment.pairing_id == pairing.id, Appointment.state == AppointmentState.PLANNED)
    ):
        move(session, appointment, "cancel", now=now, actor_id=actor_id)


TAGS = {
    "finish": Tag.APPOINTMENT_DONE,
    "cancel": Tag.APPOINTMENT_CANCELLED,
    "miss": Tag.APPOINTMENT_NO_SHOW,
}


def move(session: Session, appointment: Appointment, step: str, *, now: datetime, actor_id: int | None) -> None:
    """Finish, cancel or miss (a no-show, with who recorded it). Raises IllegalMove."""
    appointment.state = after(APPOINTMENT_MOVES, appointment.state, step)
    appointment.recorded_by_id = actor_id
    session.add(appointment)
    record(session, TAGS[step], appointment, now=now, actor_id=actor_id)


def remind(session: Session, appointment_id: int, *, now: datetime) -> bool:
    """Remind both people of an appointment, once. False when that is done already, or when there is nothing left."""
    query = select(Appointment).where(Appointment.id == appointment_id).with_for_update()
    appointment = session.exec(query.execution_options(populate_existing=True)).one()
    pairing = session.get_one(Pairing, appointment.pairing_id)
    if appointment.state != AppointmentState.PLANNED or appointment.reminded_at is not None:
        return False
    if pairing.state != PairingState.AGREED:
        return False
    request = session.get_one(HelpRequest, pairing.request_id)
    appointment.reminded_at = now
    session.add(appointment)
    for person in (request.asker_id, pairing.volunteer_id):
        assert pairing.id is not None
        outbox.post(session, reminder(person, appointment_id, pairing.id, request, appointment), now=now)
    return True
