"""Which notice goes to whom. A notice is a function that returns its facts; the words are in
web/templates/mail/<template>/, one folder per notice, in the language of the reader.

`key` makes a notice unique: written twice, it is still sent once.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

UNDO_WINDOW = timedelta(minutes=1)  # a decision at the desk can be taken back for a minute: its notices wait


@dataclass(frozen=True, slots=True)
class Notice:
    """What will be sent: to whom, which templates, which facts, and how long it waits first."""

    key: str
    account_id: int
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    link_id: str | None = None
    delay: timedelta = timedelta(0)


def sign_in(account_id: int, link_id: str) -> Notice:
    """A link with which somebody gets in without a password."""
    return Notice(f"sign_in:{link_id}", account_id, "sign_in", link_id=link_id)


def request_at_risk(account_id: int, request_id: int) -> Notice:
    """To an opbouwwerker: words in a request hint at danger, please look at it now."""
    return Notice(
        f"request_at_risk:{request_id}:{account_id}", account_id, "request_at_risk", {"request_id": request_id}
    )


class Described(Protocol):
    """The facts of a request that a message may hold: nothing personal."""

    id: int | None
    category: str
    frequency: str
    day: date | None
    slots: int
    minutes: int
    buurt_code: str


def _facts(request: Described) -> dict[str, Any]:
    """What, when and in which buurt, as JSON; the templates make sentences of it."""
    return {
        "request_id": request.id,
        "category": request.category,
        "frequency": request.frequency,
        "day": request.day.isoformat() if request.day else None,
        "slots": request.slots,
        "minutes": request.minutes,
        "buurt_code": request.buurt_code,
    }


def volunteer_asked(
    account_id: int, proposal_id: int, link_id: str, request: Described, *, distance_m: int, expires_at: datetime
) -> Notice:
    """To a volunteer: would you do this? Waits for the minute in which the desk can take it back."""
    facts = {"proposal_id": proposal_id, "distance_m": distance_m, "expires_at": expires_at.isoformat()}
    key = f"volunteer_asked:{proposal_id}:{link_id}"
    return Notice(key, account_id, "volunteer_asked", _facts(request) | facts, link_id, UNDO_WINDOW)


def not_needed(account_id: int, proposal_id: int, request: Described) -> Notice:
    """To a volunteer who was asked: it is no longer needed."""
    return Notice(f"not_needed:{proposal_id}", account_id, "not_needed", _facts(request))


def somebody_was_first(account_id: int, proposal_id: int, request: Described) -> Notice:
    """To a volunteer who was asked too: somebody else said yes."""
    return Notice(f"somebody_was_first:{proposal_id}:{account_id}", account_id, "somebody_was_first", _facts(request))


def asker_consent(account_id: int, pairing_id: int, link_id: str, request: Described) -> Notice:
    """To the asker: somebody would like to help. Is that all right? Waits while the desk can take it back."""
    key = f"asker_consent:{pairing_id}:{link_id}"
    return Notice(key, account_id, "asker_consent", _facts(request), link_id, UNDO_WINDOW)


def agreed(account_id: int, pairing_id: int, request: Described, appointment: "Dated") -> Notice:
    """To both: you both said yes. Names and numbers stand behind the log-in, not in the mail."""
    facts = {"pairing_id": pairing_id, "appointment_day": appointment.day.isoformat(), "part": appointment.part}
    return Notice(f"agreed:{pairing_id}:{account_id}", account_id, "agreed", _facts(request) | facts)


def refused(account_id: int, pairing_id: int, request: Described) -> Notice:
    """To a volunteer who said yes: it will be somebody else this time."""
    return Notice(f"refused:{pairing_id}", account_id, "refused", _facts(request))


def pairing_ended(account_id: int, pairing_id: int, request: Described, why: str) -> Notice:
    """To the other side: it does not go on."""
    facts = _facts(request) | {"pairing_id": pairing_id, "why": why}
    return Notice(f"pairing_ended:{pairing_id}:{account_id}", account_id, "pairing_ended", facts)


def fell_through(account_id: int, pairing_id: int, request: Described) -> Notice:
    """To an opbouwwerker: an agreement falls away late, and a neighbour counts on help."""
    return Notice(f"fell_through:{pairing_id}:{account_id}", account_id, "fell_through", _facts(request))


def feedback_asked(account_id: int, pairing_id: int, request: Described) -> Notice:
    """To both, afterwards: how was it?"""
    facts = _facts(request) | {"pairing_id": pairing_id}
    return Notice(f"feedback_asked:{pairing_id}:{account_id}", account_id, "feedback_asked", facts)


def reminder(account_id: int, appointment_id: int, pairing_id: int, request: Described, appointment: "Dated") -> Notice:
    """To both, the day before."""
    facts = {
        "pairing_id": pairing_id,
        "appointment_day": appointment.day.isoformat(),
        "part": appointment.part,
        "starts_at": appointment.starts_at.isoformat() if appointment.starts_at else None,
    }
    key = f"reminder:{appointment_id}:{appointment.day.isoformat()}:{account_id}"
    return Notice(key, account_id, "reminder", _facts(request) | facts)


class Dated(Protocol):
    """What a message says of an appointment."""

    day: date
    part: int
    starts_at: datetime | None
