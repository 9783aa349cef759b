"""Who takes over when, in short: what comes, what has to be confirmed, and for the desk what does not fit."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from matching.models import CareSituation
from matching.services import respijt_calendar
from matching.services.respijt_calendar import Moment, Warning
from web import calendar_words

SHOWN = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A moment, ready to show. block: weekday, number and month."""

    booking_id: int | None
    day: str
    block: tuple[str, str, str]
    title: str
    text: str
    badge: tuple[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """The first moments to come, how many more, how many wait for an answer, and what does not fit (desk only)."""

    lines: list[Line]
    more: int
    to_confirm: int
    misfits: list[str]


def home(session: Session, situation: CareSituation, now: datetime) -> View | None:
    """One query."""
    assert situation.id is not None
    return _view(*respijt_calendar.overview(session, situation.id, now=now), [], now)


def desk(session: Session, situation: CareSituation, now: datetime) -> View | None:
    """At most six queries."""
    assert situation.id is not None
    found, waiting = respijt_calendar.overview(session, situation.id, now=now)
    return _view(found, waiting, respijt_calendar.warnings(session, situation.id, now=now), now)


def _view(found: list[Moment], waiting: int, warnings: list[Warning], now: datetime) -> View:
    return View(
        lines=[line(moment, now) for moment in found[:SHOWN]],
        more=max(len(found) - SHOWN, 0),
        to_confirm=waiting,
        misfits=[calendar_words.warning_text(each) for each in warnings],
    )


def line(moment: Moment, now: datetime) -> Line:
    """A moment as the list shows it."""
    return Line(
        booking_id=moment.booking.id,
        day=moment.first_day.isoformat(),
        block=calendar_words.date_block(moment.first_day),
        title=calendar_words.title(moment),
        text=calendar_words.fell_through(moment, now=now) or calendar_words.when(moment),
        badge=calendar_words.badge(moment, now=now),
    )
