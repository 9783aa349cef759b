"""What the desk shows of volunteers: who waits for an introduction or a task, a list, and one person."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    String,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlmodel import Session, col

from matching.access import Viewer, works_in
from matching.errors import NotFound
from matching.models import Account, Buurt, HelpRequest, Pairing, Proposal, Volunteer
from matching.services.desk import KEPT, PAGED, Places, Rows, Sheet, sheet_of
from matching.services.reach import within
from matching.workflow import ProposalState

ALL, INTRODUCE, IDLE, VOG = "all", "introduce", "idle", "vog"
IDLE_AFTER = timedelta(days=28)  # from here somebody who wants to help deserves to hear from us
RENEW_WITHIN = timedelta(days=60)  # asking for a new certificate takes some weeks
MOST_TASKS = 20


def _available(today: date) -> ColumnElement[bool]:
    v = Volunteer
    return or_(col(v.is_paused).is_(False), col(v.paused_until) <= today)


def _is_idle(today: date) -> ColumnElement[bool]:
    """Never asked anything and never helped, for a while now."""
    v = Volunteer
    helped = select(col(Pairing.volunteer_id))
    asked = select(col(Proposal.volunteer_id)).where(col(Proposal.asked_at).is_not(None))
    since = datetime.combine(today, time(), UTC) - IDLE_AFTER
    return and_(col(v.created_at) < since, col(v.account_id).not_in(union_all(asked, helped)))


def _where(what: str, today: date) -> list[ColumnElement[bool]]:
    v = Volunteer
    return {
        ALL: [],
        INTRODUCE: [col(v.introduced_on).is_(None), _available(today)],
        IDLE: [_available(today), _is_idle(today)],
        VOG: [and_(col(v.vog_seen_on).is_not(None), col(v.vog_renew_by) < today + RENEW_WITHIN)],
    }[what]


def _lives_in(places: Places) -> tuple[ColumnElement[bool], ...]:
    return within(col(Account.buurt_code), places), col(Account.deactivated_at).is_(None)


def waiting(session: Session, places: Places, *, today: date, limit: int) -> dict[str, list[Row[Any]]]:
    """Who waits for an introduction and who for a task: the first few of each, longest waiting first, in one
    query: id, name, buurt_name, created_at, and the `total` of that kind."""
    found: dict[str, list[Row[Any]]] = {INTRODUCE: [], IDLE: []}
    for row in session.connection().execute(_waiting_query(places, today, limit)):
        found[row.kind].append(row)
    return found


@lru_cache(KEPT)
def _waiting_query(places: Places, today: date, limit: int) -> Any:  # an SQL expression
    v, totals = Volunteer, _totals(places, today)
    # Asked per volunteer, because the first few are near the start of the index of who waits the longest.
    lives_here = exists().where(col(Account.id) == col(v.account_id), *_lives_in(places))
    parts = []
    for kind in (INTRODUCE, IDLE):
        part = select(col(v.account_id), col(v.created_at), type_coerce(literal(kind), String).label("kind"))
        part = part.where(*_where(kind, today), lives_here).order_by(col(v.created_at), col(v.account_id)).limit(limit)
        parts.append(select(*part.subquery().c))
    first = union_all(*parts).subquery()
    total = case((first.c.kind == INTRODUCE, totals.c.introduce), else_=totals.c.idle)
    return (
        select(col(Account.id), col(Account.first_name).label("name"), col(Buurt.name).label("buurt_name"))
        .add_columns(first.c.created_at, first.c.kind, total.label("total"))
        .join_from(first, totals, true())
        .join(Account, col(Account.id) == first.c.account_id)
        .join(Buurt, col(Buurt.code) == col(Account.buurt_code))
        .order_by(first.c.created_at, col(Account.id))
    )


def _totals(places: Places, today: date) -> Any:  # as above
    """How many wait for an introduction and how many for a task, counted in one go."""
    v = Volunteer
    introduce = func.sum(case((col(v.introduced_on).is_(None), 1), else_=0))
    idle = func.sum(case((_is_idle(today), 1), else_=0))
    counts = select(introduce.label("introduce"), idle.label("idle")).join(
        Account, col(Account.id) == col(v.account_id)
    )
    return counts.where(*_lives_in(places), _available(today)).cte("totals")


def people(
    session: Session,
    places: Places,
    *,
    what: str = ALL,
    name: str = "",
    today: date,
    page: int = 1,
    size: int = 20,
) -> Sheet:
    """The volunteers of these places, by name: id, name, buurt_name, skills, is_paused, paused_until, vog_seen_on,
    vog_renew_by, introduced_on, created_at. `what` is ALL, INTRODUCE, IDLE or VOG; `name` begins a first name."""
    make = _people_query if name else _kept_people_query  # names that somebody typed are not kept
    values = {"size": size, "skip": (page - 1) * size}
    rows = session.connection().execute(make(places, what, today, name), values).all()
    if not rows and page > 1:  # there are not so many
        return people(session, places, what=what, name=name, today=today, size=size)
    return sheet_of(rows, rows[0].total if rows else 0, page, size)


def _people_query(places: Places, what: str, today: date, name: str) -> Any:  # as above
    v, a = Volunteer, Account
    found = select(col(a.id), col(a.first_name)).join(v, col(v.account_id) == col(a.id))
    found = found.where(*_lives_in(places), *_where(what, today))
    if name:
        found = found.where(func.lower(col(a.first_name)).startswith(name.lower(), autoescape=True))
    everybody = found.cte("everybody")  # found once, to be counted and to be sorted
    page = select(everybody).order_by(everybody.c.first_name, everybody.c.id).limit(PAGED[0]).offset(PAGED[1])
    shown = page.subquery()
    columns = (v.skills, v.is_paused, v.paused_until, v.vog_seen_on, v.vog_renew_by, v.introduced_on, v.created_at)
    return (
        select(shown.c.id, shown.c.first_name.label("name"), col(Buurt.name).label("buurt_name"))
        .add_columns(*(col(column) for column in columns))
        .add_columns(select(func.count()).select_from(everybody).scalar_subquery().label("total"))
        .join_from(shown, a, col(a.id) == shown.c.id)
        .join(v, col(v.account_id) == shown.c.id)
        .join(Buurt, col(Buurt.code) == col(a.buurt_code))
        .order_by(shown.c.first_name, shown.c.id)
    )


_kept_people_query = lru_cache(KEPT)(_people_query)


def person(session: Session, viewer: Viewer, account_id: int) -> tuple[Account, Volunteer]:
    """A volunteer, for the desk of the buurt where this person lives. Raises NotFound for everybody else."""
    account, volunteer = session.get(Account, account_id), session.get(Volunteer, account_id)
    if account is None or volunteer is None or account.buurt_code is None or not account.is_active:
        raise NotFound(f"no volunteer {account_id}")
    if not works_in(viewer, account.buurt_code):
        raise NotFound(f"no volunteer {account_id} here")
    return account, volunteer


def buurt_name(session: Session, code: str | None) -> str:
    name = session.connection().execute(select(col(Buurt.name)).where(col(Buurt.code) == code)).scalar()
    return str(name or "")


def tasks(session: Session, account_id: int) -> Rows:
    """What this volunteer was asked or offered, the latest first: request_id, category, buurt_code, buurt_name,
    state (of the proposal), source, at."""
    p, r = Proposal, HelpRequest
    at = func.coalesce(col(p.answered_at), col(p.asked_at), col(p.created_at)).label("at")
    columns = (p.request_id, p.state, p.source, r.category, r.buurt_code)
    query: Any = (
        select(*(col(column) for column in columns), col(Buurt.name).label("buurt_name"), at)
        .join(HelpRequest, col(r.id) == col(p.request_id))
        .join(Buurt, col(Buurt.code) == col(r.buurt_code))
        .where(col(p.volunteer_id) == account_id)
        .where(or_(col(p.asked_at).is_not(None), col(p.source) == "offer", col(p.state) == ProposalState.ACCEPTED))
        .order_by(at.desc(), col(p.id).desc())
        .limit(MOST_TASKS)
    )
    return session.connection().execute(query).all()
