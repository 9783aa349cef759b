"""What the desk shows of volunteers: who waits for an introduction or a task, a list, and one person."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, String, and_, exists, func, literal, or_, select, type_coerce, union_all
from sqlmodel import Session, col

from matching.access import Viewer, works_in
from matching.errors import NotFound
from matching.models import Account, Buurt, HelpRequest, Pairing, Proposal, Volunteer
from matching.services.desk import KEPT, Places, Rows, Sheet, sheet
from matching.services.reach import within
from matching.workflow import ProposalState

ALL, INTRODUCE, IDLE, VOG = "all", "introduce", "idle", "vog"
IDLE_AFTER = timedelta(days=28)  # from here somebody who wants to help deserves to hear from us
RENEW_WITHIN = timedelta(days=60)  # asking for a new certificate takes some weeks
MOST_TASKS = 20


def _where(what: str, today: date) -> list[ColumnElement[bool]]:
    v = Volunteer
    available = or_(col(v.is_paused).is_(False), col(v.paused_until) <= today)
    helped = exists().where(col(Pairing.volunteer_id) == col(v.account_id))
    asked = exists().where(col(Proposal.volunteer_id) == col(v.account_id), col(Proposal.asked_at).is_not(None))
    return {
        ALL: [],
        INTRODUCE: [col(v.introduced_on).is_(None), available],
        IDLE: [col(v.created_at) < datetime.combine(today, time(), UTC) - IDLE_AFTER, available, ~asked, ~helped],
        VOG: [and_(col(v.vog_seen_on).is_not(None), col(v.vog_renew_by) < today + RENEW_WITHIN)],
    }[what]


def _lines(places: Places, what: str, today: date, *more: Any) -> Any:  # an SQL expression
    v = Volunteer
    columns = (v.skills, v.is_paused, v.paused_until, v.vog_seen_on, v.vog_renew_by, v.introduced_on, v.created_at)
    return (
        select(col(Account.id), col(Account.first_name).label("name"), col(Buurt.name).label("buurt_name"))
        .add_columns(*(col(column) for column in columns), *more)
        .select_from(Volunteer)
        .join(Account, col(Account.id) == col(v.account_id))
        .join(Buurt, col(Buurt.code) == col(Account.buurt_code))
        .where(within(col(Account.buurt_code), places), col(Account.deactivated_at).is_(None))
        .where(*_where(what, today))
    )


def waiting(session: Session, places: Places, *, today: date, limit: int) -> dict[str, list[Row[Any]]]:
    """Who waits for an introduction and who for a task: the first few of each, longest waiting first, in one
    query: id, name, buurt_name, created_at, and the `total` of that kind."""
    found: dict[str, list[Row[Any]]] = {INTRODUCE: [], IDLE: []}
    for row in session.connection().execute(_waiting_query(places, today, limit)):
        found[row.kind].append(row)
    return found


@lru_cache(KEPT)
def _waiting_query(places: Places, today: date, limit: int) -> Any:  # as above
    parts = []
    for kind in (INTRODUCE, IDLE):
        more = (func.count().over().label("total"), type_coerce(literal(kind), String).label("kind"))
        part = _lines(places, kind, today, *more).order_by(col(Volunteer.created_at), col(Account.id)).limit(limit)
        parts.append(select(*part.subquery().c))
    return union_all(*parts)


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
    query = _people_query(places, what, today)
    if name:
        query = query.where(func.lower(col(Account.first_name)).startswith(name.lower(), autoescape=True))
    return sheet(session, query, page, size)


@lru_cache(KEPT)
def _people_query(places: Places, what: str, today: date) -> Any:  # as above
    query = _lines(places, what, today, func.count().over().label("total"))
    return query.order_by(col(Account.first_name), col(Account.id))


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
