"""What the desk shows of requests: today's work and lists.

Everything is asked for the places where the viewer works, in columns and never in entities, because a list can be
long. Places are CBS codes of a gemeente, wijk or buurt. Rows carry the columns that each function names.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Row,
    String,
    Text,
    and_,
    bindparam,
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

from matching.models import (
    Account,
    Buurt,
    ForWhom,
    Gemeente,
    HelpRequest,
    Proposal,
    Wijk,
)
from matching.services.reach import within
from matching.workflow import (
    LIVE_PROPOSAL_STATES,
    OPEN_REQUEST_STATES,
    ProposalState,
    RequestState,
)

Rows = Sequence[Row[Any]]
Places = tuple[str, ...]
KEPT = 256
# What can be asked for in the list, besides a state.
OPEN, CHOOSE, CONTACT, NOBODY, RISK, CONSENT, OVER = (
    "open", "choose", "contact", "nobody", "risk", "consent", "over",
)  # fmt: skip
OVER_STATES = (RequestState.DONE, RequestState.WITHDRAWN, RequestState.CLOSED)


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
    row = session.connection().execute(_count_query(places, tuple(kinds))).one()
    return {kind: int(value) for kind, value in row._mapping.items()}


# Putting a statement together takes longer than running it, so each is kept for whoever asks the same again.
@lru_cache(KEPT)
def _count_query(places: Places, kinds: tuple[str, ...]) -> Any:  # an SQL expression; its generic type says nothing
    sums = [func.coalesce(func.sum(case((_where(kind), 1), else_=0)), 0).label(kind) for kind in kinds]
    return select(*sums).where(within(col(HelpRequest.buurt_code), places), _where(OPEN))


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


def _lines(places: Places, what: str, *more: Any) -> Any:  # as above
    return (
        select(*_columns(), *more)
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .join(Account, col(Account.id) == col(HelpRequest.asker_id))
        .where(within(col(HelpRequest.buurt_code), places), _where(what))
    )


def attention(session: Session, places: Places, limits: dict[str, int]) -> dict[str, list[Row[Any]]]:
    """The first few requests of each kind, what is due first first: the columns of a line and `kind`, phone,
    risks, no_match_reason, no_match_wish. One query."""
    found: dict[str, list[Row[Any]]] = {kind: [] for kind in limits}
    rows = session.connection().execute(_attention_query(places, tuple(limits.items()))).all()
    for row in sorted(rows, key=lambda row: (row.due, row.id)):
        found[row.kind].append(row)
    return found


@lru_cache(KEPT)
def _attention_query(places: Places, limits: tuple[tuple[str, int], ...]) -> Any:  # as above
    request = HelpRequest
    more = (col(Account.phone), col(request.risks), col(request.no_match_reason), col(request.no_match_wish))
    parts = []
    for kind, limit in limits:
        part = _lines(places, kind, *more, type_coerce(literal(kind), String).label("kind"))
        part = part.add_columns(_urgency(kind).label("due")).order_by(_urgency(kind), col(request.id)).limit(limit)
        parts.append(select(*part.subquery().c))
    return union_all(*parts)


def _urgency(what: str = OPEN) -> Any:  # as above
    """The day by which something has to happen."""
    due = col(HelpRequest.contact_due)
    return due if what in (CONTACT, RISK) else type_coerce(func.coalesce(col(HelpRequest.day), due), Date)


def to_judge(session: Session, places: Places, *, limit: int) -> Rows:
    """Requests with people to choose from, offers first and then by urgency: the columns of a line, has_offer and
    how many `candidates`."""
    return session.connection().execute(_judge_query(places, limit)).all()


@lru_cache(KEPT)
def _judge_query(places: Places, limit: int) -> Any:  # as above
    candidates = (
        select(func.count())
        .where(col(Proposal.request_id) == col(HelpRequest.id), col(Proposal.state) == ProposalState.PROPOSED)
        .scalar_subquery()
    )
    offered = _has_offer().label("has_offer")
    query = _lines(places, CHOOSE, offered, candidates.label("candidates"))
    return query.order_by(offered.desc(), _urgency(), col(HelpRequest.id)).limit(limit)


def candidates(session: Session, request_ids: Sequence[int], *, state: str = "") -> dict[int, list[Row[Any]]]:
    """The live proposals of these requests (or those in one state), offers first and then the best, by request:
    id, request_id, volunteer_id, name, buurt_name, buurt_code, phone, email, distance_m, reasons, source, rank,
    state, decided_at, expires_at."""
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    if request_ids:
        states = (state,) if state else LIVE_PROPOSAL_STATES
        for row in session.connection().execute(_candidates_query(states), {"ids": list(request_ids)}):
            found[row.request_id].append(row)
    return found


@lru_cache(KEPT)
def _candidates_query(states: tuple[str, ...]) -> Any:  # as above
    ids: Any = bindparam("ids", expanding=True)
    return proposals().where(col(Proposal.request_id).in_(ids), col(Proposal.state).in_(states)).order_by(*best_first())


def best_first() -> tuple[Any, ...]:
    """Who offered stands first, then who fits best."""
    return case((col(Proposal.source) == "offer", 0), else_=1), col(Proposal.rank), col(Proposal.id)


def proposals() -> Any:  # as above
    """Proposals with who they are about: the columns of `candidates`."""
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

    def count(self, what: str) -> int:
        """How many requests the list shows for a state, OPEN or OVER; 0 for what only the database can tell."""
        several: dict[str, tuple[str, ...]] = {OPEN: OPEN_REQUEST_STATES, OVER: OVER_STATES}
        return sum(self.states.get(state, 0) for state in several.get(what, (what,)))


def tally(session: Session, places: Places) -> Tally:
    states: dict[str, int] = defaultdict(int)
    buurten: dict[str, str] = {}
    for state, code, name, n in session.connection().execute(_tally_query(places)):
        states[state] += n
        buurten[code] = name
    return Tally(states, buurten)


@lru_cache(KEPT)
def _tally_query(places: Places) -> Any:  # as above
    return (
        select(col(HelpRequest.state), col(HelpRequest.buurt_code), col(Buurt.name), func.count().label("n"))
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .where(within(col(HelpRequest.buurt_code), places))
        .group_by(col(HelpRequest.state), col(HelpRequest.buurt_code), col(Buurt.name))
        .order_by(col(Buurt.name))
    )


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
    return sheet(session, _requests_query(places, what, buurt_code), page, size)


@lru_cache(KEPT)
def _requests_query(places: Places, what: str, buurt_code: str) -> Any:  # as above
    query = _lines(places, what, func.count().over().label("total"))
    if buurt_code:
        query = query.where(col(HelpRequest.buurt_code) == buurt_code)
    order = (col(HelpRequest.updated_at).desc(),) if what in (OVER, *OVER_STATES) else (_urgency(what),)
    return query.order_by(*order, col(HelpRequest.id))


def sheet(session: Session, query: Any, page: int, size: int) -> Sheet:
    """A page of a query with a column `total`; the first one when there are not so many."""
    rows = session.connection().execute(query.limit(size).offset((page - 1) * size)).all()
    if not rows and page > 1:
        return sheet(session, query, 1, size)
    total = rows[0].total if rows else 0
    return Sheet(rows, total, page, max(1, -(-total // size)), size)
