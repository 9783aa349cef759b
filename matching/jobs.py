"""What runs by itself: deliver, match, expire, remind, forget. One transaction per item, so that one that fails
takes no other with it. What a job needs from the matcher it imports when it runs: pages import none of this."""

import logging
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol

from sqlmodel import Session

from matching.models import Account, OutboxMessage
from matching.models.base import utcnow
from matching.services import outbox

log = logging.getLogger("omzien.jobs")
OpenSession = Callable[[bool], Session]  # called with True for one that writes


class Post(Protocol):
    """How messages leave: written with the database, handed over without it."""

    def compose(self, session: Session, message: OutboxMessage, account: Account) -> EmailMessage:
        """The mail, in the language of the account."""
        ...

    def hand_over(self, mail: EmailMessage) -> None:
        """Give it to the mail server; raises where that fails."""
        ...


def run(name: str, open_session: OpenSession, *, post: Post | None = None, now: datetime | None = None) -> int:
    """Run one job and return how many items it handled. `deliver` needs `post`."""
    now = now or utcnow()
    if name == "deliver":
        assert post is not None
        return deliver(open_session, post, now=now)
    return JOBS[name](open_session, now)


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


def match(open_session: OpenSession, now: datetime) -> int:
    """Propose volunteers for all open requests."""
    from matching.services import proposing  # brings numpy and the solver

    with open_session(True) as session:
        made = proposing.propose(session, now=now)
        session.commit()
        return int(made.counts.get("proposed", 0))


JOBS: dict[str, Callable[[OpenSession, datetime], int]] = {"match": match}
