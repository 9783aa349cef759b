"""A volunteer answers. The claim is atomic: of two who say yes at the same moment exactly one wins."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select

from matching.errors import AlreadyTaken, LinkUnusable
from matching.models import ActionLink, HelpRequest, Pairing, Proposal, Tag
from matching.notices import asker_consent, somebody_was_first
from matching.services import ending, links, outbox, pairing, questions, standing_in, wishes
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


def standing(proposal: Proposal, *, now: datetime) -> str:
    """How a question stands for the volunteer: "" while it waits for an answer, else yes, no, missed (somebody was
    first), expired, or over (it is no longer needed)."""
    return "expired" if _has_expired(proposal, now) else _STANDINGS.get(proposal.state, "over")


def _has_expired(proposal: Proposal, now: datetime) -> bool:
    is_asked = proposal.state == ProposalState.ASKED
    return is_asked and proposal.expires_at is not None and proposal.expires_at <= now


def why_over(session: Session, link_id: str, *, now: datetime) -> str:
    """Why a link to a question no longer works: as in standing(), or unknown; "" while it works."""
    link = session.get(ActionLink, link_id)
    proposal = session.get(Proposal, link.subject_id) if link is not None and link.purpose == links.ANSWER else None
    if link is None or proposal is None:
        return "unknown"
    why = standing(proposal, now=now)
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
    if link is None or proposal is None or link.used_at is None:
        return None
    if proposal.state not in (ProposalState.ACCEPTED, ProposalState.DECLINED):
        return None
    return Given(link, pairing_of(session, proposal))


def pairing_of(session: Session, proposal: Proposal) -> Pairing | None:
    """The pairing that a yes to this proposal made last."""
    return session.exec(
        select(Pairing).where(Pairing.proposal_id == proposal.id).order_by(col(Pairing.id).desc())
    ).first()


def accept(session: Session, link_id: str, *, now: datetime) -> Pairing:
    """Yes, by the link of a message. Raises LinkUnusable, or AlreadyTaken when somebody was first."""
    request, proposal, _link = _take_by_link(session, link_id, now=now)
    return _say_yes(session, request, proposal, now=now, actor_id=proposal.volunteer_id)


def accept_question(session: Session, proposal: Proposal, *, now: datetime) -> Pairing:
    """Yes on the site. Raises AlreadyTaken when somebody was first, it is too late, or the question was taken back."""
    request = lock(session, proposal)
    return _say_yes(session, request, proposal, now=now, actor_id=proposal.volunteer_id)


def accept_proposal(session: Session, proposal: Proposal, *, now: datetime, actor_id: int) -> Pairing:
    """The volunteer's yes, to a question or by an offer: claims the request, or raises AlreadyTaken.

    Others who were asked hear kindly that somebody was first. When the asker said beforehand that anybody chosen is
    welcome, it is agreed at once; otherwise the asker is asked.
    """
    request = lock(session, proposal)
    if proposal.state == ProposalState.PROPOSED and proposal.source == OFFER:
        return _claim(session, request, proposal, now=now, actor_id=actor_id)
    return _say_yes(session, request, proposal, now=now, actor_id=actor_id)


def lock(session: Session, proposal: Proposal) -> HelpRequest:
    """Take the row of the request before anything else is touched, so that two answers never wait for each other,
    and read both afresh."""
    assert proposal.id is not None
    return _take(session, proposal.id)[0]


def _take(session: Session, proposal_id: int) -> tuple[HelpRequest, Proposal]:
    mine = select(Proposal.request_id).where(Proposal.id == proposal_id).scalar_subquery()
    query = select(HelpRequest).where(col(HelpRequest.id) == mine).with_for_update()
    request = session.exec(query.execution_options(populate_existing=True)).one()
    return request, session.get_one(Proposal, proposal_id, populate_existing=True)


def _take_by_link(session: Session, link_id: str, *, now: datetime) -> tuple[HelpRequest, Proposal, ActionLink]:
    """The same by a link, which is used up. Raises LinkUnusable."""
    link = links.look(session, link_id, links.ANSWER, now=now)
    if link.subject_id is None:
        raise LinkUnusable("unknown")
    request, proposal = _take(session, link.subject_id)
    return request, proposal, links.use(session, link_id, links.ANSWER, now=now)


def _still_asked(proposal: Proposal) -> Proposal:
    if proposal.state != ProposalState.ASKED:
        raise AlreadyTaken("this question is over")
    return proposal


def _say_yes(session: Session, request: HelpRequest, proposal: Proposal, *, now: datetime, actor_id: int) -> Pairing:
    """Yes to a question that still waits, which ends its link and a copy of its message that has yet to leave."""
    if _has_expired(proposal, now):
        raise AlreadyTaken("the time to answer is over")
    made = _claim(session, request, _still_asked(proposal), now=now, actor_id=actor_id)
    ending.take_back_question(session, proposal, now=now)
    return made


def _claim(session: Session, request: HelpRequest, proposal: Proposal, *, now: datetime, actor_id: int) -> Pairing:
    """The request is this volunteer's, by one statement that only one can win, whatever was locked."""
    if wishes.is_over(request, now=now):
        raise AlreadyTaken("the day that was asked for is over")
    claimed = session.connection().execute(
        update(HelpRequest)
        .where(col(HelpRequest.id) == proposal.request_id, col(HelpRequest.state).in_(_CLAIMABLE))
        .values(state=RequestState.CLAIMED, updated_at=now)
    )
    if claimed.rowcount != 1:
        raise AlreadyTaken("somebody said yes a moment earlier")
    set_committed_value(request, "state", RequestState.CLAIMED)
    set_committed_value(request, "updated_at", now)
    assert request.id is not None
    assert proposal.id is not None
    proposal.state, proposal.answered_at = after(PROPOSAL_MOVES, proposal.state, "accept"), now
    made = Pairing(request_id=request.id, volunteer_id=proposal.volunteer_id, proposal_id=proposal.id, created_at=now)
    session.add_all([proposal, made])
    session.flush()
    record(session, Tag.PROPOSAL_ACCEPTED, proposal, now=now, actor_id=actor_id)
    _tell_the_others(session, request, proposal, now=now)
    # The asker welcomed anybody whom the opbouwwerker chooses; whom we asked around nobody chose.
    if request.welcomes_anyone and proposal.decided_by_id is not None:
        pairing.agree_at_once(session, made, request, now=now)
    else:
        _ask_the_asker(session, request, made, now=now)
    return made


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
    until = wishes.ends_at(request)
    link = links.issue(session, request.asker_id, links.CONSENT, now=now, subject_id=made.id, until=until)
    relief = standing_in.relief_of(session, request)
    relief_id = relief.id if relief is not None else None
    outbox.post(session, asker_consent(request.asker_id, made.id, link.id, request, relief_id=relief_id), now=now)


def decline(session: Session, proposal: Proposal, reason: str, *, now: datetime, actor_id: int | None = None) -> None:
    """Not now, said on the site or told to `actor_id`. The desk sees it at once; when nobody who was asked is left,
    the request opens again.

    Raises AlreadyTaken when the proposal is over already.
    """
    request = lock(session, proposal)
    _decline(session, request, proposal, reason, now=now, actor_id=actor_id or proposal.volunteer_id)


def decline_by_link(session: Session, link_id: str, reason: str, *, now: datetime) -> None:
    """The same by the link of a message. Raises LinkUnusable too."""
    request, proposal, _link = _take_by_link(session, link_id, now=now)
    _decline(session, request, proposal, reason, now=now, actor_id=proposal.volunteer_id)


def _decline(
    session: Session, request: HelpRequest, proposal: Proposal, reason: str, *, now: datetime, actor_id: int
) -> None:
    known = reason if reason in DECLINE_REASONS else ""
    proposal.state = after(PROPOSAL_MOVES, _still_asked(proposal).state, "decline")
    proposal.answered_at, proposal.answer_reason = now, known
    session.add(proposal)
    ending.take_back_question(session, proposal, now=now)
    record(session, Tag.PROPOSAL_DECLINED, proposal, now=now, actor_id=actor_id, reason=known)
    questions.go_on(session, request)
    _reopen_when_nobody_is_left(session, request, now=now)


def expire(session: Session, proposal: Proposal, *, now: datetime) -> None:
    """No answer in time; that is not a no. Does nothing when there was one, or when it is not time yet."""
    request = lock(session, proposal)
    if not _has_expired(proposal, now):
        return
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "expire")
    session.add(proposal)
    ending.take_back_question(session, proposal, now=now)  # a message that never left must not leave now
    record(session, Tag.PROPOSAL_EXPIRED, proposal, now=now)
    _reopen_when_nobody_is_left(session, request, now=now)


def _reopen_when_nobody_is_left(session: Session, request: HelpRequest, *, now: datetime) -> None:
    """Open a request again when none of the people who were asked can still say yes."""
    session.flush()
    left = session.exec(
        select(Proposal.id).where(Proposal.request_id == request.id, Proposal.state == ProposalState.ASKED)
    ).first()
    if left is None and request.state == RequestState.ASKED:
        pairing.reopen(session, request, now=now, actor_id=None)
