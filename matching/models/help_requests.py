"""Requests for help, and the drafts they grow from."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlmodel import Field, SQLModel

from matching.models.base import UtcDateTime
from matching.workflow import RequestState


class Frequency(StrEnum):
    ONCE = "once"  # on `day`
    WEEKLY = "weekly"
    FLEXIBLE = "flexible"


class ForWhom(StrEnum):
    SELF = "self"
    OTHER = "other"  # on behalf of `other_name`, with consent recorded


class Draft(SQLModel, table=True):
    """What somebody filled in so far: saved between the steps, so that nothing typed is lost."""

    id: str = Field(primary_key=True, max_length=32)  # random; the browser's session knows it
    kind: str = Field(max_length=20)
    account_id: int | None = Field(default=None, foreign_key="account.id", index=True)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    updated_at: datetime = Field(sa_type=UtcDateTime, index=True)


class HelpRequest(SQLModel, table=True):
    """A small request for help by or on behalf of a resident."""

    __tablename__ = "help_request"

    id: int | None = Field(default=None, primary_key=True)
    # The draft it came from: a form posted twice makes one request.
    draft_key: str | None = Field(default=None, max_length=32, unique=True)
    asker_id: int = Field(foreign_key="account.id", index=True)
    posted_by_id: int = Field(foreign_key="account.id")
    for_whom: str = Field(default=ForWhom.SELF, sa_type=String(10))
    other_name: str = Field(default="", max_length=80)
    consent_id: int | None = Field(default=None, foreign_key="consent.id")
    is_discreet: bool = False  # only staff see it
    is_verified: bool = True  # False: sent from a browser that was not signed in, for an existing account
    # Why only the desk looks for somebody until a human releases it, whatever else holds: category, buurt or staff.
    kept_back: str = Field(default="", max_length=10)
    category: str = Field(max_length=30)
    description: str = Field(default="", max_length=2000)
    frequency: str = Field(sa_type=String(10))
    day: date | None = None  # the only date, with Frequency.ONCE
    slots: int = 0  # 28 bits: day * 4 + part, Monday morning is bit 0
    minutes: int = 60  # how long it takes, about
    languages: list[str] = Field(default_factory=list, sa_type=JSON)  # empty: no wish
    buurt_code: str = Field(foreign_key="buurt.code")
    x: int  # RD New, metres, rounded to 100
    y: int
    welcomes_anyone: bool = False  # said beforehand: whoever the opbouwwerker chooses is welcome
    # The opbouwwerker said: ask whoever fits, one after another, until somebody says yes.
    asking_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asking_by_id: int | None = Field(default=None, foreign_key="account.id")
    state: RequestState = Field(default=RequestState.OPEN, sa_type=String(12))
    risks: list[str] = Field(default_factory=list, sa_type=JSON)  # kinds of risk words found
    no_match_reason: str | None = Field(default=None, max_length=20)  # the matcher's last word
    no_match_wish: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    contact_due: date  # first human contact within five working days
    contacted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_reason: str = Field(default="", max_length=300)

    __table_args__ = (
        # Whatever the desk counts and sorts by: it reads thousands of requests to show twenty.
        Index("ix_help_request_desk", "state", "buurt_code", "contact_due", "day", "contacted_at"),
    )

    @property
    def is_visible_to_volunteers(self) -> bool:
        """Whether volunteers may come across it when they look around."""
        return self.state in (RequestState.OPEN, RequestState.ASKED) and not self.hold_reasons

    @property
    def hold_reasons(self) -> list[str]:
        """Why it is held whenever nobody is asked or has said yes; empty when the matcher may propose."""
        reasons = {
            "discreet": self.is_discreet,
            "risk_words": bool(self.risks),
            self.kept_back: bool(self.kept_back),
            "unverified": not self.is_verified,
        }
        return [reason for reason, holds in reasons.items() if holds]
