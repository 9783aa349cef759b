"""What the page about the ledger shows, for the mantelzorger and for the desk: what is left, and the lines by the
page."""

from dataclasses import dataclass

from flask import request
from sqlmodel import Session

from matching.models import CareSituation
from matching.services import ledger
from matching.services.ledger import Beyond
from web.i18n import today as current_day
from web.ledger_words import Entry, Told, beyond_text, entry, told

PAGE = 25


@dataclass(frozen=True)
class Sheet:
    """running: what can be used now or later. over: what cannot any more. lines: one page of them, newest first.
    is_asked: whether the address asks for a page of lines, so that they stand open. beyond: bookings planned after the
    last day of what was stopped early, with a sentence about them in beyond_text."""

    running: list[Entry]
    over: list[Entry]
    lines: list[Told]
    count: int
    number: int
    pages: int
    is_asked: bool
    beyond: list[Beyond]
    beyond_text: str


def sheet(session: Session, situation: CareSituation, *, at_desk: bool = False) -> Sheet:
    """Four queries, however many lines there are."""
    assert situation.id is not None
    day = current_day()
    balances = [each for each in ledger.balances(session, situation.id, today=day) if each.granted]
    entries = [entry(each, today=day, carer_id=situation.mantelzorger_id, at_desk=at_desk) for each in balances]
    count = ledger.count(session, situation.id)
    pages = max(-(-count // PAGE), 1)
    number = min(_number(), pages)
    has_ended = any(each.entitlement.closed_at is not None and each.planned for each in balances)
    beyond = ledger.beyond(session, situation.id) if has_ended else []
    lines = ledger.lines(session, situation.id, limit=PAGE, offset=(number - 1) * PAGE) if count else []
    return Sheet(
        running=[each for each in entries if not each.is_over],
        over=[each for each in entries if each.is_over],
        lines=[told(line, today=day, carer_id=situation.mantelzorger_id, at_desk=at_desk) for line in lines],
        count=count,
        number=number,
        pages=pages,
        is_asked="pagina" in request.args,
        beyond=beyond,
        beyond_text=beyond_text(beyond, day),
    )


def _number() -> int:
    text = request.args.get("pagina", "")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 8 else 1
