"""Offer waves: whom to ask now, so that somebody says yes in time and nobody is worn out.

A pure planner: no database, no clock, no state of its own. Whoever drives it (the job of every quarter of an hour,
or a simulator) hands it what is true at `now` and carries out the offers that come back.

Time. All moments and durations are float64 hours since a Monday 00:00 local time, so `now % 168` is the hour of the
week and `now % 24` the hour of the day. Nobody gets a message at night. A tick is a quarter of an hour.

How many. The offers in flight to a request should together bring a yes with probability 1 - prod(1 - p s), where s is
the chance that a silent volunteer has not yet made up their mind. Counted in log-odds of a miss, l = -ln(1 - p s),
this adds up. What is needed in flight at any moment is

    needed = max(floor, -ln(1 - rho) * answer_h / hours left for asking)

the share of the whole -ln(1 - rho) that falls to one time of answering: one or two people at a time when there are
days, more at once as the deadline comes near. What is short is made up with the fewest offers.

Whom. The highest p, less what it costs others:

    merit = p - scarcity * price_v - spare * used_v
    price_v = sum over the other requests r of p_rv * l_rv / sum_w l_rw

The price is the yes that other open requests expect from this volunteer and cannot easily get elsewhere: somebody on
whom many depend is spared. `used_v` is the share of the week's messages already spent. A few slots are drawn at
random among all who may be asked (`explore`), so that later models can be judged from the log; the propensity says
how likely the choice was.

Never more than three messages to a volunteer in any seven days, one in a tick, and no more offers in flight than the
volunteer has room for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import FloatArray, IntArray

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

TICK_H = 0.25
DAY_H = 24.0
WEEK_H = 168.0
MOST_MESSAGES = 3  # to one volunteer in any WEEK_H


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
    been chosen for the slot.
    """

    request: IntArray
    volunteer: IntArray
    p: FloatArray
    propensity: FloatArray
    explored: Bools
    candidates: IntArray

    def __len__(self) -> int:
        return len(self.request)


@dataclass(frozen=True, slots=True)
class WaveSettings:
    """The planner's numbers; see the module's text.

    rho: wanted chance of a yes by the deadline. floor: smallest chance of a yes kept in flight. answer_h: typical
    hours until an answer. scarcity, spare: prices per unit of p. explore: share of slots drawn at random.
    lowest_p: nobody less likely is asked. most_in_flight: offers to one request at a time. first_hour, last_hour:
    of the day, between which messages go out; the urgent ones apply when the deadline is within urgent_within_h.
    """

    rho: float = 0.97
    floor: float = 0.3
    answer_h: float = 4.0
    scarcity: float = 0.3
    spare: float = 0.03
    explore: float = 0.04
    lowest_p: float = 0.02
    most_in_flight: int = 8
    first_hour: float = 8.0
    last_hour: float = 21.0
    urgent_within_h: float = 24.0
    urgent_first_hour: float = 7.0
    urgent_last_hour: float = 22.0

    def __post_init__(self) -> None:
        if not 0 <= self.floor <= self.rho < 1 or not 0 <= self.explore <= 1:
            raise ValueError("floor, rho and explore are chances, with floor at most rho and rho below 1")
        if min(self.answer_h, self.scarcity, self.spare, self.lowest_p, self.most_in_flight) < 0 or not self.answer_h:
            raise ValueError("answer_h must be more than 0; scarcity, spare, lowest_p and most_in_flight at least 0")


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
    """The offers to send at `now` (hours). The same arguments give the same offers.

    Raises ValueError when columns differ in length, an index points nowhere or `now` is not finite.
    """
    settings = settings or WaveSettings()
    _check(now, requests, volunteers, edges, in_flight)
    covered = _covered(now, len(requests), in_flight, settings)
    short = _needed(now, requests, settings) - covered
    waiting = np.bincount(in_flight.request, minlength=len(requests))
    short[waiting >= settings.most_in_flight] = 0.0
    if not (short > 0).any() or not len(edges):
        return _offers([])
    return _Slots(now, requests, volunteers, edges, in_flight, settings, seed).fill(short, waiting)


def asking_hours(start: npt.ArrayLike, end: npt.ArrayLike, first_hour: float, last_hour: float) -> FloatArray:
    """float64: how many hours between two moments lie within the hours of the day for asking; 0 when reversed."""

    def since_monday(moment: npt.ArrayLike) -> Any:
        days, hour = np.divmod(np.asarray(moment, np.float64), DAY_H)
        return days * (last_hour - first_hour) + np.clip(hour - first_hour, 0.0, last_hour - first_hour)

    hours: FloatArray = np.maximum(since_monday(end) - since_monday(start), 0.0)
    return hours


def may_be_asked(now: float, volunteers: Crowd, in_flight: InFlight) -> Bools:
    """bool[n]: room for one more, no message in this tick, and fewer than three in the last seven days."""
    asked = np.bincount(in_flight.volunteer, minlength=len(volunteers))
    ago = now - volunteers.last_sent_h
    # A message with a moment ahead of `now` (a clock that jumped) counts as recent: better one too few.
    recent = (ago < WEEK_H).sum(1)
    this_tick = (ago < TICK_H).any(1)
    free: Bools = (volunteers.room - asked > 0) & (recent < MOST_MESSAGES) & ~this_tick
    return free


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


def _miss(p: FloatArray) -> FloatArray:
    """-ln(1 - p): adds up over offers. A certain yes counts as a very likely one."""
    miss: FloatArray = -np.log1p(-np.minimum(p, 0.999))
    return miss


def _covered(now: float, m: int, in_flight: InFlight, settings: WaveSettings) -> FloatArray:
    """float64[m]: what the offers in flight still promise. Silence makes a yes less likely with every hour awake."""
    waited = asking_hours(in_flight.sent_h, np.full(len(in_flight), now), settings.first_hour, settings.last_hour)
    still = in_flight.p * np.exp(-waited / (2.0 * settings.answer_h))
    covered: FloatArray = np.bincount(in_flight.request, _miss(still), m).astype(np.float64)
    return covered


def _needed(now: float, requests: OpenRequests, settings: WaveSettings) -> FloatArray:
    """float64[m]: what should be in flight now; 0 where no message may go out or the deadline has passed."""
    hour = now % DAY_H
    urgent = requests.deadline_h - now <= settings.urgent_within_h
    awake = np.where(
        urgent,
        settings.urgent_first_hour <= hour < settings.urgent_last_hour,
        settings.first_hour <= hour < settings.last_hour,
    )
    left = asking_hours(np.full(len(requests), now), requests.deadline_h, settings.first_hour, settings.last_hour).clip(
        TICK_H
    )
    whole = -np.log1p(-settings.rho)
    needed = np.clip(whole * settings.answer_h / left, -np.log1p(-settings.floor), whole)
    return np.where(awake & (requests.deadline_h > now), needed, 0.0)


class _Slots:
    """Fills what is short, request after request."""

    def __init__(
        self,
        now: float,
        requests: OpenRequests,
        volunteers: Crowd,
        edges: ScoredEdges,
        in_flight: InFlight,
        settings: WaveSettings,
        seed: int,
    ) -> None:
        self._settings, self._requests = settings, requests
        self._free = may_be_asked(now, volunteers, in_flight)
        kept = self._free[edges.volunteer] & (edges.p >= settings.lowest_p) & (edges.p > 0)
        self._request, self._volunteer, self._p = edges.request[kept], edges.volunteer[kept], edges.p[kept]
        self._miss = _miss(self._p)
        self._start = np.searchsorted(self._request, np.arange(len(requests) + 1))
        self._merit = self._merits(now, volunteers)
        # Draws belong to the tick; which request gets which does not depend on how many others wait.
        self._seed = (seed, round(now / TICK_H) & 0xFFFFFFFF)

    def _merits(self, now: float, volunteers: Crowd) -> FloatArray:
        settings, n = self._settings, len(volunteers)
        total = np.bincount(self._request, self._miss, len(self._requests))
        reliance = self._p * self._miss / total[self._request]
        price = np.bincount(self._volunteer, reliance, n)[self._volunteer] - reliance
        used = (now - volunteers.last_sent_h < WEEK_H).sum(1) / MOST_MESSAGES
        merit: FloatArray = self._p - settings.scarcity * price - settings.spare * used[self._volunteer]
        return merit

    def fill(self, short: FloatArray, waiting: Ints) -> Offers:
        """short: float64[m], what has to be added. waiting: int64[m], offers in flight per request."""
        lacking = np.flatnonzero((short > 0) & (np.diff(self._start) > 0))
        choice = np.diff(self._start)[lacking]
        # The most urgent first; among them whoever has the least choice.
        order = lacking[np.lexsort((lacking, choice, -self._requests.urgency[lacking]))]
        found = []
        for request in order.tolist():
            found.extend(self._fill_one(request, float(short[request]), int(waiting[request])))
        return _offers(found)

    def _fill_one(self, request: int, short: float, waiting: int) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        rng: np.random.Generator | None = None
        mine = np.arange(self._start[request], self._start[request + 1])
        explore = self._settings.explore
        while short > 1e-9 and waiting + len(found) < self._settings.most_in_flight:
            mine = mine[self._free[self._volunteer[mine]]]
            if not len(mine):
                break
            best = picked = int(mine[np.argmax(self._merit[mine])])
            explored = False
            if explore > 0:
                rng = rng or np.random.default_rng((*self._seed, request))
                explored = bool(rng.random() < explore)
                picked = int(rng.choice(mine)) if explored else best
            propensity = explore / len(mine) + (1.0 - explore) * (picked == best)
            who = int(self._volunteer[picked])
            found.append((request, who, float(self._p[picked]), propensity, explored, len(mine)))
            self._free[who] = False  # one new offer in a tick
            short -= float(self._miss[picked])
        return found


def _offers(found: list[tuple[Any, ...]]) -> Offers:
    columns = list(zip(*found, strict=True)) or [()] * 6
    kinds = (np.int32, np.int32, np.float64, np.float64, np.bool_, np.int32)
    arrays: list[Any] = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return Offers(*arrays)
