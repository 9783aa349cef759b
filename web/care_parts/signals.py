"""Signals about one situation, for the desk. The mantelzorger has the things themselves on their own page."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from matching.models import CareSituation
from matching.services import care, signals
from web import signal_words
from web.auth import viewer
from web.signal_words import Line


@dataclass(frozen=True, slots=True)
class View:
    lines: list[Line]


def home(_session: Session, _situation: CareSituation, _now: datetime) -> None:
    """Nothing: signals are for the desk."""


def desk(session: Session, situation: CareSituation, _now: datetime) -> View | None:
    """Up to four queries; None for a situation that is closed, which gives no signals."""
    if not care.is_open(situation):
        return None
    assert situation.id is not None
    rows = signals.of(session, situation.id)
    return View(signal_words.lines(rows, signals.details(session, rows), viewer(), on_page=True))
