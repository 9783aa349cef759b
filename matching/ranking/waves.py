"""Offer waves: whom to ask now, so that somebody says yes in time and nobody is worn out.

A pure planner: no database, no clock, no state of its own. Whoever drives it (the job of every quarter of an hour,
or a simulator) hands it what is true at `now` and carries out the offers that come back.

Time. All moments and durations are float64 hours since a Monday 00:00 local time, so `now % 168` is the hour of the
week and `now % 24` the hour of the day. Nobody gets a message at night. A tick is a quarter of an hour. Wall-clock
hours make a week of 167 or 169 real hours when summer time begins or ends. A caller that must keep the week of the
message limit to real time gives `last_sent_h` as `now` less the hours that really went by.

How many. People read messages when they have time, so waiting is counted on a clock of usual hours (`answering`):
an hour in the evening counts for more than one at work, the night hardly at all. After `a` usual hours without an
answer, an offer still promises p * s, s = exp(-a / answer_h). What the offers in flight promise together is a yes
with chance 1 - prod(1 - p s), which adds up as l = -ln(1 - p s). Wanted in flight is

    needed = max(floor, min(whole, pool) * answer_h / usual hours left)    at most whole = -ln(1 - rho)

the part of the whole that falls to one time of answering. As long as there are days, that is one person at a time, and
the next when the first keeps silent: nobody is asked who need not have been. It becomes more as the deadline comes
near. `pool` is what everybody who can still be asked promises together: where few are left there is no hurry that
more could serve. Requests that are urgent from the start have a higher floor. A decline is no longer in flight, so it
is made up for at once. Whatever is short goes out in rounds: every request gets its first person before any gets its
second, the most urgent ones first, among these the one with the least choice.

Whom. The highest merit,

    merit = p * (1 - spare * used) - scarcity * price
    price = sum over the other requests r of p_rv * l_rv / sum_w l_rw

`used` is the part of the week's messages that the volunteer had: a rested one goes first when the chances are alike.
The price is the yes that other open requests expect from this volunteer and cannot easily get elsewhere. Nobody is
asked whose chance is below `lowest_p`: more would be bothered for each request helped, and the request goes to a human
sooner. A few slots are drawn at random among all who may be asked (`explore`), so that later models can be judged from
the log; the propensity says how likely the choice was, given the slots before it.

Never more than three messages to a volunteer in any seven days, one in a tick, and no more offers in flight than the
volunteer has room for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import FloatArray, IntArray

Bools = npt.NDArray[np.bool_]
Rng = np.random.Generator

TICK_H = 0.25
DAY_H = 24.0
WEEK_H = 168.0
MOST_MESSAGES = 3  # to one volunteer in any WEEK_H
WORKDAYS, WEEKEND_DAYS, HOURS_OF_DAY = 5, 2, 24

# How readily people answer, by hour of the day, relative to a usual hour. An assumption on purpose without detail:
# little at work, most in the evening, all day at the weekend. A town with a log of its own can give what it measured.
WORKDAY_HOURS = (0.1,) * 7 + (0.75,) * 10 + (1.7,) * 5 + (0.4,) * 2
WEEKEND_HOURS = (0.1,) * 8 + (1.0,) * 14 + (0.4,) * 2


@dataclass(frozen=True, slots=True)
class OpenRequests:
    """`m` requests for which somebody is sought.

    posted_h, deadline_h: float64[m], hours; somebody should have said yes by the deadline. urgency: float64[m],
    at least 1; it decides who chooses first. Requests whose deadline is not after `now` get no offers.
    """

    posted_h: FloatArray
    deadline_h: FloatArray
    urgency: FloatArray

    def __len__(self) -> int:
        return len(self.deadline_h)


@dataclass(frozen=True, slots=True)
class Crowd:
    """`n` volunteers.

    room: int32[n], how many more requests they could take now; offers in flight are not subtracted.
    last_sent_h: float64[n, 3], hours, when their latest three messages went out about any request, in any order,
    nan where there were fewer.
    """

    room: IntArray
    last_sent_h: FloatArray

    def __len__(self) -> int:
        return len(self.room)


@dataclass(frozen=True, slots=True)
class ScoredEdges:
    """`e` pairs that may still be asked: eligible, never asked for this request before.

    request, volunteer: int32[e], indices, sorted by request. p: float64[e] within 0 to 1, the chance of a yes to an
    offer sent now.
    """

    request: IntArray
    volunteer: IntArray
    p: FloatArray

    def __len__(self) -> int:
        return len(self.request)


def _no_indices() -> IntArray:
    return np.zeros(0, np.int32)


def _no_numbers() -> FloatArray:
    return np.zeros(0, np.float64)


@dataclass(frozen=True, slots=True)
class InFlight:
    """`f` offers without an answer so far: request, volunteer int32[f]; sent_h hours float64[f]; p float64[f] as it
    was when the offer was sent."""

    request: IntArray = field(default_factory=_no_indices)
    volunteer: IntArray = field(default_factory=_no_indices)
    sent_h: FloatArray = field(default_factory=_no_numbers)
    p: FloatArray = field(default_factory=_no_numbers)

    def __len__(self) -> int:
        return len(self.request)


@dataclass(frozen=True, slots=True)
class Offers:
    """`k` offers to send now, in the order in which they were chosen.

    request, volunteer: int32[k]. p: float64[k]. propensity: float64[k], the chance with which this volunteer was
    chosen for this slot, more than 0. explored: bool[k], drawn at random. candidates: int32[k], how many could have
    been chosen for the slot. best: int32[k], the volunteer of the highest merit among them.
    """

    request: IntArray
    volunteer: IntArray
    p: FloatArray
    propensity: FloatArray
    explored: Bools
    candidates: IntArray
    best: IntArray

    def __len__(self) -> int:
        return len(self.request)


@dataclass(frozen=True, slots=True)
class WaveSettings:
    """The planner's numbers; see the module's text. The same for every town.

    rho: wanted chance of a yes by the deadline. floor, urgent_floor: smallest chance of a yes kept in flight.
    answer_h: typical usual hours until an answer. Urgent requests are those posted at most urgent_within_h before
    their deadline. scarcity: price per unit of p. spare: part of p that a full week costs.
    explore: share of slots drawn at random. lowest_p: nobody less likely is asked. most_in_flight: how many may be
    making up their minds about one request. first_hour, last_hour: of the day, between which messages go out; the
    urgent ones apply when the deadline is within urgent_within_h. holds_h: how long an
    offer holds a place of the volunteer; by default as long as it is in flight. answering: 24 weights for the hours of
    a workday and 24 for a day of the weekend. Raises ValueError when a number is out of its range.
    """

    rho: float = 0.9
    floor: float = 0.2
    urgent_floor: float = 0.62
    answer_h: float = 4.0
    scarcity: float = 0.3
    spare: float = 0.1
    explore: float = 0.04
    lowest_p: float = 0.07
    most_in_flight: int = 8
    first_hour: float = 8.0
    last_hour: float = 21.0
    holds_h: float = np.inf
    urgent_within_h: float = 24.0
    urgent_first_hour: float = 7.0
    urgent_last_hour: float = 22.0
    answering: tuple[float, ...] = WORKDAY_HOURS + WEEKEND_HOURS

    def __post_init__(self) -> None:
        floors = (self.floor, self.urgent_floor)
        if not (min(floors) > 0 and max(floors) <= self.rho < 1 and 0 <= self.explore <= 1):
            raise ValueError("floor, urgent_floor, rho and explore are chances, with floors at most rho, rho below 1")
        if not (min(self.answer_h, self.holds_h) > 0 and self.most_in_flight >= 1):
            raise ValueError("answer_h, holds_h and most_in_flight must be more than 0")
        if not (self.scarcity >= 0 and 0 <= self.spare <= 1 and 0 <= self.lowest_p <= 1):
            raise ValueError("scarcity must be at least 0; spare and lowest_p must lie between 0 and 1")
        hours = (self.first_hour, self.last_hour, self.urgent_first_hour, self.urgent_last_hour)
        if not (min(hours) >= 0 and max(hours) <= DAY_H):
            raise ValueError("the hours between which messages go out must lie between 0 and 24")
        weights = self.answering
        if len(weights) != 2 * HOURS_OF_DAY or not (min(weights) >= 0 and 0 < sum(weights) < np.inf):
            raise ValueError("answering must be 48 weights of at least 0, and not all 0")


def plan(
    now: float,
    requests: OpenRequests,
    volunteers: Crowd,
    edges: ScoredEdges,
    in_flight: InFlight,
    *,
    settings: WaveSettings | None = None,
    seed: int = 1,
) -> Offers:
    """The offers to send at `now` (hours, any finite number). The same arguments give the same offers.

    seed: any whole number; with `now` and the number of offers in flight it fixes what is drawn. Called again after a
    decline, within the same tick, the planner makes up for it. Raises ValueError when columns differ in length, an
    index points nowhere, edges are not sorted by request, p is not within 0 to 1, or a moment that must be known is
    not finite.
    """
    settings = settings or WaveSettings()
    _check(now, requests, volunteers, edges, in_flight)
    pace = _Pace(now, requests, in_flight, settings)
    if not pace.asking.any() or not len(edges):
        return _offers([])
    likely = edges.p >= settings.lowest_p
    promise = _miss(edges.p) * likely
    short = pace.short(np.bincount(edges.request, promise, len(requests)).astype(np.float64))
    if not (short > 0).any():
        return _offers([])
    kept = likely & (edges.p > 0) & may_be_asked(now, volunteers, in_flight, settings.holds_h)[edges.volunteer]
    open_to = ScoredEdges(edges.request[kept], edges.volunteer[kept], edges.p[kept])
    merit = _merit(now, len(requests), volunteers, open_to, settings)
    # Two calls in one tick, with a decline in between, do not draw alike.
    draws = np.random.default_rng([*_words(seed), *_words(round(now / TICK_H)), len(in_flight)])
    return _offers(_Slots(requests, len(volunteers), open_to, merit, settings, draws).fill(short, pace.waiting))


def may_be_asked(now: float, volunteers: Crowd, in_flight: InFlight, holds_h: float = np.inf) -> Bools:
    """bool[n]: room for one more, no message in this tick, and fewer than three in the last seven days."""
    held = in_flight.volunteer[now - in_flight.sent_h < holds_h]
    asked = np.bincount(held, minlength=len(volunteers))
    ago = now - volunteers.last_sent_h
    # A message with a moment ahead of `now` (a clock that jumped) counts as recent: better one too few.
    recent = (ago < WEEK_H).sum(1)
    this_tick = (ago < TICK_H).any(1)
    free: Bools = (volunteers.room - asked > 0) & (recent < MOST_MESSAGES) & ~this_tick
    return free


def usual_hours(moment: npt.ArrayLike, answering: tuple[float, ...] = WORKDAY_HOURS + WEEKEND_HOURS) -> FloatArray:
    """float64, same shape: usual hours for answering since Monday 00:00 of week 0, at these moments (hours)."""
    workday, weekend = answering[:HOURS_OF_DAY], answering[HOURS_OF_DAY:]
    since = np.concatenate(([0.0], np.cumsum(workday * WORKDAYS + weekend * WEEKEND_DAYS)))
    weeks, hour = np.divmod(np.asarray(moment, np.float64), WEEK_H)
    hours: FloatArray = weeks * since[-1] + np.interp(hour, np.arange(len(since)), since)
    return hours


def _check(now: float, requests: OpenRequests, volunteers: Crowd, edges: ScoredEdges, in_flight: InFlight) -> None:
    if not np.isfinite(now):
        raise ValueError("now must be a finite number of hours")
    m, n = len(requests), len(volunteers)
    if volunteers.last_sent_h.shape != (n, MOST_MESSAGES):
        raise ValueError(f"last_sent_h has shape {volunteers.last_sent_h.shape}, expected ({n}, {MOST_MESSAGES})")
    lengths = (
        (len(requests.posted_h), m), (len(requests.urgency), m), (len(edges.volunteer), len(edges)),
        (len(edges.p), len(edges)), (len(in_flight.volunteer), len(in_flight)), (len(in_flight.sent_h), len(in_flight)),
        (len(in_flight.p), len(in_flight)),
    )  # fmt: skip
    if any(one != other for one, other in lengths):
        raise ValueError("the columns of one thing must have one length")
    for index, size in ((edges.request, m), (in_flight.request, m), (edges.volunteer, n), (in_flight.volunteer, n)):
        if len(index) and not (index.min() >= 0 and index.max() < size):
            raise ValueError("an index points at a request or volunteer that is not there")
    if len(edges) and (edges.request[1:] < edges.request[:-1]).any():
        raise ValueError("edges must be sorted by request")
    for p in (edges.p, in_flight.p):
        if len(p) and not (p.min() >= 0 and p.max() <= 1):
            raise ValueError("p must lie between 0 and 1")
    known = np.concatenate((requests.posted_h, requests.deadline_h, requests.urgency, in_flight.sent_h))
    if not np.isfinite(known).all():
        raise ValueError("moments of requests and offers, and urgency, must be finite numbers")


def _words(number: int) -> tuple[int, int]:
    """Any whole number as its sign and size, for a seed: a generator takes no negative ones."""
    return int(number < 0), abs(number)


def _miss(p: FloatArray) -> FloatArray:
    """-ln(1 - p): adds up over offers. A certain yes counts as a very likely one."""
    miss: FloatArray = -np.log1p(-np.minimum(p, 0.999))
    return miss


class _Pace:
    """How much should be in flight to each request, and how much is.

    asking: bool[m], messages may go out now. waiting: float64[m], people who may still be making up their minds.
    """

    def __init__(self, now: float, requests: OpenRequests, in_flight: InFlight, settings: WaveSettings) -> None:
        m, left_h = len(requests), requests.deadline_h - now
        urgent = requests.deadline_h - requests.posted_h <= settings.urgent_within_h
        near, hour = left_h <= settings.urgent_within_h, now % DAY_H
        by_day = settings.first_hour <= hour < settings.last_hour
        longer = settings.urgent_first_hour <= hour < settings.urgent_last_hour
        self.asking: Bools = (left_h > 0) & np.where(near, longer, by_day)
        moments = np.concatenate(([now], in_flight.sent_h, requests.deadline_h))
        by_clock = usual_hours(moments, settings.answering)
        # Silence makes a yes less likely with every usual hour. A moment ahead of now counts as now.
        waited = np.maximum(by_clock[0] - by_clock[1 : 1 + len(in_flight)], 0.0)
        silent = np.exp(-waited / settings.answer_h)
        self.waiting = np.bincount(in_flight.request, silent, m).astype(np.float64)
        self._covered = np.bincount(in_flight.request, _miss(in_flight.p * silent), m)
        self._rounds = settings.answer_h / np.maximum(by_clock[1 + len(in_flight) :] - by_clock[0], TICK_H)
        self._floor = np.where(urgent, *(-np.log1p(-np.array([settings.urgent_floor, settings.floor]))))
        self._whole = -np.log1p(-settings.rho)
        self._most = settings.most_in_flight

    def short(self, pool: FloatArray) -> FloatArray:
        """float64[m]: what has to be added now. pool: float64[m], what those who can still be asked promise."""
        goal = np.minimum(self._whole, pool + self._covered)
        needed = np.clip(goal * self._rounds, self._floor, self._whole)
        lacking = self.asking & (self.waiting < self._most)
        return np.where(lacking, np.maximum(needed - self._covered, 0.0), 0.0)


def _merit(now: float, m: int, volunteers: Crowd, edges: ScoredEdges, settings: WaveSettings) -> FloatArray:
    """float64[e]: p, less what asking this volunteer costs others."""
    miss, n = _miss(edges.p), len(volunteers)
    total = np.bincount(edges.request, miss, m)
    reliance = edges.p * miss / total[edges.request]
    price = np.bincount(edges.volunteer, reliance, n)[edges.volunteer] - reliance
    used = (now - volunteers.last_sent_h < WEEK_H).sum(1) / MOST_MESSAGES
    merit: FloatArray = edges.p * (1.0 - settings.spare * used[edges.volunteer]) - settings.scarcity * price
    return merit


class _Slots:
    """Fills what is short, round after round. Plain lists: most requests need one person of a few dozen."""

    def __init__(
        self, requests: OpenRequests, n: int, edges: ScoredEdges, merit: FloatArray, settings: WaveSettings, draws: Rng
    ) -> None:
        self._settings, self._requests, self._draws = settings, requests, draws
        self._edges, self._merit = edges, merit
        self._start = np.searchsorted(edges.request, np.arange(len(requests) + 1))
        self._taken = bytearray(n)  # one new offer in a tick

    def fill(self, short: FloatArray, waiting: FloatArray) -> list[tuple[Any, ...]]:
        """short: float64[m], what has to be added. waiting: float64[m], people making up their minds."""
        choice = np.diff(self._start)
        lacking = np.flatnonzero((short > 0) & (choice > 0))
        keys = (self._requests.deadline_h, choice, -self._requests.urgency)
        lacking = lacking[np.lexsort([key[lacking] for key in keys])]
        people = [self._ranked(request) for request in lacking.tolist()]
        todo = list(zip(lacking.tolist(), people, short[lacking].tolist(), waiting[lacking].tolist(), strict=True))
        found: list[tuple[Any, ...]] = []
        while todo:
            again = []
            for request, ranked, lacks, busy in todo:
                chosen = self._choose(request, ranked)
                if chosen is None:
                    continue
                found.append(chosen)
                lacks += math.log1p(-min(chosen[2], 0.999))
                if lacks > 1e-9 and busy + 1 < self._settings.most_in_flight:
                    again.append((request, ranked, lacks, busy + 1))
            todo = again
        return found

    def _ranked(self, request: int) -> tuple[list[int], list[float]]:
        """The volunteers of a request by falling merit, and their p."""
        mine = slice(self._start[request], self._start[request + 1])
        order = np.argsort(-self._merit[mine], kind="stable")
        return self._edges.volunteer[mine][order].tolist(), self._edges.p[mine][order].tolist()

    def _choose(self, request: int, ranked: tuple[list[int], list[float]]) -> tuple[Any, ...] | None:
        people, chances = ranked
        taken, explore = self._taken, self._settings.explore
        left = [place for place, who in enumerate(people) if not taken[who]]
        if not left:
            return None
        best = picked = left[0]
        explored = explore > 0 and self._draws.random() < explore
        if explored:
            picked = left[int(self._draws.integers(len(left)))]
        propensity = explore / len(left) + (1.0 - explore) * (picked == best)
        taken[people[picked]] = 1
        return request, people[picked], chances[picked], propensity, explored, len(left), people[best]


def _offers(found: list[tuple[Any, ...]]) -> Offers:
    columns = list(zip(*found, strict=True)) or [()] * 7
    kinds = (np.int32, np.int32, np.float64, np.float64, np.bool_, np.int32, np.int32)
    arrays: list[Any] = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return Offers(*arrays)
