"""The outbox: what goes out, written in the same transaction as the decision, sent by the worker."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlmodel import Field, SQLModel

from matching.models.base import UtcDateTime

PENDING = text("sent_at is null and failed_at is null and cancelled_at is null")


class OutboxMessage(SQLModel, table=True):
    """One message to one person. `context` holds the facts the templates of `template` need."""

    __tablename__ = "outbox_message"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=120, unique=True)  # idempotency: the same notice is never written twice
    account_id: int = Field(foreign_key="account.id", index=True)
    template: str = Field(max_length=40)
    context: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    link_id: str | None = Field(default=None, foreign_key="action_link.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)  # not before
    attempts: int = 0
    claimed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)  # a worker is sending it
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # given up; a human sees it
    cancelled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str = Field(default="", max_length=300)

    __table_args__ = (Index("ix_outbox_message_due", "due_at", sqlite_where=PENDING, postgresql_where=PENDING),)
