"""What was asked to have time off, and where it stands."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from matching.models import CareSituation
from matching.services import relief
from matching.services.relief import ReliefRow
from web import relief_words

MOST_OVER = 3  # of what is over, on the mantelzorger's own page


@dataclass(frozen=True, slots=True)
class Line:
    """A request in words. badge: the text and the kind."""

    id: int
    title: str
    when: str
    badge: tuple[str, str]
    taken_by: str | None
    is_open: bool
    is_now: bool


@dataclass(frozen=True, slots=True)
class View:
    """Open requests, and the newest of those that are over."""

    open: list[Line]
    over: list[Line]


def home(session: Session, situation: CareSituation, now: datetime) -> View | None:
    """One query."""
    return _view(session, situation, relief_words.STATES)


def desk(session: Session, situation: CareSituation, now: datetime) -> View | None:
    """One query."""
    return _view(session, situation, relief_words.DESK_STATES)


def _view(session: Session, situation: CareSituation, states: relief_words.States) -> View:
    assert situation.id is not None
    rows = relief.of(session, situation.id)
    over = [row for row in rows if not row.is_open][:MOST_OVER]
    return View([_line(row, states) for row in rows if row.is_open], [_line(row, states) for row in over])


def _line(row: ReliefRow, states: relief_words.States) -> Line:
    text, kind = states[row.state]
    return Line(
        id=row.id,
        title=relief_words.title(row),
        when=relief_words.when(row, row.slots),
        badge=(str(text), kind),
        taken_by=row.taken_by,
        is_open=row.is_open,
        is_now=row.urgency == "now",
    )
