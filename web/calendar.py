"""The appointment as a file for a calendar (RFC 5545). No names and no numbers: calendars are shared."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask_babel import gettext as _

from matching.models import Appointment, Frequency, HelpRequest, Pairing
from matching.services.appointments import AMSTERDAM
from web import facts
from web.i18n import PART_NAMES


def calendar_file(
    pairing: Pairing,
    request: HelpRequest,
    appointment: Appointment,
    *,
    buurt: str,
    link: str,
    changes: int,
    now: datetime,
) -> bytes:
    """One event. Its UID is that of the pairing and `changes` counts how often it was planned, so that a calendar
    moves the event that it has instead of adding another."""
    import icalendar  # 20 ms and 8 MB that no page should pay for

    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Omzien//NL")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    event = icalendar.Event()
    event.add("uid", f"koppeling-{pairing.id}@omzien")
    event.add("sequence", max(changes - 1, 0))
    event.add("dtstamp", now.astimezone(UTC))
    event.add("summary", _summary(request, appointment))
    event.add("location", buurt)
    event.add("description", _("Does it not work out? Tell it here: %(link)s", link=link))
    event.add("url", link)
    for name, value in _times(request, appointment).items():
        event.add(name, value)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _summary(request: HelpRequest, appointment: Appointment) -> str:
    what = facts.what(request.category)
    if appointment.starts_at is not None:
        return _("%(what)s (Omzien)", what=what)
    return _("%(what)s, %(part)s (Omzien)", what=what, part=str(PART_NAMES[appointment.part]))


def _times(request: HelpRequest, appointment: Appointment) -> dict[str, Any]:
    """A day without an hour is a whole day. What comes back every week is written on the Dutch clock, because ten
    o'clock stays ten o'clock when summer time begins; what happens once is written in UTC."""
    weekly = request.frequency == Frequency.WEEKLY
    repeat = {"rrule": {"freq": "weekly"}} if weekly else {}
    if appointment.starts_at is None:
        return {"dtstart": appointment.day, "dtend": appointment.day + timedelta(days=1)} | repeat
    starts = appointment.starts_at.astimezone(AMSTERDAM if weekly else UTC)
    ends = (appointment.starts_at + timedelta(minutes=appointment.minutes)).astimezone(starts.tzinfo)
    return {"dtstart": starts, "dtend": ends} | repeat
