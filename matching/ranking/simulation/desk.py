"""What a policy may know at any moment: the world, who was asked when, and the answers that have come in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import FloatArray
from matching.ranking.simulation.world import DAY_H, WEEK_H, World
from matching.ranking.waves import MOST_MESSAGES, TICK_H

Ints = npt.NDArray[np.int64]

# Nobody gets a message at night, whatever the policy; what must be done within a day may come a little later.
HOURS, URGENT_HOURS = (8.0, 21.0), (7.0, 22.0)
WAITING, DONE = 0, 1


class Desk:
    """The public state of a run. Only the loop writes in it.

    room: int32[n], how many more requests each volunteer can take now. last_sent_h: float64[n, 3], newest first, nan.
    asked: bool[e]. answered, accepted: float64[n], answers so far and how many were a yes. state: int8[m].
    open: requests in order of opening. live: numbers of the offers without an answer, whose request is still open.
    """

    def __init__(self, world: World) -> None:
        n, m = len(world.volunteers), len(world.requests)
        self.world = world
        self.room = world.volunteers.capacity.copy()
        self.last_sent_h = np.full((n, MOST_MESSAGES), np.nan)
        self.asked = np.zeros(len(world.edges), bool)
        self.answered = np.zeros(n)
        self.accepted = np.zeros(n)
        self.state = np.full(m, DONE, np.int8)
        self.open: dict[int, None] = {}
        self.live: dict[int, None] = {}
        self.log = OfferBook()

    def candidates(self, request: int) -> Ints:
        """int64: edges of this request whose volunteer was not asked for it yet and has room."""
        start, end = self.world.start[request], self.world.start[request + 1]
        fresh = ~self.asked[start:end] & (self.room[self.world.edges.volunteer[start:end]] > 0)
        found: Ints = start + np.flatnonzero(fresh)
        return found

    def all_candidates(self, requests: Sequence[int]) -> Ints:
        """int64: edges of these requests, in their order, not asked yet and with room."""
        starts, ends = self.world.start[list(requests)], self.world.start[[r + 1 for r in requests]]
        counts = ends - starts
        edges = np.repeat(ends - np.cumsum(counts), counts) + np.arange(counts.sum())
        keep = ~self.asked[edges] & (self.room[self.world.edges.volunteer[edges]] > 0)
        found: Ints = edges[keep]
        return found

    def under_cap(self, volunteers: npt.NDArray[Any], now: float) -> npt.NDArray[np.bool_]:
        """bool[k]: fewer than three messages in the last seven days."""
        third = self.last_sent_h[volunteers, MOST_MESSAGES - 1]
        free: npt.NDArray[np.bool_] = ~(now - third < WEEK_H)
        return free


class OfferBook:
    """The offers of a run as growing columns."""

    KINDS: ClassVar[dict[str, type]] = {
        "request": np.int32, "volunteer": np.int32, "edge": np.int64, "sent_h": np.float64,
        "answered_h": np.float64, "closed_h": np.float64, "p": np.float64, "propensity": np.float64,
        "explored": np.bool_, "outcome": np.int8,
    }  # fmt: skip

    def __init__(self) -> None:
        self.size = 0
        self._columns: dict[str, npt.NDArray[Any]] = {name: np.zeros(1024, kind) for name, kind in self.KINDS.items()}

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """The column, with room at its end: read it up to `size`."""
        return self._columns[name]

    def add(self, count: int, **values: Any) -> range:
        """The numbers of the new offers."""
        first, self.size = self.size, self.size + count
        for name, column in self._columns.items():
            if self.size > len(column):
                column = np.concatenate((column, np.zeros(max(len(column), count), column.dtype)))
                self._columns[name] = column
            column[first : self.size] = values[name]
        return range(first, self.size)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All columns, cut to size."""
        return {name: column[: self.size].copy() for name, column in self._columns.items()}


def may_ask(now: float, deadline_h: float) -> bool:
    """Whether a message about a request with this deadline may go out at this hour."""
    first, last = URGENT_HOURS if deadline_h - now <= DAY_H else HOURS
    return first <= now % DAY_H < last


def next_asking_tick(now: float, deadline_h: float) -> float:
    """The first tick at or after `now` at which a message about this request may go out."""
    tick = np.ceil(now / TICK_H - 1e-9) * TICK_H
    if may_ask(tick, deadline_h):
        return float(tick)
    # The hour of opening depends on how near the deadline is by then; try the earlier one first.
    day = np.floor(tick / DAY_H) * DAY_H
    for opening in (day + URGENT_HOURS[0], day + HOURS[0], day + DAY_H + URGENT_HOURS[0], day + DAY_H + HOURS[0]):
        if opening >= tick and may_ask(opening, deadline_h):
            return float(opening)
    return float(day + 2 * DAY_H)


def asking_ticks(posted_h: FloatArray, deadline_h: FloatArray) -> FloatArray:
    """float64[m]: the first moment at which anybody could be asked."""
    pairs = zip(posted_h.tolist(), deadline_h.tolist(), strict=True)
    return np.array([next_asking_tick(posted, deadline) for posted, deadline in pairs], np.float64)
