"""Accounts: joining, getting in by link, sessions and staff roles. Passwords are in passwords.py."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from matching.access import covers
from matching.errors import Invalid, LinkUnusable, NotFound
from matching.models import (
    Account,
    ActionLink,
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
from matching.services import attempts, links
from matching.services.history import record
from matching.services.outbox import post

LONGEST_EMAIL = 254
LONGEST_NAME = 80
LONGEST_PATH = 200  # of a page to go to after a link


def normal_email(text: str) -> str:
    """The address in the form we keep: trimmed and lower case. Raises Invalid where it is no address."""
    from email_validator import EmailNotValidError, validate_email  # late: it is heavy, and few pages need it

    try:
        email = validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise Invalid("email", "not_an_address") from None
    if len(email) > LONGEST_EMAIL:  # some capitals become two characters
        raise Invalid("email", "not_an_address")
    return email


def normal_phone(text: str) -> str:
    """The number as E.164, read as a Dutch one without a country code. Raises Invalid where it is no number."""
    import phonenumbers  # late: its tables are large, and few pages need them

    try:
        number = phonenumbers.parse(text.strip(), "NL")
    except phonenumbers.NumberParseException:
        raise Invalid("phone", "not_a_number") from None
    if not phonenumbers.is_valid_number(number):
        raise Invalid("phone", "not_a_number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_name(text: str) -> str:
    """A first name on one line, at most 80 characters. Raises Invalid where there is nothing to see."""
    name = " ".join(text.split())[:LONGEST_NAME].strip()
    if not any(unicodedata.category(character)[0] not in "CZM" for character in name):
        raise Invalid("first_name", "missing")
    return name


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
    first_name = normal_name(first_name)
    if email is None and phone is None:
        raise Invalid("contact", "missing")
    if not adult:
        raise Invalid("adult", "missing")
    known = _owner(session, email)
    if known is not None:
        return known, False
    account = Account(
        first_name=first_name,
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
    try:
        with session.begin_nested():
            session.add(account)
    except IntegrityError:  # somebody joined with this address a moment earlier: a form sent twice
        earlier = _owner(session, email)
        if earlier is None:
            raise
        return earlier, False
    record(session, Tag.ACCOUNT_JOINED, account, now=now, actor_id=account.id)
    return account, True


def _owner(session: Session, email: str | None) -> Account | None:
    """Whose address this is, active or not."""
    return session.scalars(select(Account).where(col(Account.email) == email)).first() if email else None


def send_sign_in_link(session: Session, account: Account, *, now: datetime, next_path: str = "") -> None:
    """Mail a link with which this person gets in. Somebody without an address, or who left, gets none.

    A `next_path` that is too long to keep is left out.
    """
    if account.email is None or account.id is None or not account.is_active:
        return
    next_path = next_path if len(next_path) <= LONGEST_PATH else ""
    link = links.issue(session, account.id, links.SIGN_IN, now=now, subject_id=account.id, next_path=next_path)
    post(session, sign_in(account.id, link.id), now=now)


def enter_with_link(session: Session, link_id: str, *, now: datetime) -> tuple[Account, ActionLink]:
    """Use a sign-in link. It proves the address, so requests that waited for that proof are verified.

    Raises LinkUnusable, also for somebody who left.
    """
    link = links.use(session, link_id, links.SIGN_IN, now=now)
    account = session.get_one(Account, link.account_id)
    if not account.is_active:
        raise LinkUnusable("unknown")
    if account.email_verified_at is None:
        account.email_verified_at = now
    record(session, Tag.ACCOUNT_SIGNED_IN, account, now=now, actor_id=account.id, by="link")
    session.add(account)
    return account, link


def has_asked(session: Session, account_id: int) -> bool:
    """Whether this person ever asked for help here."""
    asked = select(col(HelpRequest.id)).where(col(HelpRequest.asker_id) == account_id).limit(1)
    return session.scalars(asked).first() is not None


def waiting_requests(session: Session, account_id: int) -> list[HelpRequest]:
    """Requests sent for this account from a browser that was not signed in: their owner decides."""
    return list(
        session.scalars(
            select(HelpRequest)
            .where(
                col(HelpRequest.asker_id) == account_id,
                col(HelpRequest.is_verified).is_(False),
                col(HelpRequest.closed_at).is_(None),
            )
            .order_by(col(HelpRequest.id))
        )
    )


def waiting_request(session: Session, account_id: int, request_id: int) -> HelpRequest:
    """One of them. Raises NotFound for any other."""
    for request in waiting_requests(session, account_id):
        if request.id == request_id:
            return request
    raise NotFound(f"no request {request_id} waits for {account_id}")


def change(
    session: Session,
    account: Account,
    *,
    first_name: str,
    phone: str | None,
    locale: str,
    channel: Channel,
    buurt_code: str,
    x: int,
    y: int,
    now: datetime,
) -> None:
    """Keep what somebody changed about themselves. `x`, `y`: RD New metres, rounded to 100.

    Raises Invalid for first_name or phone (whoever has no e-mail address needs a number, and so does whoever
    wants to be called).
    """
    phone = normal_phone(phone) if phone else None
    first_name = normal_name(first_name)
    if phone is None and (account.email is None or channel == Channel.PHONE):
        raise Invalid("phone", "missing")
    facts = {
        "first_name": first_name,
        "phone": phone,
        "locale": locale,
        "channel": channel if account.email else Channel.PHONE,
        "buurt_code": buurt_code,
        "x": x,
        "y": y,
    }
    changed = [name for name, value in facts.items() if getattr(account, name) != value]
    if not changed:
        return
    for name in changed:
        setattr(account, name, facts[name])
    session.add(account)
    record(session, Tag.ACCOUNT_CHANGED, account, now=now, actor_id=account.id, what=changed)


def ask_for_link(
    session: Session, email: str, *, address: str, secret: str, now: datetime, next_path: str = ""
) -> None:
    """Mail a sign-in link to this (normalised) e-mail address, if somebody active has it.

    Raises TooManyAttempts, for known and unknown addresses alike.
    """
    limit_link_requests(session, email, address=address, secret=secret, now=now)
    account = by_email(session, email)
    if account is not None:
        send_sign_in_link(session, account, now=now, next_path=next_path)
        session.flush()
    else:
        _pretend_to_send(session, now=now, next_path=next_path)
    session.info["outbox"] = True  # waking the worker takes time too


def _pretend_to_send(session: Session, *, now: datetime, next_path: str) -> None:
    """The same work as for a known address, and undone: time must not tell whose address we know."""
    anybody = session.scalars(select(Account).where(col(Account.email).is_not(None)).limit(1)).first()
    if anybody is not None:
        undone = session.begin_nested()
        send_sign_in_link(session, anybody, now=now, next_path=next_path)
        session.flush()
        undone.rollback()


def limit_link_requests(session: Session, email: str | None, *, address: str, secret: str, now: datetime) -> None:
    """Count a request for a sign-in link or a new account, so that nobody's mailbox is flooded.

    Raises TooManyAttempts after 5 for an e-mail address or 30 from one address within a quarter of an hour.
    """
    limits = [(f"link_from:{address}", attempts.MOST_PER_ADDRESS)]
    if email is not None:
        limits.append((f"link:{email}", attempts.MOST_PER_ACCOUNT))
    for subject, most in limits:
        attempts.limit(session, secret, subject, most, now=now)
    for subject, _most in limits:
        attempts.note(session, secret, subject, now=now)


def end_sessions(session: Session, account: Account, *, now: datetime) -> None:
    """End every session of this person, on every device, and the sign-in links that were not used."""
    bump_session_version(session, account, now=now)
    record(session, Tag.ACCOUNT_SESSIONS_ENDED, account, now=now, actor_id=account.id)


def bump_session_version(session: Session, account: Account, *, now: datetime) -> None:
    """What ends the sessions, for services that record something else."""
    assert account.id is not None
    session.flush()
    session.connection().execute(
        update(Account)
        .where(col(Account.id) == account.id)
        .values(session_version=Account.session_version + 1)  # computed by the database: no lost update
    )
    session.refresh(account)
    links.revoke(session, links.SIGN_IN, account.id, now=now)


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


def staff(session: Session, places: Sequence[str]) -> list[tuple[Account, list[StaffRole]]]:
    """Everybody with a role within these places, by name, with those roles."""
    rows = session.execute(
        select(Account, StaffRole)
        .join(StaffRole, col(StaffRole.account_id) == col(Account.id))
        .where(col(Account.deactivated_at).is_(None))
        .order_by(col(Account.first_name), col(Account.id), col(StaffRole.place_code), col(StaffRole.role))
    )
    found: dict[int | None, tuple[Account, list[StaffRole]]] = {}
    for account, role in rows:
        if any(covers(place, role.place_code) for place in places):
            found.setdefault(account.id, (account, []))[1].append(role)
    return list(found.values())


class NamedPlace(NamedTuple):
    """A place without its outline. `kind` is gemeente, wijk or buurt."""

    kind: str
    code: str
    name: str


def places_within(session: Session, places: Sequence[str]) -> list[NamedPlace]:
    """The gemeenten, then the wijken, then the buurten that these places hold, by name."""
    found = []
    for kind in (Gemeente, Wijk, Buurt):
        rows = session.execute(select(col(kind.code), col(kind.name)).order_by(col(kind.name)))
        found += [
            NamedPlace(kind.__name__.lower(), *row) for row in rows if any(covers(held, row.code) for held in places)
        ]
    return found


def find_role(session: Session, role_id: int, places: Sequence[str]) -> StaffRole:
    """A role within these places. Raises NotFound for any other."""
    role = session.get(StaffRole, role_id) if role_id < 2**31 else None
    if role is None or not any(covers(place, role.place_code) for place in places):
        raise NotFound(f"no staff role {role_id} here")
    return role


def end_role(session: Session, role: StaffRole, *, now: datetime, by: int | None = None) -> None:
    """Take a staff role away. Raises Invalid for the last beheerder of all: nobody could give a role any more."""
    if role.role == Role.BEHEERDER:
        others = (
            select(func.count())
            .select_from(StaffRole)
            .where(col(StaffRole.role) == Role.BEHEERDER, col(StaffRole.id) != role.id)
        )
        if not session.scalar(others):
            raise Invalid("role", "last")
    record(session, Tag.STAFF_ROLE_ENDED, role, now=now, actor_id=by, role=role.role, place=role.place_code)
    session.delete(role)
