from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from matching.ranking.acceptance import PriorRule, score
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.frontier import best_percentile, equity_frontier
from matching.ranking.matcher import match
from matching.ranking.problem import Problem

from .towns import problem, random_town, requests, volunteers


def every_choice(town: Problem) -> list[tuple[float, float]]:
    """(value, 10th percentile of buurt fill) of every assignment there is."""
    edges, p = score(town, eligible_pairs(town), PriorRule())
    reward = p * town.requests.urgency[edges.request]
    demand = np.bincount(town.requests.buurt, minlength=town.buurt_count)
    per_request = [[None, *np.flatnonzero(edges.request == r).tolist()] for r in range(len(town.requests))]
    found = []
    for choice in itertools.product(*per_request):
        chosen = [edge for edge in choice if edge is not None]
        load = np.bincount(edges.volunteer[chosen].astype(int), minlength=len(town.volunteers))
        if (load <= town.volunteers.capacity).all():
            filled = np.bincount(town.requests.buurt[edges.request[chosen].astype(int)], minlength=town.buurt_count)
            fill = filled[demand > 0] / demand[demand > 0]
            found.append((float(reward[chosen].sum()), float(np.percentile(fill, 10))))
    return found


@pytest.mark.parametrize("lost", [0.0, 0.05, 0.3, 1.0])
def it_bounds_what_any_choice_reaches_at_the_price(lost: float) -> None:
    moved = 0
    for seed in range(25):
        town = random_town(np.random.default_rng(seed), 5, 7, buurten=4, picky=False)
        choices = every_choice(town)
        least = (1 - lost) * max(value for value, _ in choices)
        most = max(percentile for value, percentile in choices if value >= least - 1e-9)
        bound = best_percentile(town, lost=lost)
        assert bound.found == pytest.approx(most, abs=1e-6) and bound.bound >= most - 1e-6
        moved += most > 0
    assert moved > 3


def it_draws_the_frontier_of_the_dial() -> None:
    town = random_town(np.random.default_rng(2), 12, 24, buurten=6, picky=False)
    points = equity_frontier(town, (0.0, 0.1, 2.0))
    assert [point.equity for point in points] == [0.0, 0.1, 2.0]
    assert points[0].lost == pytest.approx(0) and points[0].lost <= points[1].lost <= points[2].lost
    for point in points:
        summary = match(town, equity=point.equity).summary
        assert point.fill == summary.fill
        assert point.percentile == pytest.approx(np.nanpercentile(summary.fill_per_buurt, 10))
        reached = best_percentile(town, lost=min(1.0, point.lost + 1e-9))
        assert point.percentile <= reached.bound + 1e-6


def it_has_no_percentile_where_nothing_is_asked() -> None:
    nothing = problem(volunteers({}), requests())
    assert math.isnan(best_percentile(nothing).bound)
    assert math.isnan(equity_frontier(nothing, [0.1])[0].percentile)
    nobody = problem(volunteers(), requests({}))
    assert best_percentile(nobody).bound == 0 and equity_frontier(nobody, [0.1])[0].lost == 0


@pytest.mark.parametrize("lost", [-0.01, 1.01, math.nan])
def it_refuses_a_price_that_is_no_share(lost: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        best_percentile(problem(volunteers({}), requests({})), lost=lost)
