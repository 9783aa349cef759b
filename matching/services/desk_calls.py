"""Whom the desk has to call: a message does not reach everybody, and not everybody answers one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, exists, literal, or_, select, type_coerce, union_all
from sqlmodel import Session, col

from matching.models import Account, ActionLink, Channel, Feedback, HelpRequest, Pairing, Proposal
from matching.services import links
from matching.services.desk import KEPT, Places
from matching.services.reach import within
from matching.workflow import PairingState, ProposalState

VOLUNTEER, ASKER, WORRY = "volunteer", "asker", "worry"
WORRY_SHOWN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody to call about a request: VOLUNTEER was asked and ASKER has to agree, WORRY told that it went badly."""

    kind: str
    request_id: int
    category: str
    name: str
    phone: str | None
    since: datetime


def calls(session: Session, places: Sequence[str], *, now: datetime) -> list[Call]:
    """Everybody to call in these places, who waits longest first. One query."""
    found = session.connection().execute(_query(tuple(places)), {"now": now, "lately": now - WORRY_SHOWN})
    return sorted((Call(*row) for row in found), key=lambda call: call.since)


@lru_cache(KEPT)
def _query(places: Places) -> Any:  # an SQL expression; its generic type says nothing here
    parts = (_volunteers(), _askers(), _worries())
    return union_all(*(part.where(within(col(HelpRequest.buurt_code), places)) for part in parts))


def _columns(kind: str, since: Any) -> tuple[Any, ...]:
    columns = (HelpRequest.id, HelpRequest.category, Account.first_name, Account.phone)
    return type_coerce(literal(kind), String).label("kind"), *(col(column) for column in columns), since.label("since")


def _reads_no_mail() -> ColumnElement[bool]:
    return or_(col(Account.email).is_(None), col(Account.channel) == Channel.PHONE)


def _volunteers() -> Any:  # as above
    return (
        select(*_columns(VOLUNTEER, col(Proposal.asked_at)))
        .select_from(Proposal)
        .join(HelpRequest, col(HelpRequest.id) == col(Proposal.request_id))
        .join(Account, col(Account.id) == col(Proposal.volunteer_id))
        .where(col(Proposal.state) == ProposalState.ASKED, _reads_no_mail())
    )


def _askers() -> Any:  # as above
    can_answer = exists().where(
        col(ActionLink.purpose) == links.CONSENT,
        col(ActionLink.subject_id) == col(Pairing.id),
        col(ActionLink.used_at).is_(None),
        col(ActionLink.revoked_at).is_(None),
        col(ActionLink.expires_at) > bindparam("now"),
    )
    return (
        select(*_columns(ASKER, col(Pairing.created_at)))
        .select_from(Pairing)
        .join(HelpRequest, col(HelpRequest.id) == col(Pairing.request_id))
        .join(Account, col(Account.id) == col(HelpRequest.asker_id))
        .where(col(Pairing.state) == PairingState.WAITING, or_(_reads_no_mail(), ~can_answer))
    )


def _worries() -> Any:  # as above
    return (
        select(*_columns(WORRY, col(Feedback.at)))
        .select_from(Feedback)
        .join(Pairing, col(Pairing.id) == col(Feedback.pairing_id))
        .join(HelpRequest, col(HelpRequest.id) == col(Pairing.request_id))
        .join(Account, col(Account.id) == col(Feedback.account_id))
        .where(col(Feedback.went) == "bad", col(Feedback.at) > bindparam("lately"))
    )
