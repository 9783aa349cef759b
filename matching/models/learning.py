"""What the matcher is set to, what it chose from and how that went, and the models that came out of it."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Index, String, text
from sqlmodel import Field, SQLModel

from matching.models.base import UtcDateTime
from matching.workflow import ModelState

CHOICES_KEPT = timedelta(days=730)  # how long the learning log remembers (retention.py says why)


class MatcherSetting(SQLModel, table=True):
    """The two dials of a gemeente, and the weights of its wijken (R25), which are off until somebody turns them on.

    A weight multiplies what `equity` gives for the requests of a wijk. It is never about a person.
    """

    __tablename__ = "matcher_setting"

    gemeente_code: str = Field(primary_key=True, foreign_key="gemeente.code")
    equity: float = 0.1
    balance: float = 0.1
    area_weights: dict[str, float] = Field(default_factory=dict, sa_type=JSON)  # wijk code: at least 0
    uses_area_weights: bool = False
    changed_by_id: int | None = Field(default=None, foreign_key="account.id")
    changed_at: datetime = Field(sa_type=UtcDateTime)


class MatcherPreview(SQLModel, table=True):
    """What each setting of the dials would make of today's requests of a gemeente; made by a job, newest only."""

    __tablename__ = "matcher_preview"

    gemeente_code: str = Field(primary_key=True, foreign_key="gemeente.code")
    at: datetime = Field(sa_type=UtcDateTime)
    figures: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Recruitment(SQLModel, table=True):
    """Whom to look for in a gemeente, so that more requests find somebody; made by each matching run, newest only."""

    gemeente_code: str = Field(primary_key=True, foreign_key="gemeente.code")
    at: datetime = Field(sa_type=UtcDateTime)
    rows: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)


class AcceptanceModel(SQLModel, table=True):
    """A version of the rule that says how likely a yes is, with the card that the public page shows."""

    __tablename__ = "acceptance_model"

    version: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=20)  # prior, logistic, boosting
    state: ModelState = Field(default=ModelState.CANDIDATE, sa_type=String(12))
    file_name: str = Field(default="", max_length=80)  # empty: the stated rule, which needs no file
    sha256: str = Field(default="", max_length=64)
    trained_at: datetime = Field(sa_type=UtcDateTime)
    first_day: date | None = None  # of the offers it learned from
    last_day: date | None = None
    offers: int = 0
    card: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    promoted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    promoted_by_id: int | None = Field(default=None, foreign_key="account.id")

    __table_args__ = (
        # One model at a time: the database itself says so.
        Index(
            "uq_acceptance_model_in_use",
            "state",
            unique=True,
            sqlite_where=text("state = 'in_use'"),
            postgresql_where=text("state = 'in_use'"),
        ),
    )


class OfferDecision(SQLModel, table=True):
    """Somebody was asked: by whom that was chosen, from how many, and how likely the choice was.

    The outcome is the proposal's. Human choices have no propensity.
    """

    __tablename__ = "offer_decision"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    request_id: int = Field(foreign_key="help_request.id", index=True)
    volunteer_id: int = Field(foreign_key="volunteer.account_id")
    proposal_id: int = Field(foreign_key="proposal.id", unique=True)
    source: str = Field(max_length=10)  # wave, explore, desk (the matcher's first), override (somebody else) or offer
    model: str = Field(max_length=40)
    propensity: float | None = None
    candidates: int = 0


class OfferEdge(SQLModel, table=True):
    """Somebody who could have been asked in a decision, with what the matcher knew: for judging later models."""

    __tablename__ = "offer_edge"

    decision_id: int = Field(primary_key=True, foreign_key="offer_decision.id", ondelete="CASCADE")
    volunteer_id: int = Field(primary_key=True, foreign_key="volunteer.account_id")
    p: float
    propensity: float | None = None
    is_chosen: bool = False
    features: list[float | None] = Field(default_factory=list, sa_type=JSON)  # in the order of features.NAMES
