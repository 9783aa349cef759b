"""Who could help whom: the matcher of Omzien.

What it must do. It proposes, people decide. It matches requests with volunteers so that as much help as possible
comes about, the most urgent first, without forgetting a buurt and without leaning on the same few people. It knows
places, times, skills, languages, clearances and past offers; it never sees names, nationality, health, the data of
carers or anything written in free text, so it cannot weigh them.

How. Hard rules say who may (eligibility.py), a stated rule says how likely a yes is (acceptance.py), and an exact
min-cost flow picks the set of pairs with the largest sum of urgency * p (assignment.py). There is no heuristic in
between: with equity and balance at 0 no other choice is better, and what the dials cost can be read off.

Which error is worse. Worst is sending somebody unsafe to a door: clearances and blocks are never traded against
anything, not even by weights given from outside. Next is wearing out a willing volunteer: capacity is never exceeded
and who was just asked can rest. A request that waits for a human comes third, so in doubt it stays open.

Known exceptions. Distance is a straight line: a canal can make it wrong. p is a stated rule until there are enough
answers to learn from; its order is useful, its height is a guess. A proposal is one per request; a request for two
people is two requests. Ties are broken by a seeded draw, not by who came first.

How a person is told why. Every proposal carries facts checked against the data, in order of what they add
(reasons.py); every request without a proposal carries the rule that left nobody and what would help (shortage.py).
How reliable someone was never becomes a reason.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.ranking.acceptance import AcceptanceRule, PriorRule, score
from matching.ranking.assignment import Dial, Network, assign, checked_dial
from matching.ranking.eligibility import eligible_pairs, place_code
from matching.ranking.problem import (
    Edges,
    FloatArray,
    IntArray,
    Matching,
    Problem,
    Progress,
    Proposals,
    Summary,
)
from matching.ranking.reasons import Explainer
from matching.ranking.shortage import explain_unmatched

Ints = npt.NDArray[np.int64]

PRIOR_RULE = PriorRule()


def match(
    problem: Problem,
    *,
    rule: AcceptanceRule = PRIOR_RULE,
    equity: Dial = 0.0,
    balance: Dial = 0.0,
    seed: int = 1,
    spares: int = 4,
    progress: Progress | None = None,
) -> Matching:
    """Propose a volunteer for as many requests as possible, with up to `spares` other candidates each.

    rule: gives p of every pair. equity: a number, or float64[b] per buurt (a gemeente's own dial, or an area weight
    times it). balance: a number, or float64[n] per volunteer. Both at least 0, see assignment.py; at 0 the value is
    the exact optimum. seed: breaks ties. progress: called with a step (edges, scores, assignment, spares,
    explanations) and the part done, 0 to 1. Raises ValueError on a dial that is negative, not finite or too short.
    """
    equity = checked_dial("equity", equity, problem.buurt_count, "buurt")
    balance = checked_dial("balance", balance, len(problem.volunteers), "volunteer")
    if spares < 0:
        raise ValueError("spares must be at least 0")
    clock = _Clock(progress)
    with clock.step("edges"):
        edges = eligible_pairs(problem, progress)
    degree = np.bincount(edges.request, minlength=len(problem.requests)).astype(np.int32)
    with clock.step("scores"):
        edges, p = score(problem, edges, rule)
    with clock.step("assignment"):
        network = network_of(problem, edges, p)
        chosen = assign(network, equity=equity, balance=balance, seed=seed, progress=progress)
    with clock.step("spares"):
        proposals = _proposals(problem, rule, edges, p, chosen, spares)
    with clock.step("explanations"):
        open_still = np.ones(len(problem.requests), bool)
        open_still[edges.request[chosen]] = False
        unmatched = explain_unmatched(problem, np.flatnonzero(open_still), degree)
    value = float((problem.requests.urgency[edges.request] * p)[chosen].sum())
    return Matching(proposals, unmatched, _summary(problem, edges.take(chosen), value, int(degree.sum()), clock))


class _Clock:
    """Seconds per step, told to whoever follows the progress."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        if self._progress:
            self._progress(name, 0.0)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        if self._progress:
            self._progress(name, 1.0)


def network_of(problem: Problem, edges: Edges, p: FloatArray) -> Network:
    """What assign() needs: the pairs with reward urgency * p (p is float64[e]), capacities, buurten and places."""
    volunteers, requests = problem.volunteers, problem.requests
    n, m = len(volunteers), len(requests)
    # One grid for both, so that a volunteer and a request next door get codes that are close.
    place = place_code(np.concatenate((volunteers.x, requests.x)), np.concatenate((volunteers.y, requests.y)))
    return Network(
        request=edges.request,
        volunteer=edges.volunteer,
        reward=requests.urgency[edges.request] * p,
        capacity=volunteers.capacity,
        buurt=requests.buurt,
        demand=np.bincount(requests.buurt, minlength=problem.buurt_count),
        request_place=place[n : n + m],
        volunteer_place=place[:n],
    )


def _proposals(
    problem: Problem, rule: AcceptanceRule, edges: Edges, p: FloatArray, chosen: Ints, spares: int
) -> Proposals:
    """The chosen edges and their spare candidates: who has room left first, then by p."""
    taken = np.bincount(edges.volunteer[chosen], minlength=len(problem.volunteers)).astype(np.int32)
    picked, rank = _ranked(edges, p, chosen, taken < problem.volunteers.capacity, spares)
    pairs = edges.take(picked)
    explain = Explainer(problem, rule, pairs, rank, taken)
    return Proposals(pairs.request, pairs.volunteer, rank, p[picked], pairs.distance_m, explain)


def _ranked(
    edges: Edges, p: FloatArray, chosen: Ints, room: npt.NDArray[np.bool_], spares: int
) -> tuple[Ints, IntArray]:
    """Positions of the edges to propose, sorted by request and rank, and their ranks."""
    matched = np.zeros(edges.request.max(initial=-1) + 1, bool)
    matched[edges.request[chosen]] = True
    first = np.zeros(len(edges), bool)
    first[chosen] = True
    candidates = np.flatnonzero(matched[edges.request])
    # One sort on one number: request, then the chosen one, then those with room left, then p from high to low.
    merit = 2.0 * first[candidates] + room[edges.volunteer[candidates]] + p[candidates]
    request = edges.request[candidates]
    candidates = candidates[np.argsort(request - merit / 8.0, kind="stable")]
    counts = np.bincount(request)
    counts = counts[counts > 0]
    rank = np.arange(len(candidates)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    kept = rank <= spares + 1
    return candidates[kept], rank[kept].astype(np.int32)


def _summary(problem: Problem, assigned: Edges, value: float, edges: int, clock: _Clock) -> Summary:
    requests = problem.requests
    asked = np.bincount(requests.buurt, minlength=problem.buurt_count)
    filled = np.bincount(requests.buurt[assigned.request], minlength=problem.buurt_count)
    with np.errstate(invalid="ignore"):
        per_buurt: Any = filled / asked
    load = np.bincount(np.bincount(assigned.volunteer, minlength=len(problem.volunteers)))
    return Summary(
        value=value,
        fill=len(assigned) / len(requests) if len(requests) else 0.0,
        fill_per_buurt=per_buurt,
        load=tuple(load.tolist()),
        edges=edges,
        seconds=clock.seconds,
        peak_memory_mb=peak_memory_mb(),
    )


def peak_memory_mb() -> float:
    """The most memory this process has used so far, in MB of 10**6 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kibibytes, macOS in bytes.
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
