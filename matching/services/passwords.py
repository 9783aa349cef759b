"""Passwords: argon2id, checked in the same time whether or not there is an account."""

import unicodedata
from datetime import datetime

from sqlmodel import Session

from matching.errors import Invalid
from matching.models import Account, Tag
from matching.services import attempts
from matching.services.accounts import bump_session_version, by_email
from matching.services.history import record

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
FEWEST_CHARACTERS = 5  # different ones: "aaaaaaaaaa" is guessed first
GUESSED_FIRST = {"1234567890", "0123456789", "wachtwoord", "wachtwoord1", "password123", "qwertyuiop", "welkom1234"}


def set_password(session: Session, account: Account, password: str, *, now: datetime) -> None:
    """Set a password (argon2id) and end all sessions and unused sign-in links.

    Raises Invalid for one that is too short, too long or too easy.
    """
    from argon2 import PasswordHasher  # late: few pages need it

    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid("password", "too_short" if len(password) < SHORTEST_PASSWORD else "too_long")
    if _is_guessed_first(password, account):
        raise Invalid("password", "too_easy")
    account.password_hash = PasswordHasher().hash(_bytes(password))
    session.add(account)
    bump_session_version(session, account, now=now)
    record(session, Tag.ACCOUNT_PASSWORD_SET, account, now=now, actor_id=account.id)


def _is_guessed_first(password: str, account: Account) -> bool:
    lower = password.lower()
    return len(set(password)) < FEWEST_CHARACTERS or lower in GUESSED_FIRST or lower == account.email


def _bytes(password: str) -> bytes:
    """The same bytes on every keyboard: an accented letter can be one character or two."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


# A hash that no account has: checking it takes as long as checking a real one, so that time tells nothing.
_NO_PASSWORD = "$argon2id$v=19$m=65536,t=3,p=4$KVA8GE2c1mYS8hJ1a3Iv+A$U0ouqtPMq0/DkIKaIOBCjAOuVpEerT015XnvkdeDWIE"  # noqa: S105  # of nobody


def _is_password(account: Account | None, password: str) -> bool:
    """Whether this is the password of this account; takes as long when there is no account or no password."""
    from argon2 import PasswordHasher  # late: few pages need it
    from argon2.exceptions import InvalidHashError, VerificationError

    hashed = account.password_hash if account is not None else None
    try:
        PasswordHasher().verify(hashed or _NO_PASSWORD, _bytes(password[: LONGEST_PASSWORD + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None


def check_password(
    session: Session, email: str, password: str, *, address: str, secret: str, now: datetime
) -> Account | None:
    """The account, when the password is right; None when it is not or there is no such account.

    The caller keeps a refused try too (commits), or the limit would not count it. Raises TooManyAttempts after
    5 failures for an account or 30 from one address within a quarter of an hour.
    """
    attempts.limit(session, secret, f"account:{email}", attempts.MOST_PER_ACCOUNT, now=now)
    attempts.limit(session, secret, f"address:{address}", attempts.MOST_PER_ADDRESS, now=now)
    account = by_email(session, email)
    if not _is_password(account, password):
        attempts.note(session, secret, f"account:{email}", now=now)
        attempts.note(session, secret, f"address:{address}", now=now)
        return None
    if account is not None:
        record(session, Tag.ACCOUNT_SIGNED_IN, account, now=now, actor_id=account.id, by="password")
    return account


def confirm_password(session: Session, account: Account, password: str, *, secret: str, now: datetime) -> bool:
    """Whether somebody who is signed in knows the present password. The caller keeps a refused try too.

    Raises TooManyAttempts as check_password does: both count the same guesses.
    """
    subject = f"account:{account.email or account.id}"
    attempts.limit(session, secret, subject, attempts.MOST_PER_ACCOUNT, now=now)
    if _is_password(account, password):
        return True
    attempts.note(session, secret, subject, now=now)
    return False
