"""The address under which somebody's own calendar elsewhere reads their moments here.

One address for each account, made when they ask for it. It works without logging in until they take it back or make a
new one, so it shows nothing that a shared calendar should not.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from matching.errors import LinkUnusable
from matching.models import Account, ActionLink
from matching.services import links, respijt_calendar
from matching.services.respijt_calendar import Moment

BACK, AHEAD = timedelta(days=90), timedelta(days=365)


def address(session: Session, account_id: int, *, now: datetime) -> ActionLink | None:
    """The link that works now, if there is one."""
    query = (
        select(ActionLink)
        .where(
            ActionLink.purpose == links.FEED,
            ActionLink.subject_id == account_id,
            col(ActionLink.revoked_at).is_(None),
            col(ActionLink.expires_at) > now,
        )
        .order_by(col(ActionLink.created_at).desc())
    )
    return session.exec(query).first()


def renew(session: Session, account_id: int, *, now: datetime) -> ActionLink:
    """A new address; the old one stops working."""
    stop(session, account_id, now=now)
    return links.issue(session, account_id, links.FEED, subject_id=account_id, now=now)


def stop(session: Session, account_id: int, *, now: datetime) -> None:
    """No address works any more."""
    links.revoke(session, links.FEED, account_id, now=now)


def read(session: Session, link_id: str, *, now: datetime) -> tuple[Account, list[Moment], list[Moment]]:
    """Whose it is, the moments on which they have time off, and those on which they take over: 90 days back and a year
    ahead, cancelled ones too. Raises LinkUnusable."""
    link = links.look(session, link_id, links.FEED, now=now)
    account = session.get_one(Account, link.account_id)
    if not account.is_active:
        raise LinkUnusable("unknown")
    mine, turns = respijt_calendar.of_account(session, link.account_id, now - BACK, now + AHEAD)
    return account, mine, turns
