"""Why this person: facts checked against the data, in order of what they add to the score.

What an eligible person has in common with all others on the list (skill, slot, language, clearance) is a condition:
without it the score is 0. What sets this person apart (near, not asked for some time, free in more of the asked
slots) comes first, ordered by what p would lose at the reference: two kilometres, asked three days ago, one slot.
The volunteer's own effect is part of p but is never a reason: how reliable someone is, is nobody's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from matching.ranking.acceptance import REFERENCE_DAYS, REFERENCE_KM, PriorRule, shared_slot_counts
from matching.ranking.problem import Edges, FloatArray, IntArray, Problem, Reason

# "Rested" means a whole week without an offer; after four weeks somebody has been waiting for one.
RESTED_DAYS = 7.0
WAITING_DAYS = 28.0


def bits(mask: int) -> tuple[int, ...]:
    """The positions of the ones in a mask, lowest first."""
    return tuple(position for position in range(mask.bit_length()) if mask >> position & 1)


def lowest_bit(mask: int) -> int:
    """The position of the lowest one of a mask that is not 0."""
    return (mask & -mask).bit_length() - 1


# The same facts are stated over and over; making one takes longer than finding it.
fact = lru_cache(maxsize=1 << 15)(Reason)


@lru_cache(maxsize=1 << 15)
def _condition_facts(skills: int, slot: int, languages: int, clearances: int) -> tuple[Reason, ...]:
    """From the masks of what is asked and what is shared; slot and languages name the lowest bit."""
    return (
        *(fact("skill", skill) for skill in bits(skills)),
        fact("slot", lowest_bit(slot)),
        *((fact("language", lowest_bit(languages)),) if languages else ()),
        *(fact("clearance", 1 << clearance) for clearance in bits(clearances)),
    )


@dataclass(frozen=True, slots=True)
class Explainer:
    """Writes out reasons for chosen pairs.

    pairs: `k` proposals sorted by request and rank. rank: int32[k]. taken: int32[n], requests assigned per volunteer.
    """

    problem: Problem
    rule: PriorRule
    pairs: Edges
    rank: IntArray
    taken: IntArray

    def __call__(self, rows: slice) -> list[tuple[Reason, ...]]:
        """The reasons of these rows, one tuple per pair."""
        pairs = self.pairs.take(np.arange(len(self.pairs))[rows])
        if not len(pairs):
            return []
        distinctive = self._distinctive(pairs)
        conditions = self._conditions(pairs)
        against = self._against(pairs, self.rank[rows], rows)
        return [a + b + c for a, b, c in zip(distinctive, conditions, against, strict=True)]

    def _distinctive(self, pairs: Edges) -> list[tuple[Reason, ...]]:
        days = self.problem.volunteers.days_since_offer[pairs.volunteer]
        gains = gains_over_reference(self.problem, self.rule, pairs)
        metres = np.rint(pairs.distance_m).astype(np.int64).tolist()
        found = []
        for near_gain, rest_gain, distance, day in zip(*gains.tolist(), metres, days.tolist(), strict=True):
            facts = []
            if near_gain > 0:
                facts.append((-near_gain, fact("near", distance)))
            if rest_gain > 0 and not day < RESTED_DAYS:
                facts.append((-rest_gain, _rest_reason(day)))
            facts.sort(key=lambda item: item[0])
            found.append(tuple(reason for _, reason in facts))
        return found

    def _conditions(self, pairs: Edges) -> list[tuple[Reason, ...]]:
        """Skills, slot, language and clearances: without any of these the pair would not be eligible."""
        volunteers, requests = self.problem.volunteers, self.problem.requests
        r, v = pairs.request, pairs.volunteer
        slots = requests.usable_slots(r) & volunteers.slots[v]
        languages = requests.languages[r] & volunteers.languages[v]
        slot = slots & (~slots + np.uint32(1))
        columns = (requests.skills[r], slot, languages, requests.clearances[r])
        return [_condition_facts(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]

    def _against(self, pairs: Edges, rank: IntArray, rows: slice) -> list[tuple[Reason, ...]]:
        """Facts that speak against a spare candidate, compared with the one of rank 1."""
        volunteers = self.problem.volunteers
        start = rows.indices(len(self.pairs))[0]
        best = self.pairs.distance_m[np.arange(start, start + len(pairs)) - (rank - 1)]
        farther = np.rint(pairs.distance_m - best).astype(np.int64)
        days = volunteers.days_since_offer[pairs.volunteer]
        taken = self.taken[pairs.volunteer]
        full = taken >= volunteers.capacity[pairs.volunteer]
        columns = (rank, farther, days, taken, full)
        found = []
        for place, metres, day, requests, busy in zip(*(c.tolist() for c in columns), strict=True):
            facts = []
            if place > 1 and busy:
                facts.append(fact("already_proposed", requests, True))
            if place > 1 and metres > 0:
                facts.append(fact("farther", metres, True))
            if place > 1 and day < REFERENCE_DAYS:
                facts.append(fact("asked_recently", day, True))
            found.append(tuple(facts))
        return found


def _rest_reason(days: float) -> Reason:
    if np.isnan(days):
        return fact("no_recent_offer")
    return fact("waits_long" if days >= WAITING_DAYS else "rested", days)


def gains_over_reference(problem: Problem, rule: PriorRule, pairs: Edges) -> npt.NDArray[np.float64]:
    """float64[2, k]: what p would lose at the reference distance, and if asked at the reference time ago."""
    volunteers = problem.volunteers
    rested = rule.rested(volunteers.days_since_offer[pairs.volunteer])
    effect = rule.volunteer_effect(volunteers.offers[pairs.volunteer], volunteers.accepts[pairs.volunteer])
    km: FloatArray = pairs.distance_m / 1000.0
    shared = shared_slot_counts(problem, pairs)
    p = rule.acceptance(rested, effect, km, shared)
    at_reference = rule.acceptance(rested, effect, np.full_like(km, REFERENCE_KM), shared)
    asked_before = rule.rested(np.full_like(km, REFERENCE_DAYS))
    return np.stack((p - at_reference, p - rule.acceptance(asked_before, effect, km, shared)))
