"""What time off is left: a few entitlements in bricks, what ends soonest first."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from matching.models import CareSituation
from matching.services import ledger
from matching.working_days import AMSTERDAM
from web.ledger_words import Entry, entry

SHOWN = 4


@dataclass(frozen=True, slots=True)
class View:
    """entries: what can be used now or later, at most SHOWN. more: how many are not shown."""

    entries: list[Entry]
    more: int


def home(session: Session, situation: CareSituation, now: datetime) -> View:
    """One query."""
    return _view(session, situation, now, at_desk=False)


def desk(session: Session, situation: CareSituation, now: datetime) -> View:
    """One query."""
    return _view(session, situation, now, at_desk=True)


def _view(session: Session, situation: CareSituation, now: datetime, *, at_desk: bool) -> View:
    assert situation.id is not None
    today = now.astimezone(AMSTERDAM).date()
    running = [
        balance for balance in ledger.balances(session, situation.id, today=today)
        if balance.granted and not balance.is_over
    ]  # fmt: skip
    entries = [
        entry(balance, today=today, carer_id=situation.mantelzorger_id, at_desk=at_desk) for balance in running[:SHOWN]
    ]
    return View(entries, len(running) - len(entries))
