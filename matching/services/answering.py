"""A volunteer answers. The claim is atomic: of two who say yes at the same moment exactly one wins."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from matching.errors import AlreadyTaken, LinkUnusable
from matching.models import HelpRequest, Pairing, Proposal, Tag
from matching.notices import asker_consent, somebody_was_first
from matching.services import ending, links, outbox, pairing
from matching.services.history import record
from matching.workflow import (
    PROPOSAL_MOVES,
    REQUEST_MOVES,
    PairingState,
    ProposalState,
    RequestState,
    after,
)

DECLINE_REASONS = ("", "time", "far", "kind", "away")
_CLAIMABLE = [state for state, move in REQUEST_MOVES if move == "claim"]


def proposal_of(session: Session, link_id: str, *, now: datetime) -> Proposal:
    """The proposal that a link asks about, to look at. Raises LinkUnusable."""
    link = links.look(session, link_id, links.ANSWER, now=now)
    proposal = session.get(Proposal, link.subject_id)
    if proposal is None:
        raise LinkUnusable("unknown")
    return proposal


def accept(session: Session, link_id: str, *, now: datetime) -> Pairing:
    """Yes, by the link of a message. Raises LinkUnusable, or AlreadyTaken when somebody was first."""
    proposal = proposal_of(session, link_id, now=now)
    lock(session, proposal)
    links.use(session, link_id, links.ANSWER, now=now)
    return accept_proposal(session, proposal, now=now, actor_id=proposal.volunteer_id)


def accept_proposal(session: Session, proposal: Proposal, *, now: datetime, actor_id: int) -> Pairing:
    """The volunteer's yes: claims the request, or raises AlreadyTaken.

    Others who were asked hear kindly that somebody was first. When the asker said beforehand that anybody chosen is
    welcome, it is agreed at once; otherwise the asker is asked.
    """
    lock(session, proposal)
    if proposal.state not in (ProposalState.PROPOSED, ProposalState.ASKED):
        raise AlreadyTaken("this proposal is over")
    claimed = session.connection().execute(
        update(HelpRequest)
        .where(col(HelpRequest.id) == proposal.request_id, col(HelpRequest.state).in_(_CLAIMABLE))
        .values(state=RequestState.CLAIMED, updated_at=now)
    )
    if claimed.rowcount != 1:
        raise AlreadyTaken("somebody said yes a moment earlier")
    request = session.get_one(HelpRequest, proposal.request_id, populate_existing=True)
    proposal.state, proposal.answered_at = after(PROPOSAL_MOVES, proposal.state, "accept"), now
    made = Pairing(
        request_id=request.id, volunteer_id=proposal.volunteer_id, proposal_id=proposal.id, created_at=now
    )
    session.add_all([proposal, made])
    session.flush()
    record(session, Tag.PROPOSAL_ACCEPTED, proposal, now=now, actor_id=actor_id)
    _tell_the_others(session, request, proposal, now=now)
    if request.welcomes_anyone:
        pairing.agree(session, made, now=now, actor_id=None)
    else:
        _ask_the_asker(session, request, made, now=now)
    return made


def lock(session: Session, proposal: Proposal) -> None:
    """Take the request's row before anything else is touched, so that two answers never wait for each other."""
    session.exec(select(HelpRequest.id).where(HelpRequest.id == proposal.request_id).with_for_update()).first()
    session.refresh(proposal)


def _tell_the_others(session: Session, request: HelpRequest, winner: Proposal, *, now: datetime) -> None:
    for other in ending.live_proposals(session, request):
        if other.id == winner.id or other.state != ProposalState.ASKED:
            continue  # what was only proposed stays for the desk, in case this falls through
        assert other.id is not None
        other.state = after(PROPOSAL_MOVES, other.state, "miss")
        session.add(other)
        record(session, Tag.PROPOSAL_MISSED, other, now=now)
        if ending.take_back_question(session, other, now=now):
            outbox.post(session, somebody_was_first(other.volunteer_id, other.id, request), now=now)


def _ask_the_asker(session: Session, request: HelpRequest, made: Pairing, *, now: datetime) -> None:
    assert made.id is not None
    link = links.issue(session, request.asker_id, links.CONSENT, now=now, subject_id=made.id)
    outbox.post(session, asker_consent(request.asker_id, made.id, link.id, request), now=now)


def decline(session: Session, proposal: Proposal, reason: str, *, now: datetime, link_id: str | None = None) -> None:
    """Not now. The desk sees it at once; when nobody who was asked is left, the request opens again.

    Raises LinkUnusable, or AlreadyTaken when the proposal is over already.
    """
    lock(session, proposal)
    if link_id is not None:
        links.use(session, link_id, links.ANSWER, now=now)
    if proposal.state != ProposalState.ASKED:
        raise AlreadyTaken("this proposal is over")
    assert proposal.id is not None
    links.revoke(session, links.ANSWER, proposal.id, now=now)
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "decline")
    proposal.answered_at, proposal.answer_reason = now, reason if reason in DECLINE_REASONS else ""
    session.add(proposal)
    record(session, Tag.PROPOSAL_DECLINED, proposal, now=now, actor_id=proposal.volunteer_id, reason=reason)
    reopen_when_nobody_is_left(session, proposal.request_id, now=now)


def expire(session: Session, proposal: Proposal, *, now: datetime) -> None:
    """No answer in time; that is not a no."""
    lock(session, proposal)
    if proposal.state != ProposalState.ASKED:
        return
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "expire")
    session.add(proposal)
    record(session, Tag.PROPOSAL_EXPIRED, proposal, now=now)
    reopen_when_nobody_is_left(session, proposal.request_id, now=now)


def reopen_when_nobody_is_left(session: Session, request_id: int, *, now: datetime) -> None:
    """Open a request again when none of the people who were asked can still say yes."""
    session.flush()
    request = session.get_one(HelpRequest, request_id)
    left = session.exec(
        select(Proposal.id).where(Proposal.request_id == request_id, Proposal.state == ProposalState.ASKED)
    ).first()
    if left is None and request.state == RequestState.ASKED:
        pairing.reopen(session, request, now=now, actor_id=None)


def waiting_for_asker(session: Session, request_id: int) -> Pairing | None:
    """The pairing of a request that waits for the asker's yes."""
    return session.exec(
        select(Pairing).where(Pairing.request_id == request_id, Pairing.state == PairingState.WAITING)
    ).first()
