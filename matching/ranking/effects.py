"""What the past of a volunteer says: are they rested enough to answer, and do they say yes more than others?

Attention. The chance that somebody gives their mind to an offer in time,

    a = reach * (1 - (1 - q) ** t) * G(h)        G(h) = 1 - exp(-(speed * urgency ** push * h) ** shape)

t days since the offer before, h waking hours until the deadline; without a deadline G is 1. No answer is not a no:
silence is in a and nowhere else. Of those who would say no, a share `frank` says so and the others stay silent.

Effect. Every answer moves the volunteer's own log-odds u by one Newton step towards what was answered,

    precision += p * (1 - p)        p = sigmoid(f(x) + u), from what was known before this answer
    u += (y - p) / precision        precision starts at 1 / s ** 2

For one answer this is sum(y - p) / (sum(p (1 - p)) + 1 / s**2) from u = 0; for more it is the same step taken again
from where u then stood. Only answers known at the time of an offer count for it, so nothing leaks from the future.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from matching.ranking.features import COLUMN, OfferLog, waking_hours, waking_hours_left
from matching.ranking.problem import FloatArray

USUAL_REST = 0.3
# Offers taken back are stood in for by those that were not, each for at most so many.
MOST_WEIGHT = 10.0
STRATA = 5


@dataclass(frozen=True, slots=True)
class Attention:
    """a: reach and rest q within 0 to 1, speed per waking hour (inf: at once), push and shape powers."""

    reach: float = 1.0
    rest: float = USUAL_REST
    speed: float = np.inf
    push: float = 0.0
    shape: float = 1.0

    def of(self, X: FloatArray) -> FloatArray:  # scikit-learn's name
        """float64[k] within 0 to 1: a, from X float64[k, F]."""
        a: FloatArray = self.reach * self.rested(X) * self.answered_within(X, waking_hours_left(X))
        return a

    def rested(self, X: FloatArray) -> FloatArray:
        """float64[k]: 1 - (1 - q) ** t; nan in days_since_offer (never asked) gives 1."""
        days = X[:, COLUMN["days_since_offer"]]
        awake: FloatArray = -np.expm1(np.log1p(-self.rest) * np.nan_to_num(days, nan=np.inf).clip(0.0))
        return awake

    def answered_within(self, X: FloatArray, hours: FloatArray) -> FloatArray:
        """float64[k]: G of these waking hours, the share of all answers that are in by then."""
        if np.isinf(self.speed):
            return np.ones(len(X))
        return -np.expm1(-((self._pace(X) * hours) ** self.shape))

    def log_density(self, X: FloatArray, hours: FloatArray) -> FloatArray:
        """float64[k]: logarithm of the slope of G."""
        scaled = self._pace(X) * hours
        density: FloatArray = np.log(self.shape / hours) + self.shape * np.log(scaled) - scaled**self.shape
        return density

    def _pace(self, X: FloatArray) -> FloatArray:
        urgency = np.nan_to_num(X[:, COLUMN["urgency"]], nan=1.0)
        pace: FloatArray = self.speed * urgency**self.push
        return pace


# Bounds and start of what is searched: logit reach, ln(-ln(1 - rest)), ln speed, push, shape.
ATTENTION_BOUNDS = ((-4.0, 7.0), (-6.0, 3.0), (-6.0, 4.0), (-1.0, 3.0), (0.3, 3.0))
ATTENTION_START = (2.0, float(np.log(-np.log1p(-USUAL_REST))), -2.0, 0.0, 1.0)
# Answers within minutes count as this long.
SHORTEST_H = 0.05


def attention_from(theta: npt.NDArray[Any]) -> Attention:
    """From the numbers that are searched."""
    reach, rest = float(expit(theta[0])), float(-np.expm1(-np.exp(theta[1])))
    return Attention(reach, rest, float(np.exp(theta[2])), float(theta[3]), float(theta[4]))


def observed_waking_hours(log: OfferLog) -> FloatArray:
    """float64[k]: until the answer, or until an unanswered offer ran out or was taken back.

    inf where it ran out at an unknown moment, 0 where it may still be answered (nothing is known of it yet).
    """
    end_h = np.where(log.answered, log.answered_h, log.closed_h)
    hours = waking_hours(log.sent_h, end_h)
    unknown = np.where(log.settled, np.inf, 0.0)
    return np.where(np.isnan(hours), unknown, np.where(log.answered, hours.clip(SHORTEST_H), hours))


def fit_attention(log: OfferLog) -> Attention:
    """The likeliest attention by when offers were answered, or for how long they were not.

    An offer that was taken back says only that it was not answered until then (a cure model for censored times).
    """
    from scipy.optimize import minimize  # takes a while to import, and a matching run does without

    hours = observed_waking_hours(log)
    answered, X = log.answered, log.X  # as above
    silent = ~answered & (hours > 0)
    X_answered, X_silent = X[answered], X[silent]

    def loss(theta: npt.NDArray[Any]) -> float:
        attention = attention_from(theta)
        known = attention.reach * attention.rested(X_answered)
        gain = (np.log(known.clip(1e-12)) + attention.log_density(X_answered, hours[answered])).sum()
        missed = attention.reach * attention.rested(X_silent) * attention.answered_within(X_silent, hours[silent])
        return -float(gain + np.log1p(-missed.clip(0.0, 1.0 - 1e-9)).sum()) / len(log)

    found = minimize(loss, np.array(ATTENTION_START), bounds=ATTENTION_BOUNDS, method="L-BFGS-B")
    return attention_from(found.x)


def observation_weights(log: OfferLog, p: FloatArray) -> FloatArray:
    """float64[k]: how many offers each one stands for; 0 where the outcome is not final.

    An offer that is taken back cannot be answered any more, so the quick answers would be counted and the slow ones
    missed. Whoever was observed for h waking hours therefore counts 1 / S(h), with S(h) the share of offers not taken
    back within h hours (Kaplan and Meier; Robins and Rotnitzky), among offers of the same urgency with about the same
    p float64[k]: what is wanted by many is taken back sooner.
    """
    hours = observed_waking_hours(log)
    weight = log.settled.astype(float)
    if (~log.settled & (hours > 0)).sum() == 0:
        return weight
    level = np.searchsorted(np.quantile(p, np.arange(1, STRATA) / STRATA), p)
    urgent = np.unique(np.nan_to_num(log.column("urgency")).round(), return_inverse=True)[1]
    for stratum in np.unique(urgent * STRATA + level):
        mine = np.flatnonzero((urgent * STRATA + level == stratum) & (hours > 0))
        mine = mine[np.argsort(hours[mine], kind="stable")]
        taken_back = ~log.settled[mine]
        left = np.cumprod(1.0 - taken_back / np.arange(len(mine), 0, -1))
        weight[mine] /= np.concatenate(([1.0], left[:-1])).clip(1.0 / MOST_WEIGHT)
    return weight


@dataclass(frozen=True, slots=True)
class Effects:
    """What is known of volunteers: mean and variance of u, float64, same shape."""

    mean: FloatArray
    variance: FloatArray

    def moderate(self, log_odds: FloatArray) -> FloatArray:
        """Log-odds of a yes, with what is not known of u averaged over (MacKay's approximation)."""
        moderated: FloatArray = (log_odds + self.mean) / np.sqrt(1.0 + np.pi / 8.0 * self.variance)
        return moderated


def effects_known(
    log: OfferLog, log_odds: FloatArray, effect_sd: float, volunteer: npt.NDArray[np.integer], at_h: FloatArray
) -> Effects:
    """Of each volunteer (int[q]) what was known at each moment (float64[q]), from the answers in the log.

    log_odds: float64[k], f(x) of every offer in the log. Who has not answered yet has mean 0 and variance s ** 2.
    """
    answers = np.flatnonzero(log.answered)
    order = answers[np.lexsort((log.answered_h[answers], log.volunteer[answers]))]
    person, hour = log.volunteer[order], log.answered_h[order]
    mean, variance = _after_each_answer(person, log_odds[order], log.accepted[order], effect_sd)
    asked = np.lexsort((at_h, volunteer))
    # Merge both sorted lists: an answer at the same moment is not yet known.
    both = np.lexsort(
        (
            np.concatenate((np.ones(len(order)), np.zeros(len(asked)))),
            np.concatenate((hour, at_h[asked])),
            np.concatenate((person, volunteer[asked])),
        )
    )
    seen = np.cumsum(both < len(order)) - 1
    is_asked = both >= len(order)
    last = np.empty(len(asked), np.int64)
    last[asked[both[is_asked] - len(order)]] = seen[is_asked]
    if not len(order):
        return Effects(np.zeros(len(asked)), np.full(len(asked), effect_sd**2))
    known = (last >= 0) & (person[last.clip(0)] == volunteer)
    return Effects(np.where(known, mean[last.clip(0)], 0.0), np.where(known, variance[last.clip(0)], effect_sd**2))


def _after_each_answer(
    person: npt.NDArray[np.integer], log_odds: FloatArray, accepted: npt.NDArray[np.bool_], effect_sd: float
) -> tuple[FloatArray, FloatArray]:
    """float64[a] twice: mean and variance of u after each answer; rows sorted by person and time."""
    mean, variance = np.zeros(len(person)), np.zeros(len(person))
    first = np.flatnonzero(np.diff(person, prepend=-1))
    count = np.diff(first, append=len(person))
    u, precision = np.zeros(len(first)), np.full(len(first), effect_sd**-2.0)
    for nth in range(int(count.max(initial=0))):
        who = np.flatnonzero(count > nth)
        row = first[who] + nth
        p = expit(log_odds[row] + u[who])
        precision[who] += p * (1.0 - p)
        u[who] += (accepted[row] - p) / precision[who]
        mean[row], variance[row] = u[who], 1.0 / precision[who]
    return mean, variance


def effects_from_counts(offers: FloatArray, accepts: FloatArray, base_rate: float, effect_sd: float) -> Effects:
    """The same from counts of answers and yeses alone (float64, nan = unknown), as if every p were the base rate."""
    known = ~(np.isnan(offers) | np.isnan(accepts))
    asked, said_yes = np.where(known, offers, 0.0), np.where(known, accepts, 0.0)
    precision = asked * base_rate * (1.0 - base_rate) + effect_sd**-2.0
    return Effects((said_yes - asked * base_rate) / precision, 1.0 / precision)
