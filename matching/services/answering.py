"""A volunteer answers. The claim is atomic: of two who say yes at the same moment exactly one wins."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from matching.errors import AlreadyTaken, LinkUnusable
from matching.models import ActionLink, HelpRequest, Pairing, Proposal, Tag
from matching.notices import asker_consent, somebody_was_first
from matching.services import ending, links, outbox, pairing
from matching.services.history import record
from matching.workflow import (
    PROPOSAL_MOVES,
    REQUEST_MOVES,
    ProposalState,
    RequestState,
    after,
)

DECLINE_REASONS = ("", "time", "far", "kind", "away")
OFFER = "offer"
_CLAIMABLE = [state for state, move in REQUEST_MOVES if move == "claim"]
_STANDINGS = {
    ProposalState.ASKED: "",
    ProposalState.ACCEPTED: "yes",
    ProposalState.DECLINED: "no",
    ProposalState.MISSED: "missed",
    ProposalState.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given by link: a yes made a pairing."""

    link: ActionLink
    pairing: Pairing | None


def proposal_of(session: Session, link_id: str, *, now: datetime) -> Proposal:
    """The proposal that a link asks about, to look at. Raises LinkUnusable."""
    link = links.look(session, link_id, links.ANSWER, now=now)
    proposal = session.get(Proposal, link.subject_id)
    if proposal is None:
        raise LinkUnusable("unknown")
    return proposal


def standing(proposal: Proposal) -> str:
    """How a question stands for the volunteer: "" while it waits for an answer, else yes, no, missed (somebody was
    first), expired, or over (it is no longer needed)."""
    return _STANDINGS.get(proposal.state, "over")


def why_over(session: Session, link_id: str, *, now: datetime) -> str:
    """Why a link to a question no longer works: as in standing(), or unknown; "" while it works."""
    link = session.get(ActionLink, link_id)
    proposal = session.get(Proposal, link.subject_id) if link is not None and link.purpose == links.ANSWER else None
    if link is None or proposal is None:
        return "unknown"
    why = standing(proposal)
    if why:
        return why
    if link.revoked_at is not None or link.used_at is not None:
        return "over"  # taken back by the desk; perhaps there is a newer one
    return "expired" if link.expires_at <= now else ""


def was_asked(proposal: Proposal) -> bool:
    """Whether the volunteer knows of it: not of what was only proposed to the desk, or rejected there."""
    if proposal.state in (ProposalState.PROPOSED, ProposalState.REJECTED):
        return False
    return proposal.state != ProposalState.WITHDRAWN or proposal.asked_at is not None


def answer_given(session: Session, link_id: str) -> Given | None:
    """What was answered with this link; None while it is unused, or when the answer no longer counts."""
    link = session.get(ActionLink, link_id)
    proposal = session.get(Proposal, link.subject_id) if link is not None and link.purpose == links.ANSWER else None
    if link is None or proposal is None or link.used_at is None or standing(proposal) not in ("yes", "no"):
        return None
    return Given(link, pairing_of(session, proposal))


def pairing_of(session: Session, proposal: Proposal) -> Pairing | None:
    """The pairing that a yes to this proposal made last."""
    return session.exec(
        select(Pairing).where(Pairing.proposal_id == proposal.id).order_by(col(Pairing.id).desc())
    ).first()


def accept(session: Session, link_id: str, *, now: datetime) -> Pairing:
    """Yes, by the link of a message. Raises LinkUnusable, or AlreadyTaken when somebody was first."""
    proposal = proposal_of(session, link_id, now=now)
    lock(session, proposal)
    links.use(session, link_id, links.ANSWER, now=now)
    return _accept_asked(session, proposal, now=now)


def accept_question(session: Session, proposal: Proposal, *, now: datetime) -> Pairing:
    """Yes on the site. Raises AlreadyTaken when somebody was first, or the question was taken back."""
    lock(session, proposal)
    made = _accept_asked(session, proposal, now=now)
    ending.take_back_question(session, proposal, now=now)  # the link, and a message that did not leave yet
    return made


def _accept_asked(session: Session, proposal: Proposal, *, now: datetime) -> Pairing:
    if proposal.state != ProposalState.ASKED:
        raise AlreadyTaken("this question is over")
    return accept_proposal(session, proposal, now=now, actor_id=proposal.volunteer_id)


def accept_proposal(session: Session, proposal: Proposal, *, now: datetime, actor_id: int) -> Pairing:
    """The volunteer's yes, to a question or by an offer: claims the request, or raises AlreadyTaken.

    Others who were asked hear kindly that somebody was first. When the asker said beforehand that anybody chosen is
    welcome, it is agreed at once; otherwise the asker is asked.
    """
    lock(session, proposal)
    offered = proposal.state == ProposalState.PROPOSED and proposal.source == OFFER
    if proposal.state != ProposalState.ASKED and not offered:
        raise AlreadyTaken("this proposal is over")
    claimed = session.connection().execute(
        update(HelpRequest)
        .where(col(HelpRequest.id) == proposal.request_id, col(HelpRequest.state).in_(_CLAIMABLE))
        .values(state=RequestState.CLAIMED, updated_at=now)
    )
    if claimed.rowcount != 1:
        raise AlreadyTaken("somebody said yes a moment earlier")
    request = session.get_one(HelpRequest, proposal.request_id, populate_existing=True)
    assert request.id is not None
    assert proposal.id is not None
    proposal.state, proposal.answered_at = after(PROPOSAL_MOVES, proposal.state, "accept"), now
    made = Pairing(request_id=request.id, volunteer_id=proposal.volunteer_id, proposal_id=proposal.id, created_at=now)
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
    known = reason if reason in DECLINE_REASONS else ""
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "decline")
    proposal.answered_at, proposal.answer_reason = now, known
    session.add(proposal)
    ending.take_back_question(session, proposal, now=now)
    record(session, Tag.PROPOSAL_DECLINED, proposal, now=now, actor_id=proposal.volunteer_id, reason=known)
    reopen_when_nobody_is_left(session, proposal.request_id, now=now)


def expire(session: Session, proposal: Proposal, *, now: datetime) -> None:
    """No answer in time; that is not a no. Does nothing when there was one, or when it is not time yet."""
    lock(session, proposal)
    if proposal.state != ProposalState.ASKED or proposal.expires_at is None or proposal.expires_at > now:
        return
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "expire")
    session.add(proposal)
    ending.take_back_question(session, proposal, now=now)  # a message that never left must not leave now
    record(session, Tag.PROPOSAL_EXPIRED, proposal, now=now)
    reopen_when_nobody_is_left(session, proposal.request_id, now=now)


def reopen_when_nobody_is_left(session: Session, request_id: int, *, now: datetime) -> None:
    """Open a request again when none of the people who were asked can still say yes."""
    session.flush()
    request = session.get_one(HelpRequest, request_id, populate_existing=True)
    left = session.exec(
        select(Proposal.id).where(Proposal.request_id == request_id, Proposal.state == ProposalState.ASKED)
    ).first()
    if left is None and request.state == RequestState.ASKED:
        pairing.reopen(session, request, now=now, actor_id=None)
