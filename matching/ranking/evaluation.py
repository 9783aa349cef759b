"""How good are the chances a model gives, and what would another way of choosing have brought?

Figures of a forecast: log loss, Brier score, AUC, and the calibration error: the mean distance between what was said
and what came, over ten bins with equally many offers. Even a perfect forecast shows some error on few offers, so
`calibration_floor` says how much chance alone would give. All take a weight per offer.

Off-policy evaluation: from decisions in which somebody was chosen with a known chance (the propensity), the reward
another policy would have had. IPS weighs what happened by target / propensity; SNIPS divides by the sum of these
weights; DR starts from a model of the reward and corrects it with the weighted residuals, so it is right when either
the propensities or the model are (Dudik, Langford and Li, 2011). Intervals are normal, clustered by request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import FloatArray, IntArray

Bools = npt.NDArray[np.bool_]

BINS = 10
Z95 = 1.959964
SURE = 1e-6
LEAST_PROPENSITY = 1e-4
LEAST_EFFECTIVE = 30.0


class EvaluationError(ValueError):
    """The log cannot answer the question; the message says why."""


@dataclass(frozen=True, slots=True)
class Group:
    """Calibration of one group. offers: sum of weights. said, came: mean p and share of yeses.

    effective: how many equally weighted offers would be as telling (Kish).
    """

    offers: float
    said: float
    came: float
    effective: float

    @property
    def error(self) -> float:
        """Distance between what was said and what came."""
        return abs(self.said - self.came)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one forecast. offers: how many were judged. bins: what was said and what came, from low p to high."""

    offers: int
    yeses: int
    log_loss: float
    brier: float
    auc: float
    calibration_error: float
    calibration_floor: float
    bins: tuple[Group, ...]


def log_losses(y: Bools, p: FloatArray) -> FloatArray:
    """float64[k]: -ln of the chance that was given to what came."""
    p = p.clip(SURE, 1.0 - SURE)
    losses: FloatArray = -np.log(np.where(y, p, 1.0 - p))
    return losses


def auc(y: npt.NDArray[Any], p: FloatArray, weight: FloatArray | None = None) -> float:
    """The chance that a yes got a higher p than a no; equal p count half. y: 0 to 1, nan where there is one kind only.

    y may also be the true chance of a yes: then the expected figure is given.
    """
    weight = np.ones(len(p)) if weight is None else weight
    yes, no = weight * y, weight * (1.0 - y)
    _, place = np.unique(p, return_inverse=True)
    yes_at, no_at = np.bincount(place, yes), np.bincount(place, no)
    below = np.cumsum(no_at) - no_at
    pairs = yes.sum() * no.sum()
    return float((yes_at * (below + no_at / 2.0)).sum() / pairs) if pairs > 0 else float("nan")


def calibration_bins(
    y: npt.NDArray[Any], p: FloatArray, weight: FloatArray | None = None, bins: int = BINS
) -> tuple[Group, ...]:
    """Bins with equal weight, by p from low to high; y: yes or no, or the true chance."""
    weight = np.ones(len(p)) if weight is None else weight
    order = np.argsort(p, kind="stable")
    total = weight.sum()
    if not total > 0:
        return ()
    place = np.minimum((np.cumsum(weight[order]) - weight[order] / 2) / total * bins, bins - 1).astype(np.int64)
    return tuple(group for _, group in _groups(place, y[order], p[order], weight[order]))


def _groups(
    key: npt.NDArray[np.integer], y: npt.NDArray[Any], p: FloatArray, weight: FloatArray
) -> list[tuple[int, Group]]:
    keys, place = np.unique(key, return_inverse=True)
    columns = (weight, weight * p, weight * y, weight**2)
    sums = zip(keys.tolist(), *(np.bincount(place, column).tolist() for column in columns), strict=True)
    return [(key, Group(n, s / n, c / n, n * n / squares)) for key, n, s, c, squares in sums if n > 0]


def calibration_error(groups: tuple[Group, ...]) -> float:
    """The mean error over the groups, weighted by their size; nan without any."""
    total = sum(group.offers for group in groups)
    return sum(group.error * group.offers for group in groups) / total if total else float("nan")


def calibration_floor(groups: tuple[Group, ...]) -> float:
    """The error that chance alone would show if every p were right, by the normal approximation."""
    total = sum(group.offers for group in groups)
    chance = sum(group.offers * np.sqrt(group.said * (1 - group.said) / group.effective) for group in groups)
    return float(np.sqrt(2 / np.pi) * chance / total) if total else float("nan")


def per_group(
    key: npt.NDArray[np.integer], y: npt.NDArray[Any], p: FloatArray, weight: FloatArray | None = None
) -> dict[int, Group]:
    """Calibration by group number (int[k]), with sizes, so that small groups can be left out when published."""
    weight = np.ones(len(p)) if weight is None else weight
    return dict(_groups(key, y, p, weight))


def figures(y: Bools, p: FloatArray, weight: FloatArray | None = None) -> Figures:
    """All figures of a forecast. y: bool[k], p: float64[k], weight: float64[k] or None."""
    weight = np.ones(len(p)) if weight is None else weight
    total = weight.sum()
    groups = calibration_bins(y, p, weight)
    return Figures(
        offers=int((weight > 0).sum()),
        yeses=int(y[weight > 0].sum()),
        log_loss=float((weight * log_losses(y, p)).sum() / total) if total else float("nan"),
        brier=float((weight * (p - y) ** 2).sum() / total) if total else float("nan"),
        auc=auc(y, p, weight),
        calibration_error=calibration_error(groups),
        calibration_floor=calibration_floor(groups),
        bins=groups,
    )


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


def clustered_mean(values: FloatArray, cluster: npt.NDArray[np.integer], weight: FloatArray | None = None) -> Interval:
    """The weighted mean, with an interval that allows for what belongs together (clusters, int[k])."""
    weight = np.ones(len(values)) if weight is None else weight
    total = weight.sum()
    mean = (weight * values).sum() / total
    _, place = np.unique(cluster, return_inverse=True)
    pull = np.bincount(place, weight * (values - mean))
    count = len(pull)
    spread = np.sqrt((pull**2).sum() * count / max(count - 1, 1)) / total if count > 1 else np.inf
    return Interval(float(mean), float(mean - Z95 * spread), float(mean + Z95 * spread))


@dataclass(frozen=True, slots=True)
class Decisions:
    """`d` decisions with `c` candidates in all.

    decision: int32[c], to which decision each candidate belongs. propensity: float64[c], the chance with which they
    would have been chosen; sums to 1 within a decision. chosen: int64[d], position of the one who was. reward:
    float64[d], what came of it (1 = a yes in time). request: int32[d], decisions of one request belong together.
    Raises EvaluationError where the columns contradict each other.
    """

    decision: IntArray
    propensity: FloatArray
    chosen: npt.NDArray[np.int64]
    reward: FloatArray
    request: IntArray

    def __post_init__(self) -> None:
        d, c = len(self.chosen), len(self.decision)
        if self.propensity.shape != (c,) or self.reward.shape != (d,) or self.request.shape != (d,):
            raise EvaluationError("The columns of the decisions have different lengths.")
        if not d:
            raise EvaluationError("There are no decisions to learn from.")
        if ((self.chosen < 0) | (self.chosen >= c)).any() or (self.decision[self.chosen] != np.arange(d)).any():
            raise EvaluationError("A choice is not among the candidates of its decision.")
        if not (np.isfinite(self.propensity).all() and np.isfinite(self.reward).all()):
            raise EvaluationError("A propensity or reward is missing; choices made by people have none.")
        _check_sums(self.propensity, self.decision, d, "propensities")


def _check_sums(chance: FloatArray, decision: IntArray, d: int, thing: str) -> None:
    if (chance < 0).any() or (np.abs(np.bincount(decision, chance, d) - 1.0) > 1e-6).any():
        raise EvaluationError(f"The {thing} of a decision are not chances that sum to 1.")


@dataclass(frozen=True, slots=True)
class OffPolicy:
    """The mean reward a policy would have had, three ways. effective: how many decisions speak about it."""

    ips: Interval
    snips: Interval
    doubly_robust: Interval
    effective: float
    decisions: int


def evaluate_policy(decisions: Decisions, target: FloatArray, predicted: FloatArray) -> OffPolicy:
    """What the policy that chooses with these chances would have brought.

    target: float64[c], its chance of choosing each candidate, sums to 1 within a decision. predicted: float64[c], a
    model of the reward, made without these decisions. Raises EvaluationError where the log holds too little about what
    the policy would do.
    """
    d = len(decisions.chosen)
    if target.shape != decisions.propensity.shape or predicted.shape != target.shape:
        raise EvaluationError("The policy and the log have different numbers of candidates.")
    _check_sums(target, decisions.decision, d, "chances of the policy")
    _check_support(decisions, target)
    chosen, request = decisions.chosen, decisions.request
    weight = target[chosen] / decisions.propensity[chosen]
    effective = float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0
    if effective < LEAST_EFFECTIVE:
        raise EvaluationError(
            f"The log speaks about this policy with the strength of {effective:.0f} decisions; "
            f"at least {LEAST_EFFECTIVE:.0f} are needed."
        )
    baseline = np.bincount(decisions.decision, target * predicted, d)
    corrected = baseline + weight * (decisions.reward - predicted[chosen])
    return OffPolicy(
        ips=clustered_mean(weight * decisions.reward, request),
        snips=clustered_mean(decisions.reward, request, weight),
        doubly_robust=clustered_mean(corrected, request),
        effective=effective,
        decisions=d,
    )


def _check_support(decisions: Decisions, target: FloatArray) -> None:
    unseen = (target > 0) & (decisions.propensity < LEAST_PROPENSITY)
    if unseen.any():
        share = np.bincount(decisions.decision, unseen).astype(bool).mean()
        raise EvaluationError(
            f"In {share:.0%} of the decisions this policy may choose somebody who was never chosen there "
            f"(propensity under {LEAST_PROPENSITY:g}), so the log cannot say what would have happened."
        )
