"""From proposal to pairing to appointment, and how it was."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, String, text
from sqlmodel import Field, SQLModel

from matching.models.base import UtcDateTime
from matching.workflow import AppointmentState, PairingState, ProposalState


class MatchRun(SQLModel, table=True):
    """One run of the matcher, from database to database."""

    __tablename__ = "match_run"

    id: int | None = Field(default=None, primary_key=True)
    place_code: str | None = Field(default=None, max_length=10)  # None: everywhere
    model: str = Field(max_length=40)
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    counts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Proposal(SQLModel, table=True):
    """This volunteer could do this request, with reasons."""

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="help_request.id")
    volunteer_id: int = Field(foreign_key="volunteer.account_id")
    run_id: int | None = Field(default=None, foreign_key="match_run.id")
    source: str = Field(default="matcher", max_length=10)  # matcher, offer (by the volunteer) or staff
    rank: int = 1  # 1 is the assignment, higher are spare candidates
    p: float = 0.0
    distance_m: int = 0
    reasons: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    state: ProposalState = Field(default=ProposalState.PROPOSED, sa_type=String(12))
    created_at: datetime = Field(sa_type=UtcDateTime)
    decided_by_id: int | None = Field(default=None, foreign_key="account.id")
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decision_reason: str = Field(default="", max_length=300)
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answer_reason: str = Field(default="", max_length=20)

    __table_args__ = (
        Index("ix_proposal_request_state", "request_id", "state"),
        Index("ix_proposal_volunteer_state", "volunteer_id", "state"),
        Index("ix_proposal_state_source", "state", "source", "request_id"),
        Index(
            "ix_proposal_asked",
            "volunteer_id",
            sqlite_where=text("asked_at is not null"),
            postgresql_where=text("asked_at is not null"),
        ),
        # At most one live proposal for a pair of people; history may hold several.
        Index(
            "uq_proposal_live",
            "request_id",
            "volunteer_id",
            unique=True,
            sqlite_where=text("state in ('proposed', 'asked', 'accepted')"),
            postgresql_where=text("state in ('proposed', 'asked', 'accepted')"),
        ),
    )


class Pairing(SQLModel, table=True):
    """A volunteer who said yes to a request. Contact details are shared once it is agreed."""

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="help_request.id", index=True)
    volunteer_id: int = Field(foreign_key="volunteer.account_id", index=True)
    proposal_id: int = Field(foreign_key="proposal.id")
    state: PairingState = Field(default=PairingState.WAITING, sa_type=String(12))
    created_at: datetime = Field(sa_type=UtcDateTime)
    agreed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end_reason: str = Field(default="", max_length=20)

    __table_args__ = (
        # Two volunteers on one request: the database itself lets exactly one win.
        Index(
            "uq_pairing_live",
            "request_id",
            unique=True,
            sqlite_where=text("state in ('waiting', 'agreed')"),
            postgresql_where=text("state in ('waiting', 'agreed')"),
        ),
    )


class Appointment(SQLModel, table=True):
    """One dated occurrence of a pairing."""

    id: int | None = Field(default=None, primary_key=True)
    pairing_id: int = Field(foreign_key="pairing.id", index=True)
    day: date
    part: int  # 0 morning, 1 afternoon, 2 evening, 3 night
    starts_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # once they agreed on an hour
    minutes: int
    state: AppointmentState = Field(default=AppointmentState.PLANNED, sa_type=String(12))
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recorded_by_id: int | None = Field(default=None, foreign_key="account.id")


class Feedback(SQLModel, table=True):
    """Two questions to each side, afterwards."""

    id: int | None = Field(default=None, primary_key=True)
    pairing_id: int = Field(foreign_key="pairing.id")
    account_id: int = Field(foreign_key="account.id")
    went: str = Field(max_length=10)  # good, fair, bad
    again: str = Field(max_length=10)  # yes, maybe, no
    remark: str = Field(default="", max_length=1000)
    at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (Index("uq_feedback_once", "pairing_id", "account_id", unique=True),)
