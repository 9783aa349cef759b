"""Keeping what somebody filled in so far, between the steps and between two visits.

The browser knows a draft by its random id. A draft made while signed in belongs to that account from then on:
it is found again on another device, and another account (or a session that ended) can't open it.
"""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from matching.models import Draft


def load(session: Session, draft_id: str | None, kind: str, *, account_id: int | None) -> Draft | None:
    """The draft with this id, when it is of this kind and whoever asks may open it."""
    draft = session.get(Draft, draft_id) if draft_id else None
    if draft is None or draft.kind != kind or draft.account_id not in (None, account_id):
        return None
    return draft


def newest(session: Session, kind: str, *, account_id: int) -> Draft | None:
    """The draft of this kind that this account worked on last."""
    found = select(Draft).where(Draft.account_id == account_id, Draft.kind == kind)
    return session.exec(found.order_by(col(Draft.updated_at).desc()).limit(1)).first()


def save(
    session: Session,
    draft: Draft | None,
    kind: str,
    data: dict[str, Any],
    *,
    account_id: int | None,
    now: datetime,
) -> Draft:
    """Keep `data` (fit for JSON) in this draft, or in a new one when it is None."""
    if draft is None:
        draft = Draft(id=secrets.token_urlsafe(16), kind=kind, updated_at=now)
    # A new dict each time: a JSON column does not notice a change inside the old one.
    draft.data, draft.updated_at = dict(data), now
    draft.account_id = draft.account_id or account_id
    session.add(draft)
    return draft


def discard(session: Session, draft: Draft | None) -> None:
    """Forget a draft that became something else, or that nobody wants any more. Gone already is fine: two presses
    on a button reach two workers."""
    if draft is not None:
        session.connection().execute(delete(Draft).where(col(Draft.id) == draft.id))
