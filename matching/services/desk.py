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
    Integer,
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
OPEN, CHOOSE, CONTACT, NOBODY, RISK, OVER = "open", "choose", "contact", "nobody", "risk", "over"
OVER_STATES = (RequestState.DONE, RequestState.WITHDRAWN, RequestState.CLOSED)
SEVERAL: dict[str, tuple[str, ...]] = {OPEN: OPEN_REQUEST_STATES, OVER: OVER_STATES}


def place_names(session: Session, places: Places) -> list[str]:
    """The names of these places, gemeente first."""
    kinds = (Gemeente, Wijk, Buurt)
    query = union_all(*(select(col(kind.code), col(kind.name)).where(col(kind.code).in_(places)) for kind in kinds))
    return [row.name for row in session.connection().execute(query)]


def _proposed() -> ColumnElement[bool]:
    return exists().where(
        col(Proposal.request_id) == col(HelpRequest.id), col(Proposal.state) == ProposalState.PROPOSED
    )


def _has_offer() -> ColumnElement[bool]:
    offered = select(col(Proposal.request_id)).where(
        col(Proposal.state) == ProposalState.PROPOSED, col(Proposal.source) == "offer"
    )
    return col(HelpRequest.id).in_(offered)  # found once: far fewer than there are requests


def _where(what: str) -> ColumnElement[bool]:
    """The requests that wait for something from the desk, or are in a state."""
    request, state = HelpRequest, col(HelpRequest.state)
    if what == RISK:
        return and_(state == RequestState.HELD, cast(col(request.risks), Text) != "[]")
    if what == CONTACT:
        return and_(state.in_(OPEN_REQUEST_STATES), col(request.contacted_at).is_(None))
    if what == CHOOSE:
        # Where we ask around nobody has to choose, but an offer still waits for a yes.
        waits = and_(
            state.in_((RequestState.OPEN, RequestState.HELD)), col(request.asking_since).is_(None), _proposed()
        )
        return or_(waits, and_(state.in_((RequestState.OPEN, RequestState.ASKED)), _has_offer()))
    if what == NOBODY:
        return and_(state == RequestState.OPEN, col(request.no_match_reason).is_not(None), ~_proposed())
    if what == OVER:
        return state.in_(OVER_STATES)
    return state.in_(OPEN_REQUEST_STATES) if what == OPEN else state == what


def count(session: Session, places: Places, kinds: Sequence[str]) -> dict[str, int]:
    """How many requests wait for each of these, in one query."""
    row = session.connection().execute(_count_query(places, tuple(kinds))).one()
    return {kind: int(value) for kind, value in row._mapping.items()}


# Putting a statement together takes longer than running it, so each is kept for whoever asks the same again.
@lru_cache(KEPT)
def _count_query(places: Places, kinds: tuple[str, ...]) -> Any:  # an SQL expression; its generic type says nothing
    counts = [select(func.count()).where(*_waits(places, kind)) for kind in kinds]
    return select(*(query.scalar_subquery().label(kind) for kind, query in zip(kinds, counts, strict=True)))


def _waits(places: Places, what: str) -> tuple[ColumnElement[bool], ...]:
    return within(col(HelpRequest.buurt_code), places), _where(what)


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


# What every query with a page asks for.
PAGED = bindparam("size", type_=Integer), bindparam("skip", type_=Integer)


def _chosen(places: Places, what: str, *more: Any) -> Any:  # as above
    """The keys of requests with the columns `more`: what they are sorted by, before anything is joined."""
    return select(col(HelpRequest.id), *more).where(*_waits(places, what))


def _lines(chosen: Any, *more: Any) -> Any:  # as above
    """The columns of a line and `more`, for the requests of a subquery."""
    return (
        select(*_columns(), *more)
        .join_from(chosen, HelpRequest, col(HelpRequest.id) == chosen.c.id)
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .join(Account, col(Account.id) == col(HelpRequest.asker_id))
    )


def attention(session: Session, places: Places, limits: dict[str, int]) -> dict[str, list[Row[Any]]]:
    """The first few requests of each kind, what is due first first: the columns of a line and `kind`, phone,
    risks, no_match_reason, no_match_wish. One query."""
    found: dict[str, list[Row[Any]]] = {kind: [] for kind in limits}
    for row in session.connection().execute(_attention_query(places, tuple(limits.items()))):
        found[row.kind].append(row)
    return found


@lru_cache(KEPT)
def _attention_query(places: Places, limits: tuple[tuple[str, int], ...]) -> Any:  # as above
    request, parts = HelpRequest, []
    for kind, limit in limits:
        labels = _urgency(kind).label("due"), type_coerce(literal(kind), String).label("kind")
        part = _chosen(places, kind, *labels).order_by(_urgency(kind), col(request.id)).limit(limit)
        parts.append(select(*part.subquery().c))
    chosen = union_all(*parts).subquery()
    more = (col(Account.phone), col(request.risks), col(request.no_match_reason), col(request.no_match_wish))
    return _lines(chosen, *more, chosen.c.kind).order_by(chosen.c.due, chosen.c.id)


def _urgency(what: str = OPEN) -> Any:  # as above
    """The day by which something has to happen."""
    due = col(HelpRequest.contact_due)
    return due if what in (CONTACT, RISK) else type_coerce(func.coalesce(col(HelpRequest.day), due), Date)


def to_judge(session: Session, places: Places, *, limit: int) -> Rows:
    """Requests with people to choose from, offers first and then by urgency: the columns of a line, has_offer, how
    many `candidates`, and the `total` of such requests."""
    return session.connection().execute(_judge_query(places), {"size": limit}).all()


@lru_cache(KEPT)
def _judge_query(places: Places) -> Any:  # as above
    offered, due = _has_offer().label("has_offer"), _urgency().label("due")
    chosen = _chosen(places, CHOOSE, offered, due).cte("chosen")  # found once, to be counted and to be sorted
    total = select(func.count()).select_from(chosen).scalar_subquery().label("total")
    first = select(chosen).order_by(chosen.c.has_offer.desc(), chosen.c.due, chosen.c.id).limit(PAGED[0]).subquery()
    candidates = (
        select(func.count())
        .where(col(Proposal.request_id) == first.c.id, col(Proposal.state) == ProposalState.PROPOSED)
        .scalar_subquery()
    )
    lines = _lines(first, first.c.has_offer, candidates.label("candidates"), total)
    return lines.order_by(first.c.has_offer.desc(), first.c.due, first.c.id)


def candidates(session: Session, request_ids: Sequence[int], *, state: str = "") -> dict[int, list[Row[Any]]]:
    """The live proposals of these requests (or those in one state), offers first and then the best, by request:
    id, request_id, volunteer_id, name, buurt_name, buurt_code, phone, email, distance_m, reasons, source, rank,
    state, decided_at, asked_at, expires_at."""
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
               p.asked_at, p.expires_at, p.answered_at, p.answer_reason, p.decision_reason, a.phone, a.email,
               a.buurt_code)  # fmt: skip
    return (
        select(*(col(column) for column in columns))
        .add_columns(col(Account.first_name).label("name"), col(Buurt.name).label("buurt_name"))
        .join(Account, col(Account.id) == col(Proposal.volunteer_id))
        .outerjoin(Buurt, col(Buurt.code) == col(Account.buurt_code))
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests there are, by state and by state and buurt, and the buurten (code to name) that have any."""

    states: dict[str, int]
    counts: dict[tuple[str, str], int]
    buurten: dict[str, str]

    def count(self, what: str, buurt_code: str = "") -> int:
        """How many requests the list shows for a state, OPEN or OVER; 0 for what only the database can tell."""
        states = SEVERAL.get(what, (what,))
        if buurt_code:
            return sum(self.counts.get((state, buurt_code), 0) for state in states)
        return sum(self.states.get(state, 0) for state in states)


def tally(session: Session, places: Places) -> Tally:
    states: dict[str, int] = defaultdict(int)
    counts: dict[tuple[str, str], int] = {}
    buurten: dict[str, str] = {}
    for state, code, name, n in session.connection().execute(_tally_query(places)):
        states[state] += n
        counts[state, code] = n
        buurten[code] = name
    return Tally(states, counts, buurten)


@lru_cache(KEPT)
def _tally_query(places: Places) -> Any:  # as above
    state, code = col(HelpRequest.state), col(HelpRequest.buurt_code)
    counted = select(state, code, func.count().label("n")).where(within(code, places)).group_by(state, code).subquery()
    return (
        select(counted.c.state, counted.c.buurt_code, col(Buurt.name), counted.c.n)
        .join_from(counted, Buurt, col(Buurt.code) == counted.c.buurt_code)
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
    session: Session,
    places: Places,
    known: Tally,
    *,
    what: str = OPEN,
    buurt_code: str = "",
    page: int = 1,
    size: int = 20,
) -> Sheet:
    """The requests of these places that wait for something or are in a state, the most urgent first; what is over
    runs from the latest. `known`: the tally of the same places, which has counted most of it already. Page 1
    when there are not so many."""
    here = (buurt_code,) if buurt_code else places
    counted = what in SEVERAL or what in tuple(RequestState)
    total = known.count(what, buurt_code) if counted else count(session, here, (what,))[what]
    number = page if (page - 1) * size < total else 1
    values = {"size": size, "skip": (number - 1) * size}
    rows = session.connection().execute(_requests_query(here, what), values).all() if total else []
    return sheet_of(rows, total, number, size)


@lru_cache(KEPT)
def _requests_query(places: Places, what: str) -> Any:  # as above
    latest = what in (OVER, *OVER_STATES)
    due = col(HelpRequest.updated_at) if latest else _urgency(what)
    chosen = _chosen(places, what, due.label("due")).order_by(due.desc() if latest else due, col(HelpRequest.id))
    shown = chosen.limit(PAGED[0]).offset(PAGED[1]).subquery()
    return _lines(shown).order_by(shown.c.due.desc() if latest else shown.c.due, shown.c.id)


def sheet_of(rows: Rows, total: int, number: int, size: int) -> Sheet:
    return Sheet(rows, total, number, max(1, -(-total // size)), size)
