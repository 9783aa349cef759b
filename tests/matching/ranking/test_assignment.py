import itertools
import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from matching.ranking import assignment
from matching.ranking.assignment import Network, assign, undominated


def network(rng: np.random.Generator, n: int, m: int, b: int = 2, density: float = 0.5) -> Network:
    table = rng.random((m, n)) < density
    request, volunteer = (index.astype(np.int32) for index in np.nonzero(table))
    buurt = rng.integers(0, b, m).astype(np.int32)
    return Network(
        request,
        volunteer,
        rng.random(len(request)) * rng.choice([1.0, 2.0, 5.0], len(request)),
        rng.integers(1, 4, n).astype(np.int32),
        buurt,
        np.bincount(buurt, minlength=b),
        rng.integers(0, 5, m),
        rng.integers(0, 5, n),
    )


def check(net: Network, chosen: np.ndarray) -> None:
    assert len(set(net.request[chosen].tolist())) == len(chosen)
    assert (np.bincount(net.volunteer[chosen], minlength=len(net.capacity)) <= net.capacity).all()


def second_solver(net: Network) -> float:
    """The optimum by the Hungarian method, with a column per unit of capacity and one per request to stay open."""
    m = len(net.buurt)
    table = np.full((m, len(net.capacity)), -1e9)
    table[net.request, net.volunteer] = net.reward
    columns = np.repeat(np.arange(len(net.capacity)), net.capacity)
    wide = np.hstack((table[:, columns], np.zeros((m, m))))
    return float(wide[linear_sum_assignment(wide, maximize=True)].sum())


def objective(net: Network, chosen: list[int], equity: float, balance: float) -> float:
    """The sum that the flow maximises, written out."""
    total = sum(net.reward[edge] for edge in chosen)
    for buurt, demand in enumerate(net.demand):
        filled = sum(net.buurt[net.request[edge]] == buurt for edge in chosen)
        total += sum(equity * demand * math.log((k + 1) / k) for k in range(1, filled + 1))
    for volunteer, capacity in enumerate(net.capacity):
        load = sum(net.volunteer[edge] == volunteer for edge in chosen)
        total -= sum(balance * k / capacity for k in range(load))
    return float(total)


def brute_force(net: Network, equity: float, balance: float) -> float:
    per_request = [[None, *np.flatnonzero(net.request == request).tolist()] for request in range(len(net.buurt))]
    best = 0.0
    for choice in itertools.product(*per_request):
        chosen = [edge for edge in choice if edge is not None]
        load = np.bincount(net.volunteer[chosen].astype(int), minlength=len(net.capacity))
        if (load <= net.capacity).all():
            best = max(best, objective(net, chosen, equity, balance))
    return best


def it_equals_a_second_solver_on_thousands_of_small_instances() -> None:
    rng = np.random.default_rng(7)
    for _ in range(3000):
        net = network(rng, int(rng.integers(1, 9)), int(rng.integers(1, 12)), density=float(rng.uniform(0.1, 0.9)))
        chosen = assign(net, equity=0.0, balance=0.0, seed=1)
        check(net, chosen)
        assert abs(net.reward[chosen].sum() - second_solver(net)) < 1e-7


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.7]), st.sampled_from([0.0, 0.1, 0.9]))
def it_equals_brute_force_with_every_dial(seed: int, equity: float, balance: float) -> None:
    net = network(np.random.default_rng(seed), 3, 5)
    chosen = assign(net, equity=equity, balance=balance, seed=1)
    check(net, chosen)
    assert abs(objective(net, chosen.tolist(), equity, balance) - brute_force(net, equity, balance)) < 1e-7


def it_gives_the_same_optimum_whether_groups_are_solved_together_apart_or_by_place(monkeypatch) -> None:
    rng = np.random.default_rng(3)
    net = network(rng, 120, 160, b=9, density=0.012)
    together = assign(net, equity=0.1, balance=0.1, seed=1)
    monkeypatch.setattr(assignment, "BATCH_EDGES", 1)
    apart = assign(net, equity=0.1, balance=0.1, seed=1)
    monkeypatch.setattr(assignment, "SPATIAL_EDGES", 0)
    by_place = assign(net, equity=0.1, balance=0.1, seed=1)
    values = [objective(net, chosen.tolist(), 0.1, 0.1) for chosen in (together, apart, by_place)]
    assert np.ptp(values) < 1e-6 and len(apart) > 40


def it_stays_exact_with_enormous_urgency() -> None:
    rng = np.random.default_rng(5)
    for size in (1e6, 1e12):
        net = network(rng, 8, 12)
        big = replace(net, reward=net.reward * size)
        chosen = assign(big, equity=0.0, balance=0.0, seed=1)
        assert big.reward[chosen].sum() >= second_solver(big) * (1 - 1e-9)


def it_spreads_load_when_asked_to() -> None:
    everyone = np.arange(4, dtype=np.int32)
    net = Network(
        np.repeat(everyone, 2), np.tile(everyone[:2], 4), np.tile([0.52, 0.5], 4),
        np.array([4, 4], np.int32), np.zeros(4, np.int32), np.array([4]), np.zeros(4, int), np.zeros(2, int),
    )  # fmt: skip
    loads = [
        np.bincount(net.volunteer[assign(net, equity=0.0, balance=balance, seed=1)], minlength=2).tolist()
        for balance in (0.0, 0.5)
    ]
    assert loads == [[4, 0], [2, 2]]


def it_breaks_ties_by_seed_and_repeats_itself() -> None:
    everyone = np.arange(6, dtype=np.int32)
    net = Network(
        np.zeros(6, np.int32), everyone, np.full(6, 0.5), np.ones(6, np.int32),
        np.zeros(1, np.int32), np.array([1]), np.zeros(1, int), np.zeros(6, int),
    )  # fmt: skip
    picks = [assign(net, equity=0.0, balance=0.0, seed=seed).tolist() for seed in range(30)]
    assert picks == [assign(net, equity=0.0, balance=0.0, seed=seed).tolist() for seed in range(30)]
    assert len({tuple(pick) for pick in picks}) > 2


def it_leaves_out_edges_that_cannot_matter_and_keeps_the_optimum() -> None:
    rng = np.random.default_rng(11)
    for balance in (0.0, 0.3):
        left = total = 0
        for _ in range(60):
            net = network(rng, 12, 8, density=0.4)
            kept = undominated(net, balance)
            fewer = replace(net, request=net.request[kept], volunteer=net.volunteer[kept], reward=net.reward[kept])
            left, total = left + len(kept), total + len(net.request)
            if balance == 0:
                assert abs(second_solver(fewer) - second_solver(net)) < 1e-9
        assert 0 < left < 0.8 * total
