"""One moment at once: the proof by prices is a proof."""

from __future__ import annotations

import numpy as np
import pytest

from matching.ranking.acceptance import PriorRule, score
from matching.ranking.assignment import assign
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.matcher import network_of
from matching.ranking.simulation import bench
from matching.ranking.simulation.static import best_by_scipy, certify, greedy_value, nearest_value
from matching.ranking.simulation.world import build_snapshot
from tests.matching.ranking.towns import random_town


@pytest.mark.parametrize("seed", range(40))
def it_proves_the_best_choice_and_exposes_a_worse_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    town = random_town(rng, int(rng.integers(1, 25)), int(rng.integers(1, 25)))
    edges, p = score(town, eligible_pairs(town), PriorRule())
    network = network_of(town, edges, p)
    chosen = assign(network, equity=0.0, balance=0.0, seed=1)
    proof = certify(network, chosen)
    best = best_by_scipy(network)
    assert proof.value == pytest.approx(best, abs=1e-6)
    assert proof.bound == pytest.approx(best, abs=1e-6)
    assert greedy_value(network) <= best + 1e-6 and nearest_value(network, edges) <= best + 1e-6
    if len(chosen):
        worse = certify(network, chosen[1:])
        assert worse.value < best and worse.bound >= best - 1e-6 and worse.share < 1


def it_measures_a_small_country() -> None:
    found = bench.national(seed=1, volunteers=2_000, requests=800, buurten=86)
    assert found["share_of_optimum"] == pytest.approx(1, abs=1e-6)
    assert found["nearest_over_optimum"] < found["greedy_over_optimum"] < 1
    assert found["seconds"] > 0 and found["memory_gb"] > 0


def it_gives_the_same_moment_for_the_same_seed() -> None:
    one, other = build_snapshot(300, 100, None, 4), build_snapshot(300, 100, None, 4)
    assert np.array_equal(one.volunteers.offers, other.volunteers.offers)
    assert np.array_equal(one.requests.slots, other.requests.slots)
