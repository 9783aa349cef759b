"""How likely a volunteer is to say yes to an offer sent now: a stated rule, or a model that learned from answers.

Both are p = a * sigmoid(f(x) + u): a is the chance of an answer at all, f the log-odds of a yes among those who answer,
u the volunteer's own. No answer is not a no: f and u come from answers only, and silence is in a. So p is the chance of
a yes to an offer sent now, and it is checked against all offers whose time is over, answered or not.

The stated rule, used until there are enough answers to learn from:

    p = a(t) * sigmoid(f(x) + u)
    a(t) = 1 - (1 - q) ** t                          t days since the last offer, 1 when never asked
    f(x) = b + per_km * (2 - min(km, 6)) + per_slot * (min(shared slots, 4) - 1)
    u    = (accepts - offers * p0) / (offers * p0 * (1 - p0) + 1 / s**2)

`a` lets a volunteer rest after a message. `f` is the log-odds of a yes: b for someone two kilometres away with one
shared slot. `u` is one Newton step towards the volunteer's own log-odds, shrunk to zero by a normal prior with
standard deviation s; offers without an answer are not counted, because no answer is not a no.

The learned model (AcceptanceModel): a and u as in effects.py, f from estimators.py over the columns of features.py, and
two numbers that bring the log-odds in line with the latest weeks: p = a * sigmoid(slope * (f + u) + shift).

Language, postcode, buurt, name, age and health are in neither and must never be (features.EXCLUDED).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from matching.ranking.edge_scores import EdgeLine
from matching.ranking.effects import Attention, Effects, effects_from_counts, effects_known
from matching.ranking.eligibility import find_pairs
from matching.ranking.features import (
    COLUMN,
    NAMES,
    OfferContext,
    OfferLog,
    curves,
    edge_features,
    feature_matrix,
    pair_columns,
    request_columns,
    shared_slot_counts,
    volunteer_columns,
    waking_hours_left,
    wishes,
)
from matching.ranking.problem import Edges, FloatArray, Problem

__all__ = [
    "REFERENCE_DAYS",
    "REFERENCE_KM",
    "AcceptanceModel",
    "AcceptanceRule",
    "PriorRule",
    "score",
    "shared_slot_counts",
]

# What a fact is compared with when we say how much it adds: two kilometres, one shared slot, asked 3 days ago.
REFERENCE_KM = 2.0
REFERENCE_DAYS = 3.0
REFERENCES = {"km": REFERENCE_KM, "days_since_offer": REFERENCE_DAYS}
FARTHEST_KM = 6.0
MOST_SLOTS = 4
# Edges scored at once: their features then stay in the processor's cache.
CHUNK_EDGES = 50_000


class AcceptanceRule(Protocol):
    """What the matcher needs of a rule or model; PriorRule and AcceptanceModel are two."""

    @property
    def version(self) -> str:
        """Names the rule in the learning log."""

    def score(self, problem: Problem, edges: Edges) -> FloatArray:
        """float64[e] within 0 to 1: the chance of a yes to an offer sent now."""

    def at_reference(self, problem: Problem, edges: Edges, feature: str) -> FloatArray:
        """float64[e]: the same if "km" were REFERENCE_KM, or "days_since_offer" REFERENCE_DAYS."""

    def score_log(self, log: OfferLog) -> FloatArray:
        """float64[k]: p of each offer from what was known when it was sent."""


@dataclass(frozen=True, slots=True)
class PriorRule:
    """The numbers of the rule; see the module's formula. All log-odds, except rest (per day) and base_rate."""

    intercept: float = -1.3
    per_km: float = 0.7
    per_slot: float = 0.2
    rest: float = 0.3
    base_rate: float = 0.35
    effect_sd: float = 0.8

    @property
    def version(self) -> str:
        """The rule as numbered in MatchRun.model."""
        return "prior-1"

    def score(self, problem: Problem, edges: Edges) -> FloatArray:
        """float64[e]: p of each edge."""
        return self._score(problem, edges, edges.distance_m / 1000.0, problem.volunteers.days_since_offer)

    def at_reference(self, problem: Problem, edges: Edges, feature: str) -> FloatArray:
        """float64[e]: p at the reference of "km" or "days_since_offer". Raises KeyError for another feature."""
        reference = REFERENCES[feature]
        km, days = edges.distance_m / 1000.0, problem.volunteers.days_since_offer
        if feature == "km":
            return self._score(problem, edges, np.full_like(km, reference), days)
        return self._score(problem, edges, km, np.full_like(days, reference))

    def score_log(self, log: OfferLog) -> FloatArray:
        """float64[k]: p of each offer; a distance or shared slots unknown count as the reference."""
        effect = self.volunteer_effect(log.column("answered_before"), log.column("accepted_before"))
        rested = self.rested(log.column("days_since_offer"))
        km = np.nan_to_num(log.column("km"), nan=REFERENCE_KM)
        return self.acceptance(rested, effect, km, np.nan_to_num(log.column("shared_slots"), nan=1.0))

    def _score(self, problem: Problem, edges: Edges, km: FloatArray, days: FloatArray) -> FloatArray:
        volunteers = problem.volunteers
        rested = self.rested(days)[edges.volunteer]
        effect = self.volunteer_effect(volunteers.offers, volunteers.accepts)[edges.volunteer]
        return self.acceptance(rested, effect, km, shared_slot_counts(problem, edges))

    def rested(self, days: FloatArray) -> FloatArray:
        """a(t) within 0 to 1, same shape; nan (never asked) gives 1."""
        return np.where(np.isnan(days), 1.0, 1.0 - (1.0 - self.rest) ** np.nan_to_num(days).clip(0.0))

    def log_odds(self, km: FloatArray, shared_slots: npt.NDArray[np.integer] | FloatArray) -> FloatArray:
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
        self, rested: FloatArray, effect: FloatArray, km: FloatArray, shared_slots: npt.NDArray[np.integer] | FloatArray
    ) -> FloatArray:
        """p within 0 to 1, same shape, from a(t), u, kilometres and the number of shared slots."""
        p: FloatArray = rested * expit(self.log_odds(km, shared_slots) + effect)
        return p


class LogOdds(Protocol):
    """A fitted estimator of estimators.py."""

    def decision_function(self, X: FloatArray) -> FloatArray:  # scikit-learn's name
        """float64[k]: f(x)."""


# What the estimator of each kind is fed.
DESIGNS: dict[str, Callable[[FloatArray], FloatArray]] = {"logistic": curves, "boosting": wishes}


@dataclass(frozen=True, slots=True)
class AcceptanceModel:
    """A model that learned from a log of offers; holds nothing about any one person.

    version: its name in the learning log. kind: a key of DESIGNS. first_h, last_h: float, hours, the offers it learned
    from were sent then; offers: how many. base_rate: share of yeses among answers. effect_sd: spread of the volunteers'
    own log-odds. features: names of the columns it was made for. context: what holds now, see in_context.
    """

    version: str
    kind: str
    estimator: LogOdds
    attention: Attention
    effect_sd: float
    base_rate: float
    slope: float = 1.0
    shift: float = 0.0
    first_h: float = 0.0
    last_h: float = 0.0
    offers: int = 0
    features: tuple[str, ...] = NAMES
    context: OfferContext = field(default_factory=OfferContext)

    def in_context(self, context: OfferContext) -> AcceptanceModel:
        """The same model, for matching with these facts about now."""
        return replace(self, context=context)

    def log_odds(self, X: FloatArray) -> FloatArray:
        """float64[k]: f(x) of X float64[k, F]."""
        return self.estimator.decision_function(DESIGNS[self.kind](X))

    def chance(self, X: FloatArray, effects: Effects) -> FloatArray:
        """float64[k]: p of X float64[k, F] for volunteers with these effects, float64[k]."""
        p: FloatArray = self.attention.of(X) * expit(self.slope * effects.moderate(self.log_odds(X)) + self.shift)
        return p

    def effects(self, log: OfferLog, volunteers: int) -> Effects:
        """float64[n] of the volunteers 0 to n - 1, from all answers in the log; to be handed in with the context."""
        everybody = np.arange(volunteers, dtype=np.int32)
        return effects_known(log, self.log_odds(log.X), self.effect_sd, everybody, np.full(volunteers, np.inf))

    def score_log(self, log: OfferLog) -> FloatArray:
        """float64[k]: p of each offer, with what the log holds from before it was sent."""
        log_odds = self.log_odds(log.X)
        effects = effects_known(log, log_odds, self.effect_sd, log.volunteer, log.sent_h)
        p: FloatArray = self.attention.of(log.X) * expit(self.slope * effects.moderate(log_odds) + self.shift)
        return p

    def score(self, problem: Problem, edges: Edges) -> FloatArray:
        """float64[e]: p of each edge."""
        return self._score(problem, edges, {})

    def at_reference(self, problem: Problem, edges: Edges, feature: str) -> FloatArray:
        """float64[e]: p at the reference of "km" or "days_since_offer". Raises KeyError for another feature."""
        return self._score(problem, edges, {feature: REFERENCES[feature]})

    def _score(self, problem: Problem, edges: Edges, instead: dict[str, float]) -> FloatArray:
        people = self._effects_now(problem)
        rested, in_time = self._attention_parts(problem, instead)
        log_odds = self._edge_log_odds(problem)
        p = np.empty(len(edges))
        for start in range(0, len(edges), CHUNK_EDGES):
            rows = slice(start, start + CHUNK_EDGES)
            part = Edges(edges.request[rows], edges.volunteer[rows], edges.distance_m[rows])
            if "km" in instead:
                part = replace(part, distance_m=np.full(len(part), instead["km"] * 1000.0))
            mine = Effects(people.mean[part.volunteer], people.variance[part.volunteer])
            willing = expit(self.slope * mine.moderate(log_odds(part)) + self.shift)
            p[rows] = rested[part.volunteer] * in_time[part.request] * willing
        return p

    def _attention_parts(self, problem: Problem, instead: dict[str, float]) -> tuple[FloatArray, FloatArray]:
        """a in two factors: float64[n] of the volunteers, float64[m] of the requests."""
        n, m = len(problem.volunteers), len(problem.requests)
        of_volunteers = feature_matrix(n, volunteer_columns(problem, self.context))
        of_requests = feature_matrix(m, request_columns(problem, self.context))
        if "days_since_offer" in instead:
            of_volunteers[:, COLUMN["days_since_offer"]] = instead["days_since_offer"]
        in_time = self.attention.answered_within(of_requests, waking_hours_left(of_requests))
        return self.attention.reach * self.attention.rested(of_volunteers), in_time

    def _edge_log_odds(self, problem: Problem) -> Callable[[Edges], FloatArray]:
        """f of edges; for a line in the quick way."""
        line = getattr(self.estimator, "line", None)
        if line is None:
            return lambda edges: self.log_odds(edge_features(problem, edges, self.context))
        quick = EdgeLine(line(), problem, self.context)
        return lambda edges: quick.log_odds(edges, feature_matrix(len(edges), pair_columns(problem, edges)))

    def _effects_now(self, problem: Problem) -> Effects:
        given = self.context
        if given.effect_mean is not None and given.effect_variance is not None:
            return Effects(given.effect_mean, given.effect_variance)
        people = problem.volunteers
        return effects_from_counts(people.offers, people.accepts, self.base_rate, self.effect_sd)


def score(problem: Problem, edges: Edges, rule: AcceptanceRule) -> tuple[Edges, FloatArray]:
    """The edges worth proposing and their p, float64[e]; a pair that cannot be accepted (p = 0) is left out."""
    if problem.weights is not None:
        position = find_pairs(problem, edges, problem.weights.pairs)
        known = position >= 0
        edges, p = edges.take(known), problem.weights.p[position[known]]
    else:
        p = rule.score(problem, edges)
    if (p > 0).all():
        return edges, p
    return edges.take(p > 0), p[p > 0]
