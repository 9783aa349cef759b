"""How long things that help us along are kept, and on what ground: one table. The job "forget" applies it nightly."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Delete, Update, delete, exists, or_, update
from sqlmodel import SQLModel, col, select

from matching.models import (
    Account,
    ActionLink,
    Arrangement,
    Attempt,
    CareSituation,
    Consent,
    DataLook,
    Draft,
    DropOutPlan,
    Entitlement,
    GapOffer,
    HelpRequest,
    LedgerLine,
    OfferDecision,
    OutboxMessage,
    ReliefRequest,
    RespijtBooking,
    RespijtEvaluation,
    RespijtGap,
    RespijtProvider,
    RespijtSignal,
    StaffRole,
    StandIn,
    StrainCheck,
    Volunteer,
)
from matching.models.learning import CHOICES_KEPT
from matching.workflow import StandInState


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


@dataclass(frozen=True, slots=True)
class WithSituation:
    """`entity` goes, or loses what `cleared` names, `keep` after the care situation it belongs to was closed.

    link: a column of the entity. within: what that column has to be one of, for the situations that are over.
    """

    entity: type[SQLModel]
    link: Any
    within: Callable[[Any], Any]  # from a query of situation ids to a query of what `link` holds
    keep: timedelta
    ground: str
    cleared: tuple[tuple[str, Any], ...] = ()
    unless: Callable[[], ColumnElement[bool]] | None = None

    def forget(self, now: datetime) -> Delete | Update:
        """The statement that deletes or empties what is over at `now`."""
        over = select(CareSituation.id).where(col(CareSituation.closed_at) < now - self.keep)
        if self.cleared:  # not again the next night: what was emptied was changed then
            over = over.where(col(CareSituation.updated_at) < now - self.keep)
        stamp = {"updated_at": now} if self.entity is CareSituation else {}
        change = update(self.entity).values(**dict(self.cleared), **stamp) if self.cleared else delete(self.entity)
        found = change.where(col(self.link).in_(self.within(over)))
        return found if self.unless is None else found.where(~self.unless())


@dataclass(frozen=True, slots=True)
class AskedOnly:
    """Accounts that were made only to ask somebody to step in lose their name and address `keep` after the situation
    was closed. It goes before the stand-ins themselves, who tell which accounts those are."""

    keep: timedelta
    ground: str
    entity: type[SQLModel] = Account

    def forget(self, now: datetime) -> Update:
        """The statement that empties them at `now`."""
        closed = select(CareSituation.id).where(col(CareSituation.closed_at) < now - self.keep)
        over = col(StandIn.plan_id).in_(_plans(closed))
        is_asked = col(StandIn.account_id).is_not(None) & (col(StandIn.state) != StandInState.DECLINED)
        return (
            update(Account)
            .where(
                col(Account.adult_declared_at).is_(None),
                col(Account.email_verified_at).is_(None),
                col(Account.password_hash).is_(None),
                col(Account.email).is_not(None),
                col(Account.id).in_(select(StandIn.account_id).where(is_asked, over)),
                col(Account.id).not_in(select(StandIn.account_id).where(is_asked, ~over)),
                ~is_used(),
            )
            .values(first_name="-", email=None, phone=None, deactivated_at=now)
        )


def is_used() -> ColumnElement[bool]:
    """Whether anything but a place on a plan hangs from an account: then it is somebody's, whoever made it."""
    owners = (
        HelpRequest.asker_id,
        HelpRequest.posted_by_id,
        Volunteer.account_id,
        CareSituation.mantelzorger_id,
        StaffRole.account_id,
    )
    return or_(*(exists().where(col(owner) == col(Account.id)) for owner in owners))


def _itself(situations: Any) -> Any:
    return situations


def _plans(situations: Any) -> Any:
    return select(DropOutPlan.id).where(col(DropOutPlan.situation_id).in_(situations))


def _reliefs(situations: Any) -> Any:
    return select(ReliefRequest.id).where(col(ReliefRequest.situation_id).in_(situations))


def _arrangements(situations: Any) -> Any:
    return select(Arrangement.id).where(col(Arrangement.relief_id).in_(_reliefs(situations)))


def _entitlements(situations: Any) -> Any:
    return select(Entitlement.id).where(col(Entitlement.situation_id).in_(situations))


def _gaps(situations: Any) -> Any:
    return select(RespijtGap.id).where(col(RespijtGap.situation_id).in_(situations))


def _is_of_a_situation() -> ColumnElement[bool]:
    held = (CareSituation.mantelzorger_consent_id, CareSituation.cared_for_consent_id)
    kept = [col(Consent.id).in_(select(column).where(col(column).is_not(None))) for column in held]
    return or_(col(Consent.kind).not_in(("care_mantelzorger", "care_cared_for")), *kept)


def _is_looked_at() -> ColumnElement[bool]:
    return col(CareSituation.id).in_(select(DataLook.situation_id).where(col(DataLook.situation_id).is_not(None)))


def _is_arranged() -> ColumnElement[bool]:
    named = select(Arrangement.provider_id).where(col(Arrangement.provider_id).is_not(None))
    return col(RespijtProvider.id).in_(named)


def _is_in_a_message() -> ColumnElement[bool]:
    return col(ActionLink.id).in_(select(OutboxMessage.link_id).where(col(OutboxMessage.link_id).is_not(None)))


YEAR, COUNTED_FOR = timedelta(days=366), timedelta(days=7 * 366)
TOLD = (
    "AVG art. 5(1)(e): whoever comes back within a year need not tell it all again; after that it serves nobody, and "
    "it is about health and home."
)
COUNTED = (
    "AWR art. 52: whoever pays can ask for seven years how units were granted and used. It holds no words, only days, "
    "units and states."
)
EMPTIED: tuple[tuple[str, Any], ...] = (
    ("details", {}),
    ("mantelzorger_consent_id", None),
    ("cared_for_consent_id", None),
)

PERIODS: tuple[Period | WithSituation | AskedOnly, ...] = (
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
    AskedOnly(YEAR, "AVG art. 5(1)(e): whoever never answered agreed to nothing, and nobody asks them any more."),
    # What mantelzorgers tell: a year after the care ended.
    *(
        WithSituation(entity, link, within, YEAR, TOLD, cleared)
        for entity, link, within, cleared in (
            (StrainCheck, StrainCheck.situation_id, _itself, ()),
            (StandIn, StandIn.plan_id, _plans, ()),
            (DropOutPlan, DropOutPlan.situation_id, _itself, ()),
            (RespijtEvaluation, RespijtEvaluation.arrangement_id, _arrangements, ()),
            (RespijtSignal, RespijtSignal.situation_id, _itself, ()),
            (ReliefRequest, ReliefRequest.id, _reliefs, (("words", ""), ("risks", []))),
            (Arrangement, Arrangement.id, _arrangements, (("words", ""),)),
            (CareSituation, CareSituation.id, _itself, EMPTIED),  # last: it tells what was emptied already
        )
    ),
    Period(
        StrainCheck,
        StrainCheck.at,
        timedelta(days=5 * 366),
        "AVG art. 5(1)(e): five years show whether time off helped; what was heavy before that helps nobody now.",
    ),
    Period(
        RespijtSignal,
        RespijtSignal.raised_at,
        timedelta(days=2 * 366),
        "AVG art. 5(1)(e): two years show whether the desk answers signals; one that still holds stays.",
        unless=lambda: col(RespijtSignal.gone_at).is_(None) & col(RespijtSignal.handled_at).is_(None),
    ),
    Period(
        DataLook,
        DataLook.at,
        timedelta(days=5 * 366),
        "AVG art. 5(2) and 15: people can ask for years who looked; five, as hospitals keep such logs (NEN 7513).",
    ),
    # What was counted: seven years after the care ended, children before parents.
    *(
        WithSituation(entity, link, within, COUNTED_FOR, COUNTED, unless=unless)
        for entity, link, within, unless in (
            (LedgerLine, LedgerLine.entitlement_id, _entitlements, None),
            (Entitlement, Entitlement.situation_id, _itself, None),
            (GapOffer, GapOffer.gap_id, _gaps, None),
            (RespijtGap, RespijtGap.situation_id, _itself, None),
            (RespijtBooking, RespijtBooking.situation_id, _itself, None),
            (Arrangement, Arrangement.relief_id, _reliefs, None),
            (ReliefRequest, ReliefRequest.situation_id, _itself, None),
            (CareSituation, CareSituation.id, _itself, _is_looked_at),
        )
    ),
    Period(
        Consent,
        Consent.at,
        timedelta(days=5 * 366),
        "AVG art. 7(1): that somebody agreed has to be shown as long as it counts, and for a while after it ended.",
        unless=_is_of_a_situation,
    ),
    Period(
        RespijtProvider,
        RespijtProvider.retired_at,
        timedelta(days=2 * 366),
        "No personal data; it stays as long as somebody's time off names it.",
        unless=_is_arranged,
    ),
)
