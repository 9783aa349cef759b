"""Who else could do this request: for a desk that wants somebody whom the matcher did not propose.

Every rule that stands in between is named, because a human may have a good reason to step over one. Not over all:
what keeps people safe, what a volunteer asked for and the limit on messages hold for everybody.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from math import isqrt
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Row,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    or_,
    select,
)
from sqlmodel import Session, col

from matching.catalogue import CATEGORIES
from matching.models import Absence, Account, Block, Buurt, HelpRequest, Proposal, Volunteer
from matching.models.base import UtcDateTime
from matching.services import eligibility, wishes
from matching.services.eligibility import Helper
from matching.services.reach import squared_metres, within
from matching.workflow import ProposalState

KEPT = 1024
WEEK = timedelta(days=7)
MOST_MESSAGES = 3  # to one volunteer in seven days
MOST_LOOKED_AT = 300  # volunteers nearest by, of whom the best fitting are shown
# Nobody steps over these, whatever the reason.
UNBENDING = frozenset(
    {"own", "blocked", "live", "paused", "past", "no_vog", "no_introduction", "no_training", "messages"}
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A volunteer, and the rules that stand between this person and the request; none when it is empty."""

    id: int
    first_name: str
    buurt_name: str
    distance_m: int
    obstacles: tuple[str, ...]

    @property
    def may_be_chosen(self) -> bool:
        return UNBENDING.isdisjoint(self.obstacles)


def search(
    session: Session,
    request: HelpRequest,
    places: Iterable[str],
    *,
    name: str = "",
    today: date,
    now: datetime,
    limit: int = 20,
) -> list[Candidate]:
    """Volunteers of these places whose first name begins with `name`: fewest obstacles first, then nearest."""
    make = _nearest.__wrapped__ if name else _nearest  # names that somebody typed are not kept
    query = make(tuple(places), name.lower())
    found = _candidates(session, request, query, today=today, now=now)
    found.sort(key=lambda each: (not each.may_be_chosen, len(each.obstacles), each.distance_m, each.id))
    return found[:limit]


def find(session: Session, request: HelpRequest, volunteer_id: int, *, today: date, now: datetime) -> Candidate | None:
    """This volunteer for this request; None when nobody is that volunteer."""
    found = _candidates(session, request, _this_one(), today=today, now=now, volunteer_id=volunteer_id)
    return next(iter(found), None)


def _candidates(
    session: Session, request: HelpRequest, query: Any, *, today: date, now: datetime, **values: int
) -> list[Candidate]:
    session.flush()  # what was just decided counts too
    rows = session.connection().execute(query, {"x": float(request.x), "y": float(request.y), **values}).all()
    ids = [row.account_id for row in rows]
    away = _away(session, request, ids)
    blocked = _blocked(session, request)
    states = _states(session, request)
    asked = recently_asked(session, ids, now=now)
    opening, is_over = _plain(request), wishes.is_over(request, now=now)
    found = []
    for row in rows:
        helper = _helper(row, today)
        messages, load = asked.get(row.account_id, (0, 0))
        obstacles = (
            *_between(helper, opening, is_over, states.get(row.account_id, frozenset()), row.account_id in blocked),
            *(("absent",) if row.account_id in away else ()),
            *(("messages",) if messages >= MOST_MESSAGES else ()),
            *(("full",) if load >= row.weekly_max else ()),
        )
        metres = isqrt(eligibility.squared_distance(helper, opening))
        found.append(Candidate(row.account_id, row.first_name, row.buurt_name, metres, obstacles))
    return found


class _Opening(NamedTuple):
    """What the rules need to know of a request (eligibility.Opening): an entity takes longer to read, and this is
    read hundreds of times."""

    id: int | None
    asker_id: int
    posted_by_id: int
    category: str
    day: date | None
    slots: int
    languages: tuple[str, ...]
    buurt_code: str
    x: int
    y: int


def _plain(request: HelpRequest) -> _Opening:
    r = request
    who = (r.id, r.asker_id, r.posted_by_id)
    return _Opening(*who, r.category, r.day, r.slots, tuple(r.languages), r.buurt_code, r.x, r.y)


def _between(
    helper: Helper, opening: _Opening, is_over: bool, states: frozenset[str], is_blocked: bool
) -> tuple[str, ...]:
    """The rules between a volunteer and a request, those that nobody steps over first."""
    category = CATEGORIES[opening.category]
    stands = {
        "own": helper.account_id in (opening.asker_id, opening.posted_by_id),
        "blocked": is_blocked,
        "live": bool(states & {ProposalState.ASKED, ProposalState.ACCEPTED}),
        "paused": not helper.is_available,
        "past": is_over,
        "no_vog": category.needs_vog and not helper.has_vog,
        "no_introduction": category.needs_introduction and not helper.is_introduced,
        "no_training": category.needs_training and not helper.is_trained,
        "settled": bool(states & {ProposalState.DECLINED, ProposalState.REJECTED, ProposalState.FELL_THROUGH}),
        "no_skill": opening.category not in helper.skills,
        "no_car": category.needs_car and not helper.has_car,
        "too_far": not eligibility.is_in_reach(helper, opening),
        "no_language": bool(opening.languages) and helper.languages.isdisjoint(opening.languages),
        "no_slot": not eligibility.shared_slots(helper, opening),
    }
    return tuple(rule for rule, holds in stands.items() if holds)


@lru_cache(KEPT)
def _nearest(places: tuple[str, ...], name: str) -> Any:  # an SQL expression; its generic type says nothing here
    """Volunteers of these places whose first name begins with `name`, those who live nearest by."""
    conditions = [within(col(Account.buurt_code), places)]
    if name:
        conditions.append(func.lower(col(Account.first_name)).startswith(name, autoescape=True))
    return _volunteers(conditions)


@cache
def _this_one() -> Any:  # as above
    return _volunteers([col(Account.id) == bindparam("volunteer_id", type_=Integer)])


def _volunteers(conditions: list[ColumnElement[bool]]) -> Any:  # as above
    """The nearest of whom these hold: found first by what an index tells, and only then read."""
    v, a, x, y = Volunteer, Account, bindparam("x", type_=Float), bindparam("y", type_=Float)
    squared = squared_metres(col(a.x), col(a.y), x, y).label("squared")
    nearest = (
        select(col(a.id), squared)
        .where(*conditions, col(a.deactivated_at).is_(None), col(a.x).is_not(None), col(a.y).is_not(None))
        .where(exists().where(col(v.account_id) == col(a.id)))
        .order_by(squared, col(a.id))
        .limit(MOST_LOOKED_AT)
        .subquery()
    )
    columns = (v.account_id, v.slots, v.radius_m, v.weekly_max, v.has_car, v.is_paused, v.paused_until, v.vog_seen_on,
               v.vog_renew_by, v.introduced_on, v.trained_on, a.first_name, a.x, a.y)  # fmt: skip
    texts = (cast(col(v.skills), Text).label("skills"), cast(col(v.languages), Text).label("languages"))
    return (
        select(*(col(column) for column in columns), *texts)
        .add_columns(col(Buurt.name).label("buurt_name"), col(Buurt.gemeente_code))
        .join_from(nearest, v, col(v.account_id) == nearest.c.id)
        .join(a, col(a.id) == nearest.c.id)
        .join(Buurt, col(Buurt.code) == col(a.buurt_code))
        .order_by(nearest.c.squared, nearest.c.id)
    )


@lru_cache(KEPT)
def _read(values: str) -> frozenset[str]:
    """A list as the database keeps it. The same few come back with every volunteer."""
    return frozenset(json.loads(values))


def _helper(row: Row[Any], today: date) -> Helper:
    return Helper(
        account_id=row.account_id,
        skills=_read(row.skills),
        slots=row.slots,
        radius_m=row.radius_m,
        languages=_read(row.languages),
        has_car=row.has_car,
        has_vog=row.vog_seen_on is not None and (row.vog_renew_by is None or row.vog_renew_by > today),
        is_introduced=row.introduced_on is not None,
        is_trained=row.trained_on is not None,
        is_available=not row.is_paused or (row.paused_until is not None and row.paused_until <= today),
        gemeente_code=row.gemeente_code,
        x=row.x,
        y=row.y,
    )


def _away(session: Session, request: HelpRequest, ids: Sequence[int]) -> frozenset[int]:
    """Who of these is away on the only day of the request."""
    if request.day is None:
        return frozenset()
    found = session.connection().execute(_away_query(), {"ids": ids, "day": request.day})
    return frozenset(found.scalars())


# Putting a statement together takes longer than running it, so each is made once.
@cache
def _away_query() -> Any:  # as above
    day: Any = bindparam("day")
    return select(col(Absence.volunteer_id)).where(
        _among(col(Absence.volunteer_id)), col(Absence.first_day) <= day, col(Absence.last_day) >= day
    )


def _among(column: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.in_(bindparam("ids", expanding=True))
    return found


def _blocked(session: Session, request: HelpRequest) -> frozenset[int]:
    """Who is not to be brought together with the asker, whoever of the two helps."""
    found = session.connection().execute(_blocked_query(), {"asker_id": request.asker_id})
    return frozenset(person for pair in found for person in pair)


@cache
def _blocked_query() -> Any:  # as above
    asker: Any = bindparam("asker_id")
    return select(col(Block.volunteer_id), col(Block.asker_id)).where(
        or_(col(Block.volunteer_id) == asker, col(Block.asker_id) == asker)
    )


def _states(session: Session, request: HelpRequest) -> dict[int, frozenset[str]]:
    """The states of what was proposed for this request, by volunteer."""
    found: dict[int, frozenset[str]] = {}
    for volunteer_id, state in session.connection().execute(_states_query(), {"request_id": request.id}):
        found[volunteer_id] = found.get(volunteer_id, frozenset()) | {state}
    return found


@cache
def _states_query() -> Any:  # as above
    this = col(Proposal.request_id) == bindparam("request_id")
    return select(col(Proposal.volunteer_id), col(Proposal.state)).where(this)


def recently_asked(session: Session, ids: Sequence[int], *, now: datetime) -> dict[int, tuple[int, int]]:
    """Per volunteer the messages of the last seven days, and how many of the questions and yeses still count."""
    found = session.connection().execute(_asked_query(), {"ids": ids, "since": now - WEEK})
    return {who: (int(messages), int(load)) for who, messages, load in found}


@cache
def _asked_query() -> Any:  # as above
    p, since = Proposal, bindparam("since", type_=UtcDateTime)
    counts = and_(col(p.state).in_((ProposalState.ASKED, ProposalState.ACCEPTED)), col(p.decided_at) > since)
    return (
        select(
            col(p.volunteer_id),
            func.sum(case((col(p.asked_at) > since, 1), else_=0)),
            func.sum(case((counts, 1), else_=0)),
        )
        .where(_among(col(p.volunteer_id)), or_(col(p.asked_at) > since, col(p.decided_at) > since))
        .group_by(col(p.volunteer_id))
    )
