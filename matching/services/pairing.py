"""Two people who may help each other: the asker's answer, the end, and starting again when it falls through."""

from datetime import date, datetime, time, timedelta

from sqlmodel import Session, select

from matching.errors import AlreadyTaken, IllegalMove, LinkUnusable
from matching.models import (
    ActionLink,
    Appointment,
    Feedback,
    Frequency,
    HelpRequest,
    Pairing,
    Proposal,
    Tag,
)
from matching.notices import agreed, feedback_asked, fell_through, refused, respijt_at_desk
from matching.services import appointments, ending, links, locks, opbouwwerkers, outbox, questions, standing_in, wishes
from matching.services.history import record
from matching.workflow import (
    PAIRING_MOVES,
    PROPOSAL_MOVES,
    REQUEST_MOVES,
    PairingState,
    after,
)

REFUSE_REASONS = ("", "found", "time", "other")
LONGEST_WAIT = timedelta(days=14)  # for the asker: a week with the link, and a week in which the desk calls
FALL_REASONS = ("", "ill", "time", "contact", "other")
_STANDINGS = {PairingState.AGREED: "yes", PairingState.DONE: "yes", PairingState.REFUSED: "no"}


def of_link(session: Session, link_id: str, *, now: datetime) -> Pairing:
    """The pairing that a link asks the asker about, to look at. Raises LinkUnusable."""
    link = links.look(session, link_id, links.CONSENT, now=now)
    found = session.get(Pairing, link.subject_id)
    if found is None:
        raise LinkUnusable("unknown")
    return found


def answer(session: Session, link_id: str, *, yes: bool, now: datetime, reason: str = "") -> Pairing:
    """The asker's yes or no, by the link of a message. Raises LinkUnusable or AlreadyTaken."""
    found = of_link(session, link_id, now=now)
    request = _lock(session, found)
    links.use(session, link_id, links.CONSENT, now=now)
    answer_waiting(session, found, yes=yes, now=now, actor_id=request.asker_id, reason=reason)
    return found


def answer_waiting(
    session: Session, pairing: Pairing, *, yes: bool, now: datetime, actor_id: int, reason: str = ""
) -> None:
    """The asker's yes or no, by whoever may speak for the asker. Raises AlreadyTaken when it is over."""
    _lock(session, pairing)
    if pairing.state != PairingState.WAITING:
        raise AlreadyTaken("this is over")
    if yes:
        agree(session, pairing, now=now, actor_id=actor_id)
    else:
        refuse(session, pairing, now=now, actor_id=actor_id, reason=reason)


def why_over(session: Session, link_id: str, *, now: datetime) -> str:
    """Why a link to the asker no longer works: yes or no (it was answered), expired, over (it does not go on) or
    unknown; "" while it works."""
    link = session.get(ActionLink, link_id)
    found = session.get(Pairing, link.subject_id) if link is not None and link.purpose == links.CONSENT else None
    if link is None or found is None:
        return "unknown"
    if found.state == PairingState.WAITING:
        return "expired" if link.expires_at <= now or link.revoked_at or link.used_at else ""
    return _STANDINGS.get(found.state, "over")


def answer_given(session: Session, link_id: str) -> tuple[ActionLink, Pairing] | None:
    """What the asker answered with this link; None while it is unused, or when the answer no longer counts."""
    link = session.get(ActionLink, link_id)
    found = session.get(Pairing, link.subject_id) if link is not None and link.purpose == links.CONSENT else None
    if link is None or found is None or link.used_at is None or found.state not in _STANDINGS:
        return None
    return link, found


def agree(session: Session, pairing: Pairing, *, now: datetime, actor_id: int) -> None:
    """Both said yes: contact details for both, and a first appointment. Raises IllegalMove, or AlreadyTaken when the
    day that was asked for is over."""
    assert pairing.id is not None
    request = _lock(session, pairing)
    if wishes.is_over(request, now=now):
        raise AlreadyTaken("the day that was asked for is over")
    links.revoke(session, links.CONSENT, pairing.id, now=now)
    _agree(session, pairing, request, now=now, actor_id=actor_id)


def agree_at_once(session: Session, pairing: Pairing, request: HelpRequest, *, now: datetime) -> None:
    """The same for a new pairing whose asker said beforehand that anybody chosen is welcome. The row of `request` is
    the caller's already."""
    _agree(session, pairing, request, now=now, actor_id=None)


def _agree(session: Session, pairing: Pairing, request: HelpRequest, *, now: datetime, actor_id: int | None) -> None:
    assert pairing.id is not None
    pairing.state, pairing.agreed_at = after(PAIRING_MOVES, pairing.state, "agree"), now
    request.state, request.updated_at = after(REQUEST_MOVES, request.state, "agree"), now
    session.add_all([pairing, request])
    record(session, Tag.PAIRING_AGREED, pairing, now=now, actor_id=actor_id)
    if standing_in.begin(session, pairing, request, now=now) is not None:
        return  # with a mantelzorger the introduction visit comes first, and its own bookings say when
    appointment = appointments.plan_next(session, pairing, request, now=now)
    for person in (request.asker_id, pairing.volunteer_id):
        outbox.post(session, agreed(person, pairing.id, request, appointment), now=now)


def refuse(session: Session, pairing: Pairing, *, now: datetime, actor_id: int, reason: str = "") -> None:
    """The asker would rather not. The volunteer is thanked, and we look for somebody else. Raises IllegalMove."""
    assert pairing.id is not None
    request = _lock(session, pairing)
    pairing.state, pairing.ended_at = after(PAIRING_MOVES, pairing.state, "refuse"), now
    pairing.end_reason = reason if reason in REFUSE_REASONS else ""
    proposal = session.get_one(Proposal, pairing.proposal_id)
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "fall_through")
    session.add_all([pairing, proposal])
    links.revoke(session, links.CONSENT, pairing.id, now=now)
    outbox.cancel(session, f"asker_consent:{pairing.id}:", now=now)
    record(session, Tag.PAIRING_REFUSED, pairing, now=now, actor_id=actor_id, reason=pairing.end_reason)
    outbox.post(session, refused(pairing.volunteer_id, pairing.id, request), now=now)
    if pairing.end_reason in ("found", "time"):  # another volunteer would hear the same
        ending.give_back_to_desk(session, request, now=now, actor_id=actor_id, why=pairing.end_reason)
    reopen(session, request, now=now, actor_id=actor_id)


def fall_through(session: Session, pairing: Pairing, why: str, *, now: datetime, actor_id: int) -> None:
    """It does not work out after all: re-offered at once, the other one hears of it, and when both had said yes the
    opbouwwerkers of the buurt hear of it too. Raises IllegalMove."""
    request = _lock(session, pairing)
    known = why if why in FALL_REASONS else "other"
    ending.end_pairing(session, pairing, request, now=now, actor_id=actor_id, why=known)
    if known == "contact":  # nobody can reach the asker: a human calls first
        ending.give_back_to_desk(session, request, now=now, actor_id=actor_id, why=known)
    reopen(session, request, now=now, actor_id=actor_id)
    if pairing.agreed_at is None:
        return
    assert pairing.id is not None
    relief = standing_in.relief_of(session, request)
    for account_id in opbouwwerkers.of_buurt(session, request.buurt_code):
        if relief is not None and relief.id is not None:  # a mail holds nothing about care
            notice = respijt_at_desk(account_id, relief.id, f"fell_through:{pairing.id}")
        else:
            notice = fell_through(account_id, pairing.id, request)
        outbox.post(session, notice, now=now)


def expire(session: Session, pairing: Pairing, *, now: datetime) -> bool:
    """No answer of the asker in time: nobody waits any longer, both hear it, and the desk sees the request again.
    False when there was an answer, or when it is not time yet."""
    request = _lock(session, pairing)
    is_time = pairing.created_at + LONGEST_WAIT <= now or wishes.is_over(request, now=now)
    if pairing.state != PairingState.WAITING or not is_time:
        return False
    ending.end_pairing(session, pairing, request, now=now, actor_id=None, why="expired")
    ending.give_back_to_desk(session, request, now=now, actor_id=None, why="expired")
    reopen(session, request, now=now, actor_id=None)
    return True


def finish(
    session: Session,
    pairing: Pairing,
    *,
    now: datetime,
    actor_id: int,
    for_good: bool = True,
    asks_feedback: bool = True,
) -> None:
    """It was done. A weekly one goes on with the next appointment, unless `for_good`. Raises IllegalMove."""
    assert pairing.id is not None
    request = _lock(session, pairing)
    after(PAIRING_MOVES, pairing.state, "finish")  # not agreed, or over: an illegal move, whatever comes next
    appointment = appointments.planned(session, pairing)
    if appointment is not None:
        appointments.move(session, appointment, "finish", now=now, actor_id=actor_id)
    if request.frequency == Frequency.WEEKLY and not for_good:
        _go_on(session, pairing, request, appointment, now=now)
        return
    pairing.state, pairing.ended_at = after(PAIRING_MOVES, pairing.state, "finish"), now
    request.state, request.closed_at = after(REQUEST_MOVES, request.state, "finish"), now
    request.updated_at = now
    ending.stop_asking_around(request)
    session.add_all([pairing, request])
    record(session, Tag.PAIRING_DONE, pairing, now=now, actor_id=actor_id)
    for proposal in ending.live_proposals(session, request):
        if proposal.id != pairing.proposal_id:
            ending.withdraw(session, proposal, request, now=now, actor_id=actor_id, why="done")
    for person in (request.asker_id, pairing.volunteer_id) if asks_feedback else ():
        outbox.post(session, feedback_asked(person, pairing.id, request), now=now)


def no_show(session: Session, pairing: Pairing, *, now: datetime, actor_id: int) -> None:
    """Somebody was not there, with who recorded it; a weekly one goes on with the next appointment.

    Raises IllegalMove when nothing is planned, or when the day is still to come.
    """
    request = _lock(session, pairing)
    after(PAIRING_MOVES, pairing.state, "finish")
    appointment = appointments.planned(session, pairing)
    if appointment is None or not appointments.has_come(appointment, now=now):
        raise IllegalMove("there is no appointment that could have been missed")
    appointments.move(session, appointment, "miss", now=now, actor_id=actor_id)
    if request.frequency == Frequency.WEEKLY:
        _go_on(session, pairing, request, appointment, now=now)


def plan(session: Session, pairing: Pairing, day: date, hour: time, *, now: datetime, actor_id: int) -> None:
    """The day and hour that both agreed on: of the planned appointment, else of a new one.

    Raises Invalid as appointments.set_hour does, and IllegalMove when the pairing is not agreed.
    """
    request = _lock(session, pairing)
    after(PAIRING_MOVES, pairing.state, "finish")
    appointment = appointments.planned(session, pairing)
    if appointment is None:
        assert pairing.id is not None
        appointment = Appointment(pairing_id=pairing.id, day=day, part=0, minutes=request.minutes)
    appointments.set_hour(session, appointment, day, hour, now=now, actor_id=actor_id)


def _go_on(
    session: Session, pairing: Pairing, request: HelpRequest, last: Appointment | None, *, now: datetime
) -> None:
    """The next time of a weekly one."""
    if last is None:
        appointments.plan_next(session, pairing, request, now=now)
    else:
        appointments.plan_a_week_later(session, last, now=now)


def give_feedback(
    session: Session, pairing: Pairing, account_id: int, *, went: str, again: str, remark: str, now: datetime
) -> Feedback:
    """How it was, once for each side: a second time gives the first answer back. Raises IllegalMove before the end."""
    assert pairing.id is not None
    _lock(session, pairing)  # two taps at once: the second one finds the first one's answer
    if pairing.state != PairingState.DONE:
        raise IllegalMove("it is not done yet")
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
    """Look for somebody again: at the desk only, as long as something holds the request and no human released it.
    Where we asked around, that goes on by itself."""
    step = "hold" if request.hold_reasons else "reopen"
    request.state, request.updated_at = after(REQUEST_MOVES, request.state, step), now
    if request.hold_reasons:
        ending.stop_asking_around(request)
    questions.go_on(session, request)
    session.add(request)
    record(session, Tag.REQUEST_REOPENED, request, now=now, actor_id=actor_id)


def _lock(session: Session, pairing: Pairing) -> HelpRequest:
    """The request of a pairing, its row taken first: whoever answers at the same moment waits here."""
    locks.before_request(session, pairing.request_id)
    query = select(HelpRequest).where(HelpRequest.id == pairing.request_id).with_for_update()
    request = session.exec(query.execution_options(populate_existing=True)).one()
    session.refresh(pairing)
    return request
