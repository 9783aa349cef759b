"""Writing to the outbox and taking from it. Sending itself is the worker's (matching/jobs.py)."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlmodel import Session, col

from matching.errors import IllegalMove
from matching.models.messages import OutboxMessage
from matching.notices import Notice

LEASE = timedelta(minutes=2)  # longer than any SMTP time-out: a worker that died loses its claim
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=4))


def post(session: Session, notice: Notice, *, now: datetime) -> bool:
    """Put a notice in the outbox, in the transaction of the decision. The same key twice is one message: False, when
    it was there."""
    session.info["outbox"] = True  # whoever commits this wakes the worker
    known = session.scalars(select(col(OutboxMessage.id)).where(col(OutboxMessage.key) == notice.key)).first()
    if known is not None:
        return False
    session.add(
        OutboxMessage(
            key=notice.key,
            account_id=notice.account_id,
            template=notice.template,
            context=notice.context,
            link_id=notice.link_id,
            created_at=now,
            due_at=now + notice.delay,
        )
    )
    return True


def cancel(session: Session, key_prefix: str, *, now: datetime) -> None:
    """Take back what has not been sent, as with an undo within the minute."""
    session.connection().execute(
        update(OutboxMessage)
        .where(col(OutboxMessage.key).startswith(key_prefix, autoescape=True), _is_pending())
        .values(cancelled_at=now)
    )


def postpone(session: Session, key_prefix: str, *, until: datetime) -> None:
    """Let what has not been sent wait, as long as a decision can be taken back."""
    session.connection().execute(
        update(OutboxMessage)
        .where(col(OutboxMessage.key).startswith(key_prefix, autoescape=True), _is_pending())
        .values(due_at=until)
    )


def discard(session: Session, key_prefix: str) -> None:
    """Remove what has not been sent, so that the same notice can be written anew. Raises IllegalMove when the
    worker has it already."""
    session.flush()
    ours = col(OutboxMessage.key).startswith(key_prefix, autoescape=True)
    gone = col(OutboxMessage.sent_at).is_not(None) | col(OutboxMessage.claimed_until).is_not(None)
    if session.scalars(select(col(OutboxMessage.id)).where(ours, gone)).first() is not None:
        raise IllegalMove("the message has gone out")
    session.connection().execute(delete(OutboxMessage).where(ours))


def restore(session: Session, key_prefix: str, *, cancelled_at: datetime) -> None:
    """Send after all what was cancelled at this moment."""
    session.connection().execute(
        update(OutboxMessage)
        .where(
            col(OutboxMessage.key).startswith(key_prefix, autoescape=True),
            col(OutboxMessage.cancelled_at) == cancelled_at,
        )
        .values(cancelled_at=None)
    )


def due(session: Session, *, now: datetime, limit: int = 100) -> list[int]:
    """Ids of messages whose time has come and which no other worker is sending."""
    rows = session.connection().execute(
        select(col(OutboxMessage.id))
        .where(_is_pending(), col(OutboxMessage.due_at) <= now, _is_unclaimed(now))
        .order_by(col(OutboxMessage.due_at))
        .limit(limit)
    )
    return [found for found in rows.scalars() if found is not None]


def claim(session: Session, message_id: int, *, now: datetime) -> OutboxMessage | None:
    """Take one message to send; None when another worker was first."""
    won = session.connection().execute(
        update(OutboxMessage)
        .where(col(OutboxMessage.id) == message_id, _is_pending(), _is_unclaimed(now))
        .values(claimed_until=now + LEASE, attempts=OutboxMessage.attempts + 1)
    )
    return session.get(OutboxMessage, message_id, populate_existing=True) if won.rowcount == 1 else None


def mark_sent(session: Session, message: OutboxMessage, *, now: datetime) -> None:
    message.sent_at, message.claimed_until, message.last_error = now, None, ""
    session.add(message)


def mark_failed(session: Session, message: OutboxMessage, error: str, *, now: datetime, final: bool = False) -> None:
    """Try again later, each time later; after the last time (or at once when `final`) a human has to look."""
    message.last_error, message.claimed_until = error[:300], None
    if final or message.attempts > len(BACKOFF):
        message.failed_at = now
    else:
        message.due_at = now + BACKOFF[message.attempts - 1]
    session.add(message)


def _is_pending() -> ColumnElement[bool]:
    return (
        col(OutboxMessage.sent_at).is_(None)
        & col(OutboxMessage.failed_at).is_(None)
        & col(OutboxMessage.cancelled_at).is_(None)
    )


def _is_unclaimed(now: datetime) -> ColumnElement[bool]:
    return or_(col(OutboxMessage.claimed_until).is_(None), col(OutboxMessage.claimed_until) <= now)
