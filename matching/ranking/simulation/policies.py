"""Whom to ask: the rivals, each with and without the message cap, and ours.

All rivals ask only eligible volunteers with room, at decent hours, and never the same one twice for a request; the
town tells those still asked when it is over. They differ in whom they ask, how many at a time and when the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import FloatArray
from matching.ranking.simulation.desk import Desk
from matching.ranking.simulation.scoring import Rule
from matching.ranking.waves import Crowd, InFlight, OpenRequests, ScoredEdges, WaveSettings, plan

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PATIENCE_H = 4.0  # how long a rival waits for an answer before it asks the next
WAVE_PATIENCE_H = 6.0
ALL_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """Offers to send: edges of the world int64[k], the p they were chosen with, propensity, and explored."""

    edges: Ints
    p: FloatArray
    propensity: FloatArray
    explored: Bools

    def __len__(self) -> int:
        return len(self.edges)


class Policy(Protocol):
    """every_tick: wants to be asked at each tick while anything is open. patience_h: how long after an offer a
    request is due again, inf = never. at_decline: a decline makes it due at once."""

    @property
    def every_tick(self) -> bool: ...

    @property
    def patience_h(self) -> float: ...

    @property
    def at_decline(self) -> bool: ...

    def choose(self, desk: Desk, now: float, due: Sequence[int], rule: Rule, seed: int) -> Choice:
        """Offers for the due requests (all open ones when every_tick), best sent at `now`."""
        ...


Order = Callable[[Desk, float, Ints, Rule], FloatArray]


def by_distance(desk: Desk, now: float, edges: Ints, rule: Rule) -> FloatArray:
    return desk.world.edges.distance_m[edges]


def by_registration(desk: Desk, now: float, edges: Ints, rule: Rule) -> FloatArray:
    return desk.world.edges.volunteer[edges].astype(np.float64)


def by_chance(desk: Desk, now: float, edges: Ints, rule: Rule) -> FloatArray:
    return -rule.p(desk, now, edges)


@dataclass(frozen=True, slots=True)
class Rival:
    """order: lowest first. size: how many at a time. reserve: asks only who has no other offer in flight.
    own_buurt: only volunteers of the buurt of the request. capped: three messages in seven days, one in a tick."""

    order: Order
    size: int = 1
    patience_h: float = PATIENCE_H
    at_decline: bool = True
    reserve: bool = False
    own_buurt: bool = False
    capped: bool = True
    every_tick: bool = False

    def choose(self, desk: Desk, now: float, due: Sequence[int], rule: Rule, seed: int) -> Choice:
        busy = np.zeros(len(desk.world.volunteers), bool)
        if self.reserve:
            busy[desk.log["volunteer"][list(desk.live)]] = True
        chosen: list[Ints] = []
        for request in self._ordered(desk, now, due, rule):
            edges = self._allowed(desk, now, request, busy)
            if len(edges) > self.size:
                rank = np.argsort(self.order(desk, now, edges, rule), kind="stable")
                edges = edges[rank[: self.size]]
            if self.reserve or self.capped:
                busy[desk.world.edges.volunteer[edges]] = True
            chosen.append(edges)
        picked = np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
        sure = np.ones(len(picked))
        return Choice(picked, np.full(len(picked), np.nan), sure, np.zeros(len(picked), bool))

    def _allowed(self, desk: Desk, now: float, request: int, busy: Bools) -> Ints:
        world = desk.world
        edges = desk.candidates(request)
        volunteer = world.edges.volunteer[edges]
        free = ~busy[volunteer]
        if self.capped:
            free &= desk.under_cap(volunteer, now)
        if self.own_buurt:
            free &= world.volunteers.buurt[volunteer] == world.requests.buurt[request]
        return edges[free]

    def _ordered(self, desk: Desk, now: float, due: Sequence[int], rule: Rule) -> Sequence[int]:
        """Who chooses first: in order of posting, but greedy by the value of its best pair."""
        if self.order is not by_chance or len(due) < 2:
            return sorted(due)
        urgency = desk.world.requests.urgency
        worth = {r: float(urgency[r] * rule.p(desk, now, desk.candidates(r)).max(initial=0.0)) for r in due}
        return sorted(due, key=lambda r: (-worth[r], r))


@dataclass(frozen=True, slots=True)
class Ours:
    """The planner of waves.py."""

    settings: WaveSettings = field(default_factory=WaveSettings)
    every_tick: bool = True
    patience_h: float = 0.0
    at_decline: bool = True

    def choose(self, desk: Desk, now: float, due: Sequence[int], rule: Rule, seed: int) -> Choice:
        world = desk.world
        requests = np.array(due, np.int64)
        edges = desk.all_candidates(due)
        place = np.zeros(len(world.requests), np.int32)
        place[requests] = np.arange(len(requests), dtype=np.int32)
        live = np.fromiter(desk.live, np.int64, len(desk.live))
        log = desk.log
        offers = plan(
            now,
            OpenRequests(world.posted_h[requests], world.deadline_h[requests], world.requests.urgency[requests]),
            Crowd(desk.room, desk.last_sent_h),
            ScoredEdges(place[world.edges.request[edges]], world.edges.volunteer[edges], rule.p(desk, now, edges)),
            InFlight(place[log["request"][live]], log["volunteer"][live], log["sent_h"][live], log["p"][live]),
            settings=self.settings,
            seed=seed,
        )
        picked = _edges_of(desk, requests[offers.request], offers.volunteer)
        return Choice(picked, offers.p, offers.propensity, offers.explored)


def _edges_of(desk: Desk, request: Ints, volunteer: npt.NDArray[Any]) -> Ints:
    """int64: the numbers of these pairs among the world's edges (sorted by request, then by volunteer)."""
    start, end = desk.world.start[request], desk.world.start[request + 1]
    them = desk.world.edges.volunteer
    found = [
        first + int(np.searchsorted(them[first:last], who))
        for first, last, who in zip(start.tolist(), end.tolist(), volunteer.tolist(), strict=True)
    ]
    return np.array(found, np.int64)


def _both(name: str, **settings: Any) -> dict[str, Policy]:
    return {f"{name}-uncapped": Rival(capped=False, **settings), name: Rival(capped=True, **settings)}


OURS = "ours"
POLICIES: dict[str, Policy] = {
    OURS: Ours(),
    **_both("nearest", order=by_distance),
    **_both("first-come", order=by_registration, reserve=True),
    **_both("buurt", order=by_distance, size=ALL_AT_ONCE, patience_h=np.inf, at_decline=False, own_buurt=True),
    **_both("everyone", order=by_distance, size=ALL_AT_ONCE, patience_h=np.inf, at_decline=False),
    **_both("greedy", order=by_chance, reserve=True),
    **_both("waves-of-five", order=by_chance, size=5, patience_h=WAVE_PATIENCE_H, at_decline=False),
}
