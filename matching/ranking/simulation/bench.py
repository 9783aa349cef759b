"""The benchmark of the parts: a city and a country at once, fairness, the learned model, the reasons.

Each part returns figures by the keys of aims.py, and whatever else it found under other names. Times are of this
machine, now; everything else is the same on every machine for the same seed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from matching.ranking.acceptance import PriorRule, score
from matching.ranking.assignment import assign
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.explanations import explanation_check
from matching.ranking.frontier import FrontierPoint, best_percentile, equity_frontier
from matching.ranking.matcher import match, network_of
from matching.ranking.problem import Edges
from matching.ranking.simulation.events import simulate
from matching.ranking.simulation.learning import Recorder, offer_log, true_chances
from matching.ranking.simulation.policies import OURS, POLICIES
from matching.ranking.simulation.static import best_by_scipy, certify, greedy_value, nearest_value
from matching.ranking.simulation.truth import FATIGUE, build_truth
from matching.ranking.simulation.world import (
    NATIONAL_BUURTEN,
    NATIONAL_REQUESTS,
    NATIONAL_VOLUNTEERS,
    Shape,
    build_snapshot,
    build_world,
)
from matching.ranking.training import TrainingError, forward_figures

Found = dict[str, Any]
Progress = Callable[[float], None]

CITY = (4_000, 1_500)
STATIC_SCARCE = (1_000, 1_000)
EQUITIES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)
MOST_LOST = 0.01
# Worlds whose first offers make the logs: volunteers, requests a week, weeks, offers.
LOGS = ((1_500, 150.0, 26, 3_000), (4_000, 600.0, 40, 100_000))


def city(seed: int = 1, worlds: int = 20, progress: Progress | None = None) -> Found:
    """A city: p95 over `worlds` cities of the milliseconds taken, each the best of three, since others use the machine
    too. The optimum is proved in each by prices, and in two compared with another solver."""
    edges_ms, assignment_ms, proven, by_scipy, greedy, nearest = [], [], [], [], [], []
    for number in range(worlds):
        problem = build_snapshot(*CITY, None, seed + number)
        edges_ms.append(_best_ms(partial(eligible_pairs, problem)))
        edges, p = score(problem, eligible_pairs(problem), PriorRule())
        network = network_of(problem, edges, p)
        assignment_ms.append(_best_ms(partial(assign, network, equity=0.0, balance=0.0, seed=seed)))
        chosen = assign(network, equity=0.0, balance=0.0, seed=seed)
        proof = certify(network, chosen)
        proven.append(proof.share)
        greedy.append(greedy_value(network) / proof.value)
        nearest.append(nearest_value(network, edges) / proof.value)
        if number < 2:
            by_scipy.append(proof.value / best_by_scipy(network))
        if progress:
            progress((number + 1) / worlds)
    return {
        "assignment_ms": float(np.percentile(assignment_ms, 95)),
        "edges_ms": float(np.percentile(edges_ms, 95)),
        "share_of_optimum": min(proven),
        "share_of_scipy_optimum": min(by_scipy),
        "greedy_over_optimum": float(np.mean(greedy)),
        "nearest_over_optimum": float(np.mean(nearest)),
        "cities": worlds,
    }


def _best_ms(work: Callable[[], object], times: int = 3) -> float:
    def once() -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000.0

    return min(once() for _ in range(times))


def national(
    seed: int = 1,
    volunteers: int = NATIONAL_VOLUNTEERS,
    requests: int = NATIONAL_REQUESTS,
    buurten: int = NATIONAL_BUURTEN,
    progress: Progress | None = None,
) -> Found:
    """A country at one moment: seconds per step, peak memory, and value against a bound proven by prices.

    Memory is that of the whole process until the proposals stood, so run this first, or alone.
    """
    started = time.perf_counter()
    problem = build_snapshot(volunteers, requests, buurten, seed)
    built = time.perf_counter() - started
    with threadpool_limits(1):
        busy = time.process_time()
        result = match(problem, progress=None if progress is None else lambda _, done: progress(done))
        busy = time.process_time() - busy
        summary = result.summary
        edges, p = score(problem, eligible_pairs(problem), PriorRule())
        network = network_of(problem, edges, p)
        proof = certify(network, _chosen(edges, len(problem.volunteers), result.proposals))
    steps = {f"{name}_s": seconds for name, seconds in summary.seconds.items()}
    return {
        "seconds": sum(summary.seconds[name] for name in ("edges", "scores", "assignment")),
        "memory_gb": summary.peak_memory_mb / 1000.0,
        "share_of_optimum": proof.share,
        "greedy_over_optimum": greedy_value(network) / proof.value if proof.value else math.nan,
        "nearest_over_optimum": nearest_value(network, edges) / proof.value if proof.value else math.nan,
        "value": summary.value,
        "fill": summary.fill,
        "edges": summary.edges,
        "volunteers": volunteers,
        "requests": requests,
        "generating_s": built,
        "cpu_s_all_steps": busy,
        **steps,
    }


def _chosen(edges: Edges, volunteers: int, proposals: Any) -> Any:
    """Positions of the proposals of rank 1 among the edges, which are sorted by request and volunteer."""
    first = proposals.rank == 1
    keys = edges.request.astype(np.int64) * volunteers + edges.volunteer
    return np.searchsorted(keys, proposals.request[first].astype(np.int64) * volunteers + proposals.volunteer[first])


def equity(seed: int = 1, worlds: int = 5, time_limit_s: float = 20.0, progress: Progress | None = None) -> Found:
    """Points gained in the 10th percentile of buurt fill for at most 1 % of the value, the mean over some worlds.

    Beside it the most that any choice could gain, by an integer programme. The frontier is that of the first world.
    """
    gained, lost, possible, frontiers = [], [], [], []
    for number in range(worlds):
        problem = build_snapshot(*STATIC_SCARCE, None, seed + number)
        points = equity_frontier(problem, EQUITIES)
        base, best = points[0].percentile, _best_within(points)
        gained.append(100.0 * (best.percentile - base))
        lost.append(best.lost)
        possible.append(100.0 * (best_percentile(problem, lost=MOST_LOST, time_limit_s=time_limit_s).bound - base))
        frontiers.append(points)
        if progress:
            progress((number + 1) / worlds)
    return {
        "equity_points": float(np.mean(gained)),
        "equity_frontier": float(np.mean(possible)),
        "equity_lost": float(np.mean(lost)),
        "points_per_world": gained,
        "possible_per_world": possible,
        "percentile_at_0": frontiers[0][0].percentile,
        "frontier": [
            {"equity": p.equity, "lost": p.lost, "percentile": p.percentile, "fill": p.fill} for p in frontiers[0]
        ],
    }


def _best_within(points: Sequence[FrontierPoint]) -> FrontierPoint:
    affordable = [point for point in points if point.lost <= MOST_LOST]
    return max(affordable, key=lambda point: (point.percentile, -point.lost))


def explanations(seed: int = 1) -> Found:
    """Every stated reason of a city's proposals, checked by an independent slow rule."""
    problem = build_snapshot(*CITY, None, seed)
    rule = PriorRule()
    check = explanation_check(problem, match(problem, rule=rule).proposals, rule)
    return {
        "facts_true": check.true_share,
        "first_reason_counts": check.lowered_share,
        "facts": check.facts,
        "pairs": check.pairs,
    }


def model(
    seed: int = 1, sizes: Sequence[tuple[int, float, int, int]] = LOGS, progress: Progress | None = None
) -> Found:
    """The training on simulated logs of our own planner, judged against the truth on the latest offers.

    sizes: volunteers, requests a week, weeks at most, offers. A log that cannot be learned from gives a sentence.
    """
    found: Found = {}
    for number, (volunteers, per_week, weeks, offers) in enumerate(sizes):
        log, chances = simulated_log(Shape(volunteers, per_week, weeks), seed, offers)
        try:
            figures = forward_figures(log, chances, PriorRule(), seed=seed)
        except TrainingError as error:
            found[f"refused_{offers}"] = str(error)
            continue
        found |= {
            f"auc_{offers}": figures.auc_ratio,
            f"prior_auc_{offers}": figures.prior_ratio,
            f"kind_{offers}": figures.kind,
            f"offers_{offers}": figures.offers,
            f"calibration_{offers}": figures.calibration_error,
            "calibration": figures.calibration_error,
            "calibration_buurt": figures.per_buurt,
            "calibration_language": figures.per_language,
        }
        if progress:
            progress((number + 1) / len(sizes))
    return found


def simulated_log(shape: Shape, seed: int, offers: int) -> Any:
    """OfferLog of the first `offers` offers of our planner under the stated rule, and their true chances float64[k]."""
    world = build_world(shape, seed)
    truth = build_truth(world)
    recorder = Recorder(world)
    history = simulate(world, truth, POLICIES[OURS], recorder, FATIGUE["mild"], most_offers=offers)
    columns = {
        name: getattr(history, name)[:offers] for name in history.__slots__ if name not in ("claimed_h", "helped")
    }
    log = offer_log(world, columns, recorder.features()[:offers])
    return log, true_chances(world, truth, history)[:offers]


PARTS = ("national", "city", "equity", "explanations", "model")


def run_part(name: str, seed: int, progress: Progress | None = None) -> Found:
    """One of PARTS. Raises KeyError for another name."""
    parts: dict[str, Callable[[], Found]] = {
        "national": lambda: national(seed, progress=progress),
        "city": lambda: city(seed, progress=progress),
        "equity": lambda: equity(seed, progress=progress),
        "explanations": lambda: explanations(seed),
        "model": lambda: model(seed, progress=progress),
    }
    # One core: threads would make the times depend on the machine.
    with threadpool_limits(1):
        return parts[name]()
