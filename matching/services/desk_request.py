"""One request on the desk: who asked, who was proposed, what happened, and what was just decided."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Integer, Row, and_, bindparam, select, union_all
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from matching.access import Viewer, may_judge
from matching.errors import NotFound
from matching.models import Account, Buurt, Consent, Event, HelpRequest, Pairing, Proposal, Tag
from matching.services.desk import Rows, best_first, proposals
from matching.workflow import LIVE_PAIRING_STATES

# The matcher's bookkeeping: runs come and go, and the page shows who is proposed now.
UNTOLD = (Tag.PROPOSAL_MADE,)
MOST_EVENTS = 60


def look(session: Session, viewer: Viewer, request_id: int) -> HelpRequest:
    """The request, for the desk of its buurt. Raises NotFound for everybody else."""
    request = session.get(HelpRequest, request_id)
    if request is None or not may_judge(viewer, request.buurt_code):
        raise NotFound(f"no request {request_id}")
    return request


def proposal(session: Session, viewer: Viewer, proposal_id: int) -> Proposal:
    """A proposal, for the desk of the buurt of its request. Raises NotFound for everybody else."""
    found = session.get(Proposal, proposal_id)
    if found is None:
        raise NotFound(f"no proposal {proposal_id}")
    look(session, viewer, found.request_id)
    return found


def people_of(session: Session, request: HelpRequest) -> Row[Any]:
    """Who asked: buurt_name, name, phone, email, channel; posted_by; asking_by (who released it for
    asking around, or None); the consent's kind of proof as `consent`."""
    return session.connection().execute(_people_query(), {"request_id": request.id}).one()


# Putting a statement together takes longer than running it, so each is made once.
_THIS = bindparam("request_id", type_=Integer)


@cache
def _people_query() -> Any:  # an SQL expression; its generic type says nothing here
    poster, releaser = aliased(Account), aliased(Account)
    return (
        select(
            col(Buurt.name).label("buurt_name"),
            col(Account.first_name).label("name"),
            col(Account.phone),
            col(Account.email),
            col(Account.channel),
            col(poster.first_name).label("posted_by"),
            col(releaser.first_name).label("asking_by"),
            col(Consent.note).label("consent"),
        )
        .select_from(HelpRequest)
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .join(Account, col(Account.id) == col(HelpRequest.asker_id))
        .join(poster, col(poster.id) == col(HelpRequest.posted_by_id))
        .outerjoin(releaser, col(releaser.id) == col(HelpRequest.asking_by_id))
        .outerjoin(Consent, col(Consent.id) == col(HelpRequest.consent_id))
        .where(col(HelpRequest.id) == _THIS)
    )


def all_proposals(session: Session, request: HelpRequest) -> Rows:
    """Everybody who was ever proposed for this request, with the columns of `candidates`."""
    return session.connection().execute(_proposals_query(), {"request_id": request.id}).all()


@cache
def _proposals_query() -> Any:  # as above
    return proposals().where(col(Proposal.request_id) == _THIS).order_by(*best_first())


def live_pairing(session: Session, request: HelpRequest) -> Row[Any] | None:
    """Who helps, or would like to: id, state, volunteer_id, name, agreed_at."""
    return session.connection().execute(_pairing_query(), {"request_id": request.id}).one_or_none()


@cache
def _pairing_query() -> Any:  # as above
    return (
        select(
            col(Pairing.id),
            col(Pairing.state),
            col(Pairing.volunteer_id),
            col(Pairing.agreed_at),
            col(Account.first_name).label("name"),
        )
        .join(Account, col(Account.id) == col(Pairing.volunteer_id))
        .where(col(Pairing.request_id) == _THIS, col(Pairing.state).in_(LIVE_PAIRING_STATES))
    )


def history(session: Session, request: HelpRequest) -> Rows:
    """What happened to this request, its proposals and its pairings, the latest first: at, tag, data, actor (first
    name or None), volunteer (first name or None)."""
    return session.connection().execute(_history_query(), {"request_id": request.id}).all()


@cache
def _history_query() -> Any:  # as above
    actor, volunteer = aliased(Account), aliased(Account)
    proposed = select(col(Proposal.id)).where(col(Proposal.request_id) == _THIS)
    pairings = select(col(Pairing.id)).where(col(Pairing.request_id) == _THIS)
    subject, subject_id = col(Event.subject), col(Event.subject_id)
    kinds = (
        (subject == "help_request", subject_id == _THIS),
        (subject == "proposal", subject_id.in_(proposed)),
        (subject == "pairing", subject_id.in_(pairings)),
    )
    # One by one: with an OR, PostgreSQL reads every event there is.
    ours = union_all(*(select(col(Event.id)).where(*kind) for kind in kinds)).subquery()
    return (
        select(
            col(Event.at),
            col(Event.tag),
            col(Event.data),
            col(actor.first_name).label("actor"),
            col(volunteer.first_name).label("volunteer"),
        )
        .join_from(ours, Event, col(Event.id) == ours.c.id)
        .outerjoin(actor, col(actor.id) == col(Event.actor_id))
        .outerjoin(Proposal, and_(col(Event.subject) == "proposal", col(Proposal.id) == col(Event.subject_id)))
        .outerjoin(volunteer, col(volunteer.id) == col(Proposal.volunteer_id))
        .where(col(Event.tag).not_in(UNTOLD))
        .order_by(col(Event.at).desc(), col(Event.id).desc())
        .limit(MOST_EVENTS)
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of which the minute may not be over: to say what was done, and to take it back."""

    proposal_id: int
    request_id: int
    name: str
    source: str
    state: str
    decided_at: datetime | None


def decision(session: Session, viewer: Viewer, proposal_id: int) -> Decision | None:
    """The decision about a proposal; None when it is not for this desk or there is none."""
    query: Any = (
        select(
            col(Proposal.id),
            col(Proposal.request_id),
            col(Proposal.source),
            col(Proposal.state),
            col(Proposal.decided_at),
            col(Account.first_name),
            col(HelpRequest.buurt_code),
        )
        .join(Account, col(Account.id) == col(Proposal.volunteer_id))
        .join(HelpRequest, col(HelpRequest.id) == col(Proposal.request_id))
        .where(col(Proposal.id) == proposal_id)
    )
    row = session.connection().execute(query).one_or_none()
    if row is None or row.decided_at is None or not may_judge(viewer, row.buurt_code):
        return None
    return Decision(row.id, row.request_id, row.first_name, row.source, row.state, row.decided_at)
