"""Ending what hangs from a request: proposals that wait, people who were asked, an agreement that falls away."""

from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from matching.models import HelpRequest, OfferDecision, OutboxMessage, Pairing, Proposal, Tag
from matching.notices import not_needed, pairing_ended, respijt_pairing_ended
from matching.services import appointments, links, outbox, standing_in
from matching.services.history import record
from matching.workflow import (
    LIVE_PAIRING_STATES,
    LIVE_PROPOSAL_STATES,
    PAIRING_MOVES,
    PROPOSAL_MOVES,
    ProposalState,
    after,
)


def end_all(session: Session, request: HelpRequest, *, now: datetime, actor_id: int | None, why: str) -> None:
    """Withdraw the live proposals and the pairing of a request. Whoever was asked or had agreed hears of it kindly.

    The state of the request itself is the caller's.
    """
    for pairing in live_pairings(session, request):
        end_pairing(session, pairing, request, now=now, actor_id=actor_id, why=why)
    for proposal in live_proposals(session, request):
        withdraw(session, proposal, request, now=now, actor_id=actor_id, why=why)


def stop_asking_around(request: HelpRequest) -> None:
    """Nobody new is asked by itself any more; who was asked may still answer."""
    request.asking_since = request.asking_by_id = None


def give_back_to_desk(session: Session, request: HelpRequest, *, now: datetime, actor_id: int | None, why: str) -> None:
    """Where we asked around, a human looks before anybody else is asked."""
    if request.asking_since is None:
        return
    stop_asking_around(request)
    session.add(request)
    record(session, Tag.REQUEST_ASKING_STOPPED, request, now=now, actor_id=actor_id, why=why)


def live_proposals(session: Session, request: HelpRequest) -> list[Proposal]:
    query = select(Proposal).where(Proposal.request_id == request.id, col(Proposal.state).in_(LIVE_PROPOSAL_STATES))
    return list(session.exec(query.order_by(col(Proposal.rank), col(Proposal.id))))


def live_pairings(session: Session, request: HelpRequest) -> list[Pairing]:
    query = select(Pairing).where(Pairing.request_id == request.id, col(Pairing.state).in_(LIVE_PAIRING_STATES))
    return list(session.exec(query))


def withdraw(
    session: Session, proposal: Proposal, request: HelpRequest, *, now: datetime, actor_id: int | None, why: str
) -> None:
    """Take one proposal back; a volunteer who was asked already hears that it is no longer needed."""
    assert proposal.id is not None
    was_asked = proposal.state == ProposalState.ASKED
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "withdraw")
    session.add(proposal)
    record(session, Tag.PROPOSAL_WITHDRAWN, proposal, now=now, actor_id=actor_id, why=why)
    if was_asked and take_back_question(session, proposal, now=now):
        outbox.post(session, not_needed(proposal.volunteer_id, proposal.id, request), now=now)
    elif was_asked and why == "edited":  # no message left and the request goes on: this person may be asked afresh
        proposal.asked_at = proposal.expires_at = None
        session.connection().execute(delete(OfferDecision).where(col(OfferDecision.proposal_id) == proposal.id))


def take_back_question(session: Session, proposal: Proposal, *, now: datetime) -> bool:
    """End the link of a question and cancel its message. True when the message had gone out already."""
    assert proposal.id is not None
    links.revoke(session, links.ANSWER, proposal.id, now=now)
    return _take_back(session, question_key(proposal.id), now=now)


def _take_back(session: Session, prefix: str, *, now: datetime) -> bool:
    session.flush()
    sent = session.exec(
        select(OutboxMessage.id).where(
            col(OutboxMessage.key).startswith(prefix, autoescape=True),
            col(OutboxMessage.sent_at).is_not(None) | col(OutboxMessage.claimed_until).is_not(None),
        )
    ).first()
    outbox.cancel(session, prefix, now=now)
    return sent is not None


def question_key(proposal_id: int) -> str:
    """The start of the outbox keys of the question to a volunteer."""
    return f"volunteer_asked:{proposal_id}:"


def end_pairing(
    session: Session, pairing: Pairing, request: HelpRequest, *, now: datetime, actor_id: int | None, why: str
) -> None:
    """A pairing falls through, with its appointments and its proposal; the other people hear of it."""
    assert pairing.id is not None
    pairing.state = after(PAIRING_MOVES, pairing.state, "fall_through")
    pairing.ended_at, pairing.end_reason = now, why[:20]
    session.add(pairing)
    appointments.cancel_planned(session, pairing, now=now, actor_id=actor_id)
    links.revoke(session, links.CONSENT, pairing.id, now=now)
    was_asked = _take_back(session, f"asker_consent:{pairing.id}:", now=now)
    proposal = session.get_one(Proposal, pairing.proposal_id)
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "fall_through")
    session.add(proposal)
    record(session, Tag.PAIRING_FELL_THROUGH, pairing, now=now, actor_id=actor_id, why=why)
    standing_in.let_go(session, pairing, request, why=why, actor_id=actor_id, now=now)
    relief = standing_in.relief_of(session, request)
    for person in {pairing.volunteer_id, request.asker_id} - {actor_id}:
        stand_in = person == pairing.volunteer_id
        if not stand_in and not was_asked and pairing.agreed_at is None:
            continue
        if relief is not None and relief.id is not None:
            notice = respijt_pairing_ended(person, pairing.id, relief.id, stand_in=stand_in)
        else:
            notice = pairing_ended(person, pairing.id, request, why)
        outbox.post(session, notice, now=now)
