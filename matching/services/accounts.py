"""Accounts: joining, getting in, passwords, sessions and staff roles."""

from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from matching.errors import Invalid, TooManyAttempts
from matching.models import (
    Account,
    ActionLink,
    Attempt,
    Buurt,
    Channel,
    Gemeente,
    HelpRequest,
    Role,
    StaffRole,
    Tag,
    Wijk,
)
from matching.notices import sign_in
from matching.services import links
from matching.services.history import record
from matching.services.outbox import post

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
ATTEMPT_WINDOW = timedelta(minutes=15)
MOST_PER_ACCOUNT = 5
MOST_PER_ADDRESS = 30  # a buurthuis shares one address


def normal_email(text: str) -> str:
    """The address in the form we keep: trimmed and lower case. Raises Invalid where it is no address."""
    from email_validator import EmailNotValidError, validate_email  # late: it is heavy, and few pages need it

    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise Invalid("email", "not_an_address") from None


def normal_phone(text: str) -> str:
    """The number as E.164, read as a Dutch one without a country code. Raises Invalid where it is no number."""
    import phonenumbers  # late: its tables are large, and few pages need them

    try:
        number = phonenumbers.parse(text, "NL")
    except phonenumbers.NumberParseException:
        raise Invalid("phone", "not_a_number") from None
    if not phonenumbers.is_valid_number(number):
        raise Invalid("phone", "not_a_number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def by_email(session: Session, email: str) -> Account | None:
    """The active account of this (normalised) address."""
    return session.scalars(
        select(Account).where(col(Account.email) == email, col(Account.deactivated_at).is_(None))
    ).first()


def find_or_join(
    session: Session,
    *,
    first_name: str,
    email: str | None,
    phone: str | None,
    locale: str,
    channel: Channel,
    buurt_code: str | None,
    x: int | None,
    y: int | None,
    adult: bool,
    now: datetime,
) -> tuple[Account, bool]:
    """The account of this e-mail address, untouched, or a new one; and whether it is new.

    A telephone number alone always makes a new account: a household shares one. The caller must behave the same
    in both cases towards whoever typed the address. Raises Invalid for email, phone, contact, first_name or adult.
    """
    email = normal_email(email) if email else None
    phone = normal_phone(phone) if phone else None
    if not first_name.strip():
        raise Invalid("first_name", "missing")
    if email is None and phone is None:
        raise Invalid("contact", "missing")
    if not adult:
        raise Invalid("adult", "missing")
    known = by_email(session, email) if email else None
    if known is not None:
        return known, False
    account = Account(
        first_name=first_name.strip()[:80],
        email=email,
        phone=phone,
        adult_declared_at=now,
        locale=locale,
        channel=channel if email else Channel.PHONE,
        buurt_code=buurt_code,
        x=x,
        y=y,
        created_at=now,
    )
    session.add(account)
    session.flush()
    record(session, Tag.ACCOUNT_JOINED, account, now=now, actor_id=account.id)
    return account, True


def send_sign_in_link(session: Session, account: Account, *, now: datetime, next_path: str = "") -> None:
    """Mail a link with which this person gets in. Somebody without an address gets none."""
    if account.email is None or account.id is None:
        return
    link = links.issue(session, account.id, links.SIGN_IN, now=now, next_path=next_path)
    post(session, sign_in(account.id, link.id), now=now)


def enter_with_link(session: Session, link_id: str, *, now: datetime) -> tuple[Account, ActionLink]:
    """Use a sign-in link. It proves the address, so requests that waited for that proof are verified.

    Raises LinkUnusable.
    """
    link = links.use(session, link_id, links.SIGN_IN, now=now)
    account = session.get_one(Account, link.account_id)
    if not account.is_active:
        raise Invalid("email", "inactive")
    if account.email_verified_at is None:
        account.email_verified_at = now
    record(session, Tag.ACCOUNT_SIGNED_IN, account, now=now, actor_id=account.id, by="link")
    session.add(account)
    return account, link


def waiting_requests(session: Session, account_id: int) -> list[HelpRequest]:
    """Requests sent for this account from a browser that was not signed in: their owner decides."""
    return list(
        session.scalars(
            select(HelpRequest).where(
                col(HelpRequest.asker_id) == account_id,
                col(HelpRequest.is_verified).is_(False),
                col(HelpRequest.closed_at).is_(None),
            )
        )
    )


def set_password(session: Session, account: Account, password: str, *, now: datetime) -> None:
    """Set a password (argon2id) and end all other sessions. Raises Invalid for one that is too short or long."""
    from argon2 import PasswordHasher  # late: few pages need it

    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid("password", "too_short" if len(password) < SHORTEST_PASSWORD else "too_long")
    account.password_hash = PasswordHasher().hash(password)
    account.session_version += 1
    session.add(account)
    record(session, Tag.ACCOUNT_PASSWORD_SET, account, now=now, actor_id=account.id)


# A hash of no password: checking it takes as long as checking a real one, so that time tells nothing.
_NO_PASSWORD = "$argon2id$v=19$m=65536,t=3,p=4$KVA8GE2c1mYS8hJ1a3Iv+A$U0ouqtPMq0/DkIKaIOBCjAOuVpEerT015XnvkdeDWIE"  # noqa: S105  # of nobody


def check_password(
    session: Session, email: str, password: str, *, address: str, secret: str, now: datetime
) -> Account | None:
    """The account, when the password is right; None when it is not or there is no such account.

    Raises TooManyAttempts after 5 failures for an account or 30 from one address within a quarter of an hour.
    """
    from argon2 import PasswordHasher  # late: few pages need it
    from argon2.exceptions import InvalidHashError, VerifyMismatchError

    _limit(session, secret, f"account:{email}", MOST_PER_ACCOUNT, now=now)
    _limit(session, secret, f"address:{address}", MOST_PER_ADDRESS, now=now)
    account = by_email(session, email)
    hashed = account.password_hash if account is not None and account.password_hash else _NO_PASSWORD
    try:
        PasswordHasher().verify(hashed, password[:LONGEST_PASSWORD])
    except (VerifyMismatchError, InvalidHashError):
        note_attempt(session, secret, f"account:{email}", now=now)
        note_attempt(session, secret, f"address:{address}", now=now)
        return None
    if account is not None:
        record(session, Tag.ACCOUNT_SIGNED_IN, account, now=now, actor_id=account.id, by="password")
    return account


def _key(secret: str, subject: str) -> str:
    """A keyed hash: the table tells nobody who tried."""
    return blake2b(subject.encode(), key=secret.encode()[:64], digest_size=24).hexdigest()


def note_attempt(session: Session, secret: str, subject: str, *, now: datetime) -> None:
    """Count one try at something that could be guessed or flooded."""
    session.connection().execute(delete(Attempt).where(col(Attempt.at) < now - ATTEMPT_WINDOW))
    session.add(Attempt(key=_key(secret, subject), at=now))


def _limit(session: Session, secret: str, subject: str, most: int, *, now: datetime) -> None:
    counted = session.scalar(
        select(func.count())
        .select_from(Attempt)
        .where(col(Attempt.key) == _key(secret, subject), col(Attempt.at) > now - ATTEMPT_WINDOW)
    )
    if (counted or 0) >= most:
        raise TooManyAttempts(int(ATTEMPT_WINDOW.total_seconds() // 60))


def limit_link_requests(session: Session, email: str, *, address: str, secret: str, now: datetime) -> None:
    """Count a request for a sign-in link; raises TooManyAttempts so that nobody's mailbox is flooded."""
    for subject, most in ((f"link:{email}", MOST_PER_ACCOUNT), (f"link_from:{address}", MOST_PER_ADDRESS)):
        _limit(session, secret, subject, most, now=now)
        note_attempt(session, secret, subject, now=now)


def end_sessions(session: Session, account_id: int, *, now: datetime) -> None:
    """End every session of this person, on every device."""
    session.connection().execute(
        update(Account)
        .where(col(Account.id) == account_id)
        .values(session_version=Account.session_version + 1)  # computed by the database: no lost update
    )
    account = session.get_one(Account, account_id, populate_existing=True)
    record(session, Tag.ACCOUNT_SESSIONS_ENDED, account, now=now, actor_id=account_id)


def give_role(
    session: Session, email: str, role: str, place_code: str, *, now: datetime, by: int | None = None, note: str = ""
) -> StaffRole:
    """Give somebody a staff role for a place. Giving it twice changes nothing.

    Raises Invalid for an unknown email, role or place.
    """
    account = by_email(session, normal_email(email))
    if account is None or account.id is None:
        raise Invalid("email", "unknown")
    if role not in set(Role):
        raise Invalid("role", "unknown")
    if not any(session.get(kind, place_code) for kind in (Gemeente, Wijk, Buurt)):
        raise Invalid("place", "unknown")
    held = session.scalars(
        select(StaffRole).where(
            col(StaffRole.account_id) == account.id,
            col(StaffRole.role) == role,
            col(StaffRole.place_code) == place_code,
        )
    ).first()
    if held is not None:
        return held
    given = StaffRole(account_id=account.id, role=role, place_code=place_code, note=note, since=now.date())
    session.add(given)
    session.flush()
    record(session, Tag.STAFF_ROLE_GIVEN, given, now=now, actor_id=by, role=role, place=place_code)
    return given
