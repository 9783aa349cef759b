"""From the database to the matcher and back: rows become columns, the matching becomes proposals with reasons.

The matcher only ever touches what it proposed itself and no human has decided on. Running it again withdraws what no
longer holds and leaves the rest as it is.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Row, and_, bindparam, case, false, func, insert, not_, or_, select, text, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from matching.catalogue import CATEGORIES, LANGUAGES, SKILLS
from matching.models import (
    Absence,
    Account,
    Block,
    Buurt,
    HelpRequest,
    MatchRun,
    Proposal,
    Tag,
    Volunteer,
)
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.matcher import match
from matching.ranking.problem import (
    INTRODUCED,
    SLOT_NAMES,
    VOG,
    Absences,
    Matching,
    Problem,
    Reason,
    Requests,
    Volunteers,
    Wish,
)
from matching.services.history import record
from matching.workflow import ProposalState, RequestState

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
WEEK = timedelta(days=7)
MOST_MESSAGES = 3  # to one volunteer in seven days
SPARES = 4
MODEL = "prior-1"
EVERYWHERE = np.inf
CAR = len(SKILLS)  # the bit after the categories: driving needs a car
FIRST_GEMEENTE = CAR + 1
LANGUAGE_CODES = sorted(language.code for language in LANGUAGES)  # only within one run: masks are never stored
_SKILL_BITS = {key: 1 << bit for bit, key in enumerate(SKILLS)}
_LANGUAGE_BITS = {code: 1 << bit for bit, code in enumerate(LANGUAGE_CODES)}
# A pair that ended this way is not proposed again. No answer is not a no: an expired question may come back.
SETTLED = (ProposalState.DECLINED, ProposalState.REJECTED, ProposalState.FELL_THROUGH)
# Somebody was asked or said yes; who else could do it is kept for when that falls through.
SPARING = (RequestState.ASKED, RequestState.CLAIMED, RequestState.PAIRED)
Progress = Callable[[str, float], None]


def propose(
    session: Session,
    *,
    now: datetime,
    place_code: str | None = None,
    equity: float = 0.1,
    balance: float = 0.1,
    seed: int = 1,
    progress: Progress | None = None,
) -> MatchRun:
    """Propose volunteers for all open requests, or those of one gemeente, wijk or buurt.

    equity, balance: the dials of the assignment, at least 0. The run's counts hold open, proposed, without, added,
    kept, withdrawn, value and edges.
    """
    report = progress or (lambda step, done: None)
    _one_run_at_a_time(session)
    run = MatchRun(place_code=place_code, model=MODEL, started_at=now)
    session.add(run)
    session.flush()
    report("reading", 0.0)
    town = _read(session, now=now, place_code=place_code)
    report("reading", 1.0)
    found = match(town.problem, equity=equity, balance=balance, seed=seed, spares=SPARES, progress=progress)
    report("storing", 0.0)
    counts = _store(session, town, found, run, now=now, place_code=place_code)
    run.counts = counts | {"value": round(found.summary.value, 3), "edges": found.summary.edges}
    run.finished_at = now + timedelta(seconds=sum(found.summary.seconds.values()))
    session.add(run)
    record(session, Tag.PROPOSAL_MADE, run, now=now, **run.counts)
    session.flush()
    session.expire_all()  # what was changed in bulk is read afresh
    report("storing", 1.0)
    return run


def _one_run_at_a_time(session: Session) -> None:
    """SQLite's write lock does this by itself."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("select pg_advisory_xact_lock(402402)"))


# Reading


@dataclass(frozen=True, slots=True)
class _Town:
    """What was read: the problem in arrays, and the keys behind its indices."""

    problem: Problem
    volunteer_ids: list[int]
    request_ids: list[int]


def _read(
    session: Session,
    *,
    now: datetime,
    place_code: str | None,
    states: Sequence[RequestState] = (RequestState.OPEN,),
) -> _Town:
    today = now.astimezone(AMSTERDAM).date()
    codes = session.connection().execute(select(col(Buurt.code), col(Buurt.gemeente_code)).order_by(col(Buurt.code)))
    gemeente_of = {code: gemeente for code, gemeente in codes}  # noqa: C416  # a result has keys() of its own
    buurten = {code: n for n, code in enumerate(gemeente_of)}
    gemeenten = sorted(set(gemeente_of.values()))
    gemeente_bits = {code: 1 << (FIRST_GEMEENTE + n) for n, code in enumerate(gemeenten)} if len(gemeenten) > 1 else {}
    people = [row for row in _volunteer_rows(session) if _is_available(row, today)]
    asked = [row for row in _request_rows(session, today, place_code, states) if not row.risks]
    histories = _histories(session, now, place_code)
    volunteers = _volunteers(people, histories, buurten, gemeente_bits, gemeente_of, today, now)
    requests = _requests(asked, buurten, gemeente_bits, gemeente_of, today, now)
    index = {row.account_id: n for n, row in enumerate(people)}
    problem = Problem(
        volunteers,
        requests,
        len(buurten),
        absences=_absences(session, index, today),
        blocks=_blocks(session, people, asked, index),
    )
    return _Town(problem, [row.account_id for row in people], [row.id for row in asked])


def _volunteer_rows(session: Session) -> Sequence[Row[Any]]:
    v, a = Volunteer, Account
    columns = (v.account_id, v.skills, v.slots, v.radius_m, v.languages, v.weekly_max, v.has_car, v.is_paused,
               v.paused_until, v.vog_seen_on, v.vog_renew_by, v.introduced_on, a.buurt_code, a.x, a.y)  # fmt: skip
    query: Any = (
        select(*(col(column) for column in columns))
        .join(Account, col(a.id) == col(v.account_id))
        .where(col(a.deactivated_at).is_(None), col(a.buurt_code).is_not(None), col(a.x).is_not(None))
        .order_by(col(v.account_id))
    )
    found: Sequence[Row[Any]] = session.connection().execute(query).all()
    return found


def _is_available(row: Row[Any], today: date) -> bool:
    return not row.is_paused or (row.paused_until is not None and row.paused_until <= today)


def _request_rows(
    session: Session, today: date, place_code: str | None, states: Sequence[RequestState]
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
            *_in_place(place_code),
        )
        .order_by(col(r.id))
    )
    found: Sequence[Row[Any]] = session.connection().execute(query).all()
    return found


def _in_place(place_code: str | None) -> tuple[Any, ...]:
    return (col(HelpRequest.buurt_code).startswith(f"BU{place_code[2:]}", autoescape=True),) if place_code else ()


@dataclass(frozen=True, slots=True)
class _History:
    """What a volunteer was asked: messages and yeses in the last seven days, answers ever, days since the last."""

    messages: int
    load: int
    offers: int
    accepts: int
    last_asked: datetime | None


def _histories(session: Session, now: datetime, place_code: str | None) -> dict[int, _History]:
    """By volunteer. In a run for one place, what is proposed first for elsewhere takes room too."""
    p, since = Proposal, now - WEEK
    elsewhere = select(col(HelpRequest.id)).where(
        col(HelpRequest.state) == RequestState.OPEN, not_(and_(true(), *_in_place(place_code)))
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
        who: _History(int(messages), int(load), int(offers), int(accepts), last)
        for who, messages, load, offers, accepts, last in rows
    }


def _volunteers(
    rows: Sequence[Row[Any]],
    histories: dict[int, _History],
    buurten: dict[str, int],
    gemeente_bits: dict[str, int],
    gemeente_of: dict[str, str],
    today: date,
    now: datetime,
) -> Volunteers:
    nobody = _History(0, 0, 0, 0, None)
    history = [histories.get(row.account_id, nobody) for row in rows]
    everywhere = sum(gemeente_bits.values())

    def skills(row: Row[Any]) -> int:
        reach = gemeente_bits.get(gemeente_of[row.buurt_code], 0) if row.radius_m is None else everywhere
        return _mask(_SKILL_BITS, row.skills) | (1 << CAR if row.has_car else 0) | reach

    return Volunteers(
        ids=[str(row.account_id) for row in rows],
        buurt=np.array([buurten[row.buurt_code] for row in rows], np.int32),
        x=np.array([row.x for row in rows], float),
        y=np.array([row.y for row in rows], float),
        radius_m=np.array([EVERYWHERE if row.radius_m is None else row.radius_m for row in rows], float),
        capacity=np.array([_capacity(r.weekly_max, h) for r, h in zip(rows, history, strict=True)], np.int32),
        skills=np.array([skills(row) for row in rows], np.uint64),
        slots=np.array([row.slots for row in rows], np.uint32),
        languages=np.array([_mask(_LANGUAGE_BITS, row.languages) for row in rows], np.uint64),
        clearances=np.array([_clearances(row, today) for row in rows], np.uint8),
        offers=np.array([h.offers for h in history], float),
        accepts=np.array([h.accepts for h in history], float),
        days_since_offer=np.array([_days_since(h.last_asked, now) for h in history], float),
    )


def _capacity(weekly_max: int, history: _History) -> int:
    """How many more requests now: within the volunteer's own maximum and at most three messages in seven days."""
    return max(0, min(weekly_max - history.load, MOST_MESSAGES - history.messages))


def _days_since(moment: datetime | None, now: datetime) -> float:
    """In steps of six hours, for the same reason as above; never 0, which would mean p = 0."""
    return float("nan") if moment is None else max((now - moment) // timedelta(hours=6), 1) / 4


def _mask(bits: dict[str, int], names: Iterable[str]) -> int:
    return sum(bits.get(name, 0) for name in set(names))


def _clearances(row: Row[Any], today: date) -> int:
    has_vog = row.vog_seen_on is not None and (row.vog_renew_by is None or row.vog_renew_by > today)
    return (VOG if has_vog else 0) | (INTRODUCED if row.introduced_on is not None else 0)


def _requests(
    rows: Sequence[Row[Any]],
    buurten: dict[str, int],
    gemeente_bits: dict[str, int],
    gemeente_of: dict[str, str],
    today: date,
    now: datetime,
) -> Requests:
    def skills(row: Row[Any]) -> int:
        car = 1 << CAR if CATEGORIES[row.category].needs_car else 0
        return _SKILL_BITS[row.category] | car | gemeente_bits.get(gemeente_of[row.buurt_code], 0)

    def clearances(row: Row[Any]) -> int:
        rule = CATEGORIES[row.category]
        return (VOG if rule.needs_vog else 0) | (INTRODUCED if rule.needs_introduction else 0)

    # Whole days: two runs on one day must not differ only because an hour went by.
    waiting = np.array([(now - row.created_at).days for row in rows], float)
    return Requests(
        ids=[str(row.id) for row in rows],
        buurt=np.array([buurten[row.buurt_code] for row in rows], np.int32),
        x=np.array([row.x for row in rows], float),
        y=np.array([row.y for row in rows], float),
        skills=np.array([skills(row) for row in rows], np.uint64),
        slots=np.array([row.slots for row in rows], np.uint32),
        languages=np.array([_mask(_LANGUAGE_BITS, row.languages) for row in rows], np.uint64),
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


# Storing


def _store(
    session: Session, town: _Town, found: Matching, run: MatchRun, *, now: datetime, place_code: str | None
) -> dict[str, int]:
    before = _standing(session, place_code)
    new, changed, seen = [], [], set()
    for proposal in found.proposals:
        pair = (town.request_ids[proposal.request], town.volunteer_ids[proposal.volunteer])
        facts = {
            "rank": proposal.rank,
            "p": round(proposal.p, 4),
            "distance_m": round(proposal.distance_m),
            "reasons": [_reason(reason) for reason in proposal.reasons],
        }
        seen.add(pair)
        old = before.get(pair)
        if old is None:
            new.append({"request_id": pair[0], "volunteer_id": pair[1], "run_id": run.id, "created_at": now, **facts})
        elif (old.rank, old.p, old.distance_m, old.reasons) != tuple(facts.values()):
            changed.append({"key": old.id, **{f"new_{name}": value for name, value in facts.items()}})
    gone = [row.id for pair, row in before.items() if pair not in seen]
    gone += _stale_spares(session, now=now, place_code=place_code)
    # Requests before proposals, as at the desk: a run and a decision then wait for each other, never in a circle.
    _explain(session, town, found)
    _insert(session, new)
    _change(session, changed)
    _withdraw(session, gone)
    matched = len(town.request_ids) - len(found.unmatched)
    return {
        "open": len(town.request_ids),
        "proposed": matched,
        "without": len(found.unmatched),
        "added": len(new),
        "kept": len(seen) - len(new),
        "withdrawn": len(gone),
    }


def _standing(session: Session, place_code: str | None) -> dict[tuple[int, int], Row[Any]]:
    """What the matcher proposed earlier for requests that are still open and nobody has decided on."""
    p = Proposal
    query = (
        select(
            col(p.id), col(p.request_id), col(p.volunteer_id), col(p.rank), col(p.p), col(p.distance_m), col(p.reasons)
        )
        .join(HelpRequest, col(HelpRequest.id) == col(p.request_id))
        .where(
            col(p.state) == ProposalState.PROPOSED,
            col(p.source) == "matcher",
            col(HelpRequest.state) == RequestState.OPEN,
            *_in_place(place_code),
        )
    )
    return {(row.request_id, row.volunteer_id): row for row in session.connection().execute(query)}


def _insert(session: Session, rows: list[dict[str, Any]]) -> None:
    """Where a volunteer offered for the same request a moment ago, the offer stays and ours is dropped."""
    if not rows:
        return
    dialect = session.get_bind().dialect.name
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert if dialect == "sqlite" else insert
    usual = {"source": "matcher", "state": ProposalState.PROPOSED, "decision_reason": "", "answer_reason": ""}
    statement: Any = make(Proposal)
    session.connection().execute(statement.on_conflict_do_nothing(), [usual | row for row in rows])


def _change(session: Session, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    table = Proposal.__table__  # type: ignore[attr-defined]  # SQLModel makes it
    session.connection().execute(
        update(table)
        .where(table.c.id == bindparam("key"), table.c.state == ProposalState.PROPOSED)
        .values({name: bindparam(f"new_{name}") for name in ("rank", "p", "distance_m", "reasons")}),
        rows,
    )


def _withdraw(session: Session, ids: list[int]) -> None:
    """Only what no human decided on meanwhile."""
    for start in range(0, len(ids), 500):
        session.connection().execute(
            update(Proposal)
            .where(col(Proposal.id).in_(ids[start : start + 500]), col(Proposal.state) == ProposalState.PROPOSED)
            .values(state=ProposalState.WITHDRAWN)
        )


def _explain(session: Session, town: _Town, found: Matching) -> None:
    """Keep with each request why it has no proposal; clear it where it has one now."""
    said = {town.request_ids[u.request]: (u.reason, _wish(u.wish)) for u in found.unmatched}
    columns = (col(HelpRequest.id), col(HelpRequest.no_match_reason), col(HelpRequest.no_match_wish))
    kept = session.connection().execute(
        select(*columns).where(
            col(HelpRequest.state) == RequestState.OPEN, col(HelpRequest.no_match_reason).is_not(None)
        )
    )
    known = {row[0]: (row[1], row[2]) for row in kept}
    changed = [
        {"key": key, "why": said.get(key, (None, None))[0], "wish": said.get(key, (None, None))[1]}
        for key in town.request_ids
        if known.get(key, (None, None)) != said.get(key, (None, None))
    ]
    if changed:
        table = HelpRequest.__table__  # type: ignore[attr-defined]  # SQLModel makes it
        session.connection().execute(
            update(table)
            .where(table.c.id == bindparam("key"))
            .values(no_match_reason=bindparam("why"), no_match_wish=bindparam("wish")),
            changed,
        )


def _skill_name(bit: int) -> str:
    return SKILLS[bit] if bit < CAR else "car" if bit == CAR else "gemeente"


_NAMES: dict[str, Callable[[int], Any]] = {
    "skill": _skill_name,
    "slot": SLOT_NAMES.__getitem__,
    "language": LANGUAGE_CODES.__getitem__,
}


def _stale_spares(session: Session, *, now: datetime, place_code: str | None) -> list[int]:
    """Spares, kept for when it falls through, that no longer hold by the hard rules. Room is no rule here: it comes
    back by the time a spare is needed."""
    p, r = Proposal, HelpRequest
    query = (
        select(col(p.id), col(p.request_id), col(p.volunteer_id))
        .join(HelpRequest, col(r.id) == col(p.request_id))
        .where(
            col(p.state) == ProposalState.PROPOSED,
            col(p.source) == "matcher",
            col(r.state).in_(SPARING),
            *_in_place(place_code),
        )
    )
    spares = {(request, who): key for key, request, who in session.connection().execute(query) if key is not None}
    if not spares:
        return []
    town = _read(session, now=now, place_code=place_code, states=SPARING)
    people = town.problem.volunteers
    edges = eligible_pairs(replace(town.problem, volunteers=replace(people, capacity=np.ones_like(people.capacity))))
    pairs = zip(edges.request.tolist(), edges.volunteer.tolist(), strict=True)
    holds = {(town.request_ids[request], town.volunteer_ids[who]) for request, who in pairs}
    return [key for pair, key in spares.items() if pair not in holds]


def _reason(reason: Reason) -> dict[str, Any]:
    """A fact as it is kept: {"key", "value"}, and "against" where it speaks against."""
    value = None if reason.value is None else int(reason.value)
    kept = {
        "key": reason.key,
        "value": _NAMES[reason.key](value) if reason.key in _NAMES and value is not None else value,
    }
    return kept | {"against": True} if reason.against else kept


def _wish(wish: Wish) -> dict[str, Any]:
    """What would help: which rule (`lack`), what is missing, and how many nearby lack only that."""
    name = _NAMES.get(wish.key, int)
    return {"lack": wish.key, "missing": [name(bit) for bit in wish.missing], "near": wish.lacking_only}


# The table that the command line prints


@dataclass(frozen=True, slots=True)
class BuurtRow:
    """One buurt after a run: how many open requests, how many with a proposal, and the usual reason for none."""

    buurt: str
    open: int
    proposed: int
    without: int
    reason: str | None


def table(session: Session, run: MatchRun) -> list[BuurtRow]:
    """One row per buurt with open requests, by name."""
    matched = select(col(Proposal.request_id)).where(
        col(Proposal.state) == ProposalState.PROPOSED, col(Proposal.source) == "matcher", col(Proposal.rank) == 1
    )
    query = (
        select(col(Buurt.name), col(HelpRequest.no_match_reason), col(HelpRequest.id).in_(matched))
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .where(col(HelpRequest.state) == RequestState.OPEN, *_in_place(run.place_code))
    )
    rows: dict[str, list[tuple[str | None, bool]]] = defaultdict(list)
    for name, reason, has in session.connection().execute(query):
        rows[name].append((reason, has))
    return [_buurt_row(name, found) for name, found in sorted(rows.items())]


def _buurt_row(name: str, found: list[tuple[str | None, bool]]) -> BuurtRow:
    reasons = Counter(reason for reason, has in found if reason and not has)
    proposed = sum(has for _reason, has in found)
    usual = reasons.most_common(1)[0][0] if reasons else None
    return BuurtRow(name, len(found), proposed, len(found) - proposed, usual)
