"""Counting what could be guessed or flooded: passwords, and requests for a link."""

from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from matching.errors import TooManyAttempts
from matching.models import Attempt

ATTEMPT_WINDOW = timedelta(minutes=15)
MOST_PER_ACCOUNT = 5
MOST_PER_ADDRESS = 30  # a buurthuis shares one address


def _key(secret: str, subject: str) -> str:
    """A keyed hash: the table tells nobody who tried."""
    return blake2b(subject.encode("utf-8", "surrogatepass"), key=secret.encode()[:64], digest_size=24).hexdigest()


def note(session: Session, secret: str, subject: str, *, now: datetime) -> None:
    """Count one try at something that could be guessed or flooded."""
    session.connection().execute(delete(Attempt).where(col(Attempt.at) < now - ATTEMPT_WINDOW))
    session.add(Attempt(key=_key(secret, subject), at=now))


def limit(session: Session, secret: str, subject: str, most: int, *, now: datetime) -> None:
    """Raises TooManyAttempts when there were `most` tries in the last quarter of an hour."""
    counted = session.scalar(
        select(func.count())
        .select_from(Attempt)
        .where(col(Attempt.key) == _key(secret, subject), col(Attempt.at) > now - ATTEMPT_WINDOW)
    )
    if (counted or 0) >= most:
        raise TooManyAttempts(int(ATTEMPT_WINDOW.total_seconds() // 60))
