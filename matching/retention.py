"""How long things that help us along are kept, and on what ground: one table. The job "forget" applies it nightly."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Delete, delete
from sqlmodel import SQLModel, col, select

from matching.models import ActionLink, Attempt, Draft, OfferDecision, OutboxMessage
from matching.models.learning import CHOICES_KEPT


@dataclass(frozen=True, slots=True)
class Period:
    """`entity` goes `keep` after the moment in `since`, where `unless` does not hold it back."""

    entity: type[SQLModel]
    since: Any  # a column with a moment
    keep: timedelta
    ground: str
    unless: Callable[[], ColumnElement[bool]] | None = None

    def forget(self, now: datetime) -> Delete:
        """The statement that deletes what is over at `now`."""
        over = delete(self.entity).where(col(self.since) < now - self.keep)
        return over if self.unless is None else over.where(~self.unless())


def _is_in_a_message() -> ColumnElement[bool]:
    return col(ActionLink.id).in_(select(OutboxMessage.link_id).where(col(OutboxMessage.link_id).is_not(None)))


PERIODS = (
    Period(
        Draft,
        Draft.updated_at,
        timedelta(days=30),
        "AVG art. 5(1)(e): half a form serves whoever comes back to it; after a month nobody does.",
    ),
    Period(
        Attempt,
        Attempt.at,
        timedelta(days=1),
        "AVG art. 32: limits on guessing look back an hour; a day is enough to look into an attack.",
    ),
    Period(
        ActionLink,
        ActionLink.expires_at,
        timedelta(days=90),
        "AVG art. 5(1)(e): a spent link explains to its reader why it no longer works; old mail is rarely opened.",
        unless=_is_in_a_message,
    ),
    # With everybody who could have been asked instead (OfferEdge). What stays are the sums on the card of a model.
    Period(
        OfferDecision,
        OfferDecision.at,
        CHOICES_KEPT,
        "AVG art. 5(1)(e): two years show every season twice, which training and its check need; older choices are of "
        "other volunteers and other buurten.",
    ),
)
