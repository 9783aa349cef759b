"""Making the offers that were planned for a request, in one transaction.

The row of the request is taken first, then those of the volunteers, and then everything that may have changed since the
plan is looked at again. So two workers at once, or a desk and a worker, ask nobody twice and nobody too often, and a
request that fails takes no other with it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func
from sqlalchemy import select as columns
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from matching.models import HelpRequest, Proposal, Tag, Volunteer
from matching.services import asking_around, candidates, questions
from matching.services.asking_around import QUARTER
from matching.services.history import record
from matching.services.judging import lock
from matching.services.matcher import learning_log
from matching.services.matcher.learning_log import Slot
from matching.workflow import ProposalState
from matching.working_days import AMSTERDAM

MATCHER, OFFER = "matcher", "offer"


@dataclass(frozen=True, slots=True)
class Wave:
    """Whom to ask for one request. `began` and `waiting` (proposals without an answer) are what the plan rests on."""

    request_id: int
    began: datetime
    waiting: frozenset[int]
    model: str
    offers: tuple["Offer", ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """Whom to ask, why, and out of whom this one was chosen."""

    volunteer_id: int
    distance_m: int
    reasons: list[dict[str, Any]]
    slot: Slot


def send(session: Session, wave: Wave, *, now: datetime) -> int:
    """Ask the people of a wave, as long as the request stands as it was planned. Returns how many were asked."""
    request = session.get(HelpRequest, wave.request_id)
    if request is None:
        return 0
    lock(session, request)
    if not _stands(session, request, wave, now=now):
        return 0
    questions.hold_still(session, [offer.volunteer_id for offer in wave.offers])
    return sum(_ask(session, request, offer, wave.model, now=now) for offer in wave.offers)


def _stands(session: Session, request: HelpRequest, wave: Wave, *, now: datetime) -> bool:
    if request.asking_since != wave.began or asking_around.why_not(request, now=now):
        return False
    waiting = select(Proposal.id).where(Proposal.request_id == request.id, Proposal.state == ProposalState.ASKED)
    return set(session.exec(waiting)) == wave.waiting


def _ask(session: Session, request: HelpRequest, offer: Offer, model: str, *, now: datetime) -> bool:
    if not _may_be_asked(session, request, offer.volunteer_id, now=now):
        return False
    proposal = _proposal(session, request, offer, now=now)
    if proposal is None:
        return False
    # A human released the asking, nobody chose this person: the asker is told so, and asked whatever they said before.
    proposal.p, proposal.decided_by_id, proposal.decided_at = round(offer.slot.chosen_p, 4), None, now
    record(session, Tag.PROPOSAL_APPROVED, proposal, now=now, source=proposal.source, around=True)
    questions.ask(session, request, proposal, now=now)
    session.flush()
    learning_log.write(session, proposal, offer.slot, model, now=now)
    return True


def _may_be_asked(session: Session, request: HelpRequest, volunteer_id: int, *, now: datetime) -> bool:
    """Every rule once more, read afresh: no human looks at this pair, so none of them bends."""
    today = now.astimezone(AMSTERDAM).date()
    found = candidates.find(session, request, volunteer_id, today=today, now=now)
    if found is None or found.obstacles:
        return False
    p = Proposal
    offered = and_(col(p.state) == ProposalState.PROPOSED, col(p.source) == OFFER)
    before = and_(col(p.request_id) == request.id, col(p.asked_at).is_not(None))
    query: Any = columns(
        func.max(col(p.asked_at)),
        func.coalesce(func.sum(case((before, 1), else_=0)), 0),
        func.coalesce(func.sum(case((offered, 1), else_=0)), 0),
    ).where(col(p.volunteer_id) == volunteer_id)
    last, asked_before, offers = session.connection().execute(query).one()
    if asked_before or (last is not None and now - last < QUARTER):
        return False
    if not offers:
        return True
    _messages, load = candidates.recently_asked(session, [volunteer_id], now=now).get(volunteer_id, (0, 0))
    return load + int(offers) < session.get_one(Volunteer, volunteer_id, populate_existing=True).weekly_max


def _proposal(session: Session, request: HelpRequest, offer: Offer, *, now: datetime) -> Proposal | None:
    """The matcher's own proposal of this pair, or a new one; None where the volunteer offered a moment ago."""
    live = select(Proposal).where(
        Proposal.request_id == request.id,
        Proposal.volunteer_id == offer.volunteer_id,
        Proposal.state == ProposalState.PROPOSED,
    )
    found = session.exec(live.execution_options(populate_existing=True)).one_or_none()
    if found is not None:
        return found if found.source == MATCHER else None
    assert request.id is not None
    made = Proposal(
        request_id=request.id,
        volunteer_id=offer.volunteer_id,
        source=MATCHER,
        distance_m=offer.distance_m,
        reasons=offer.reasons,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        return None
    return made
