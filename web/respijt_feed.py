"""Moments of time off as a calendar to subscribe to (RFC 5545). Calendars are shared, so it names nobody and says
nothing about care."""

from collections.abc import Sequence
from datetime import date, timedelta

from flask import url_for
from flask_babel import gettext as _

from matching.services.respijt_calendar import Moment
from matching.workflow import BookingState
from web.i18n import TIMEZONE

EVERY = timedelta(hours=4)  # how often a calendar should look again


def feed(mine: Sequence[Moment], turns: Sequence[Moment]) -> bytes:
    """mine: moments on which the reader has time off; turns: on which the reader takes over. The same moments always
    give the same bytes."""
    import icalendar  # 20 ms and 8 MB that no page should pay for

    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Omzien//NL")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "Omzien")
    calendar.add("x-published-ttl", "PT4H")
    calendar.add("refresh-interval", EVERY, parameters={"VALUE": "DURATION"})
    for moment in mine:
        calendar.add_component(_event(moment, _("Some time off"), "care.moment"))
    for moment in turns:
        calendar.add_component(_event(moment, _("Omzien: keeping somebody company"), "volunteering.respijt_moment"))
    years = [moment.first_day.year for moment in (*mine, *turns)]
    if years:  # the clock changes of these years, and not of the last half century
        calendar.add_missing_timezones(first_date=date(min(years), 1, 1), last_date=date(max(years) + 2, 1, 1))
    return bytes(calendar.to_ical())


def _event(moment: Moment, summary: str, page: str):  # type: ignore[no-untyped-def]  # icalendar is loaded late
    """One moment under a name that never changes, by the Dutch clock. A cancelled one is said to be cancelled, so that
    a calendar that has it takes it away."""
    import icalendar  # see above

    booking = moment.booking
    is_cancelled = moment.state in (BookingState.CANCELLED, BookingState.NO_SHOW)
    event = icalendar.Event()
    event.add("uid", f"moment-{booking.id}@omzien")
    event.add("sequence", 1 if is_cancelled else 0)
    event.add("dtstamp", booking.ended_at or booking.created_at)
    event.add("dtstart", booking.starts_at.astimezone(TIMEZONE))
    event.add("dtend", booking.ends_at.astimezone(TIMEZONE))
    event.add("summary", summary)
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("url", url_for(page, booking_id=booking.id, _external=True))
    return event
