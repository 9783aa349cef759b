import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import linear_sum_assignment

from matching.ranking.acceptance import PriorRule, score
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.matcher import match
from matching.ranking.problem import Matching, Problem, Weights

from .towns import eligible, problem, random_town, requests, rules, towns, volunteers


def rows(matching: Matching) -> list[tuple[object, ...]]:
    return [(q.request, q.volunteer, q.rank, q.p, q.distance_m, q.reasons) for q in matching.proposals]


def optimum(town: Problem) -> float:
    edges, p = score(town, eligible_pairs(town), PriorRule())
    table = np.zeros((len(town.requests), len(town.volunteers)))
    table[edges.request, edges.volunteer] = p * town.requests.urgency[edges.request]
    wide = table[:, np.repeat(np.arange(len(town.volunteers)), town.volunteers.capacity)]
    return float(wide[linear_sum_assignment(wide, maximize=True)].sum())


@settings(max_examples=100, deadline=None)
@given(towns())
def it_proposes_only_eligible_people_and_keeps_capacity(town: Problem) -> None:
    matching = match(town, equity=0.1, balance=0.1)
    allowed = set(eligible(town))
    assert all((q.request, q.volunteer) in allowed and 0 < q.p <= 1 for q in matching.proposals)
    load = np.zeros(len(town.volunteers), int)
    for proposal in matching.proposals:
        load[proposal.volunteer] += proposal.rank == 1
    assert (load <= town.volunteers.capacity).all()


@settings(max_examples=100, deadline=None)
@given(towns())
def it_answers_every_request_once(town: Problem) -> None:
    matching = match(town)
    first = [q.request for q in matching.proposals if q.rank == 1]
    assert sorted([*first, *(item.request for item in matching.unmatched)]) == list(range(len(town.requests)))


@settings(max_examples=100, deadline=None)
@given(towns())
def it_reaches_the_optimum(town: Problem) -> None:
    assert match(town).summary.value == pytest.approx(optimum(town), abs=1e-7)


def it_ranks_spares_by_room_left_and_then_by_p() -> None:
    places = (0.0, 100.0, 200.0, 300.0, 400.0)
    people = volunteers(*({"x": x} for x in places))
    matching = match(problem(people, requests({}, {"x": 400.0})), spares=3)
    ranks = {(q.request, q.rank): q.volunteer for q in matching.proposals}
    assert [ranks[0, rank] for rank in (1, 2, 3, 4)] == [0, 1, 2, 3]
    assert [ranks[1, rank] for rank in (1, 2, 3, 4)] == [4, 3, 2, 1]
    assert len(ranks) == 8
    assert len(match(problem(people, requests({})), spares=0).proposals) == 1


def it_puts_who_is_taken_elsewhere_behind_who_has_room() -> None:
    people = volunteers({"x": 0.0}, {"x": 10.0}, {"x": 900.0})
    matching = match(problem(people, requests({"x": 0.0}, {"x": 10.0})))
    third = next(q for q in matching.proposals if q.request == 0 and q.rank == 3)
    assert third.volunteer == 1
    assert ("already_proposed", 1, True) in [(r.key, r.value, r.against) for r in third.reasons]


def it_gives_the_same_answer_to_the_same_seed() -> None:
    town = random_town(np.random.default_rng(2), 80, 60)
    one, two = (match(town, equity=0.1, balance=0.1, seed=4) for _ in range(2))
    assert rows(one) == rows(two) and one.unmatched == two.unmatched and len(rows(one)) > 30


def it_does_not_lower_the_worst_filled_buurten_with_equity() -> None:
    for seed in range(8):
        town = scarce_town(seed)
        plain, fair = (np.nanpercentile(match(town, equity=e).summary.fill_per_buurt, 10) for e in (0.0, 0.5))
        assert fair >= plain - 1e-9


def it_raises_the_worst_filled_buurten_somewhere_with_equity() -> None:
    gain = 0.0
    for seed in range(8):
        town = scarce_town(seed)
        plain, fair = (np.nanpercentile(match(town, equity=e).summary.fill_per_buurt, 10) for e in (0.0, 0.5))
        gain += fair - plain
    assert gain > 0.1


def scarce_town(seed: int) -> Problem:
    """Ten buurten in a row that need as much, where supply is unequal and less than half of what is asked."""
    rng = np.random.default_rng(seed)
    supply = rng.lognormal(0, 0.8, 10)
    offered = rng.choice(10, 90, p=supply / supply.sum())
    where = [{"buurt": b, "x": 500.0 * b + rng.uniform(0, 300)} for b in np.repeat(range(10), 20)]
    people = [{"buurt": b, "x": 500.0 * b, "radius_m": 1500.0, "offers": 5.0, "accepts": 2.0} for b in offered]
    return problem(volunteers(*people), requests(*where))


def it_uses_given_weights() -> None:
    weights = Weights(np.array([[0, 0], [1, 0]], np.int32), np.array([0.2, 0.9]))
    town = problem(volunteers({}, {"x": 900.0}, {}), requests({"urgency": 2.0}, {}), weights=weights)
    matching = match(town)
    assert [(q.request, q.volunteer, q.p) for q in matching.proposals] == [(0, 1, 0.9), (0, 0, 0.2)]
    assert matching.summary.value == pytest.approx(1.8)
    assert [(item.request, item.reason) for item in matching.unmatched] == [(1, "all_busy")]


def it_survives_a_town_without_people_or_requests() -> None:
    nothing = match(problem(volunteers(), requests()))
    assert not len(nothing.proposals) and not nothing.unmatched and nothing.summary.value == 0
    assert match(problem(volunteers({}), requests())).summary.fill == 0
    alone = match(problem(volunteers(), requests({}, {})))
    assert [item.reason for item in alone.unmatched] == ["no_skill", "no_skill"]


def it_survives_nobody_with_capacity() -> None:
    matching = match(problem(volunteers({"capacity": 0}), requests({})), equity=0.1, balance=0.1)
    assert [item.reason for item in matching.unmatched] == ["all_busy"]


def it_survives_everyone_on_one_point() -> None:
    town = problem(volunteers(*[{"radius_m": 0.0, "capacity": 2}] * 30), requests(*[{}] * 50))
    matching = match(town, equity=0.1, balance=0.1)
    assert matching.summary.fill == 1 and matching.summary.edges == 1500
    assert sum(load * number for load, number in enumerate(matching.summary.load)) == 50


def it_refuses_negative_dials() -> None:
    for dial in ("equity", "balance", "spares"):
        with pytest.raises(ValueError, match="at least 0"):
            match(problem(volunteers({}), requests({})), **{dial: -1})


def it_refuses_columns_of_different_lengths() -> None:
    people = volunteers({}, {})
    with pytest.raises(ValueError, match="capacity"):
        type(people)(people.ids, people.buurt, people.x, people.y, people.radius_m, people.capacity[:1],
                     people.skills, people.slots, people.languages, people.clearances, people.offers,
                     people.accepts, people.days_since_offer)  # fmt: skip


def it_tells_its_progress_in_order() -> None:
    told: list[tuple[str, float]] = []
    match(random_town(np.random.default_rng(1), 20, 20), progress=lambda step, part: told.append((step, part)))
    steps = list(dict.fromkeys(step for step, _ in told))
    assert steps == ["edges", "scores", "assignment", "spares", "explanations"]
    assert all(0 <= part <= 1 for _, part in told)
    for step in steps:
        parts = [part for name, part in told if name == step]
        assert parts == sorted(parts) and parts[-1] == 1


def it_sums_up_what_it_did() -> None:
    people = volunteers({"capacity": 2}, {"x": 5000.0, "buurt": 1})
    matching = match(problem(people, requests({"urgency": 3.0}, {}, {}, {"x": 5000.0, "buurt": 2, "skills": 2})))
    summary = matching.summary
    p = 1 / (1 + math.exp(1.3 - 0.7 * 2))
    assert summary.value == pytest.approx(4 * p) and summary.fill == 0.5 and summary.edges == 3
    assert summary.fill_per_buurt[0] == pytest.approx(2 / 3) and math.isnan(summary.fill_per_buurt[1])
    assert summary.fill_per_buurt[2] == 0 and summary.load == (1, 0, 1) and summary.peak_memory_mb > 10


def it_reads_proposals_like_a_list() -> None:
    proposals = match(problem(volunteers(*[{"x": 100.0 * k} for k in range(5)]), requests({}))).proposals
    assert list(proposals) == [proposals[k] for k in range(5)] == proposals[:] and proposals[-1].rank == 5
    assert proposals[::-1] == list(proposals)[::-1] and proposals[1:3] == list(proposals)[1:3]
    with pytest.raises(IndexError):
        proposals[5]


@settings(max_examples=60, deadline=None)
@given(towns())
def it_never_lets_an_unsafe_pair_through_even_with_given_weights(town: Problem) -> None:
    n, m = len(town.volunteers), len(town.requests)
    pairs = np.array([(v, r) for v in range(n) for r in range(m)], np.int32).reshape(-1, 2)
    weighted = Problem(town.volunteers, town.requests, town.buurt_count, town.absences, town.blocks,
                       Weights(pairs, np.ones(len(pairs))))  # fmt: skip
    for proposal in match(weighted).proposals:
        assert all(rules(town, proposal.volunteer, proposal.request).values())
