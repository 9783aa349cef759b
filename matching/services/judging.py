"""The opbouwwerker chooses: this volunteer, somebody else, or nobody; and takes it back within the minute.

Every decision takes the row of the request first, as the answers do, so that two people at two desks decide one
after the other. Nothing leaves the house before the minute for taking it back is over.
"""

from datetime import datetime
from typing import Protocol

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import Event, HelpRequest, OfferDecision, Pairing, Proposal, Tag
from matching.notices import UNDO_WINDOW
from matching.services import (
    answering,
    appointments,
    candidates,
    ending,
    links,
    outbox,
    pairing,
    questions,
    standing_in,
)
from matching.services.candidates import Candidate
from matching.services.history import record
from matching.workflow import (
    LIVE_PAIRING_STATES,
    OPEN_REQUEST_STATES,
    PAIRING_MOVES,
    PROPOSAL_MOVES,
    REQUEST_MOVES,
    PairingState,
    ProposalState,
    RequestState,
    after,
)
from matching.working_days import AMSTERDAM

OFFER, STAFF = "offer", "staff"
LONGEST_REASON = 300


def lock(session: Session, request: HelpRequest) -> None:
    """Take the row of the request and read it afresh: whoever decides at the same moment waits here."""
    query = select(HelpRequest).where(HelpRequest.id == request.id).with_for_update()
    session.exec(query.execution_options(populate_existing=True)).one()


def choose(
    session: Session,
    request: HelpRequest,
    volunteer_id: int,
    *,
    by: int,
    now: datetime,
    reason: str = "",
    seen: str = "",
) -> Proposal:
    """Ask this volunteer, or agree with an offer. `seen` is the state of the request that the chooser looked at.

    Somebody whom nobody proposed needs a `reason`. Raises Invalid("reason", "missing"), Invalid("volunteer", a rule
    of candidates.UNBENDING), NotFound for who is no volunteer, IllegalMove when somebody decided a moment earlier,
    and AlreadyTaken when somebody said yes a moment earlier.
    """
    lock(session, request)
    if seen and seen != request.state:
        raise IllegalMove(f"the request was {seen} and is {request.state}")
    questions.hold_still(session, [volunteer_id])
    live = _live(session, request, volunteer_id)
    found = _candidate(session, request, volunteer_id, live.source if live else STAFF, now)
    proposal = live or _propose(session, request, found, reason, now=now)
    if proposal.state != ProposalState.PROPOSED:
        raise IllegalMove("this volunteer was asked already")
    proposal.decided_by_id, proposal.decided_at, proposal.decision_reason = by, now, _short(reason)
    record(session, Tag.PROPOSAL_APPROVED, proposal, now=now, actor_id=by, source=proposal.source)
    if proposal.source == OFFER:
        _agree_with_offer(session, proposal, by=by, now=now)
    else:
        questions.ask(session, request, proposal, now=now)
    return proposal


def choose_nobody(session: Session, request: HelpRequest, *, by: int, now: datetime, reason: str) -> list[Proposal]:
    """None of those who wait for a decision. Remembered, so that the matcher proposes none of these pairs again.

    Raises Invalid("reason", "missing"), and IllegalMove when nobody waits for a decision any more.
    """
    if not reason.strip():
        raise Invalid("reason", "missing")
    lock(session, request)
    rejected = [each for each in ending.live_proposals(session, request) if each.state == ProposalState.PROPOSED]
    if not rejected:
        raise IllegalMove("nobody waits for a decision")
    for proposal in rejected:
        proposal.state = after(PROPOSAL_MOVES, proposal.state, "reject")
        proposal.decided_by_id, proposal.decided_at, proposal.decision_reason = by, now, _short(reason)
        session.add(proposal)
        record(session, Tag.PROPOSAL_REJECTED, proposal, now=now, actor_id=by)
    return rejected


def can_undo(decided_at: datetime | None, *, now: datetime) -> bool:
    """Whether the minute after this decision is not over."""
    return decided_at is not None and now < decided_at + UNDO_WINDOW


class Decided(Protocol):
    """What was decided about: a proposal, or what the desk shows of one."""

    @property
    def source(self) -> str: ...

    @property
    def state(self) -> str: ...


def is_answered(decided: Decided) -> bool:
    """Whether a question was answered with a yes: then the yes is not the desk's to take back. An offer is, because
    its yes was there before the decision."""
    return decided.state == ProposalState.ACCEPTED and decided.source != OFFER


def undo(session: Session, proposal: Proposal, *, by: int, now: datetime) -> None:
    """Take a decision back within the minute: everything stands as before, and nobody hears of it.

    Raises IllegalMove when it is too late, or when the others acted on it already.
    """
    request = session.get_one(HelpRequest, proposal.request_id)
    lock(session, request)
    session.refresh(proposal)
    if not can_undo(proposal.decided_at, now=now):
        raise IllegalMove("too late to undo")
    if proposal.state == ProposalState.ASKED:
        _undo_question(session, request, proposal, by=by, now=now)
    elif proposal.state == ProposalState.ACCEPTED:
        _undo_agreement(session, request, proposal, by=by, now=now)
    elif proposal.state == ProposalState.REJECTED:
        _undo_nobody(session, request, proposal, by=by, now=now)
    else:
        raise IllegalMove(f"cannot undo a proposal that is {proposal.state}")


def _short(reason: str) -> str:
    return " ".join(reason.split())[:LONGEST_REASON]


def _live(session: Session, request: HelpRequest, volunteer_id: int) -> Proposal | None:
    for proposal in ending.live_proposals(session, request):
        if proposal.volunteer_id == volunteer_id:
            session.refresh(proposal)
            return proposal
    return None


def _candidate(session: Session, request: HelpRequest, volunteer_id: int, source: str, now: datetime) -> Candidate:
    """The volunteer as things stand now. A human may step over a wish, but not over what keeps people safe, what
    somebody asked of us, or the limit on messages (which an offer does not touch)."""
    today = now.astimezone(AMSTERDAM).date()
    found = candidates.find(session, request, volunteer_id, today=today, now=now)
    if found is None:
        raise NotFound(f"no volunteer {volunteer_id}")
    bends = {"live", "messages"} if source == OFFER else {"live"}
    for rule in found.obstacles:
        if rule in candidates.UNBENDING - bends:
            raise Invalid("volunteer", rule)
    return found


def _propose(session: Session, request: HelpRequest, found: Candidate, reason: str, *, now: datetime) -> Proposal:
    """A proposal of the desk's own: with a reason, because the matcher did not come to it."""
    if not reason.strip():
        raise Invalid("reason", "missing")
    assert request.id is not None
    proposal = Proposal(
        request_id=request.id,
        volunteer_id=found.id,
        source=STAFF,
        distance_m=found.distance_m,
        reasons=[{"key": "near", "value": found.distance_m, "against": False}],
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(proposal)
    except IntegrityError:  # the volunteer offered at this very moment
        raise IllegalMove("this volunteer is proposed already") from None
    record(session, Tag.PROPOSAL_MADE, proposal, now=now, source=STAFF)
    return proposal


def _agree_with_offer(session: Session, proposal: Proposal, *, by: int, now: datetime) -> None:
    """The volunteer's yes is there already. Whatever goes out because of it waits for the minute too."""
    session.add(proposal)
    session.flush()
    made = answering.accept_proposal(session, proposal, now=now, actor_id=by)
    session.flush()
    for key in _keys(made, _missed_at(session, proposal.request_id, now)):
        outbox.postpone(session, key, until=now + UNDO_WINDOW)


def _keys(made: Pairing, missed: list[Proposal]) -> list[str]:
    """The start of the outbox keys of everything that an accepted offer sends out."""
    first = [f"asker_consent:{made.id}:", f"agreed:{made.id}:"]
    return first + [f"somebody_was_first:{proposal.id}:" for proposal in missed]


def _missed_at(session: Session, request_id: int, moment: datetime) -> list[Proposal]:
    """Who was asked and missed it at this very moment, because somebody else was chosen."""
    query = (
        select(Proposal)
        .join(Event, (col(Event.subject_id) == col(Proposal.id)) & (col(Event.subject) == "proposal"))
        .where(
            Proposal.request_id == request_id,
            Proposal.state == ProposalState.MISSED,
            Event.tag == Tag.PROPOSAL_MISSED,
            Event.at == moment,
        )
    )
    return list(session.exec(query))


def undecide(session: Session, proposal: Proposal, *, by: int, now: datetime) -> None:
    """As before the decision: waiting for one. What the learning log wrote of it goes."""
    session.connection().execute(delete(OfferDecision).where(col(OfferDecision.proposal_id) == proposal.id))
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "undo")
    proposal.decided_by_id = proposal.decided_at = proposal.asked_at = proposal.expires_at = None
    proposal.answered_at, proposal.decision_reason = None, ""
    session.add(proposal)
    record(session, Tag.PROPOSAL_UNDONE, proposal, now=now, actor_id=by)


def _undo_question(session: Session, request: HelpRequest, proposal: Proposal, *, by: int, now: datetime) -> None:
    if ending.take_back_question(session, proposal, now=now):
        raise IllegalMove("the message has gone out")
    undecide(session, proposal, by=by, now=now)
    session.flush()
    asked = any(each.state == ProposalState.ASKED for each in ending.live_proposals(session, request))
    # Otherwise the same person would be asked again at once, by itself.
    ending.give_back_to_desk(session, request, now=now, actor_id=by, why="undone")
    if request.state == RequestState.ASKED and not asked:
        pairing.reopen(session, request, now=now, actor_id=by)


def _undo_nobody(session: Session, request: HelpRequest, proposal: Proposal, *, by: int, now: datetime) -> None:
    """Everybody who was rejected in the same decision waits for one again."""
    if request.state not in OPEN_REQUEST_STATES:
        raise IllegalMove(f"this request is {request.state}")
    try:
        with session.begin_nested():
            for each in _rejected_with(session, proposal):
                undecide(session, each, by=by, now=now)
    except IntegrityError:  # somebody among them was asked, or offered, since
        raise IllegalMove("one of them is proposed again already") from None


def _undo_agreement(session: Session, request: HelpRequest, proposal: Proposal, *, by: int, now: datetime) -> None:
    """An offer that was agreed with: the pairing falls away unseen, and who was asked before is asked still."""
    if is_answered(proposal):
        raise IllegalMove("the volunteer has answered")
    decided_at = proposal.decided_at
    assert decided_at is not None
    made = session.exec(
        select(Pairing).where(Pairing.proposal_id == proposal.id, col(Pairing.state).in_(LIVE_PAIRING_STATES))
    ).one_or_none()
    if made is None or (made.state == PairingState.AGREED and made.agreed_at != decided_at):
        raise IllegalMove("the asker has answered")
    assert made.id is not None
    made.state = after(PAIRING_MOVES, made.state, "fall_through")
    made.ended_at, made.end_reason = now, "undone"
    session.add(made)
    appointments.cancel_planned(session, made, now=now, actor_id=by)
    links.revoke(session, links.CONSENT, made.id, now=now)
    missed = _missed_at(session, proposal.request_id, decided_at)
    for key in _keys(made, missed):
        outbox.discard(session, key)
    record(session, Tag.PAIRING_FELL_THROUGH, made, now=now, actor_id=by, why="undone")
    standing_in.let_go(session, made, request, why="undone", actor_id=by, now=now)
    undecide(session, proposal, by=by, now=now)
    pairing.reopen(session, request, now=now, actor_id=by)
    for other in missed:
        _ask_again(session, other, decided_at, by=by, now=now)
    if missed:
        request.state = after(REQUEST_MOVES, request.state, "ask")


def _ask_again(session: Session, proposal: Proposal, decided_at: datetime, *, by: int, now: datetime) -> None:
    """Bring back a question that the decision ended: its link works again, its message still goes out."""
    assert proposal.id is not None
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "undo")
    session.add(proposal)
    links.restore(session, links.ANSWER, proposal.id, revoked_at=decided_at)
    outbox.restore(session, ending.question_key(proposal.id), cancelled_at=decided_at)
    record(session, Tag.PROPOSAL_UNDONE, proposal, now=now, actor_id=by)


def _rejected_with(session: Session, proposal: Proposal) -> list[Proposal]:
    """Everybody who was rejected in the same decision."""
    query = select(Proposal).where(
        Proposal.request_id == proposal.request_id,
        Proposal.state == ProposalState.REJECTED,
        Proposal.decided_at == proposal.decided_at,
    )
    return list(session.exec(query))
