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


def asker_consent(
    account_id: int, pairing_id: int, link_id: str, request: Described, *, relief_id: int | None = None
) -> Notice:
    """To the asker: somebody would like to help. Is that all right? Waits while the desk can take it back. To a
    mantelzorger (relief_id) the same link, and not a word about what it is for."""
    key = f"asker_consent:{pairing_id}:{link_id}"
    if relief_id is not None:
        return Notice(key, account_id, "relief_news", {"relief_id": relief_id}, link_id, UNDO_WINDOW)
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


def respijt_pairing_ended(account_id: int, pairing_id: int, relief_id: int, *, stand_in: bool) -> Notice:
    """The same where it is about time off, to the mantelzorger or the volunteer. What, stands behind the log-in."""
    key = f"pairing_ended:{pairing_id}:{account_id}"
    if stand_in:
        return Notice(key, account_id, "arrangement_news", {"side": "stand_in", "pairing_id": pairing_id})
    return Notice(key, account_id, "relief_news", {"relief_id": relief_id})


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


def check_in(account_id: int, situation_id: int, due: date) -> Notice:
    """To a mantelzorger, on the day they chose: how are you? Nothing about care stands in it."""
    return Notice(f"check_in:{situation_id}:{due.isoformat()}", account_id, "check_in")


def care_closed(account_id: int, situation_id: int, closed_at: datetime) -> Notice:
    """To a mantelzorger whose page was closed by the desk. What the news is, stands behind the log-in."""
    return Notice(f"care_closed:{situation_id}:{closed_at.isoformat()}", account_id, "care_closed")


def relief_now(account_id: int, relief_id: int, moment: datetime) -> Notice:
    """To an opbouwwerker: a mantelzorger needs help now, please look at it at once. Each call is a message."""
    key = f"relief_now:{relief_id}:{moment.isoformat()}:{account_id}"
    return Notice(key, account_id, "relief_now", {"relief_id": relief_id})


def relief_news(account_id: int, relief_id: int, what: str) -> Notice:
    """To a mantelzorger: there is news about time off. What it is stands behind the log-in."""
    return Notice(f"relief_news:{relief_id}:{what}", account_id, "relief_news", {"relief_id": relief_id})


def respijt_moment(account_id: int, booking_id: int, what: str, *, stand_in: bool) -> Notice:
    """To the mantelzorger or the stand-in: a moment was planned, moved or called off. What: behind the log-in."""
    key = f"respijt_moment:{booking_id}:{what}:{account_id}"
    return Notice(key, account_id, "respijt_moment", {"booking_id": booking_id, "stand_in": stand_in})


def stand_in_asked(account_id: int, stand_in_id: int, link_id: str, *, again: bool) -> Notice:
    """To whoever a carer chose: would you step in if it is needed? Or, a year later: does that still hold?"""
    key = f"stand_in_asked:{stand_in_id}:{link_id}"
    return Notice(key, account_id, "stand_in_asked", {"again": again}, link_id)


def stand_in_thanked(account_id: int, stand_in_id: int, link_id: str) -> Notice:
    """To a stand-in who said yes: thank you, and the link to take that back."""
    return Notice(f"stand_in_thanked:{stand_in_id}:{link_id}", account_id, "stand_in_thanked", link_id=link_id)


def stand_in_called(account_id: int, stand_in_id: int, link_id: str) -> Notice:
    """To a stand-in: you are needed now."""
    return Notice(f"stand_in_called:{stand_in_id}:{link_id}", account_id, "stand_in_called", link_id=link_id)


def stand_in_over(account_id: int, stand_in_id: int, what: str) -> Notice:
    """To a stand-in: it is not needed any more. what: "list" (off it; with a moment where that can happen again) or
    the moment of the call that is over."""
    key = f"stand_in_over:{stand_in_id}:{what}"
    return Notice(key, account_id, "stand_in_over", {"called": not what.startswith("list")})


def plan_called(account_id: int, situation_id: int, called_at: datetime) -> Notice:
    """To an opbouwwerker: a mantelzorger drops out now."""
    key = f"plan_called:{situation_id}:{called_at.isoformat()}:{account_id}"
    return Notice(key, account_id, "plan_called", {"situation_id": situation_id})


def plan_by_desk(account_id: int, situation_id: int, what: str, moment: datetime) -> Notice:
    """To a mantelzorger: the desk put the plan into action ("called"), or noted that it is solved ("ended")."""
    key = f"plan_by_desk:{situation_id}:{what}:{moment.isoformat()}"
    return Notice(key, account_id, "plan_by_desk", {"situation_id": situation_id, "is_over": what == "ended"})


def plan_news(account_id: int, situation_id: int, what: str) -> Notice:
    """To a mantelzorger: a stand-in answered. What, stands behind the log-in. what: unique for each piece of news."""
    return Notice(f"plan_news:{situation_id}:{what}", account_id, "plan_news", {"situation_id": situation_id})


def plan_due(account_id: int, situation_id: int, due: date) -> Notice:
    """To a mantelzorger, once a year: does your plan still hold?"""
    key = f"plan_due:{situation_id}:{due.isoformat()}"
    return Notice(key, account_id, "plan_due", {"situation_id": situation_id})


def arrangement_news(account_id: int, arrangement_id: int, side: str, what: str) -> Notice:
    """To the mantelzorger ("carer") or the volunteer ("stand_in"): the next step. What, stands behind the log-in."""
    facts = {"arrangement_id": arrangement_id, "side": side}
    return Notice(f"arrangement_news:{arrangement_id}:{what}:{account_id}", account_id, "arrangement_news", facts)


def gap_offered(account_id: int, offer_id: int) -> Notice:
    """To a back-up person: somebody dropped out, can you come? When and where stands behind the log-in."""
    return Notice(f"gap_offered:{offer_id}", account_id, "gap_offered", {"offer_id": offer_id})


def gap_news(account_id: int, gap_id: int, arrangement_id: int, what: str) -> Notice:
    """To the mantelzorger whose time off fell through: somebody else comes, or a human looks for somebody."""
    facts = {"arrangement_id": arrangement_id, "side": "carer"}
    return Notice(f"gap_news:{gap_id}:{what}", account_id, "arrangement_news", facts)


def respijt_at_desk(account_id: int, relief_id: int, what: str) -> Notice:
    """To an opbouwwerker: something about time off waits for a human. `what` makes it unique."""
    return Notice(f"respijt_at_desk:{what}:{account_id}", account_id, "respijt_at_desk", {"relief_id": relief_id})


class Dated(Protocol):
    """What a message says of an appointment."""

    day: date
    part: int
    starts_at: datetime | None
