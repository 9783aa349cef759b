"""What a volunteer can do, when, how far and how often."""

from datetime import date, datetime

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from matching.models.base import UtcDateTime


class Volunteer(SQLModel, table=True):
    """The helping side of an account. The home point and buurt are the account's."""

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    skills: list[str] = Field(default_factory=list, sa_type=JSON)  # category keys
    slots: int = 0  # 28 bits, as in HelpRequest
    # None: anywhere in the gemeente. No default of the column, which would take the place of a None.
    radius_m: int | None = Field(default=2000, sa_column_kwargs={"default": None})
    languages: list[str] = Field(default_factory=lambda: ["nl"], sa_type=JSON)
    weekly_max: int = 1
    has_car: bool = False
    is_paused: bool = False
    paused_until: date | None = None  # first day after the pause; None: until told otherwise
    # The certificate of conduct: only status, date seen, by whom and renew-by; never the document.
    vog_seen_on: date | None = None
    vog_seen_by_id: int | None = Field(default=None, foreign_key="account.id")
    vog_renew_by: date | None = None
    introduced_on: date | None = None
    introduced_by_id: int | None = Field(default=None, foreign_key="account.id")
    # Taught how to take over care from a mantelzorger: needed before anybody stays alone with the person cared for.
    trained_on: date | None = None
    trained_by_id: int | None = Field(default=None, foreign_key="account.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)

    # Who waits the longest, for an introduction or for a task.
    __table_args__ = (Index("ix_volunteer_waiting", "created_at", "introduced_on", "is_paused", "paused_until"),)

    def has_valid_vog(self, today: date) -> bool:
        return self.vog_seen_on is not None and (self.vog_renew_by is None or self.vog_renew_by > today)

    def is_available(self, today: date) -> bool:
        """Whether this volunteer takes questions today at all."""
        return not self.is_paused or (self.paused_until is not None and self.paused_until <= today)


class Absence(SQLModel, table=True):
    """Days away, first and last day included."""

    id: int | None = Field(default=None, primary_key=True)
    volunteer_id: int = Field(foreign_key="volunteer.account_id", index=True)
    first_day: date
    last_day: date
