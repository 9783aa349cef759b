"""How likely a volunteer is to say yes: the stated rule used until there are enough answers to learn from.

    p = a(t) * sigmoid(f(x) + u)
    a(t) = 1 - (1 - q) ** t                          t days since the last offer, 1 when never asked
    f(x) = b + per_km * (2 - min(km, 6)) + per_slot * (min(shared slots, 4) - 1)
    u    = (accepts - offers * p0) / (offers * p0 * (1 - p0) + 1 / s**2)

`a` lets a volunteer rest after a message. `f` is the log-odds of a yes: b for someone two kilometres away with one
shared slot. `u` is one Newton step towards the volunteer's own log-odds, shrunk to zero by a normal prior with
standard deviation s; offers without an answer are not counted, because no answer is not a no.
Language, postcode, buurt, name, age and health are not in it and must never be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from matching.ranking.eligibility import find_pairs
from matching.ranking.problem import Edges, FloatArray, Problem

# What a fact is compared with when we say how much it adds: two kilometres, one shared slot, asked 3 days ago.
REFERENCE_KM = 2.0
REFERENCE_DAYS = 3.0
FARTHEST_KM = 6.0
MOST_SLOTS = 4


@dataclass(frozen=True, slots=True)
class PriorRule:
    """The numbers of the rule; see the module's formula. All log-odds, except rest (per day) and base_rate."""

    intercept: float = -1.3
    per_km: float = 0.7
    per_slot: float = 0.2
    rest: float = 0.3
    base_rate: float = 0.35
    effect_sd: float = 0.8

    def rested(self, days: FloatArray) -> FloatArray:
        """a(t) within 0 to 1, same shape; nan (never asked) gives 1."""
        return np.where(np.isnan(days), 1.0, 1.0 - (1.0 - self.rest) ** np.nan_to_num(days).clip(0.0))

    def log_odds(self, km: FloatArray, shared_slots: npt.NDArray[np.integer]) -> FloatArray:
        """f(x), same shape."""
        near = REFERENCE_KM - np.minimum(km, FARTHEST_KM)
        choice = np.minimum(shared_slots, MOST_SLOTS) - 1.0
        log_odds: FloatArray = self.intercept + self.per_km * near + self.per_slot * choice
        return log_odds

    def volunteer_effect(self, offers: FloatArray, accepts: FloatArray) -> FloatArray:
        """u, same shape; 0 where the history is unknown (nan)."""
        known = ~(np.isnan(offers) | np.isnan(accepts))
        asked, said_yes = np.where(known, offers, 0.0), np.where(known, accepts, 0.0)
        spread = asked * self.base_rate * (1.0 - self.base_rate) + 1.0 / self.effect_sd**2
        return (said_yes - asked * self.base_rate) / spread

    def acceptance(
        self, rested: FloatArray, effect: FloatArray, km: FloatArray, shared_slots: npt.NDArray[np.integer]
    ) -> FloatArray:
        """p within 0 to 1, same shape, from a(t), u, kilometres and the number of shared slots."""
        p: FloatArray = rested * expit(self.log_odds(km, shared_slots) + effect)
        return p


def shared_slot_counts(problem: Problem, edges: Edges) -> npt.NDArray[np.uint8]:
    """uint8[e]: in how many of the asked slots the volunteer is free."""
    asked = problem.requests.usable_slots()
    shared: npt.NDArray[np.uint8] = np.bitwise_count(asked[edges.request] & problem.volunteers.slots[edges.volunteer])
    return shared


def score(problem: Problem, edges: Edges, rule: PriorRule) -> tuple[Edges, FloatArray]:
    """The edges worth proposing and their p, float64[e]; a pair that cannot be accepted (p = 0) is left out."""
    if problem.weights is not None:
        position = find_pairs(problem, edges, problem.weights.pairs)
        known = position >= 0
        edges, p = edges.take(known), problem.weights.p[position[known]]
    else:
        volunteers = problem.volunteers
        rested = rule.rested(volunteers.days_since_offer)[edges.volunteer]
        effect = rule.volunteer_effect(volunteers.offers, volunteers.accepts)[edges.volunteer]
        p = rule.acceptance(rested, effect, edges.distance_m / 1000.0, shared_slot_counts(problem, edges))
    if (p > 0).all():
        return edges, p
    return edges.take(p > 0), p[p > 0]
