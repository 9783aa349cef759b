"""Single-use links: issued with a message, opened as often as wanted, used once."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from matching.errors import LinkUnusable
from matching.models.people import ActionLink

SIGN_IN = "sign_in"
ANSWER = "answer"  # a volunteer answers a proposal
CONSENT = "consent"  # an asker answers a pairing
STAND_IN = "stand_in"  # would you step in when a carer drops out?
STAND_IN_CALL = "stand_in_call"  # the carer dropped out: the plan, read as often as wanted
STAND_IN_LEAVE = "stand_in_leave"  # a stand-in no longer wants to be one
FEED = "feed"  # a calendar elsewhere reads mine, as often as it wants
LIFETIMES = {
    SIGN_IN: timedelta(hours=1),
    ANSWER: timedelta(days=3),
    CONSENT: timedelta(days=7),
    STAND_IN: timedelta(days=14),
    STAND_IN_CALL: timedelta(days=3),
    FEED: timedelta(days=3650),  # until it is taken back
    STAND_IN_LEAVE: timedelta(days=400),  # until the next message with one
}


def issue(
    session: Session,
    account_id: int,
    purpose: str,
    *,
    now: datetime,
    subject_id: int | None = None,
    next_path: str = "",
    lifetime: timedelta | None = None,
    until: datetime | None = None,
) -> ActionLink:
    """A new link bound to one person, one purpose and one thing. Only its signed id leaves the house.

    It works for the lifetime of its purpose, or for `lifetime`, and never after `until`.
    """
    expires_at = now + (lifetime or LIFETIMES[purpose])
    link = ActionLink(
        id=secrets.token_urlsafe(16),
        account_id=account_id,
        purpose=purpose,
        subject_id=subject_id,
        next_path=next_path,
        created_at=now,
        expires_at=min(expires_at, until or expires_at),
    )
    session.add(link)
    session.flush()
    return link


def look(session: Session, link_id: str, purpose: str, *, now: datetime) -> ActionLink:
    """The link, still usable. Raises LinkUnusable with used, expired or unknown."""
    link = session.get(ActionLink, link_id)
    if link is None or link.purpose != purpose or link.revoked_at is not None:
        raise LinkUnusable("unknown")
    if link.used_at is not None:
        raise LinkUnusable("used")
    if link.expires_at <= now:
        raise LinkUnusable("expired")
    return link


def use(session: Session, link_id: str, purpose: str, *, now: datetime) -> ActionLink:
    """Use the link up: of two requests at the same moment one gets it, the other LinkUnusable("used")."""
    link = look(session, link_id, purpose, now=now)
    won = session.connection().execute(
        update(ActionLink).where(col(ActionLink.id) == link_id, col(ActionLink.used_at).is_(None)).values(used_at=now)
    )
    if won.rowcount != 1:
        raise LinkUnusable("used")
    session.refresh(link)
    return link


def revoke(session: Session, purpose: str, subject_id: int, *, now: datetime) -> None:
    """End all unused links to this thing."""
    session.connection().execute(
        update(ActionLink)
        .where(
            col(ActionLink.purpose) == purpose,
            col(ActionLink.subject_id) == subject_id,
            col(ActionLink.used_at).is_(None),
        )
        .values(revoked_at=now)
    )


def restore(session: Session, purpose: str, subject_id: int, *, revoked_at: datetime) -> None:
    """Let the links to this thing that were ended at this moment work again."""
    session.connection().execute(
        update(ActionLink)
        .where(
            col(ActionLink.purpose) == purpose,
            col(ActionLink.subject_id) == subject_id,
            col(ActionLink.revoked_at) == revoked_at,
        )
        .values(revoked_at=None)
    )
