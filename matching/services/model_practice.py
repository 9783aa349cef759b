"""How a model did in practice: what people chose, and what the program drew by lot.

Small numbers say more of people than of a model: below FEW a count is not given, and neither is what it could be
worked out from.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from matching.models import AcceptanceModel, MatchRun, OfferDecision, Proposal
from matching.services.models import Change
from matching.workflow import ModelState, ProposalState

FEW = 5
PERIOD = timedelta(days=90)
FOLLOWED, OTHERWISE, WAVE, EXPLORED = "desk", "override", "wave", "explore"


@dataclass(frozen=True, slots=True)
class Period:
    """From one moment until another."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Practice:
    """What happened in a period. Choices of people: they asked the first of the proposal, somebody else, or nobody.

    asked_by_program: messages that the program sent itself; by_lot: those of them that it drew by lot, to learn.
    """

    followed: int
    somebody_else: int
    nobody: int
    asked_by_program: int
    by_lot: int

    @property
    def choices(self) -> int:
        return self.followed + self.somebody_else + self.nobody

    @property
    def otherwise(self) -> int:
        """How often people chose otherwise than was proposed."""
        return self.somebody_else + self.nobody


def period_of(model: AcceptanceModel, changes: list[Change], *, now: datetime) -> Period | None:
    """The last 90 days in which the model was in use; None for one that never was. changes: the newest first."""
    if model.state == ModelState.CANDIDATE:
        return None
    came = next((change.at for change in changes if change.version == model.version), None)
    went = next((change.at for change in changes if change.replaced == model.version), None)
    until = went if went is not None and model.state != ModelState.IN_USE else now
    start = until - PERIOD  # the stated rule was there from the first day
    return Period(start if came is None else max(came, start), until)


def read_practice(session: Session, period: Period) -> Practice:
    """What happened in this period."""
    p, d = Proposal, OfferDecision
    # Questions from before the learning log existed tell by themselves whom the desk chose.
    by_itself: Any = case(
        (col(p.source) == "offer", "offer"),
        ((col(p.source) == "matcher") & (col(p.rank) == 1), FOLLOWED),
        else_=OTHERWISE,
    )
    how: Any = func.coalesce(col(d.source), by_itself)
    asked = (
        select(how, func.count())
        .select_from(Proposal)
        .outerjoin(OfferDecision, col(d.proposal_id) == col(p.id))
        .where(col(p.asked_at) >= period.since, col(p.asked_at) < period.until)
        .group_by(how)
    )
    counts: dict[str, int] = {source: count for source, count in session.connection().execute(asked)}  # noqa: C416  # a result has keys() of its own
    refused = select(func.count(func.distinct(col(p.request_id)))).where(
        col(p.state) == ProposalState.REJECTED,
        col(p.source) == "matcher",
        col(p.decided_at) >= period.since,
        col(p.decided_at) < period.until,
    )
    by_lot = counts.get(EXPLORED, 0)
    return Practice(
        followed=counts.get(FOLLOWED, 0),
        somebody_else=counts.get(OTHERWISE, 0),
        nobody=int(session.connection().execute(refused).scalar_one()),
        asked_by_program=counts.get(WAVE, 0) + by_lot,
        by_lot=by_lot,
    )


def last_run(session: Session) -> MatchRun | None:
    """The newest matching run: it says which version it really used."""
    return session.exec(select(MatchRun).order_by(col(MatchRun.id).desc()).limit(1)).first()
