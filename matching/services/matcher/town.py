"""A town as the matcher sees it: rows become columns, and nobody has a name."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Row, and_, case, false, func, not_, or_, select, true
from sqlmodel import Session, col

from matching.catalogue import CATEGORIES
from matching.models import Absence, Account, Block, Buurt, HelpRequest, Proposal, Volunteer
from matching.ranking.problem import INTRODUCED, TRAINED, VOG, Absences, Problem, Requests, Volunteers
from matching.services.candidates import MOST_MESSAGES, WEEK
from matching.services.matcher.bits import CAR, FIRST_GEMEENTE, LANGUAGE_BITS, SKILL_BITS, mask
from matching.workflow import ProposalState, RequestState
from matching.working_days import AMSTERDAM

EVERYWHERE = np.inf
# A pair that ended this way is not proposed again. No answer is not a no: an expired question may come back.
SETTLED = (ProposalState.DECLINED, ProposalState.REJECTED, ProposalState.FELL_THROUGH)


@dataclass(frozen=True, slots=True)
class Town:
    """What was read: the problem in arrays, the keys behind its indices, and the gemeente of each buurt."""

    problem: Problem
    volunteer_ids: list[int]
    request_ids: list[int]
    buurten: dict[str, int]  # code: index
    gemeente_of: dict[str, str]  # code of the buurt: code of the gemeente


def read_town(
    session: Session,
    *,
    now: datetime,
    place_code: str | None,
    states: Sequence[RequestState] = (RequestState.OPEN,),
    where: Sequence[ColumnElement[bool]] = (),
) -> Town:
    """Everybody who could help now, and the requests in these states (of one gemeente, wijk or buurt) that the matcher
    may see: verified, not discreet, without a risk word, not kept back by the desk, and not of a day gone by.
    `where`: more that must hold for a request."""
    today = now.astimezone(AMSTERDAM).date()
    buurten, gemeente_bits, gemeente_of = read_places(session)
    people = [row for row in _volunteer_rows(session) if _is_available(row, today)]
    asked = [row for row in _request_rows(session, today, place_code, states, where) if not row.risks]
    histories = _histories(session, now, place_code)
    volunteers = volunteer_columns(people, histories, buurten, gemeente_bits, gemeente_of, today, now)
    requests = request_columns(asked, buurten, gemeente_bits, gemeente_of, today, now)
    index = {row.account_id: n for n, row in enumerate(people)}
    problem = Problem(
        volunteers,
        requests,
        len(buurten),
        absences=_absences(session, index, today),
        blocks=_blocks(session, people, asked, index),
    )
    return Town(problem, [row.account_id for row in people], [row.id for row in asked], buurten, gemeente_of)


def read_places(session: Session) -> tuple[dict[str, int], dict[str, int], dict[str, str]]:
    """Code of the buurt: index; code of the gemeente: its bit (none where there is only one); code of the buurt: that
    of its gemeente."""
    codes = session.connection().execute(select(col(Buurt.code), col(Buurt.gemeente_code)).order_by(col(Buurt.code)))
    gemeente_of = {code: gemeente for code, gemeente in codes}  # noqa: C416  # a result has keys() of its own
    buurten = {code: n for n, code in enumerate(gemeente_of)}
    gemeenten = sorted(set(gemeente_of.values()))
    bits = {code: 1 << (FIRST_GEMEENTE + n) for n, code in enumerate(gemeenten)} if len(gemeenten) > 1 else {}
    return buurten, bits, gemeente_of


def _volunteer_rows(session: Session) -> Sequence[Row[Any]]:
    query = volunteer_query().where(col(Account.deactivated_at).is_(None)).order_by(col(Volunteer.account_id))
    found: Sequence[Row[Any]] = session.connection().execute(query).all()
    return found


def volunteer_query() -> Any:  # an SQL expression; its generic type says nothing here
    """What volunteer_columns needs of everybody who lives somewhere."""
    v, a = Volunteer, Account
    columns = (v.account_id, v.skills, v.slots, v.radius_m, v.languages, v.weekly_max, v.has_car, v.is_paused,
               v.paused_until, v.vog_seen_on, v.vog_renew_by, v.introduced_on, v.trained_on, a.buurt_code, a.x,
               a.y)  # fmt: skip
    return (
        select(*(col(column) for column in columns))
        .join(Account, col(a.id) == col(v.account_id))
        .where(col(a.buurt_code).is_not(None), col(a.x).is_not(None))
    )


def _is_available(row: Row[Any], today: date) -> bool:
    return not row.is_paused or (row.paused_until is not None and row.paused_until <= today)


def _request_rows(
    session: Session,
    today: date,
    place_code: str | None,
    states: Sequence[RequestState],
    where: Sequence[ColumnElement[bool]],
) -> Sequence[Row[Any]]:
    r = HelpRequest
    columns = (r.id, r.asker_id, r.posted_by_id, r.category, r.slots, r.day, r.languages, r.buurt_code, r.x, r.y,
               r.created_at, r.risks)  # fmt: skip
    query: Any = (
        select(*(col(column) for column in columns))
        .where(
            col(r.state).in_(states),
            col(r.is_verified),
            ~col(r.is_discreet),
            col(r.kept_back) == "",
            or_(col(r.day).is_(None), col(r.day) >= today),
            *in_place(place_code),
            *where,
        )
        .order_by(col(r.id))
    )
    found: Sequence[Row[Any]] = session.connection().execute(query).all()
    return found


def in_place(place_code: str | None) -> tuple[Any, ...]:
    """The condition that a request lies in this gemeente, wijk or buurt; none for everywhere."""
    return (col(HelpRequest.buurt_code).startswith(f"BU{place_code[2:]}", autoescape=True),) if place_code else ()


@dataclass(frozen=True, slots=True)
class History:
    """What a volunteer was asked: messages and yeses in the last seven days, answers ever, days since the last."""

    messages: int
    load: int
    offers: int
    accepts: int
    last_asked: datetime | None


def _histories(session: Session, now: datetime, place_code: str | None) -> dict[int, History]:
    """By volunteer. In a run for one place, what is proposed first for elsewhere takes room too."""
    p, since = Proposal, now - WEEK
    elsewhere = select(col(HelpRequest.id)).where(
        col(HelpRequest.state) == RequestState.OPEN, not_(and_(true(), *in_place(place_code)))
    )
    busy = or_(
        and_(col(p.state).in_((ProposalState.ASKED, ProposalState.ACCEPTED)), col(p.decided_at) > since),
        and_(col(p.state) == ProposalState.PROPOSED, col(p.source) == "offer"),
        and_(
            col(p.state) == ProposalState.PROPOSED,
            col(p.source) == "matcher",
            col(p.rank) == 1,
            col(p.request_id).in_(elsewhere),
        )
        if place_code
        else false(),
    )
    answered = col(p.state).in_((ProposalState.ACCEPTED, ProposalState.DECLINED, ProposalState.FELL_THROUGH))
    accepted = col(p.state).in_((ProposalState.ACCEPTED, ProposalState.FELL_THROUGH))
    query = select(
        col(p.volunteer_id),
        func.sum(case((col(p.asked_at) > since, 1), else_=0)),
        func.sum(case((busy, 1), else_=0)),
        func.sum(case((answered & col(p.asked_at).is_not(None), 1), else_=0)),
        func.sum(case((accepted & col(p.asked_at).is_not(None), 1), else_=0)),
        func.max(col(p.asked_at)),
    ).group_by(col(p.volunteer_id))
    rows = session.connection().execute(query.where(or_(col(p.asked_at).is_not(None), busy)))
    return {
        who: History(int(messages), int(load), int(offers), int(accepts), last)
        for who, messages, load, offers, accepts, last in rows
    }


def volunteer_columns(
    rows: Sequence[Row[Any]],
    histories: dict[int, History],
    buurten: dict[str, int],
    gemeente_bits: dict[str, int],
    gemeente_of: dict[str, str],
    today: date,
    now: datetime,
) -> Volunteers:
    """Rows of people, as _volunteer_rows reads them, and what they were asked before, by volunteer."""
    nobody = History(0, 0, 0, 0, None)
    history = [histories.get(row.account_id, nobody) for row in rows]
    everywhere = sum(gemeente_bits.values())

    def skills(row: Row[Any]) -> int:
        reach = gemeente_bits.get(gemeente_of[row.buurt_code], 0) if row.radius_m is None else everywhere
        return mask(SKILL_BITS, row.skills) | (1 << CAR if row.has_car else 0) | reach

    return Volunteers(
        ids=[str(row.account_id) for row in rows],
        buurt=np.array([buurten[row.buurt_code] for row in rows], np.int32),
        x=np.array([row.x for row in rows], float),
        y=np.array([row.y for row in rows], float),
        radius_m=np.array([EVERYWHERE if row.radius_m is None else row.radius_m for row in rows], float),
        capacity=np.array([_capacity(r.weekly_max, h) for r, h in zip(rows, history, strict=True)], np.int32),
        skills=np.array([skills(row) for row in rows], np.uint64),
        slots=np.array([row.slots for row in rows], np.uint32),
        languages=np.array([mask(LANGUAGE_BITS, row.languages) for row in rows], np.uint64),
        clearances=np.array([_clearances(row, today) for row in rows], np.uint8),
        offers=np.array([h.offers for h in history], float),
        accepts=np.array([h.accepts for h in history], float),
        days_since_offer=np.array([_days_since(h.last_asked, now) for h in history], float),
    )


def _capacity(weekly_max: int, history: History) -> int:
    """How many more requests now: within the volunteer's own maximum and at most three messages in seven days."""
    return max(0, min(weekly_max - history.load, MOST_MESSAGES - history.messages))


def _days_since(moment: datetime | None, now: datetime) -> float:
    """In steps of six hours, for the same reason as above; never 0, which would mean p = 0."""
    return float("nan") if moment is None else max((now - moment) // timedelta(hours=6), 1) / 4


def _clearances(row: Row[Any], today: date) -> int:
    has_vog = row.vog_seen_on is not None and (row.vog_renew_by is None or row.vog_renew_by > today)
    held = (VOG if has_vog else 0) | (INTRODUCED if row.introduced_on is not None else 0)
    return held | (TRAINED if row.trained_on is not None else 0)


def request_columns(
    rows: Sequence[Any],
    buurten: dict[str, int],
    gemeente_bits: dict[str, int],
    gemeente_of: dict[str, str],
    today: date,
    now: datetime,
) -> Requests:
    """Rows of requests, as _request_rows reads them."""

    def skills(row: Row[Any]) -> int:
        car = 1 << CAR if CATEGORIES[row.category].needs_car else 0
        return SKILL_BITS[row.category] | car | gemeente_bits.get(gemeente_of[row.buurt_code], 0)

    def clearances(row: Row[Any]) -> int:
        rule = CATEGORIES[row.category]
        asked = (VOG if rule.needs_vog else 0) | (INTRODUCED if rule.needs_introduction else 0)
        return asked | (TRAINED if rule.needs_training else 0)

    # Whole days: two runs on one day must not differ only because an hour went by.
    waiting = np.array([(now - row.created_at).days for row in rows], float)
    return Requests(
        ids=[str(row.id) for row in rows],
        buurt=np.array([buurten[row.buurt_code] for row in rows], np.int32),
        x=np.array([row.x for row in rows], float),
        y=np.array([row.y for row in rows], float),
        skills=np.array([skills(row) for row in rows], np.uint64),
        slots=np.array([row.slots for row in rows], np.uint32),
        languages=np.array([mask(LANGUAGE_BITS, row.languages) for row in rows], np.uint64),
        clearances=np.array([clearances(row) for row in rows], np.uint8),
        urgency=np.array([urgency(row.day, w, today) for row, w in zip(rows, waiting, strict=True)], float),
        waiting_days=waiting,
        day=np.array([row.day.toordinal() if row.day else -1 for row in rows], np.int32),
    )


def urgency(day: date | None, waiting_days: float, today: date) -> float:
    """The weight of a request: 3 when its day is at most two days off, 2 within five, else 1; and a tenth more for
    every day it waits, up to one."""
    ahead = (day - today).days if day else 99
    return (3.0 if ahead <= 2 else 2.0 if ahead <= 5 else 1.0) + min(max(waiting_days, 0.0) / 10, 1.0)


def _absences(session: Session, index: dict[int, int], today: date) -> Absences:
    query = select(col(Absence.volunteer_id), col(Absence.first_day), col(Absence.last_day))
    rows = session.connection().execute(query.where(col(Absence.last_day) >= today))
    kept = [(index[who], first.toordinal(), last.toordinal()) for who, first, last in rows if who in index]
    columns = np.array(kept, np.int32).reshape(-1, 3)
    return Absences(columns[:, 0], columns[:, 1], columns[:, 2])


def _blocks(
    session: Session, people: Sequence[Row[Any]], asked: Sequence[Row[Any]], index: dict[int, int]
) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Pairs (volunteer, request) that must never meet: one's own request, people kept apart, what was settled."""
    of_asker: dict[int, list[int]] = defaultdict(list)
    by_id = {row.id: n for n, row in enumerate(asked)}
    for n, row in enumerate(asked):
        for person in {row.asker_id, row.posted_by_id}:
            of_asker[person].append(n)
    pairs = {(index[person], n) for person, own in of_asker.items() if person in index for n in own}
    for one, other in session.connection().execute(select(col(Block.volunteer_id), col(Block.asker_id))):
        for volunteer, asker in ((one, other), (other, one)):  # whoever asked for it, and whoever of them helps now
            pairs |= {(index[volunteer], n) for n in of_asker.get(asker, ()) if volunteer in index}
    settled = or_(
        col(Proposal.state).in_(SETTLED),
        and_(col(Proposal.state) == ProposalState.PROPOSED, col(Proposal.source) != "matcher"),
        col(Proposal.state) == ProposalState.ASKED,
    )
    query = select(col(Proposal.volunteer_id), col(Proposal.request_id)).where(settled)
    for volunteer, request in session.connection().execute(query):
        if volunteer in index and request in by_id:
            pairs.add((index[volunteer], by_id[request]))
    return np.array(sorted(pairs), np.int32).reshape(-1, 2)
