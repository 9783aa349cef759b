"""Two people who may help each other: the asker's answer, the end, and starting again when it falls through."""

from datetime import datetime

from sqlmodel import Session, select

from matching.errors import AlreadyTaken, LinkUnusable
from matching.models import Feedback, Frequency, HelpRequest, Pairing, Proposal, Tag
from matching.notices import agreed, feedback_asked, refused
from matching.services import appointments, ending, links, outbox
from matching.services.history import record
from matching.workflow import (
    PAIRING_MOVES,
    PROPOSAL_MOVES,
    REQUEST_MOVES,
    PairingState,
    after,
)


def of_link(session: Session, link_id: str, *, now: datetime) -> Pairing:
    """The pairing that a link asks the asker about, to look at. Raises LinkUnusable."""
    link = links.look(session, link_id, links.CONSENT, now=now)
    found = session.get(Pairing, link.subject_id)
    if found is None:
        raise LinkUnusable("unknown")
    return found


def answer(session: Session, link_id: str, *, yes: bool, now: datetime) -> Pairing:
    """The asker's yes or no, by the link of a message. Raises LinkUnusable or AlreadyTaken."""
    found = of_link(session, link_id, now=now)
    request = _lock(session, found)
    links.use(session, link_id, links.CONSENT, now=now)
    if found.state != PairingState.WAITING:
        raise AlreadyTaken("this is over")
    if yes:
        agree(session, found, now=now, actor_id=request.asker_id)
    else:
        refuse(session, found, now=now, actor_id=request.asker_id)
    return found


def agree(session: Session, pairing: Pairing, *, now: datetime, actor_id: int | None) -> None:
    """Both said yes: contact details for both, and a first appointment. `actor_id` None: the asker said beforehand
    that anybody chosen is welcome. Raises IllegalMove."""
    assert pairing.id is not None
    request = _lock(session, pairing)
    pairing.state, pairing.agreed_at = after(PAIRING_MOVES, pairing.state, "agree"), now
    request.state, request.updated_at = after(REQUEST_MOVES, request.state, "agree"), now
    session.add_all([pairing, request])
    links.revoke(session, links.CONSENT, pairing.id, now=now)
    record(session, Tag.PAIRING_AGREED, pairing, now=now, actor_id=actor_id)
    appointment = appointments.plan_next(session, pairing, request, now=now)
    for person in (request.asker_id, pairing.volunteer_id):
        outbox.post(session, agreed(person, pairing.id, request, appointment), now=now)


def refuse(session: Session, pairing: Pairing, *, now: datetime, actor_id: int) -> None:
    """The asker would rather not. The volunteer is thanked, and we look for somebody else. Raises IllegalMove."""
    assert pairing.id is not None
    request = _lock(session, pairing)
    pairing.state, pairing.ended_at = after(PAIRING_MOVES, pairing.state, "refuse"), now
    proposal = session.get_one(Proposal, pairing.proposal_id)
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "fall_through")
    session.add_all([pairing, proposal])
    links.revoke(session, links.CONSENT, pairing.id, now=now)
    outbox.cancel(session, f"asker_consent:{pairing.id}:", now=now)
    record(session, Tag.PAIRING_REFUSED, pairing, now=now, actor_id=actor_id)
    outbox.post(session, refused(pairing.volunteer_id, pairing.id, request), now=now)
    reopen(session, request, now=now, actor_id=actor_id)


def fall_through(session: Session, pairing: Pairing, why: str, *, now: datetime, actor_id: int) -> None:
    """It does not work out after all: re-offered at once, the other one hears of it. Raises IllegalMove."""
    request = _lock(session, pairing)
    ending.end_pairing(session, pairing, request, now=now, actor_id=actor_id, why=why)
    reopen(session, request, now=now, actor_id=actor_id)


def finish(session: Session, pairing: Pairing, *, now: datetime, actor_id: int, for_good: bool = True) -> None:
    """It was done. A weekly one goes on with the next appointment, unless `for_good`. Raises IllegalMove."""
    assert pairing.id is not None
    request = _lock(session, pairing)
    after(PAIRING_MOVES, pairing.state, "finish")  # not agreed, or over: an illegal move, whatever comes next
    appointment = appointments.planned(session, pairing)
    if appointment is not None:
        appointments.move(session, appointment, "finish", now=now, actor_id=actor_id)
    if request.frequency == Frequency.WEEKLY and not for_good:
        day = appointment.day if appointment is not None else None
        appointments.plan_next(session, pairing, request, now=now, after_day=day)
        return
    pairing.state, pairing.ended_at = after(PAIRING_MOVES, pairing.state, "finish"), now
    request.state, request.closed_at = after(REQUEST_MOVES, request.state, "finish"), now
    request.updated_at = now
    session.add_all([pairing, request])
    record(session, Tag.PAIRING_DONE, pairing, now=now, actor_id=actor_id)
    for proposal in ending.live_proposals(session, request):
        if proposal.id != pairing.proposal_id:
            ending.withdraw(session, proposal, request, now=now, actor_id=actor_id, why="done")
    for person in (request.asker_id, pairing.volunteer_id):
        outbox.post(session, feedback_asked(person, pairing.id, request), now=now)


def give_feedback(
    session: Session, pairing: Pairing, account_id: int, *, went: str, again: str, remark: str, now: datetime
) -> Feedback:
    """How it was, once for each side: a second time gives the first answer back."""
    assert pairing.id is not None
    given = feedback_of(session, pairing, account_id)
    if given is not None:
        return given
    feedback = Feedback(
        pairing_id=pairing.id, account_id=account_id, went=went, again=again, remark=remark[:1000], at=now
    )
    session.add(feedback)
    session.flush()
    record(session, Tag.FEEDBACK_GIVEN, pairing, now=now, actor_id=account_id, went=went, again=again)
    return feedback


def feedback_of(session: Session, pairing: Pairing, account_id: int) -> Feedback | None:
    """What this person said of it, if anything yet."""
    return session.exec(
        select(Feedback).where(Feedback.pairing_id == pairing.id, Feedback.account_id == account_id)
    ).first()


def reopen(session: Session, request: HelpRequest, *, now: datetime, actor_id: int | None) -> None:
    """Look for somebody again: at the desk only for what was asked discreetly or holds words that worry us."""
    step = "hold" if request.is_discreet or request.risks else "reopen"
    request.state, request.updated_at = after(REQUEST_MOVES, request.state, step), now
    session.add(request)
    record(session, Tag.REQUEST_REOPENED, request, now=now, actor_id=actor_id)


def _lock(session: Session, pairing: Pairing) -> HelpRequest:
    """The request of a pairing, its row taken first: whoever answers at the same moment waits here."""
    query = select(HelpRequest).where(HelpRequest.id == pairing.request_id).with_for_update()
    request = session.exec(query.execution_options(populate_existing=True)).one()
    session.refresh(pairing)
    return request
