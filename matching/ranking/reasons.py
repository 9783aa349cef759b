"""Why this person: facts checked against the data, in order of what they add to the score.

What an eligible person has in common with all others on the list (skill, slot, language, clearance) is a condition:
without it the score is 0. What sets this person apart (near, not asked for some time) comes first, ordered by what p
would lose at the reference: two kilometres, asked three days ago. The volunteer's own effect is part of p but is
never a reason: how reliable someone is, is nobody's business.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from matching.ranking.acceptance import REFERENCE_DAYS, AcceptanceRule
from matching.ranking.problem import Edges, IntArray, Problem, Reason

T = TypeVar("T")
Bools = npt.NDArray[np.bool_]
Tell = Callable[[str, float | None, bool], T]

# "Rested" means a whole week without an offer; after four weeks somebody has been waiting for one.
RESTED_DAYS = 7.0
WAITING_DAYS = 28.0
# A fact that adds less than this to p says nothing about this person; it also keeps rounding out of the reasons.
LEAST_GAIN = 1e-6


def bits(mask: int) -> tuple[int, ...]:
    """The positions of the ones in a mask, lowest first."""
    return tuple(position for position in range(mask.bit_length()) if mask >> position & 1)


def lowest_bit(mask: int) -> int:
    """The position of the lowest one of a mask that is not 0."""
    return (mask & -mask).bit_length() - 1


# The same facts are stated over and over; making one takes longer than finding it.
fact = lru_cache(maxsize=1 << 15)(Reason)


@lru_cache(maxsize=1 << 15)
def _conditions(
    tell: Callable[[str, float | None, bool], Hashable], skills: int, slot: int, languages: int, clearances: int
) -> tuple[Hashable, ...]:
    """From the masks of what is asked and what is shared; slot and languages name the lowest bit."""
    return (
        *(tell("skill", skill, False) for skill in bits(skills)),
        tell("slot", lowest_bit(slot), False),
        *((tell("language", lowest_bit(languages), False),) if languages else ()),
        *(tell("clearance", 1 << clearance, False) for clearance in bits(clearances)),
    )


@dataclass(frozen=True, slots=True)
class Explainer:
    """Writes out reasons for chosen pairs.

    pairs: `k` proposals sorted by request and rank. rank: int32[k]. taken: int32[n], requests assigned per volunteer.
    """

    problem: Problem
    rule: AcceptanceRule
    pairs: Edges
    rank: IntArray
    taken: IntArray

    def __call__(self, rows: slice) -> list[tuple[Reason, ...]]:
        """The reasons of these rows, one tuple per pair."""
        return self.told(rows, fact)

    def told(self, rows: slice, tell: Tell[T]) -> list[tuple[T, ...]]:
        """The same in other words: tell(key, value, against) makes one of them, and may be asked again for it."""
        start, stop, _ = rows.indices(len(self.pairs))
        if stop <= start:
            return []
        pairs = self.pairs.take(np.arange(start, stop))
        parts = (self._distinctive(pairs, tell), self._shared(pairs, tell), self._against(pairs, start, tell))
        return [a + b + c for a, b, c in zip(*parts, strict=True)]

    def _distinctive(self, pairs: Edges, tell: Tell[T]) -> list[tuple[T, ...]]:
        days = self.problem.volunteers.days_since_offer[pairs.volunteer]
        near_gain, rest_gain = gains_over_reference(self.problem, self.rule, pairs)
        is_near = near_gain > LEAST_GAIN
        is_rested = (rest_gain > LEAST_GAIN) & ~(days < RESTED_DAYS)
        kind = np.where(np.isnan(days), 1, np.where(days >= WAITING_DAYS, 3, 2)) * is_rested
        metres = np.rint(pairs.distance_m).astype(np.int64)
        found: list[tuple[T, ...]] = []
        for near, rest, rest_first, distance, day in zip(
            *(column.tolist() for column in (is_near, kind, rest_gain > near_gain, metres, days)), strict=True
        ):
            first = (tell("near", distance, False),) if near else ()
            second = (_rest(tell, rest, day),) if rest else ()
            found.append(second + first if rest_first else first + second)
        return found

    def _shared(self, pairs: Edges, tell: Tell[T]) -> list[tuple[T, ...]]:
        """Skills, slot, language and clearances: without any of these the pair would not be eligible."""
        volunteers, requests = self.problem.volunteers, self.problem.requests
        r, v = pairs.request, pairs.volunteer
        slots = requests.usable_slots(r) & volunteers.slots[v]
        languages = requests.languages[r] & volunteers.languages[v]
        slot = slots & (~slots + np.uint32(1))
        columns = (requests.skills[r], slot, languages, requests.clearances[r])
        hashed = cast(Tell[Hashable], tell)
        found = [_conditions(hashed, *row) for row in zip(*(column.tolist() for column in columns), strict=True)]
        return cast(list[tuple[T, ...]], found)

    def _against(self, pairs: Edges, start: int, tell: Tell[T]) -> list[tuple[T, ...]]:
        """Facts that speak against a spare candidate, compared with the one of rank 1."""
        volunteers = self.problem.volunteers
        rows = np.arange(start, start + len(pairs))
        rank = self.rank[rows]
        metres = np.rint(pairs.distance_m - self.pairs.distance_m[rows - (rank - 1)]).astype(np.int64)
        days = volunteers.days_since_offer[pairs.volunteer]
        taken = self.taken[pairs.volunteer]
        busy = (rank > 1) & (taken >= volunteers.capacity[pairs.volunteer])
        farther = (rank > 1) & (metres > 0)
        recent = (rank > 1) & (days < REFERENCE_DAYS)
        found: list[tuple[T, ...]] = [()] * len(pairs)
        some = np.flatnonzero(busy | farther | recent)
        columns = (some, busy[some], taken[some], farther[some], metres[some], recent[some], days[some])
        for place, full, requests, off, more, soon, day in zip(*(c.tolist() for c in columns), strict=True):
            found[place] = (
                *((tell("already_proposed", requests, True),) if full else ()),
                *((tell("farther", more, True),) if off else ()),
                *((tell("asked_recently", day, True),) if soon else ()),
            )
        return found


def _rest(tell: Tell[T], kind: int, days: float) -> T:
    """kind: 1 never asked, 2 rested, 3 waits long."""
    return (
        tell("no_recent_offer", None, False)
        if kind == 1
        else tell("rested" if kind == 2 else "waits_long", days, False)
    )


def gains_over_reference(problem: Problem, rule: AcceptanceRule, pairs: Edges) -> npt.NDArray[np.float64]:
    """float64[2, k]: what p would lose at the reference distance, and if asked at the reference time ago."""
    p = rule.score(problem, pairs)
    return np.stack(
        (p - rule.at_reference(problem, pairs, "km"), p - rule.at_reference(problem, pairs, "days_since_offer"))
    )
