"""What the desk shows of requests: today's work, lists and one request with all that happened to it.

Everything is asked for the places where the viewer works, in columns and never in entities, because a list can be
long. Places are CBS codes of a gemeente, wijk or buurt. Rows carry the columns that each function names.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    String,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from matching.access import Viewer, may_judge
from matching.errors import NotFound
from matching.models import (
    Account,
    Buurt,
    Consent,
    Event,
    ForWhom,
    Gemeente,
    HelpRequest,
    Pairing,
    Proposal,
    Tag,
    Wijk,
)
from matching.services.reach import within
from matching.workflow import (
    LIVE_PAIRING_STATES,
    LIVE_PROPOSAL_STATES,
    OPEN_REQUEST_STATES,
    ProposalState,
    RequestState,
)

Rows = Sequence[Row[Any]]
Places = tuple[str, ...]
# What can be asked for in the list, besides a state.
OPEN, CHOOSE, CONTACT, NOBODY, RISK, CONSENT, OVER = (
    "open", "choose", "contact", "nobody", "risk", "consent", "over",
)  # fmt: skip
OVER_STATES = (RequestState.DONE, RequestState.WITHDRAWN, RequestState.CLOSED)
# The matcher's bookkeeping: runs come and go, and the page shows who is proposed now.
UNTOLD = (Tag.PROPOSAL_MADE,)


def place_names(session: Session, places: Places) -> list[str]:
    """The names of these places, gemeente first."""
    kinds = (Gemeente, Wijk, Buurt)
    query = union_all(*(select(col(kind.code), col(kind.name)).where(col(kind.code).in_(places)) for kind in kinds))
    return [row.name for row in session.connection().execute(query)]


def _proposed(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        col(Proposal.request_id) == col(HelpRequest.id),
        col(Proposal.state) == ProposalState.PROPOSED,
        *conditions,
    )


def _has_offer() -> ColumnElement[bool]:
    return _proposed(col(Proposal.source) == "offer")


def _where(what: str) -> ColumnElement[bool]:
    """The requests that wait for something from the desk, or are in a state."""
    request, state = HelpRequest, col(HelpRequest.state)
    if what == RISK:
        return and_(state == RequestState.HELD, cast(col(request.risks), Text) != "[]")
    if what == CONTACT:
        return and_(state.in_(OPEN_REQUEST_STATES), col(request.contacted_at).is_(None))
    if what == CHOOSE:
        waits = and_(state.in_((RequestState.OPEN, RequestState.HELD)), _proposed())
        return or_(waits, and_(state == RequestState.ASKED, _has_offer()))
    if what == NOBODY:
        return and_(state == RequestState.OPEN, col(request.no_match_reason).is_not(None), ~_proposed())
    if what == CONSENT:
        return and_(state == RequestState.CLAIMED, _asker_has_no_mail())
    if what == OVER:
        return state.in_(OVER_STATES)
    return state.in_(OPEN_REQUEST_STATES) if what == OPEN else state == what


def _asker_has_no_mail() -> ColumnElement[bool]:
    asker = aliased(Account)  # lists join the account too
    return exists().where(col(asker.id) == col(HelpRequest.asker_id), col(asker.email).is_(None))


def count(session: Session, places: Places, kinds: Sequence[str]) -> dict[str, int]:
    """How many requests wait for each of these, in one query."""
    mine = within(col(HelpRequest.buurt_code), places)
    sums = [func.coalesce(func.sum(case((_where(kind), 1), else_=0)), 0).label(kind) for kind in kinds]
    row = session.connection().execute(select(*sums).where(mine, _where(OPEN))).one()
    return {kind: int(value) for kind, value in row._mapping.items()}


def _columns() -> tuple[Any, ...]:
    request = HelpRequest
    name = case(
        (and_(col(request.for_whom) == ForWhom.OTHER, col(request.other_name) != ""), col(request.other_name)),
        else_=col(Account.first_name),
    )
    return (
        col(request.id),
        col(request.category),
        col(request.frequency),
        col(request.day),
        col(request.slots),
        col(request.state),
        col(request.buurt_code),
        col(request.created_at),
        col(request.contact_due),
        col(request.contacted_at),
        col(Buurt.name).label("buurt_name"),
        name.label("name"),
    )


def _lines(places: Places, what: str, *more: Any) -> Any:  # an SQL expression; its generic type says nothing here
    return (
        select(*_columns(), *more)
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .join(Account, col(Account.id) == col(HelpRequest.asker_id))
        .where(within(col(HelpRequest.buurt_code), places), _where(what))
    )


def attention(session: Session, places: Places, limits: dict[str, int]) -> dict[str, list[Row[Any]]]:
    """The first few requests of each kind, what is due first first: the columns of a line and `kind`, phone,
    risks, no_match_reason, no_match_wish. One query."""
    request = HelpRequest
    more = (col(Account.phone), col(request.risks), col(request.no_match_reason), col(request.no_match_wish))
    parts = []
    for kind, limit in limits.items():
        part = _lines(places, kind, *more, type_coerce(literal(kind), String).label("kind"))
        part = part.order_by(_urgency(), col(request.id)).limit(limit).subquery()
        parts.append(select(*part.c))
    found: dict[str, list[Row[Any]]] = {kind: [] for kind in limits}
    for row in session.connection().execute(union_all(*parts)):
        found[row.kind].append(row)
    return found


def _urgency() -> ColumnElement[date]:
    """The day by which something has to happen."""
    return func.coalesce(col(HelpRequest.day), col(HelpRequest.contact_due))


def to_judge(session: Session, places: Places, *, limit: int) -> Rows:
    """Requests with people to choose from, offers first and then by urgency: the columns of a line, has_offer and
    how many `candidates`."""
    candidates = (
        select(func.count())
        .where(col(Proposal.request_id) == col(HelpRequest.id), col(Proposal.state) == ProposalState.PROPOSED)
        .scalar_subquery()
    )
    offered = _has_offer().label("has_offer")
    query = _lines(places, CHOOSE, offered, candidates.label("candidates"))
    query = query.order_by(offered.desc(), _urgency(), col(HelpRequest.id)).limit(limit)
    return session.connection().execute(query).all()


def candidates(session: Session, request_ids: Sequence[int], *, state: str = "") -> dict[int, list[Row[Any]]]:
    """The live proposals of these requests (or those in one state), offers first and then the best, by request:
    id, request_id, volunteer_id, name, buurt_name, buurt_code, phone, email, distance_m, reasons, source, rank,
    state, decided_at, expires_at."""
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    if not request_ids:
        return found
    query = _proposals().where(
        col(Proposal.request_id).in_(request_ids), col(Proposal.state).in_((state,) if state else LIVE_PROPOSAL_STATES)
    )
    is_offer = case((col(Proposal.source) == "offer", 0), else_=1)
    for row in session.connection().execute(query.order_by(is_offer, col(Proposal.rank), col(Proposal.id))):
        found[row.request_id].append(row)
    return found


def _proposals() -> Any:  # as above
    p, a = Proposal, Account
    columns = (p.id, p.request_id, p.volunteer_id, p.distance_m, p.reasons, p.source, p.rank, p.state, p.decided_at,
               p.expires_at, p.answered_at, p.answer_reason, p.decision_reason, a.phone, a.email,
               a.buurt_code)  # fmt: skip
    return (
        select(*(col(column) for column in columns))
        .add_columns(col(Account.first_name).label("name"), col(Buurt.name).label("buurt_name"))
        .join(Account, col(Account.id) == col(Proposal.volunteer_id))
        .outerjoin(Buurt, col(Buurt.code) == col(Account.buurt_code))
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests there are, by state, and the buurten (code to name) that have any."""

    states: dict[str, int]
    buurten: dict[str, str]


def tally(session: Session, places: Places) -> Tally:
    query = (
        select(col(HelpRequest.state), col(HelpRequest.buurt_code), col(Buurt.name), func.count().label("n"))
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .where(within(col(HelpRequest.buurt_code), places))
        .group_by(col(HelpRequest.state), col(HelpRequest.buurt_code), col(Buurt.name))
        .order_by(col(Buurt.name))
    )
    states: dict[str, int] = defaultdict(int)
    buurten: dict[str, str] = {}
    for state, code, name, n in session.connection().execute(query):
        states[state] += n
        buurten[code] = name
    return Tally(states, buurten)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a list: `rows` of `total`, page `number` of `pages` with `size` rows each."""

    rows: Rows
    total: int
    number: int
    pages: int
    size: int


def requests(
    session: Session, places: Places, *, what: str = OPEN, buurt_code: str = "", page: int = 1, size: int = 20
) -> Sheet:
    """The requests of these places that wait for something or are in a state, the most urgent first; what is over
    runs from the latest."""
    total = func.count().over().label("total")
    query = _lines(places, what, total)
    if buurt_code:
        query = query.where(col(HelpRequest.buurt_code) == buurt_code)
    order = (col(HelpRequest.updated_at).desc(),) if what in (OVER, *OVER_STATES) else (_urgency(),)
    return sheet(session, query.order_by(*order, col(HelpRequest.id)), page, size)


def sheet(session: Session, query: Any, page: int, size: int) -> Sheet:
    """A page of a query with a column `total`; the first one when there are not so many."""
    rows = session.connection().execute(query.limit(size).offset((page - 1) * size)).all()
    if not rows and page > 1:
        return sheet(session, query, 1, size)
    total = rows[0].total if rows else 0
    return Sheet(rows, total, page, max(1, -(-total // size)), size)


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
    """Who asked: buurt_name, name, phone, email, channel; posted_by; the consent's kind of proof as `consent`."""
    poster = aliased(Account)
    query: Any = (
        select(
            col(Buurt.name).label("buurt_name"),
            col(Account.first_name).label("name"),
            col(Account.phone),
            col(Account.email),
            col(Account.channel),
            col(poster.first_name).label("posted_by"),
            col(Consent.note).label("consent"),
        )
        .select_from(HelpRequest)
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .join(Account, col(Account.id) == col(HelpRequest.asker_id))
        .join(poster, col(poster.id) == col(HelpRequest.posted_by_id))
        .outerjoin(Consent, col(Consent.id) == col(HelpRequest.consent_id))
        .where(col(HelpRequest.id) == request.id)
    )
    return session.connection().execute(query).one()


def all_proposals(session: Session, request: HelpRequest) -> Rows:
    """Everybody who was ever proposed for this request, with the columns of `candidates`."""
    is_offer = case((col(Proposal.source) == "offer", 0), else_=1)
    query = _proposals().where(col(Proposal.request_id) == request.id)
    return session.connection().execute(query.order_by(is_offer, col(Proposal.rank), col(Proposal.id))).all()


def live_pairing(session: Session, request: HelpRequest) -> Row[Any] | None:
    """Who helps, or would like to: id, state, volunteer_id, name, agreed_at."""
    query: Any = (
        select(
            col(Pairing.id),
            col(Pairing.state),
            col(Pairing.volunteer_id),
            col(Pairing.agreed_at),
            col(Account.first_name).label("name"),
        )
        .join(Account, col(Account.id) == col(Pairing.volunteer_id))
        .where(col(Pairing.request_id) == request.id, col(Pairing.state).in_(LIVE_PAIRING_STATES))
    )
    return session.connection().execute(query).one_or_none()


def history(session: Session, request: HelpRequest, *, limit: int = 60) -> Rows:
    """What happened to this request, its proposals and its pairings, the latest first: at, tag, actor (first name
    or None), volunteer (first name or None)."""
    actor, volunteer = aliased(Account), aliased(Account)
    proposals = select(col(Proposal.id)).where(col(Proposal.request_id) == request.id)
    pairings = select(col(Pairing.id)).where(col(Pairing.request_id) == request.id)
    ours = or_(
        and_(col(Event.subject) == "help_request", col(Event.subject_id) == request.id),
        and_(col(Event.subject) == "proposal", col(Event.subject_id).in_(proposals)),
        and_(col(Event.subject) == "pairing", col(Event.subject_id).in_(pairings)),
    )
    query: Any = (
        select(
            col(Event.at),
            col(Event.tag),
            col(actor.first_name).label("actor"),
            col(volunteer.first_name).label("volunteer"),
        )
        .outerjoin(actor, col(actor.id) == col(Event.actor_id))
        .outerjoin(Proposal, and_(col(Event.subject) == "proposal", col(Proposal.id) == col(Event.subject_id)))
        .outerjoin(volunteer, col(volunteer.id) == col(Proposal.volunteer_id))
        .where(ours, col(Event.tag).not_in(UNTOLD))
        .order_by(col(Event.at).desc(), col(Event.id).desc())
        .limit(limit)
    )
    return session.connection().execute(query).all()


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
