"""What runs by itself: deliver, match, expire, offer, remind, forget. One transaction per item, so that one that fails
takes no other with it. What a job needs from the matcher it imports when it runs: pages import none of this."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlmodel import Session, col, select

from matching.models import (
    Account,
    Appointment,
    Arrangement,
    HelpRequest,
    OutboxMessage,
    Pairing,
    Proposal,
    ReliefRequest,
    RespijtBooking,
)
from matching.models.base import utcnow
from matching.retention import PERIODS
from matching.services import (
    answering,
    appointments,
    drop_out_call,
    outbox,
    pairing,
    relief_over,
    respijt_calendar,
    respijt_figures,
    signals,
    strain,
)
from matching.workflow import (
    AppointmentState,
    ArrangementState,
    BookingState,
    PairingState,
    ProposalState,
    ReliefState,
)

log = logging.getLogger("omzien.jobs")
T = TypeVar("T")
OpenSession = Callable[[bool], Session]  # called with True for one that writes


class Post(Protocol):
    """How messages leave: written with the database, handed over without it."""

    def compose(self, session: Session, message: OutboxMessage, account: Account) -> EmailMessage:
        """The mail, in the language of the account."""
        ...

    def hand_over(self, mail: EmailMessage) -> None:
        """Give it to the mail server; raises where that fails."""
        ...


def run(
    name: str,
    open_session: OpenSession,
    *,
    post: Post | None = None,
    now: datetime | None = None,
    home: Path | None = None,
) -> int:
    """Run one job and return how many items it handled. `deliver` needs `post`; home: OMZIEN_HOME, where the model
    files are."""
    now = now or utcnow()
    if name == "deliver":
        assert post is not None
        return deliver(open_session, post, now=now)
    return JOBS[name](open_session, now, home)


def deliver(open_session: OpenSession, post: Post, *, now: datetime) -> int:
    """Send what is due. At least once: a worker killed between the sending and the note of it sends again after
    the lease; the message's own id lets a mail program show it once."""
    with open_session(False) as session:
        waiting = outbox.due(session, now=now)
    return sum(_deliver_one(open_session, post, message_id, now) for message_id in waiting)


def _deliver_one(open_session: OpenSession, post: Post, message_id: int, now: datetime) -> bool:
    with open_session(True) as session:
        message = outbox.claim(session, message_id, now=now)
        session.commit()
        if message is None:
            return False
        account = session.get_one(Account, message.account_id)
        if account.email is None or not account.is_active:
            outbox.mark_failed(session, message, "no address", now=now, final=True)
            session.commit()
            return False
        try:
            mail = post.compose(session, message, account)
            session.commit()  # no transaction is open while the mail server takes its time
            post.hand_over(mail)
            outbox.mark_sent(session, message, now=now)
        except Exception as error:  # whatever the mail server or a template does, the message stays and is retried
            session.rollback()
            log.warning("message %s not sent: %s", message_id, type(error).__name__)
            outbox.mark_failed(session, message, f"{type(error).__name__}: {error}", now=now)
        session.commit()
        return message.sent_at is not None


def match(open_session: OpenSession, now: datetime, home: Path | None) -> int:
    """Propose volunteers for all open requests."""
    from matching.services.matcher import proposing  # brings numpy and the solver

    with open_session(True) as session:
        made = proposing.propose(session, now=now, home=home)
        session.commit()
        return int(made.counts.get("proposed", 0))


def preview(open_session: OpenSession, now: datetime, home: Path | None) -> int:
    """Calculate what every setting of the dials would propose now. The database is written to only at the end."""
    from matching.services.matcher import previewing  # as above

    with open_session(False) as session:
        made = previewing.calculate(session, now=now, home=home)
    with open_session(True) as session:
        previewing.keep(session, made, now=now)
        session.commit()
    return len(made)


def offer(open_session: OpenSession, now: datetime, home: Path | None) -> int:
    """Ask the next people for the requests that the desk released for asking around. Returns how many were asked."""
    from matching.services.matcher import hindsight, offering, sending  # brings numpy

    _each(open_session, {"choices": None}, lambda s, _nothing: hindsight.note_choices(s, now=now, home=home))
    with open_session(False) as session:
        looked = offering.look(session, now=now, home=home)
    _each(open_session, {over.request_id: over for over in looked.over}, lambda s, over: offering.end(s, over, now=now))
    waves = {wave.request_id: wave for wave in looked.waves}
    return _each(open_session, waves, lambda s, wave: sending.send(s, wave, now=now))


def train(open_session: OpenSession, now: datetime, home: Path | None) -> int:
    """Learn a candidate from the answers so far; it is never promoted by itself. Too little to learn from is no
    failure: it is noted, and tried again a week later."""
    from matching.services.matcher.training import CannotTrain  # as above

    try:
        train_candidate(open_session, now, home)
    except CannotTrain as error:
        log.info("nothing was trained: %s", error)
        return 0
    return 1


def train_candidate(
    open_session: OpenSession, now: datetime, home: Path | None, progress: Callable[[float], None] | None = None
) -> str:
    """The same by hand: gives the version. The database is free while the model learns. Raises CannotTrain."""
    from matching.services.matcher import training  # as above

    if home is None:
        raise training.CannotTrain("No folder for model files is known here, so nothing was trained.")
    with open_session(False) as session:
        reading = training.read(session, home)
    learned = training.learn(reading, now=now, progress=progress)
    with open_session(True) as session:
        version = training.register(session, home, learned, now=now).version
        session.commit()
    return version


def expire(open_session: OpenSession, now: datetime, _home: Path | None) -> int:
    """End the questions that got no answer in time, to volunteers and to askers, so that somebody else can be asked."""
    return _expire_questions(open_session, now) + _expire_consents(open_session, now)


def _expire_questions(open_session: OpenSession, now: datetime) -> int:
    query = select(Proposal.id).where(Proposal.state == ProposalState.ASKED, col(Proposal.expires_at) <= now)

    def end(session: Session, proposal_id: int) -> bool:
        proposal = session.get_one(Proposal, proposal_id)
        answering.expire(session, proposal, now=now)
        return proposal.state == ProposalState.EXPIRED

    return _one_by_one(open_session, query.order_by(col(Proposal.expires_at)), end)


def _expire_consents(open_session: OpenSession, now: datetime) -> int:
    today = now.astimezone(appointments.AMSTERDAM).date()
    waited = col(Pairing.created_at) <= now - pairing.LONGEST_WAIT
    query = (
        select(Pairing.id)
        .join(HelpRequest, col(HelpRequest.id) == col(Pairing.request_id))
        .where(Pairing.state == PairingState.WAITING, waited | (col(HelpRequest.day) <= today))
        .order_by(col(Pairing.id))
    )

    def end(session: Session, key: int) -> bool:
        return pairing.expire(session, session.get_one(Pairing, key), now=now)

    return _one_by_one(open_session, query, end)


def remind(open_session: OpenSession, now: datetime, _home: Path | None) -> int:
    """Remind both people the day before an appointment, once."""
    tomorrow = now.astimezone(appointments.AMSTERDAM).date() + timedelta(days=1)
    query = select(Appointment.id).where(
        Appointment.day == tomorrow,
        Appointment.state == AppointmentState.PLANNED,
        col(Appointment.reminded_at).is_(None),
    )
    return _one_by_one(open_session, query, lambda session, key: appointments.remind(session, key, now=now))


def check_in(open_session: OpenSession, now: datetime, _home: Path | None) -> int:
    """Ask mantelzorgers how they are, on the day they chose, once."""
    with open_session(False) as session:
        due = strain.due(session, today=now.astimezone(appointments.AMSTERDAM).date())
    return _each(open_session, {key: key for key in due}, lambda s, key: strain.remind(s, key, now=now))


def lay_out(open_session: OpenSession, now: datetime, _home: Path | None) -> int:
    """Keep the calendars of respijtzorg eight weeks ahead, count as used what ended a week ago without a word, and
    finish time off that is over."""
    running = (
        select(Arrangement.id)
        .join(ReliefRequest, col(ReliefRequest.id) == col(Arrangement.relief_id))
        .where(
            Arrangement.state == ArrangementState.RUNNING,
            col(Arrangement.series_payer).is_not(None),
            ReliefRequest.state == ReliefState.RUNNING,
        )
        .order_by(col(Arrangement.id))
    )
    silent = (
        select(RespijtBooking.id)
        .where(
            RespijtBooking.state == BookingState.PLANNED,
            col(RespijtBooking.ends_at) <= now - respijt_calendar.ASSUMED_AFTER,
        )
        .order_by(col(RespijtBooking.ends_at))
    )
    done = _one_by_one(open_session, running, lambda session, key: respijt_calendar.extend(session, key, now=now))
    done += _one_by_one(open_session, silent, lambda session, key: respijt_calendar.assume_used(session, key, now=now))
    with open_session(False) as session:
        over = relief_over.due(session, today=now.astimezone(appointments.AMSTERDAM).date())
    return done + _each(open_session, {key: key for key in over}, lambda s, key: relief_over.finish(s, key, now=now))


def plans(open_session: OpenSession, now: datetime, _home: Path | None) -> int:
    """Ask, once a year, whether the plan for when a carer drops out still holds."""
    with open_session(False) as session:
        keys = drop_out_call.due(session, today=now.astimezone(appointments.AMSTERDAM).date())
    return _each(open_session, {key: key for key in keys}, lambda s, key: drop_out_call.renew(s, key, now=now))


def look_for_signals(open_session: OpenSession, now: datetime, _home: Path | None) -> int:
    """Judge all care situations; what changed is written in chunks, so that nobody waits for a lock. Returns how many
    signals were raised or went."""
    with open_session(False) as session:
        findings = signals.find(session, today=now.astimezone(appointments.AMSTERDAM).date())
        chunks = signals.chunks(session, findings)

    def keep(session: Session, keys: list[int]) -> int:
        done = signals.keep(session, keys, findings, now=now)
        return done.raised + done.gone

    return _each(open_session, {keys[0]: keys for keys in chunks}, keep)


def figures(open_session: OpenSession, now: datetime, _home: Path | None) -> int:
    """Make the figures about respijtzorg of every gemeente. Returns of how many."""
    today = now.astimezone(appointments.AMSTERDAM).date()
    with open_session(False) as session:
        codes = respijt_figures.gemeenten(session)
        made = {code: respijt_figures.calculate(session, code, today=today) for code in codes}

    def keep(session: Session, code: str) -> int:
        respijt_figures.keep(session, code, made[code], now=now)
        return 1

    return _each(open_session, {code: code for code in made}, keep)


def forget(open_session: OpenSession, now: datetime, _home: Path | None) -> int:
    """Delete what we no longer need (matching/retention.py). Returns how many rows."""
    gone = 0
    for period in PERIODS:
        with open_session(True) as session:
            gone += session.connection().execute(period.forget(now)).rowcount
            session.commit()
    return gone


def _one_by_one(open_session: OpenSession, query: Any, step: Callable[[Session, int], int]) -> int:
    """Take each key that `query` finds in a transaction of its own; one that fails is noted and left for the next
    time. Returns how many steps did something."""
    with open_session(False) as session:
        keys = list(session.exec(query))
    return _each(open_session, {key: key for key in keys}, step)


def _each(open_session: OpenSession, items: Mapping[Any, T], step: Callable[[Session, T], int]) -> int:
    """The same for things at hand, by what they are called in the log."""
    done = 0
    for key, item in items.items():
        with open_session(True) as session:
            try:
                done += step(session, item)
                session.commit()
            except Exception:  # whatever is wrong with one must not stop the others
                session.rollback()
                log.exception("item %s failed", key)
    return done


JOBS: dict[str, Callable[[OpenSession, datetime, Path | None], int]] = {
    "match": match,
    "preview": preview,
    "train": train,
    "expire": expire,
    "offer": offer,
    "remind": remind,
    "lay_out": lay_out,
    "check_in": check_in,
    "signals": look_for_signals,
    "figures": figures,
    "forget": forget,
    "plans": plans,
}
