"""Whom to ask now, for the requests that a human released for asking around.

The town is read and becomes hours and arrays, the planner decides (ranking/waves.py), and what it chose becomes one
wave per request. Nothing is changed here: making the offers is sending.py's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from matching.models import HelpRequest, Proposal
from matching.notices import UNDO_WINDOW
from matching.ranking.acceptance import AcceptanceRule, score
from matching.ranking.eligibility import eligible_pairs, find_pairs
from matching.ranking.features import edge_features
from matching.ranking.problem import Edges, FloatArray, IntArray
from matching.ranking.reasons import Explainer
from matching.ranking.waves import (
    Bools,
    Crowd,
    InFlight,
    OpenRequests,
    ScoredEdges,
    WaveSettings,
    may_be_asked,
    plan,
)
from matching.services import asking_around, wishes
from matching.services.asking_around import ASKABLE, NOBODY_LEFT, TOO_LATE
from matching.services.candidates import MOST_MESSAGES, WEEK
from matching.services.matcher.bits import kept_reason
from matching.services.matcher.context import in_context, offer_context
from matching.services.matcher.hours import hours_at, wall_hours
from matching.services.matcher.learning_log import Slot
from matching.services.matcher.rule_in_use import rule_in_use
from matching.services.matcher.sending import Offer, Wave
from matching.services.matcher.town import Town, read_town
from matching.workflow import ProposalState, RequestState

USUAL_P = 0.35  # of somebody the desk asked without the matcher
SETTINGS = WaveSettings(
    first_hour=asking_around.FIRST_HOUR,
    last_hour=asking_around.LAST_HOUR,
    urgent_first_hour=asking_around.URGENT_FIRST_HOUR,
    urgent_last_hour=asking_around.URGENT_LAST_HOUR,
    urgent_within_h=asking_around.URGENT_WITHIN.total_seconds() / 3600,
)


@dataclass(frozen=True, slots=True)
class Over:
    """A request for which asking around is over: NOBODY_LEFT or TOO_LATE."""

    request_id: int
    why: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What there is to do: people to ask, and requests to give back to the desk."""

    waves: list[Wave]
    over: list[Over]


@dataclass(frozen=True, slots=True)
class _State:
    """The town with the requests in its order, by when somebody should have said yes, and what is under way."""

    town: Town
    requests: list[HelpRequest]
    until_h: FloatArray
    waiting: dict[int, list[Proposal]]  # by request
    rule: AcceptanceRule
    model: str
    features_of: Callable[[Edges], FloatArray]


def look(session: Session, *, now: datetime, home: Path | None = None) -> Looked:
    """Plan the offers of this moment. home: as for rule_in_use."""
    found = _released(session, now)
    if not found:
        return Looked([], [])
    state = _read(session, now=now, home=home)
    edges = _never_asked(session, state.town, eligible_pairs(state.town.problem))
    edges, p = score(state.town.problem, edges, state.rule)
    in_flight = _in_flight(state, now)
    waves = _plan(state, edges, p, _crowd(session, state.town, in_flight, now), in_flight, now=now)
    idle = [each for each in found if each.state == RequestState.OPEN and each.id not in {w.request_id for w in waves}]
    return Looked(waves, _over(session, state, idle, now=now))


def _released(session: Session, now: datetime) -> list[HelpRequest]:
    query = select(HelpRequest).where(*_is_released(now), col(HelpRequest.state).in_(ASKABLE))
    return list(session.exec(query.order_by(col(HelpRequest.id))))


def _is_released(now: datetime) -> tuple[Any, ...]:
    """The minute in which the desk can take it back is over."""
    return (col(HelpRequest.asking_since) <= now - UNDO_WINDOW,)


def _read(session: Session, *, now: datetime, home: Path | None) -> _State:
    town = read_town(session, now=now, place_code=None, states=ASKABLE, where=_is_released(now))
    ids = town.request_ids
    by_id = {each.id: each for each in session.exec(select(HelpRequest).where(col(HelpRequest.id).in_(ids)))}
    requests = [by_id[key] for key in ids]
    urgency = town.problem.requests.urgency.tolist()
    deadlines = [asking_around.deadline(each, u, now=now) for each, u in zip(requests, urgency, strict=True)]
    until = np.array([hours_at(moment, now=now) for moment in deadlines], float)
    rule, model = rule_in_use(session, home)
    context = offer_context(session, town, now=now, hours_to_deadline=until - wall_hours(now))

    def features_of(edges: Edges) -> FloatArray:
        return edge_features(town.problem, edges, context)

    return _State(town, requests, until, _waiting(session, ids), in_context(rule, context), model, features_of)


def _waiting(session: Session, ids: list[int]) -> dict[int, list[Proposal]]:
    """The questions without an answer, by request."""
    found: dict[int, list[Proposal]] = {key: [] for key in ids}
    asked = select(Proposal).where(Proposal.state == ProposalState.ASKED, col(Proposal.request_id).in_(ids))
    for proposal in session.exec(asked.order_by(col(Proposal.id))):
        found[proposal.request_id].append(proposal)
    return found


def _never_asked(session: Session, town: Town, edges: Edges) -> Edges:
    """Nobody is asked twice for the same request, whatever the answer was."""
    who = {key: n for n, key in enumerate(town.volunteer_ids)}
    which = {key: n for n, key in enumerate(town.request_ids)}
    query: Any = columns(col(Proposal.volunteer_id), col(Proposal.request_id)).where(
        col(Proposal.asked_at).is_not(None), col(Proposal.request_id).in_(town.request_ids)
    )
    rows = session.connection().execute(query)
    pairs = [(who[volunteer], which[request]) for volunteer, request in rows if volunteer in who]
    known = np.array(sorted(set(pairs)), np.int32).reshape(-1, 2)
    return edges.take(find_pairs(town.problem, edges, known) < 0)


def _in_flight(state: _State, now: datetime) -> InFlight:
    """Offers without an answer. Who stopped helping since is left out: an answer is not likely."""
    who = {key: n for n, key in enumerate(state.town.volunteer_ids)}
    rows = [
        (n, who[each.volunteer_id], hours_at(each.asked_at or now, now=now), each.p or USUAL_P)
        for n, request in enumerate(state.requests)
        for each in state.waiting[request.id or 0]
        if each.volunteer_id in who
    ]
    request, volunteer, sent, p = zip(*rows, strict=True) if rows else ((), (), (), ())
    return InFlight(
        np.array(request, np.int32), np.array(volunteer, np.int32), np.array(sent, float), np.array(p, float)
    )


def _crowd(session: Session, town: Town, in_flight: InFlight, now: datetime) -> Crowd:
    """Room and messages of everybody. The town's capacity has the offers in flight taken off already."""
    n = len(town.volunteer_ids)
    room = town.problem.volunteers.capacity + np.bincount(in_flight.volunteer, minlength=n).astype(np.int32)
    sent = np.full((n, MOST_MESSAGES), np.nan)
    who = {key: index for index, key in enumerate(town.volunteer_ids)}
    query: Any = columns(col(Proposal.volunteer_id), col(Proposal.asked_at)).where(col(Proposal.asked_at) > now - WEEK)
    taken = np.zeros(n, np.int64)
    for volunteer, moment in session.connection().execute(query.order_by(col(Proposal.asked_at).desc())):
        index = who.get(volunteer)
        if index is not None and taken[index] < MOST_MESSAGES:
            sent[index, taken[index]] = hours_at(moment, now=now)
            taken[index] += 1
    return Crowd(room.astype(np.int32), sent)


def _plan(
    state: _State, edges: Edges, p: FloatArray, crowd: Crowd, in_flight: InFlight, *, now: datetime
) -> list[Wave]:
    posted = np.array([hours_at(request.created_at, now=now) for request in state.requests], float)
    requests = OpenRequests(posted, state.until_h, state.town.problem.requests.urgency)
    scored = ScoredEdges(edges.request, edges.volunteer, p)
    offers = plan(wall_hours(now), requests, crowd, scored, in_flight, settings=SETTINGS)
    free = may_be_asked(wall_hours(now), crowd, in_flight)
    chosen = zip(*(column.tolist() for column in (offers.request, offers.volunteer, offers.best)), strict=True)
    slots: dict[int, list[tuple[int, Slot]]] = {}
    for n, (request, volunteer, best) in enumerate(chosen):
        could = _candidates(edges, p, request, free)
        at, slot = _slot(state, edges, p, could, volunteer, best, explored=bool(offers.explored[n]))
        slots.setdefault(request, []).append((at, slot))
        free[volunteer] = False  # one offer in a tick
    return [_wave(state, edges, request, found, now=now) for request, found in slots.items()]


def _candidates(edges: Edges, p: FloatArray, request: int, free: Bools) -> IntArray:
    """Positions of everybody whom the planner could have chosen for this slot."""
    start, stop = np.searchsorted(edges.request, (request, request + 1))
    mine = np.arange(start, stop)
    could: IntArray = mine[free[edges.volunteer[mine]] & (p[mine] >= SETTINGS.lowest_p)]
    return could


def _slot(
    state: _State, edges: Edges, p: FloatArray, could: IntArray, volunteer: int, best: int, *, explored: bool
) -> tuple[int, Slot]:
    """The position of the chosen edge, and what the log needs to know of the choice."""
    people = edges.volunteer[could]
    chance = np.full(len(could), SETTINGS.explore / len(could))
    chance[people == best] += 1.0 - SETTINGS.explore
    slot = Slot(
        explored=explored,
        chosen=int(np.flatnonzero(people == volunteer)[0]),
        volunteer_ids=[state.town.volunteer_ids[n] for n in people.tolist()],
        p=p[could].tolist(),
        propensity=chance.tolist(),
        features=state.features_of(edges.take(could)),
    )
    return int(could[slot.chosen]), slot


def _wave(state: _State, edges: Edges, request: int, found: list[tuple[int, Slot]], *, now: datetime) -> Wave:
    entity = state.requests[request]
    assert entity.id is not None
    pairs = edges.take(np.array([at for at, _slot in found]))
    nobody = np.zeros(len(state.town.volunteer_ids), np.int32)
    first = np.ones(len(pairs), np.int32)
    told = Explainer(state.town.problem, state.rule, pairs, first, nobody)(slice(0, len(pairs)))
    offers = [
        Offer(slot.volunteer_ids[slot.chosen], round(metres), [kept_reason(reason) for reason in reasons], slot)
        for (_at, slot), metres, reasons in zip(found, pairs.distance_m.tolist(), told, strict=True)
    ]
    waiting = frozenset(each.id for each in state.waiting[entity.id] if each.id is not None)
    return Wave(entity.id, entity.asking_since or now, waiting, state.model, tuple(offers))


def _over(session: Session, state: _State, idle: list[HelpRequest], *, now: datetime) -> list[Over]:
    """Of the requests that wait for nobody's answer: those without time, or with nobody left to ask, and why."""
    over = [Over(each.id or 0, TOO_LATE) for each in idle if wishes.is_over(each, now=now)]
    in_time = {each.id for each in idle} - {each.request_id for each in over}
    places = [n for n, key in enumerate(state.town.request_ids) if key in in_time]
    if not places:
        return over
    # As if everybody had room and had rested: whoever is only busy this week can be asked later.
    people = state.town.problem.volunteers
    rested = np.full(len(people), float("nan"))
    people = replace(people, capacity=np.ones_like(people.capacity), days_since_offer=rested)
    problem = replace(state.town.problem, volunteers=people)
    edges, p = score(problem, _never_asked(session, state.town, eligible_pairs(problem)), state.rule)
    some = set(edges.request[p >= SETTINGS.lowest_p].tolist())
    return over + [Over(state.town.request_ids[n], NOBODY_LEFT) for n in places if n not in some]


def end(session: Session, over: Over, *, now: datetime) -> bool:
    """Give a request back to the desk, if that still holds."""
    return asking_around.run_out(session, session.get_one(HelpRequest, over.request_id), over.why, now=now)
