"""Mantelzorg: who cares for whom, how that goes, and what happens when the carer drops out.

Two people with two consents. No diagnosis, nowhere. What they tell is encrypted; dates and states are not, because
the desk has to know when something is due.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, String
from sqlmodel import Field, SQLModel

from matching.models.base import UtcDateTime
from matching.models.encrypted import EncryptedJson
from matching.workflow import CareState, StandInState


class CareSituation(SQLModel, table=True):
    """Somebody cares for somebody.

    details: cared_for_name, relation, since_year, hours_a_week, lives (together, alone, institution), words.
    """

    __tablename__ = "care_situation"

    id: int | None = Field(default=None, primary_key=True)
    mantelzorger_id: int = Field(foreign_key="account.id", index=True)
    buurt_code: str = Field(foreign_key="buurt.code")  # of the person cared for
    details: dict[str, Any] = Field(default_factory=dict, sa_type=EncryptedJson)
    mantelzorger_consent_id: int | None = Field(default=None, foreign_key="consent.id")
    cared_for_consent_id: int | None = Field(default=None, foreign_key="consent.id")
    state: CareState = Field(default=CareState.OPEN, sa_type=String(12))
    closed_reason: str = Field(default="", max_length=20)
    check_every_weeks: int = 4  # 0: only when I want
    next_check_on: date | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (Index("ix_care_situation_desk", "state", "buurt_code", "next_check_on"),)


class StrainCheck(SQLModel, table=True):
    """How heavy it was on one day.

    instrument: own (six questions of our own), ediz_plus or csi (a score by a professional, never its items).
    result: answers (own: six of 0 to 2), score.
    """

    __tablename__ = "strain_check"

    id: int | None = Field(default=None, primary_key=True)
    situation_id: int = Field(foreign_key="care_situation.id")
    day: date
    instrument: str = Field(max_length=10)
    result: dict[str, Any] = Field(default_factory=dict, sa_type=EncryptedJson)
    recorded_by_id: int = Field(foreign_key="account.id")
    at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (Index("uq_strain_check_day", "situation_id", "instrument", "day", unique=True),)


class DropOutPlan(SQLModel, table=True):
    """What has to happen when the carer drops out. words: keys, habits, first_hours, whom_to_call."""

    __tablename__ = "drop_out_plan"

    id: int | None = Field(default=None, primary_key=True)
    situation_id: int = Field(foreign_key="care_situation.id", unique=True)
    words: dict[str, str] = Field(default_factory=dict, sa_type=EncryptedJson)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    confirmed_on: date | None = None  # "this still holds"
    confirm_due: date | None = None  # a year later
    called_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the carer dropped out; the plan runs


class StandIn(SQLModel, table=True):
    """Somebody who can step in, in this order. details: name, phone, relation.

    Asked again once a year they are ASKED with the moment of their earlier yes in answered_at.
    """

    __tablename__ = "stand_in"

    id: int | None = Field(default=None, primary_key=True)
    plan_id: int = Field(foreign_key="drop_out_plan.id", index=True)
    position: int  # 1 is called first
    account_id: int | None = Field(default=None, foreign_key="account.id", index=True)
    details: dict[str, str] = Field(default_factory=dict, sa_type=EncryptedJson)
    state: StandInState = Field(default=StandInState.ASKED, sa_type=String(12))
    asked_at: datetime = Field(sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    comes: bool | None = None  # now that the carer dropped out; None: has not answered
    comes_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # the moment of that answer


class DataLook(SQLModel, table=True):
    """Staff looked at somebody's data (R24), with the fields of the Logboek Dataverwerkingen. Never edited."""

    __tablename__ = "data_look"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    activity: str = Field(max_length=40)  # what was done, from the register of processing
    trace_id: str = Field(max_length=32)  # of the web request
    viewer_id: int = Field(foreign_key="account.id")
    viewer_role: str = Field(max_length=20)
    subject_id: int = Field(foreign_key="account.id")
    situation_id: int | None = Field(default=None, foreign_key="care_situation.id")

    __table_args__ = (Index("ix_data_look_subject", "subject_id", "at"),)
