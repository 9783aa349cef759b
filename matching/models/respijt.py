"""Respijtzorg: care taken over for a while, from the asking to the evaluation, and the ledger over all payers."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import JSON, Index, String, text
from sqlmodel import Field, SQLModel

from matching.models.base import UtcDateTime
from matching.models.encrypted import EncryptedJson
from matching.workflow import ArrangementState, BookingState, GapState, ReliefState


class ReliefRequest(SQLModel, table=True):
    """A mantelzorger asks for time off. `words` is what they wrote themselves."""

    __tablename__ = "relief_request"

    id: int | None = Field(default=None, primary_key=True)
    situation_id: int = Field(foreign_key="care_situation.id", index=True)
    form: str = Field(max_length=20)  # a key of respijt.json; empty: the opbouwwerker chooses with the mantelzorger
    need: str = Field(default="", max_length=10)  # of a call for help now: here, stay, talk
    rrule: str = Field(default="", max_length=200)  # RFC 5545, without DTSTART; empty: once
    first_day: date
    last_day: date | None = None  # None: until further notice
    slots: int = 0  # 28 bits, as in HelpRequest
    minutes: int = 180
    urgency: str = Field(default="normal", max_length=10)  # normal, soon, now
    words: str = Field(default="", sa_type=EncryptedJson)
    risks: list[str] = Field(default_factory=list, sa_type=JSON)  # kinds of risk words found in `words`
    state: ReliefState = Field(default=ReliefState.ASKED, sa_type=String(12))
    # What the matcher sees of it.
    help_request_id: int | None = Field(default=None, foreign_key="help_request.id", index=True)
    taken_by_id: int | None = Field(default=None, foreign_key="account.id")
    taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_relief_on: date | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end_reason: str = Field(default="", max_length=20)


class RespijtProvider(SQLModel, table=True):
    """An organisation in the directory."""

    __tablename__ = "respijt_provider"

    id: int | None = Field(default=None, primary_key=True)
    gemeente_code: str = Field(foreign_key="gemeente.code", index=True)
    name: str = Field(max_length=120)
    forms: list[str] = Field(default_factory=list, sa_type=JSON)
    payers: list[str] = Field(default_factory=list, sa_type=JSON)
    buurt_code: str | None = Field(default=None, foreign_key="buurt.code")
    capacity: int | None = None  # places a day, when they told us
    phone: str = Field(default="", max_length=20)
    url: str = Field(default="", max_length=200)
    note: str = Field(default="", max_length=300)
    last_checked_on: date
    is_example: bool = False  # made up for the demonstration, and shown as such
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Arrangement(SQLModel, table=True):
    """Who takes over for a relief request: a volunteer or a provider. `words`: notes of a referral."""

    id: int | None = Field(default=None, primary_key=True)
    relief_id: int = Field(foreign_key="relief_request.id", index=True)
    volunteer_id: int | None = Field(default=None, foreign_key="volunteer.account_id", index=True)
    provider_id: int | None = Field(default=None, foreign_key="respijt_provider.id")
    is_backup: bool = False
    state: ArrangementState = Field(default=ArrangementState.PROPOSED, sa_type=String(12))
    introduced_on: date | None = None
    tried_on: date | None = None
    agreement_version: str = Field(default="", max_length=20)
    mantelzorger_agreed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stand_in_agreed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    follow_up_on: date | None = None
    # How its moments are laid out, night after night. None: that has not begun; empty: nothing is counted.
    series_payer: str | None = Field(default=None, max_length=12)
    series_hour: time | None = None  # by the Dutch clock; None: the usual hour of the half-day
    words: str = Field(default="", sa_type=EncryptedJson)
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end_reason: str = Field(default="", max_length=20)


class RespijtEvaluation(SQLModel, table=True):
    """How it was after the third time, by either side. answers: went, rest, again, words."""

    __tablename__ = "respijt_evaluation"

    id: int | None = Field(default=None, primary_key=True)
    arrangement_id: int = Field(foreign_key="arrangement.id")
    by_id: int = Field(foreign_key="account.id")
    answers: dict[str, Any] = Field(default_factory=dict, sa_type=EncryptedJson)
    at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (Index("uq_respijt_evaluation_once", "arrangement_id", "by_id", unique=True),)


class Entitlement(SQLModel, table=True):
    """What a payer gives, in one unit, for one period. How much is in the lines."""

    id: int | None = Field(default=None, primary_key=True)
    situation_id: int = Field(foreign_key="care_situation.id", index=True)
    payer: str = Field(max_length=12)  # wmo, wlz, insurance, volunteer, jeugdwet, own
    form: str = Field(default="", max_length=20)  # empty: any form
    unit: str = Field(max_length=10)  # half_day, night, day, hour
    first_day: date
    last_day: date
    indication_ends: date | None = None
    created_by_id: int = Field(foreign_key="account.id")
    created_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (Index("ix_entitlement_ends", "closed_at", "last_day", "indication_ends"),)


class RespijtBooking(SQLModel, table=True):
    """One dated occurrence of an arrangement: who takes over when. The ledger lines tell what it takes of what.

    A stay can take from two entitlements of one payer (nights before and after New Year), so it names the payer.
    """

    __tablename__ = "respijt_booking"

    id: int | None = Field(default=None, primary_key=True)
    situation_id: int = Field(foreign_key="care_situation.id")
    arrangement_id: int = Field(foreign_key="arrangement.id")
    payer: str = Field(default="", max_length=12)  # empty: nothing is counted
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    state: BookingState = Field(default=BookingState.PLANNED, sa_type=String(12))
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by_id: int | None = Field(default=None, foreign_key="account.id")
    end_reason: str = Field(default="", max_length=20)

    __table_args__ = (
        Index("ix_respijt_booking_calendar", "situation_id", "starts_at"),
        Index("ix_respijt_booking_stand_in", "arrangement_id", "starts_at"),
        Index(  # what is over, and of which nobody said how it went
            "ix_respijt_booking_silent",
            "ends_at",
            sqlite_where=text("state = 'planned'"),
            postgresql_where=text("state = 'planned'"),
        ),
        # A series laid out twice makes one booking for each moment.
        Index(
            "uq_respijt_booking_once",
            "arrangement_id",
            "starts_at",
            unique=True,
            sqlite_where=text("state <> 'cancelled'"),
            postgresql_where=text("state <> 'cancelled'"),
        ),
    )


class RespijtGap(SQLModel, table=True):
    """A booking that fell through, while somebody counts on it: covered by one other person, or by nobody."""

    __tablename__ = "respijt_gap"

    id: int | None = Field(default=None, primary_key=True)
    booking_id: int = Field(foreign_key="respijt_booking.id", unique=True)  # what fell through
    situation_id: int = Field(foreign_key="care_situation.id", index=True)
    state: GapState = Field(default=GapState.OPEN, sa_type=String(12))
    covered_by_id: int | None = Field(default=None, foreign_key="respijt_booking.id")  # what came in its place
    created_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class GapOffer(SQLModel, table=True):
    """A back-up person was asked to take over what fell through. The yes is the gap's, so that there is one."""

    __tablename__ = "gap_offer"

    id: int | None = Field(default=None, primary_key=True)
    gap_id: int = Field(foreign_key="respijt_gap.id")
    arrangement_id: int = Field(foreign_key="arrangement.id", index=True)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    answer: str = Field(default="", max_length=10)  # yes, no; empty: none yet
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (Index("uq_gap_offer_once", "gap_id", "arrangement_id", unique=True),)


class LedgerLine(SQLModel, table=True):
    """Units that were granted, planned, used or came back. Only ever added; the sums are what is true.

    left = granted - planned - used, over all lines of an entitlement.
    """

    __tablename__ = "ledger_line"

    id: int | None = Field(default=None, primary_key=True)
    entitlement_id: int = Field(foreign_key="entitlement.id", index=True)
    booking_id: int | None = Field(default=None, foreign_key="respijt_booking.id", index=True)
    kind: str = Field(max_length=10)  # grant, plan, use, release, correct, end
    granted: int = 0
    planned: int = 0
    used: int = 0
    day: date  # to which the units belong
    key: str = Field(max_length=60, unique=True)  # the same thing written twice is one line
    corrects_id: int | None = Field(default=None, foreign_key="ledger_line.id", unique=True)
    reason: str = Field(default="", max_length=20)  # of a correction
    by_id: int | None = Field(default=None, foreign_key="account.id")  # None: the program itself
    at: datetime = Field(sa_type=UtcDateTime)


class RespijtSignal(SQLModel, table=True):
    """Something about a care situation that a human should look at; data says why."""

    __tablename__ = "respijt_signal"

    id: int | None = Field(default=None, primary_key=True)
    situation_id: int = Field(foreign_key="care_situation.id")
    kind: str = Field(max_length=20)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)  # numbers and dates, nothing they told us
    raised_at: datetime = Field(sa_type=UtcDateTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # it no longer holds
    handled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    handled_by_id: int | None = Field(default=None, foreign_key="account.id")

    __table_args__ = (
        Index(
            "uq_respijt_signal_open",
            "situation_id",
            "kind",
            unique=True,
            sqlite_where=text("gone_at is null and handled_at is null"),
            postgresql_where=text("gone_at is null and handled_at is null"),
        ),
    )


class RespijtFigures(SQLModel, table=True):
    """What mantelzorg and respijtzorg looked like in a gemeente; made by a job, newest only, small numbers left out."""

    __tablename__ = "respijt_figures"

    gemeente_code: str = Field(primary_key=True, foreign_key="gemeente.code")
    at: datetime = Field(sa_type=UtcDateTime)
    figures: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
