import itertools
import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import block_diag, csr_array

from matching.ranking import assignment
from matching.ranking.assignment import Dial, Network, assign, undominated


def network(
    rng: np.random.Generator,
    n: int,
    m: int,
    b: int = 2,
    density: float = 0.5,
    *,
    ties: bool = False,
    least_capacity: int = 1,
) -> Network:
    table = rng.random((m, n)) < density
    request, volunteer = (index.astype(np.int32) for index in np.nonzero(table))
    buurt = rng.integers(0, b, m).astype(np.int32)
    return Network(
        request,
        volunteer,
        (np.full(len(request), 0.5) if ties else rng.random(len(request))) * rng.choice([1.0, 2.0, 5.0], len(request)),
        rng.integers(least_capacity, 4, n).astype(np.int32),
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


def reward_of_buurt(filled: int, demand: int) -> float:
    """The sum of sqrt(10/n) / ((k/n + .1) ((k-1)/n + .1)) telescopes to the difference of two inverses."""
    return math.sqrt(10 * demand) * (1 / 0.1 - 1 / (filled / demand + 0.1)) if demand else 0.0


def objective(net: Network, chosen: list[int], equity: Dial, balance: Dial) -> float:
    """The sum that the flow maximises, written out."""
    fair, spread = np.broadcast_to(equity, len(net.demand)), np.broadcast_to(balance, len(net.capacity))
    total = sum(net.reward[edge] for edge in chosen)
    for buurt, demand in enumerate(net.demand):
        filled = sum(net.buurt[net.request[edge]] == buurt for edge in chosen)
        total += fair[buurt] * reward_of_buurt(filled, demand)
    for volunteer, capacity in enumerate(net.capacity):
        load = sum(net.volunteer[edge] == volunteer for edge in chosen)
        total -= sum(spread[volunteer] * k / capacity for k in range(load))
    return float(total)


def brute_force(net: Network, equity: Dial, balance: Dial) -> float:
    per_request = [[None, *np.flatnonzero(net.request == request).tolist()] for request in range(len(net.buurt))]
    best = -math.inf
    for choice in itertools.product(*per_request):
        chosen = [edge for edge in choice if edge is not None]
        load = np.bincount(net.volunteer[chosen].astype(int), minlength=len(net.capacity))
        if (load <= net.capacity).all():
            best = max(best, objective(net, chosen, equity, balance))
    return best


def it_equals_a_second_solver_on_thousands_of_small_instances() -> None:
    rng = np.random.default_rng(7)
    for _ in range(3000):
        size, density, ties = (
            (int(rng.integers(1, 9)), int(rng.integers(1, 12))),
            rng.uniform(0.1, 1),
            rng.random() < 0.3,
        )
        net = network(rng, *size, density=float(density), ties=ties, least_capacity=int(rng.integers(0, 2)))
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


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.booleans())
def it_equals_brute_force_with_a_dial_per_buurt_and_per_volunteer(seed: int, buurten: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    net = network(rng, 3, 5, b=buurten, ties=ties, least_capacity=0)
    equity, balance = rng.choice([0.0, 0.05, 0.6], buurten), rng.choice([0.0, 0.2, 1.5], 3)
    chosen = assign(net, equity=equity, balance=balance, seed=1)
    check(net, chosen)
    assert abs(objective(net, chosen.tolist(), equity, balance) - brute_force(net, equity, balance)) < 1e-7


def optima_by_linear_programme(cases: list[tuple[Network, np.ndarray, np.ndarray]]) -> list[float]:
    """The optimum of each, by one linear programme. Gains fall with every unit, so a whole answer is among the best.

    Columns: the edges, the k-th filled request of a buurt, the k-th request of a volunteer.
    """
    gains, blocks, limits = [], [], []
    for net, equity, balance in cases:
        e, m, n = len(net.request), len(net.buurt), len(net.capacity)
        filled = [(b, k) for b, demand in enumerate(net.demand) for k in range(1, demand + 1)]
        loads = [(v, k) for v, capacity in enumerate(net.capacity) for k in range(capacity)]
        table = np.zeros((m + n + len(net.demand), e + len(filled) + len(loads)))
        edge = np.arange(e)
        table[net.request, edge] = table[m + net.volunteer, edge] = 1
        table[m + n + net.buurt[net.request], edge] = -1
        for column, (buurt, _) in enumerate(filled, e):
            table[m + n + buurt, column] = 1
        for column, (volunteer, _) in enumerate(loads, e + len(filled)):
            table[m + volunteer, column] = -1
        steps = [reward_of_buurt(k, net.demand[b]) - reward_of_buurt(k - 1, net.demand[b]) for b, k in filled]
        gains.append(np.concatenate((
            net.reward,
            [equity[b] * step for (b, _), step in zip(filled, steps, strict=True)],
            [-balance[v] * k / net.capacity[v] for v, k in loads],
        )))  # fmt: skip
        blocks.append(csr_array(table))
        limits.append(np.concatenate((np.ones(m), np.zeros(n + len(net.demand)))))
    gain = np.concatenate(gains)
    found = linprog(-gain, A_ub=block_diag(blocks, format="csr"), b_ub=np.concatenate(limits), bounds=(0, 1))
    assert found.status == 0
    ends = np.cumsum([len(part) for part in gains])
    return [float(part.sum()) for part in np.split(gain * found.x, ends[:-1])]


def it_equals_a_linear_programme_with_every_dial_on_thousands_of_instances() -> None:
    rng = np.random.default_rng(17)
    for _ in range(20):
        cases = []
        for _ in range(100):
            n, m, b = (int(rng.integers(1, most)) for most in (7, 10, 4))
            net = network(rng, n, m, b=b, density=float(rng.uniform(0.1, 1)), ties=rng.random() < 0.5, least_capacity=0)
            cases.append((net, rng.choice([0.0, 0.02, 0.3], b), rng.choice([0.0, 0.1, 0.8], n)))
        for case, optimum in zip(cases, optima_by_linear_programme(cases), strict=True):
            net, equity, balance = case
            chosen = assign(net, equity=equity, balance=balance, seed=1)
            check(net, chosen)
            assert abs(objective(net, chosen.tolist(), equity, balance) - optimum) < 1e-6


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
