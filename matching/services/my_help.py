"""What a volunteer has under way: questions to answer, people to help, offers that wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, and_, bindparam, or_, select
from sqlmodel import Session, col

from matching.catalogue import CATEGORIES
from matching.models import Account, Buurt, ForWhom, HelpRequest, Pairing, Proposal
from matching.services.looking_around import OFFER
from matching.workflow import PairingState, ProposalState


@dataclass(frozen=True, slots=True)
class Task:
    """A request as this volunteer may see it. `id` is the key of the proposal or the pairing; `first_name` is
    empty until both said yes."""

    id: int
    request_id: int
    state: str
    category: str
    frequency: str
    day: date | None
    slots: int
    minutes: int
    buurt_name: str
    distance_m: int
    at: datetime
    expires_at: datetime | None = None
    first_name: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it; `done` counts the people this volunteer has helped. `took_over`: was ever brought together with a
    mantelzorger, so that there may be more to tell of that."""

    asked: Sequence[Task]
    waiting: Sequence[Task]  # this volunteer said yes, the asker has not answered yet
    agreed: Sequence[Task]
    offers: Sequence[Task]
    done: int
    took_over: bool


def overview(session: Session, volunteer_id: int) -> Overview:
    """What this volunteer has under way, in two queries; what is due first comes first."""
    values = {"volunteer_id": volunteer_id}
    proposals = [_task(row, row.created_at) for row in session.connection().execute(_proposals(), values)]
    pairings = session.connection().execute(_pairings(), values).all()
    agreed = [row for row in pairings if row.state == PairingState.AGREED]
    return Overview(
        asked=[task for task in proposals if task.state == ProposalState.ASKED],
        waiting=[_task(row, row.created_at) for row in pairings if row.state == PairingState.WAITING],
        agreed=[_task(row, row.agreed_at or row.created_at, _name(row)) for row in agreed],
        offers=[task for task in proposals if task.state == ProposalState.PROPOSED],
        done=sum(row.state == PairingState.DONE for row in pairings),
        took_over=any(CATEGORIES[row.category].respijt for row in pairings),
    )


def _request_columns() -> tuple[Any, ...]:
    request = HelpRequest
    return (
        col(request.id).label("request_id"),
        col(request.category),
        col(request.frequency),
        col(request.day),
        col(request.slots),
        col(request.minutes),
        col(Buurt.name).label("buurt_name"),
        col(Proposal.distance_m),
    )


# Putting a statement together takes longer than running it, so each is made once.
@cache
def _proposals() -> Any:  # an SQL expression; its generic type says nothing here
    return (
        select(col(Proposal.id), col(Proposal.state), col(Proposal.created_at), col(Proposal.expires_at))
        .add_columns(*_request_columns())
        .join(HelpRequest, col(HelpRequest.id) == col(Proposal.request_id))
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .where(
            col(Proposal.volunteer_id) == bindparam("volunteer_id"),
            or_(
                col(Proposal.state) == ProposalState.ASKED,
                and_(col(Proposal.state) == ProposalState.PROPOSED, col(Proposal.source) == OFFER),
            ),
        )
        .order_by(col(Proposal.expires_at), col(Proposal.id))
    )


@cache
def _pairings() -> Any:  # as above
    return (
        select(col(Pairing.id), col(Pairing.state), col(Pairing.created_at), col(Pairing.agreed_at))
        .add_columns(*_request_columns(), col(HelpRequest.for_whom), col(HelpRequest.other_name))
        .add_columns(col(Account.first_name))
        .join(Proposal, col(Proposal.id) == col(Pairing.proposal_id))
        .join(HelpRequest, col(HelpRequest.id) == col(Pairing.request_id))
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .join(Account, col(Account.id) == col(HelpRequest.asker_id))
        .where(
            col(Pairing.volunteer_id) == bindparam("volunteer_id"),
            col(Pairing.state).in_((PairingState.WAITING, PairingState.AGREED, PairingState.DONE)),
        )
        .order_by(col(HelpRequest.day), col(Pairing.id))
    )


def _name(row: Row[Any]) -> str:
    """The person who is helped."""
    return str(row.other_name if row.for_whom == ForWhom.OTHER and row.other_name else row.first_name)


def _task(row: Row[Any], at: datetime, first_name: str = "") -> Task:
    return Task(
        id=row.id,
        request_id=row.request_id,
        state=row.state,
        category=row.category,
        frequency=row.frequency,
        day=row.day,
        slots=row.slots,
        minutes=row.minutes,
        buurt_name=row.buurt_name,
        distance_m=row.distance_m,
        at=at,
        expires_at=getattr(row, "expires_at", None),
        first_name=first_name,
    )
