"""Dated occurrences of a pairing: the first one, the next one, an hour, a cancellation."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from matching.errors import Invalid
from matching.models import Appointment, Frequency, HelpRequest, Pairing, Tag, Volunteer
from matching.services.history import record
from matching.workflow import APPOINTMENT_MOVES, AppointmentState, after

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
PART_HOURS = ((6, 12), (12, 18), (18, 23), (0, 6))  # morning, afternoon, evening, night


def plan_next(
    session: Session, pairing: Pairing, request: HelpRequest, *, now: datetime, after_day: date | None = None
) -> Appointment:
    """The first appointment, or the next of a weekly one: on a half-day that suits both."""
    volunteer = session.get_one(Volunteer, pairing.volunteer_id)
    day, part = next_occasion(request, volunteer.slots, now=now, after_day=after_day)
    assert pairing.id is not None
    appointment = Appointment(pairing_id=pairing.id, day=day, part=part, minutes=request.minutes)
    session.add(appointment)
    session.flush()
    record(session, Tag.APPOINTMENT_PLANNED, appointment, now=now)
    return appointment


def next_occasion(
    request: HelpRequest, volunteer_slots: int, *, now: datetime, after_day: date | None = None
) -> tuple[date, int]:
    """Day and part (0 to 3) of the first shared half-day after `after_day` (default: after today). Where a human
    brought two together who share none, the asker's half-day counts."""
    shared = request.slots & volunteer_slots or request.slots or 1
    if request.frequency == Frequency.ONCE and request.day is not None:
        first = request.day.weekday() * 4
        return request.day, next((part for part in range(4) if shared >> (first + part) & 1), 0)
    start = after_day or now.astimezone(AMSTERDAM).date()
    for ahead in range(1, 8):
        day = start + timedelta(days=ahead)
        for part in range(4):
            if shared >> (day.weekday() * 4 + part) & 1:
                return day, part
    raise AssertionError("a week holds every half-day")


def set_hour(
    session: Session, appointment: Appointment, day: date, hour: time, *, now: datetime, actor_id: int
) -> None:
    """The hour that both agreed on, by the Dutch clock. Raises Invalid for a moment that is over or does not
    exist (the hour skipped when summer time begins), or more than a year away."""
    starts = datetime.combine(day, hour, AMSTERDAM)
    if starts.astimezone(ZoneInfo("UTC")).astimezone(AMSTERDAM).time() != hour:
        raise Invalid("hour", "skipped")
    if starts <= now:
        raise Invalid("day", "past")
    if starts > now + timedelta(days=366):
        raise Invalid("day", "too_far")
    appointment.day, appointment.starts_at = day, starts
    appointment.part = next((n for n, (first, end) in enumerate(PART_HOURS) if first <= hour.hour < end), 2)
    appointment.reminded_at = None
    session.add(appointment)
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
