"""What fairness between buurten costs, and how much of it there is to be had at all.

The figure is the 10th percentile of the fill of the buurten in which something is asked, each counted once. `equity`
buys it with value (the sum of urgency * p). An integer programme gives the most that any choice could reach at the
same price: where the dial stays behind, it shows by how much, and where the aim is out of reach, it proves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from matching.ranking.acceptance import AcceptanceRule, score
from matching.ranking.assignment import Ints, Network, assign
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.matcher import PRIOR_RULE, network_of
from matching.ranking.problem import Problem

PERCENTILE = 10.0
# Seconds within which the integer programme has to end; its bound holds even when it stops early.
TIME_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """What one setting gives. lost: share of the best value. percentile, fill: shares of requests, 0 to 1."""

    equity: float
    lost: float
    percentile: float
    fill: float


@dataclass(frozen=True, slots=True)
class PercentileBound:
    """found: the highest percentile reached by a choice within the price. bound: no choice can reach more."""

    found: float
    bound: float


def equity_frontier(
    problem: Problem, equities: Iterable[float], *, rule: AcceptanceRule = PRIOR_RULE, seed: int = 1
) -> list[FrontierPoint]:
    """One point per setting, in the order given; lost is measured against equity 0. Raises ValueError as match()."""
    network = _network(problem, rule)
    best = _value(network, assign(network, equity=0.0, balance=0.0, seed=seed))
    points = []
    for equity in equities:
        chosen = assign(network, equity=equity, balance=0.0, seed=seed)
        lost = 1.0 - _value(network, chosen) / best if best else 0.0
        fill = len(chosen) / len(problem.requests) if len(problem.requests) else 0.0
        points.append(FrontierPoint(equity, lost, fill_percentile(network, chosen), fill))
    return points


def best_percentile(
    problem: Problem, *, lost: float = 0.01, rule: AcceptanceRule = PRIOR_RULE, time_limit_s: float = TIME_LIMIT_S
) -> PercentileBound:
    """The highest percentile that any choice reaches while losing at most this share of the best value.

    Exact when found equals bound; found is nan when the time ran out before any choice was found. Takes seconds for
    some thousands of edges. Raises ValueError unless lost lies within 0 to 1.
    """
    if not 0 <= lost <= 1:
        raise ValueError("the share of the value that may be lost lies between 0 and 1")
    network = _network(problem, rule)
    chosen = assign(network, equity=0.0, balance=0.0, seed=1)
    if not len(chosen):
        percentile = fill_percentile(network, chosen)
        return PercentileBound(percentile, percentile)
    # A hair less, so that rounding never excludes the best choice itself.
    return _solve(network, (1.0 - lost) * _value(network, chosen) - 1e-9, time_limit_s)


def fill_percentile(network: Network, chosen: Ints) -> float:
    """The 10th percentile of the fill of the buurten, 0 to 1; nan where nothing is asked."""
    asked = network.demand > 0
    if not asked.any():
        return float("nan")
    filled = np.bincount(network.buurt[network.request[chosen]], minlength=len(network.demand))
    return float(np.percentile(filled[asked] / network.demand[asked], PERCENTILE))


def _network(problem: Problem, rule: AcceptanceRule) -> Network:
    edges, p = score(problem, eligible_pairs(problem), rule)
    return network_of(problem, edges, p)


def _value(network: Network, chosen: Ints) -> float:
    return float(network.reward[chosen].sum())


def _solve(network: Network, least: float, time_limit_s: float) -> PercentileBound:
    """Maximise the percentile: a mean of two neighbouring order statistics t1 <= t2 of the fill of `b` buurten.

    Variables: x[e] (edge chosen), z1[b] and z2[b] (this buurt may stay below t1, t2), t1, t2; all within 0 to 1.
    """
    edges, buurten = len(network.request), np.flatnonzero(network.demand)
    place = (len(buurten) - 1) * PERCENTILE / 100.0
    below, between = int(place), place - int(place)
    gain = np.zeros(edges + 2 * len(buurten) + 2)
    gain[-2:] = 1.0 - between, between
    whole = np.ones(len(gain))
    whole[-2:] = 0
    rules = list(_assignment_rules(network, len(gain), least))
    for threshold, may_stay_below in enumerate((below, below + 1)):
        rules += _threshold_rules(network, buurten, len(gain), threshold, may_stay_below)
    table, low, high = zip(*rules, strict=True)
    found = milp(
        -gain,
        constraints=LinearConstraint(vstack(table, "csc"), np.concatenate(low), np.concatenate(high)),
        integrality=whole,
        bounds=Bounds(0, 1),
        options={"time_limit": time_limit_s, "mip_rel_gap": 1e-6},
    )
    reached = float("nan") if found.x is None else float(-found.fun)
    return PercentileBound(reached, 1.0 if found.mip_dual_bound is None else float(-found.mip_dual_bound))


Rule = tuple[csr_array, npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _rows(rows: Any, columns: Any, values: Any, shape: tuple[int, int], low: Any, high: Any) -> Rule:
    limits = (np.broadcast_to(np.asarray(limit, float), (shape[0],)) for limit in (low, high))
    return (csr_array((np.broadcast_to(values, np.shape(rows)), (rows, columns)), shape=shape), *limits)


def _assignment_rules(network: Network, width: int, least: float) -> Iterator[Rule]:
    """Each request at most once, nobody beyond capacity, and no more value lost than allowed."""
    edge = np.arange(len(network.request))
    yield _rows(network.request, edge, 1.0, (len(network.buurt), width), -np.inf, 1)
    yield _rows(network.volunteer, edge, 1.0, (len(network.capacity), width), -np.inf, network.capacity)
    yield _rows(np.zeros_like(edge), edge, network.reward, (1, width), least, np.inf)


def _threshold_rules(
    network: Network, buurten: Ints, width: int, threshold: int, may_stay_below: int
) -> Iterator[Rule]:
    """The fill of every buurt is at least t, except for this many: fill - t + z >= 0, sum of z <= may_stay_below."""
    count, edge = len(buurten), np.arange(len(network.request))
    row = np.full(len(network.demand), -1)
    row[buurten] = np.arange(count)
    exception = len(edge) + threshold * count + np.arange(count)
    of_edge = network.buurt[network.request]
    rows = np.concatenate((row[of_edge], np.arange(count), np.arange(count)))
    columns = np.concatenate((edge, np.full(count, width - 2 + threshold), exception))
    values = np.concatenate((1.0 / network.demand[of_edge], -np.ones(count), np.ones(count)))
    yield _rows(rows, columns, values, (count, width), 0, np.inf)
    yield _rows(np.zeros(count, int), exception, 1.0, (1, width), -np.inf, may_stay_below)
