"""Appending to the history."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, SQLModel

from matching.models.events import Event, Tag


def record(
    session: Session, tag: Tag, subject: SQLModel, *, now: datetime, actor_id: int | None = None, **data: Any
) -> None:
    """Append what happened to `subject` (an entity with an integer key). `data` must fit JSON; no free text,
    no names: the history outlives what people ask us to forget."""
    key = getattr(subject, "id", None)
    if key is None:
        key = getattr(subject, "account_id", None)
    session.add(
        Event(
            at=now,
            tag=tag,
            actor_id=actor_id,
            subject=str(subject.__tablename__),
            subject_id=key if isinstance(key, int) else None,
            data=data,
        )
    )
