"""A request, proposals for it and questions to volunteers, as tests need them to begin with."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from matching.models import Account, HelpRequest, OutboxMessage, Pairing, Proposal
from matching.models.base import utcnow
from matching.services import answering, judging
from tests.people import ALL_SLOTS, DRIFTBUURT, Cast, make_person, make_volunteer
from web.i18n import local

SECRET = "Mijn sleutel ligt onder de mat"  # the words of the asker, which no volunteer sees before a yes
REASONS = [
    {"key": "near", "value": 1100, "against": False},
    {"key": "skill", "value": "groceries", "against": False},
    {"key": "slot", "value": "tue-morning", "against": False},
    {"key": "rested", "value": True, "against": False},
    {"key": "farther", "value": 400, "against": True},
]


def make_request(db: Session, asker: Account, **changes: Any) -> HelpRequest:
    """Groceries, at any time, posted now."""
    now = utcnow()
    facts: dict[str, Any] = {
        "asker_id": asker.id,
        "posted_by_id": asker.id,
        "category": "groceries",
        "description": SECRET,
        "frequency": "flexible",
        "slots": ALL_SLOTS,
        "buurt_code": DRIFTBUURT,
        "x": asker.x,
        "y": asker.y,
        "created_at": now,
        "updated_at": now,
        "contact_due": local(now).date(),
    }
    request = HelpRequest(**(facts | changes))
    db.add(request)
    db.commit()
    return request


def propose(db: Session, request: HelpRequest, volunteer: Account, **changes: Any) -> Proposal:
    """What the matcher would write."""
    facts: dict[str, Any] = {"distance_m": 1100, "reasons": REASONS, "created_at": utcnow()}
    proposal = Proposal(request_id=request.id, volunteer_id=volunteer.id, **(facts | changes))
    db.add(proposal)
    db.commit()
    return proposal


def ask(
    db: Session, request: HelpRequest, volunteer: Account, by: Account, now: datetime | None = None
) -> tuple[Proposal, str]:
    """The opbouwwerker asks this volunteer: the proposal and the id of the link in the message."""
    propose(db, request, volunteer)
    assert volunteer.id is not None
    assert by.id is not None
    proposal = judging.choose(db, request, volunteer.id, by=by.id, now=now or utcnow())
    db.commit()
    return proposal, link_of(db, f"volunteer_asked:{proposal.id}:")


def link_of(db: Session, key: str) -> str:
    """The id of the link in the last message whose key starts so."""
    query = select(OutboxMessage.link_id).where(col(OutboxMessage.key).startswith(key))
    found = db.exec(query.order_by(col(OutboxMessage.id).desc())).first()
    assert found is not None
    return found


def said_yes(db: Session, cast: Cast, now: datetime | None = None, **request: Any) -> Pairing:
    """Anna asked and Bram said yes. It is agreed when the request has welcomes_anyone=True."""
    _, link = ask(db, make_request(db, cast.anna, **request), cast.bram, cast.chantal, now)
    pairing = answering.accept(db, link, now=now or utcnow())
    db.commit()
    return pairing


def another_volunteer(db: Session, name: str, number: int = 90) -> Account:
    """One more neighbour who helps."""
    person = make_person(db, name, DRIFTBUURT, number)
    make_volunteer(db, person)
    db.commit()
    return person
