"""Many seeds, in processes, and what they say together.

Every policy meets the same worlds with the same draws, so policies are compared pair by pair: the mean difference
over the seeds with its 95 % interval by Student's t. One seed gives no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from scipy.stats import t as student
from threadpoolctl import threadpool_limits

from matching.ranking.problem import FloatArray
from matching.ranking.simulation.aims import FILL
from matching.ranking.simulation.bounds import ask_all, fewest_messages
from matching.ranking.simulation.events import simulate
from matching.ranking.simulation.history import WAITING_GRID_H, Figures, figures, numbers
from matching.ranking.simulation.policies import OURS, POLICIES
from matching.ranking.simulation.scoring import rule_named
from matching.ranking.simulation.truth import FATIGUE, build_truth
from matching.ranking.simulation.world import Shape, build_world

Progress = Callable[[float], None]

# Ours with other chances: as stated, and as only the oracle knows them.
VARIANTS = {OURS: "learned", "ours-prior": "prior", "ours-oracle": "oracle"}
FILL_AIMS = {regime: aim for regime, aim, _ in FILL}
NAMES = (*VARIANTS, *(name for name in POLICIES if name != OURS))


class UnknownNameError(ValueError):
    """A policy or fatigue that does not exist; str() is a sentence."""


@dataclass(frozen=True, slots=True)
class Job:
    """One seed under some policies."""

    regime: str
    shape: Shape
    seed: int
    policies: tuple[str, ...]
    fatigue: str


@dataclass(frozen=True, slots=True)
class SeedResult:
    """Per policy the figures of this world, and the bounds of this world by name."""

    seed: int
    found: dict[str, Figures]
    bounds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its 95 % interval; low and high are nan with one seed."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Results:
    """All seeds of one regime, in order of seed."""

    regime: str
    shape: Shape
    fatigue: str
    policies: tuple[str, ...]
    seeds: tuple[SeedResult, ...]

    def values(self, policy: str, figure: str) -> FloatArray:
        """float64[s]: a figure per seed."""
        return np.array([dict(numbers(seed.found[policy]))[figure] for seed in self.seeds])

    def mean(self, policy: str, figure: str) -> Estimate:
        return estimate(self.values(policy, figure))

    def difference(self, policy: str, other: str, figure: str) -> Estimate:
        """The paired difference, first less second."""
        return estimate(self.values(policy, figure) - self.values(other, figure))

    def bound(self, name: str) -> float:
        return float(np.nanmean([seed.bounds[name] for seed in self.seeds]))

    def waiting(self, policy: str) -> FloatArray:
        """float64[len(WAITING_GRID_H)]: share of the requests filled within so many hours."""
        return np.asarray(np.mean([seed.found[policy].waiting for seed in self.seeds], axis=0), np.float64)

    def summary(self, policy: str) -> dict[str, float]:
        """Means and bounds in one table, as aims.verdicts wants them."""
        found = {name: self.mean(policy, name).mean for name, _ in numbers(self.seeds[0].found[policy])}
        found |= {name: self.bound(name) for name in self.seeds[0].bounds}
        found["bound_in_time"] = found["bound_fill_in_time"] / found["bound_fill"] if found["bound_fill"] else math.nan
        return found


def check_names(policies: Sequence[str], fatigue: str) -> None:
    """Raises UnknownNameError with a sentence that names the choices."""
    for name in policies:
        if name not in NAMES:
            raise UnknownNameError(f"There is no policy called {name!r}. Choose from: {', '.join(NAMES)}.")
    if fatigue not in FATIGUE:
        raise UnknownNameError(f"There is no fatigue called {fatigue!r}. Choose from: {', '.join(FATIGUE)}.")
    if not policies:
        raise UnknownNameError(f"Name at least one policy: {', '.join(NAMES)}.")


def run_seed(job: Job, progress: Progress | None = None) -> SeedResult:
    """One world under every policy of the job."""
    # Small arrays: threads would only wait for each other, and for the other seeds. The limit holds for the libraries
    # that are loaded by then, so what learns is loaded first.
    import_module("matching.ranking.simulation.learning")
    with threadpool_limits(1):
        return _run_seed(job, progress)


def _run_seed(job: Job, progress: Progress | None) -> SeedResult:
    world = build_world(job.shape, job.seed)
    truth = build_truth(world)
    bound = ask_all(world, truth)
    found: dict[str, Figures] = {}
    for position, name in enumerate(job.policies):

        def weekly(done: float, position: int = position) -> None:
            if progress:
                progress((position + done) / len(job.policies))

        policy = POLICIES[OURS if name in VARIANTS else name]
        rule = rule_named(VARIANTS.get(name, "prior"), world, truth)
        history = simulate(world, truth, policy, rule, FATIGUE[job.fatigue], weekly)
        found[name] = figures(world, history, bound.fill)
    bounds = {
        "bound_fill": bound.fill,
        "bound_fill_in_time": bound.fill_in_time,
        "bound_fill_drawn": bound.fill_drawn,
        "bound_urgent_fill": bound.urgent_fill,
        "bound_language_parity": bound.language_parity,
        "bound_messages": fewest_messages(world, truth, FILL_AIMS.get(job.regime, 0.9) * bound.fill),
        "requests_with_nobody": float((np.diff(world.start) == 0).mean()),
        "eligible_per_request": float(np.diff(world.start).mean()),
    }
    return SeedResult(job.seed, found, bounds)


def run_seeds(
    regime: str,
    shape: Shape,
    seeds: Iterable[int],
    policies: Sequence[str],
    fatigue: str,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Results:
    """All seeds; jobs: processes at once. The results do not depend on the number of jobs.

    Raises UnknownNameError for a policy or fatigue that does not exist.
    """
    check_names(policies, fatigue)
    work = [Job(regime, shape, seed, tuple(dict.fromkeys(policies)), fatigue) for seed in seeds]
    if not work:
        raise UnknownNameError("Give at least one seed.")
    done = _in_processes(work, jobs, progress) if jobs > 1 and len(work) > 1 else _one_by_one(work, progress)
    return Results(regime, shape, fatigue, work[0].policies, tuple(sorted(done, key=lambda result: result.seed)))


def _one_by_one(work: Sequence[Job], progress: Progress | None) -> list[SeedResult]:
    found = []
    for number, job in enumerate(work):

        def part(done: float, number: int = number) -> None:
            if progress:
                progress((number + done) / len(work))

        found.append(run_seed(job, part))
    return found


def _in_processes(work: Sequence[Job], jobs: int, progress: Progress | None) -> list[SeedResult]:
    found = []
    with ProcessPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(run_seed, job) for job in work]):
            found.append(future.result())
            if progress:
                progress(len(found) / len(work))
    return found


def estimate(values: FloatArray) -> Estimate:
    """The mean of the values that are known, with a 95 % interval by Student's t."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Estimate(math.nan, math.nan, math.nan)
    mean = float(known.mean())
    if len(known) < 2:
        return Estimate(mean, math.nan, math.nan)
    reach = float(student.ppf(0.975, len(known) - 1) * known.std(ddof=1) / math.sqrt(len(known)))
    return Estimate(mean, mean - reach, mean + reach)


def as_json(results: Results) -> dict[str, Any]:
    """Everything that was found, ready for a file; nan becomes null."""
    names = [name for name, _ in numbers(results.seeds[0].found[results.policies[0]])]
    best = results.policies[0]
    return {
        "regime": results.regime,
        "volunteers": results.shape.volunteers,
        "requests_per_week": results.shape.per_week,
        "weeks": results.shape.weeks,
        "fatigue": results.fatigue,
        "seeds": [seed.seed for seed in results.seeds],
        "bounds": {name: _number(results.bound(name)) for name in results.seeds[0].bounds},
        "policies": {
            policy: {
                "figures": {name: _as_dict(results.mean(policy, name)) for name in names},
                "per_seed": {name: [_number(v) for v in results.values(policy, name).tolist()] for name in names},
                "waiting_hours": list(WAITING_GRID_H),
                "filled_within": [_number(share) for share in results.waiting(policy).tolist()],
            }
            for policy in results.policies
        },
        "differences": {
            f"{best} less {policy}": {name: _as_dict(results.difference(best, policy, name)) for name in names}
            for policy in results.policies[1:]
        },
    }


def _as_dict(found: Estimate) -> dict[str, float | None]:
    return {"mean": _number(found.mean), "low": _number(found.low), "high": _number(found.high)}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
