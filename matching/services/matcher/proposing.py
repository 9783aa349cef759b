"""Proposing: the matching of all open requests becomes proposals with reasons.

The matcher only ever touches what it proposed itself and no human has decided on. Running it again withdraws what no
longer holds and leaves the rest as it is.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Row, bindparam, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from matching.models import HelpRequest, MatchRun, Proposal, Tag
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.problem import Matching, Wish
from matching.services import dials
from matching.services.history import record
from matching.services.matcher import recruiting
from matching.services.matcher.bits import NAMES, kept_reason
from matching.services.matcher.model_card import keep_stated
from matching.services.matcher.rule_in_use import rule_in_use, told_of_now
from matching.services.matcher.solving import solver
from matching.services.matcher.town import Town, in_place, read_town
from matching.workflow import ProposalState, RequestState

SPARES = 4
# Somebody was asked or said yes; who else could do it is kept for when that falls through.
SPARING = (RequestState.ASKED, RequestState.CLAIMED, RequestState.PAIRED)
Progress = Callable[[str, float], None]


def propose(
    session: Session,
    *,
    now: datetime,
    home: Path | None = None,
    place_code: str | None = None,
    equity: float | None = None,
    balance: float | None = None,
    seed: int = 1,
    progress: Progress | None = None,
) -> MatchRun:
    """Propose volunteers for all open requests, or those of one gemeente, wijk or buurt.

    home: OMZIEN_HOME, where the model files are. equity, balance: at least 0, in place of the dials of the gemeenten.
    The run says which version of the rule it used; its counts hold open, proposed, without, added, kept, withdrawn,
    value and edges.
    """
    report = progress or (lambda step, done: None)
    _one_run_at_a_time(session)
    keep_stated(session)
    rule, version = rule_in_use(session, home)
    run = MatchRun(place_code=place_code, model=version, started_at=now)
    session.add(run)
    session.flush()
    report("reading", 0.0)
    town = read_town(session, now=now, place_code=place_code)
    report("reading", 1.0)
    told = told_of_now(session, rule, town, now=now)
    solve = solver(town, dials.read(session), told, seed=seed, equity=equity, balance=balance)
    found = solve(town.problem, spares=SPARES, progress=progress)
    report("storing", 0.0)
    counts = _store(session, town, found, run, now=now, place_code=place_code)
    # Of people who are not there yet nothing is known but their profile.
    recruiting.keep(session, town, found, replace(solve, rule=rule), now=now, place_code=place_code)
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


def _store(
    session: Session, town: Town, found: Matching, run: MatchRun, *, now: datetime, place_code: str | None
) -> dict[str, int]:
    before = _standing(session, place_code)
    new, changed, seen = [], [], set()
    for proposal in found.proposals:
        pair = (town.request_ids[proposal.request], town.volunteer_ids[proposal.volunteer])
        facts = {
            "rank": proposal.rank,
            "p": round(proposal.p, 4),
            "distance_m": round(proposal.distance_m),
            "reasons": [kept_reason(reason) for reason in proposal.reasons],
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
            *in_place(place_code),
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


def _explain(session: Session, town: Town, found: Matching) -> None:
    """Keep with each request why it has no proposal; clear it where it has one now."""
    change = recruiting.changes(town, found)
    said = {
        town.request_ids[u.request]: (u.reason, _wish(u.wish) | {"change": change.get(u.request)})
        for u in found.unmatched
    }
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
            *in_place(place_code),
        )
    )
    spares = {(request, who): key for key, request, who in session.connection().execute(query) if key is not None}
    if not spares:
        return []
    town = read_town(session, now=now, place_code=place_code, states=SPARING)
    people = town.problem.volunteers
    edges = eligible_pairs(replace(town.problem, volunteers=replace(people, capacity=np.ones_like(people.capacity))))
    pairs = zip(edges.request.tolist(), edges.volunteer.tolist(), strict=True)
    holds = {(town.request_ids[request], town.volunteer_ids[who]) for request, who in pairs}
    return [key for pair, key in spares.items() if pair not in holds]


def _wish(wish: Wish) -> dict[str, Any]:
    """What would help: which rule (`lack`), what is missing, and how many nearby lack only that."""
    name = NAMES.get(wish.key, int)
    return {"lack": wish.key, "missing": [name(bit) for bit in wish.missing], "near": wish.lacking_only}
