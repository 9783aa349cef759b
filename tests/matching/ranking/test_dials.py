"""What the dials promise: equity for buurten, balance for volunteers, each for all or for one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.ranking.acceptance import PriorRule
from matching.ranking.matcher import match
from matching.ranking.problem import Edges, Matching, Problem, Volunteers

from .towns import problem, random_town, requests, towns, volunteers

RAISING = (0.0, 0.02, 0.1, 0.5, 3.0)


def equity_term(matching: Matching, town: Problem) -> float:
    """What the buurten get out of it at equity 1, written as a difference of inverses."""
    demand = np.bincount(town.requests.buurt, minlength=town.buurt_count)
    asked = demand > 0
    fill = matching.summary.fill_per_buurt[asked]
    return float((np.sqrt(10.0 * demand[asked]) * (10.0 - 1.0 / (fill + 0.1))).sum())


def crowding(matching: Matching, town: Problem) -> float:
    """What balance 1 counts against a choice: k / capacity for the k-th request on top of the first."""
    loads = np.zeros(len(town.volunteers), int)
    for proposal in matching.proposals:
        loads[proposal.volunteer] += proposal.rank == 1
    return float(sum(k / town.volunteers.capacity[v] for v, load in enumerate(loads) for k in range(load)))


@settings(max_examples=60, deadline=None)
@given(towns())
def it_never_raises_the_value_nor_lowers_the_equity_term_when_equity_is_raised(town: Problem) -> None:
    found = [match(town, equity=equity, spares=0) for equity in RAISING]
    values = [matching.summary.value for matching in found]
    terms = [equity_term(matching, town) for matching in found]
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(values))
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(terms))


@settings(max_examples=60, deadline=None)
@given(towns())
def it_never_raises_the_value_nor_the_crowding_when_balance_is_raised(town: Problem) -> None:
    found = [match(town, balance=balance, spares=0) for balance in RAISING]
    for figures in ([m.summary.value for m in found], [crowding(m, town) for m in found]):
        assert all(later <= earlier + 1e-6 for earlier, later in pairwise(figures))


def joined_by(people: Volunteers, seed: int) -> Volunteers:
    """The same people and one more."""
    one = random_town(np.random.default_rng(seed), 1, 1).volunteers
    names = [name for name in Volunteers.__slots__ if name != "ids"]
    columns = {name: np.concatenate((getattr(people, name), getattr(one, name))) for name in names}
    return Volunteers(ids=[*people.ids, "newcomer"], **columns)


@settings(max_examples=100, deadline=None)
@given(towns(), st.integers(0, 2**32), st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 0.3]))
def it_never_does_worse_with_one_more_volunteer(town: Problem, seed: int, equity: float, balance: float) -> None:
    def reached(given_town: Problem) -> float:
        found = match(given_town, equity=equity, balance=balance, spares=0)
        return found.summary.value + equity * equity_term(found, given_town) - balance * crowding(found, given_town)

    more = replace(town, volunteers=joined_by(town.volunteers, seed))
    assert reached(more) >= reached(town) - 1e-6


@settings(max_examples=60, deadline=None)
@given(towns(), st.floats(0, 2), st.floats(0, 2))
def it_takes_the_same_dial_for_everyone_as_a_number_or_as_a_column(
    town: Problem, equity: float, balance: float
) -> None:
    one = match(town, equity=equity, balance=balance)
    each = match(
        town,
        equity=np.full(town.buurt_count, equity),
        balance=np.full(len(town.volunteers), balance),
    )
    assert list(one.proposals) == list(each.proposals) and one.unmatched == each.unmatched


def two_buurten_and_one_helper() -> Problem:
    """Buurt 0 has two requests of which one can be filled anyhow; buurt 1 has one, worth a little less."""
    people = volunteers({"x": 500.0, "radius_m": 600.0}, {"x": -500.0, "radius_m": 600.0})
    asked = requests({"x": 0.0}, {"x": -500.0}, {"x": 1100.0, "buurt": 1})
    return problem(people, asked)


def it_favours_only_the_buurt_whose_dial_is_turned() -> None:
    town = two_buurten_and_one_helper()

    def filled(equity: list[float]) -> list[float]:
        return match(town, equity=np.array(equity)).summary.fill_per_buurt.tolist()

    assert filled([0.0, 0.0]) == [1.0, 0.0]
    assert filled([0.0, 0.1]) == [0.5, 1.0]
    assert filled([1.0, 0.0]) == [1.0, 0.0]


def it_spares_only_the_volunteer_whose_dial_is_turned() -> None:
    """Two places far apart, each with somebody near, somebody farther and two requests."""
    people = volunteers(*({"x": x, "capacity": 2} for x in (0.0, 300.0, 9000.0, 9300.0)))
    town = problem(people, requests({}, {}, {"x": 9000.0}, {"x": 9000.0}))
    load = [0] * 4
    for proposal in match(town, balance=np.array([0.0, 0.0, 0.9, 0.0])).proposals:
        load[proposal.volunteer] += proposal.rank == 1
    assert load == [2, 0, 1, 1]


def it_gives_a_small_buurt_its_turn_before_a_large_one_its_last() -> None:
    """One volunteer between a buurt with 1 request and one where 9 of 10 are filled already."""
    people = volunteers({"x": 450.0, "radius_m": 500.0}, *[{"radius_m": 10.0}] * 9)
    asked = requests(*[{}] * 10, {"x": 900.0, "buurt": 1})
    fill = match(problem(people, asked), equity=0.1).summary.fill_per_buurt
    assert fill.tolist() == [0.9, 1.0]


@pytest.mark.parametrize("dial", ["equity", "balance"])
@pytest.mark.parametrize("wrong", [-0.1, np.nan, np.inf, [0.1, -0.1], [0.1, np.nan], [np.inf, 0.0]])
def it_refuses_a_dial_that_is_no_price(dial: str, wrong: float | list[float]) -> None:
    town = problem(volunteers({}, {}), requests({}, {"buurt": 1}))
    with pytest.raises(ValueError, match=f"{dial} must be at least 0 and finite"):
        match(town, **{dial: np.array(wrong)})


@pytest.mark.parametrize(("dial", "owner"), [("equity", "buurt"), ("balance", "volunteer")])
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 1), (0,)])
def it_refuses_a_dial_of_another_length(dial: str, owner: str, shape: tuple[int, ...]) -> None:
    town = problem(volunteers({}, {}), requests({}, {"buurt": 1}))
    with pytest.raises(ValueError, match=f"one number, or one per {owner}"):
        match(town, **{dial: np.zeros(shape)})


@dataclass(frozen=True)
class FarthestFirst(PriorRule):
    """A rule that likes who lives far away."""

    def score(self, town: Problem, edges: Edges) -> np.ndarray:
        return 0.1 + edges.distance_m / 10_000.0


def it_matches_by_the_rule_it_is_given() -> None:
    town = problem(volunteers({"x": 100.0}, {"x": 900.0}), requests({}))
    assert match(town).proposals[0].volunteer == 0
    by_rule = match(town, rule=FarthestFirst()).proposals
    assert [(q.volunteer, round(q.p, 4)) for q in by_rule] == [(1, 0.19), (0, 0.11)]


def it_stays_exact_in_one_very_large_buurt() -> None:
    people = volunteers(*[{}] * 40)
    town = problem(people, requests(*[{"urgency": 1.0 + k / 1000} for k in range(400)]))
    matching = match(town, equity=0.5, spares=0)
    helped = sorted(q.request for q in matching.proposals)
    assert helped == list(range(360, 400))
