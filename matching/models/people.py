"""People: one account per person, whatever they do here. Staff roles are tied to places."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, String
from sqlmodel import Field, SQLModel

from matching.models.base import UtcDateTime


class Channel(StrEnum):
    """How somebody wants to hear from us."""

    EMAIL = "email"
    PHONE = "phone"  # the opbouwwerker calls


class Account(SQLModel, table=True):
    """A person. First name, contact, buurt and a point rounded to 100 m; nothing more."""

    id: int | None = Field(default=None, primary_key=True)
    first_name: str = Field(max_length=80)
    email: str | None = Field(default=None, max_length=254, unique=True)  # lower case
    phone: str | None = Field(default=None, max_length=20, index=True)  # E.164
    password_hash: str | None = None  # argon2id
    adult_declared_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    email_verified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    locale: str = Field(default="nl", max_length=8)
    channel: Channel = Field(default=Channel.EMAIL, sa_type=String(10))
    buurt_code: str | None = Field(default=None, foreign_key="buurt.code")
    x: int | None = None  # RD New, metres, rounded to 100
    y: int | None = None
    session_version: int = 1  # raised to end all sessions of this person
    created_at: datetime = Field(sa_type=UtcDateTime)
    deactivated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    # Who lives in a place, by name or by distance, without reading every account.
    __table_args__ = (Index("ix_account_buurt", "buurt_code", "deactivated_at", "first_name", "x", "y"),)

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None


class Role(StrEnum):
    """What staff do. Residents have no role: anybody can ask, help and care."""

    OPBOUWWERKER = "opbouwwerker"
    COORDINATOR = "coordinator"
    SOCIAAL_PLEIN = "sociaal_plein"
    BEHEERDER = "beheerder"


class StaffRole(SQLModel, table=True):
    """A role and the place it holds for: a gemeente, wijk or buurt code."""

    __tablename__ = "staff_role"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    role: str = Field(max_length=20)
    place_code: str = Field(max_length=10, index=True)
    note: str = Field(default="", max_length=200)  # shown on the buurt page: days, place
    since: date


class Consent(SQLModel, table=True):
    """A consent with the version of the text that was agreed to."""

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    kind: str = Field(max_length=40)
    text_version: str = Field(max_length=20)
    note: str = Field(default="", max_length=300)
    recorded_by_id: int | None = Field(default=None, foreign_key="account.id")
    at: datetime = Field(sa_type=UtcDateTime)


class Block(SQLModel, table=True):
    """These two people are not brought together; either one or staff can have asked for it."""

    id: int | None = Field(default=None, primary_key=True)
    volunteer_id: int = Field(foreign_key="account.id", index=True)
    asker_id: int = Field(foreign_key="account.id")
    at: datetime = Field(sa_type=UtcDateTime)


class ActionLink(SQLModel, table=True):
    """A single-use link to one action for one person. The signed token in the message holds only the id."""

    __tablename__ = "action_link"

    id: str = Field(primary_key=True, max_length=32)  # random
    account_id: int = Field(foreign_key="account.id", index=True)
    purpose: str = Field(max_length=30)
    subject_id: int | None = None
    next_path: str = Field(default="", max_length=200)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (Index("ix_action_link_purpose_subject", "purpose", "subject_id"),)


class Attempt(SQLModel, table=True):
    """One try at something that could be guessed, per account or address (both stored as a keyed hash)."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (Index("ix_attempt_key_at", "key", "at"),)
