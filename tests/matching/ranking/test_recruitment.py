from __future__ import annotations

import itertools
import math
from collections import Counter
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matching.ranking.eligibility import eligible_pairs
from matching.ranking.matcher import match
from matching.ranking.newcomers import SLOT_GROUPS, Places, Profile
from matching.ranking.problem import INTRODUCED, SLOT_NAMES, VOG, Matching, Problem, Weights
from matching.ranking.recruitment import MOST_ROWS, PER_WEEK, Row, for_requests, recruitment_list, with_row

from .towns import eligible, problem, random_town, requests, towns, volunteers

SOLVE = partial(match, spares=0)
HERE = Places(
    np.array([1, 0, 0], np.int32),
    np.array([600.0, 0.0, 1200.0]),
    np.array([800.0, 0.0, 1600.0]),
    np.array([900.0, 500.0, 700.0]),
)
TUESDAY_MORNING = 1 << 4


def rows_of(town: Problem, places: Places = HERE, **more: Any) -> list[Row]:
    home = more.pop("home", np.arange(len(town.volunteers), dtype=np.int32) % len(places))
    solve = more.pop("solve", SOLVE)
    return recruitment_list(town, solve(town), places, home, solve, **more)


def filled(found: Matching) -> set[int]:
    return set(found.proposals.request.tolist())


@settings(max_examples=150, deadline=None)
@given(towns(most=20), st.sampled_from([0.0, 0.1, 2.0]), st.sampled_from([1, 2, 3]))
def it_keeps_every_promise(town: Problem, dial: float, per_week: int) -> None:
    """Take the steps one after the other and match again: each fills at least the requests it names, on top."""
    solve = partial(match, spares=0, equity=dial, balance=dial)
    before = filled(solve(town))
    rows = rows_of(town, solve=solve, per_week=per_week)
    for row in rows:
        assert row.requests and row.volunteers
        town = with_row(town, row, HERE, per_week)
        after = filled(solve(town))
        assert len(after) >= len(before) + len(row.requests)
        assert set(row.requests) <= after - before
        before = after


@settings(max_examples=80, deadline=None)
@given(towns(most=20))
def it_names_the_largest_first_and_no_request_twice(town: Problem) -> None:
    rows = rows_of(town)
    assert len(rows) <= MOST_ROWS
    for kind in (True, False):
        sizes = [len(row.requests) for row in rows if (row.key == "recruit") == kind]
        assert sizes == sorted(sizes, reverse=True)
    named = [request for row in rows for request in row.requests]
    assert len(named) == len(set(named))
    assert [row.key == "recruit" for row in rows] == sorted(row.key == "recruit" for row in rows)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3))
def it_reaches_nearly_two_thirds_of_what_the_best_rows_could(seed: int, most: int) -> None:
    town = random_town(np.random.default_rng(seed), 0, 12)
    reach = [set(cell) for cell in slow_cells(town)]
    assume(reach)
    best = max(len(set().union(*chosen)) for chosen in itertools.combinations(reach, min(most, len(reach))))
    for row in rows_of(town, most=most):
        town = with_row(town, row, HERE)
    assert len(filled(match(town))) >= best * (1 - 1 / math.e)


def slow_cells(town: Problem) -> set[frozenset[int]]:
    """For every kind of newcomer at every place the requests that could be taken."""
    asked, cells = town.requests, {}
    for request in range(len(asked)):
        wish = int(asked.languages[request])
        for place, (name, group), language in itertools.product(range(3), SLOT_GROUPS.items(), [-1, 0, 1, 2]):
            speaks = wish == 0 if language < 0 else wish >> language & 1
            metres = math.dist((HERE.x[place], HERE.y[place]), (asked.x[request], asked.y[request]))
            if speaks and metres <= HERE.radius_m[place] and int(asked.usable_slots()[request]) & group:
                key = (int(asked.skills[request]), int(asked.clearances[request]), language, name, place)
                cells.setdefault(key, set()).add(request)
    return {frozenset(cell) for cell in cells.values()}


def it_asks_for_two_volunteers_with_a_car_to_help_four() -> None:
    groceries, car_ride = 0b1, 0b110
    town = problem(
        volunteers({"x": 600.0, "y": 800.0, "skills": groceries, "slots": TUESDAY_MORNING}),
        requests(*[{"x": 600.0, "y": 700.0, "skills": car_ride, "slots": TUESDAY_MORNING}] * 4),
    )
    profile = Profile(skills=car_ride, clearances=0, language=-1, slots="weekday-mornings")
    assert rows_of(town) == [Row("recruit", 0, 2, (0, 1, 2, 3), profile=profile)]
    assert rows_of(town, per_week=4) == [Row("recruit", 0, 1, (0, 1, 2, 3), profile=profile)]


def it_looks_first_at_who_lacks_only_a_clearance() -> None:
    at = {"x": 600.0, "y": 800.0}
    town = problem(
        volunteers({**at, "capacity": 2}, {**at, "capacity": 2}, {**at, "skills": 2, "capacity": 2}),
        requests(*[{**at, "clearances": VOG}] * 4, {**at, "clearances": INTRODUCED}),
    )
    clearing, recruit = rows_of(town, home=np.array([2, 2, 0], np.int32))
    assert clearing == Row("vog", 2, 2, (0, 1, 2, 3), who=(0, 1))
    assert (recruit.key, recruit.requests) == ("recruit", (4,))


def it_takes_no_more_of_them_than_it_needs() -> None:
    at = {"x": 600.0, "y": 800.0}
    people = volunteers(*[{**at, "capacity": 1}] * 3, {**at, "capacity": 3})
    town = problem(people, requests(*[{**at, "clearances": INTRODUCED}] * 3))
    assert rows_of(town, home=np.zeros(4, np.int32)) == [Row("introduction", 0, 1, (0, 1, 2), who=(3,))]


def it_mentions_single_requests_only_in_a_short_list() -> None:
    at = {"x": 600.0, "y": 800.0}
    town = problem(volunteers(), requests(*[{**at, "skills": 1 << bit} for bit in (0, 0, *range(1, 9))]))
    assert [len(row.requests) for row in rows_of(town)] == [2, 1, 1, 1, 1, 1]


def it_leaves_out_who_lives_in_none_of_the_places() -> None:
    at = {"x": 600.0, "y": 800.0}
    town = problem(volunteers(at), requests({**at, "clearances": VOG}))
    assert [row.key for row in rows_of(town, home=np.array([-1], np.int32))] == ["recruit"]


def it_promises_only_what_comes_true_when_newcomers_are_wanted_elsewhere() -> None:
    """The newcomer fits three urgent requests better than who has them now; those keep nobody from being helped."""
    far, near = {"x": 1700.0, "y": 800.0}, {"x": 600.0, "y": 800.0}
    town = problem(
        volunteers(*[{**far, "radius_m": 1200.0, "slots": TUESDAY_MORNING}] * 3),
        requests(*[{**near, "slots": TUESDAY_MORNING, "urgency": 9.0}] * 3, {**near, "slots": 2 << 4}),
        blocks=np.array([[v, 3] for v in range(3)], np.int32),
    )
    (row,) = rows_of(town, per_week=1)
    assert row.requests == (3,)
    after = match(with_row(town, row, HERE, 1))
    assert filled(after) == {0, 1, 2, 3}


def it_has_nothing_to_say_when_everybody_is_helped_or_nobody_can_be() -> None:
    at = {"x": 600.0, "y": 800.0}
    assert rows_of(problem(volunteers(at), requests(at))) == []
    assert rows_of(problem(volunteers(), requests())) == []
    assert rows_of(problem(volunteers(), requests({"x": 90_000.0}))) == []
    assert (
        rows_of(
            problem(volunteers(), requests(at)), Places(np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0))
        )
        == []
    )


def it_refuses_weights_that_say_nothing_about_newcomers() -> None:
    town = problem(volunteers({}), requests({}), weights=Weights(np.zeros((0, 2), np.int32), np.zeros(0)))
    with pytest.raises(ValueError, match="newcomers"):
        rows_of(town)


def it_refuses_places_of_unequal_length() -> None:
    with pytest.raises(ValueError, match="one length"):
        Places(np.zeros(2, np.int32), np.zeros(2), np.zeros(1), np.zeros(2))


@settings(max_examples=60, deadline=None)
@given(towns(most=20), st.integers(0, 2**32))
def it_looks_at_some_requests_and_leaves_the_others_what_they_have(town: Problem, seed: int) -> None:
    found = match(town)
    chosen = np.flatnonzero(np.random.default_rng(seed).random(len(town.requests)) < 0.5)
    part = for_requests(town, found, chosen)
    firsts = [(one.request, one.volunteer) for one in found.proposals if one.rank == 1]
    kept = {(request, volunteer) for request, volunteer in firsts if request in chosen}
    edges = eligible_pairs(part)
    possible = set(zip(chosen[edges.request].tolist(), edges.volunteer.tolist(), strict=True))
    assert kept <= possible <= set(eligible(town))
    taken = Counter(volunteer for request, volunteer in firsts if request not in chosen)
    assert part.volunteers.capacity.tolist() == [
        room - taken[volunteer] for volunteer, room in enumerate(town.volunteers.capacity.tolist())
    ]


def it_has_a_slot_group_for_every_slot() -> None:
    every = [bit for group in SLOT_GROUPS.values() for bit in range(28) if group >> bit & 1]
    assert sorted(every) == list(range(len(SLOT_NAMES)))


@settings(max_examples=60, deadline=None)
@given(towns())
def it_makes_newcomers_who_are_what_was_looked_for(town: Problem) -> None:
    for row in rows_of(town):
        after = with_row(town, row, HERE)
        if row.profile is None:
            assert len(after.volunteers) == len(town.volunteers)
            continue
        new = range(len(town.volunteers), len(town.volunteers) + row.volunteers)
        assert len(after.volunteers) == new.stop
        edges = eligible_pairs(after)
        reached = set(edges.request[edges.volunteer >= new.start].tolist())
        assert len(reached) >= len(row.requests)
        assert row.volunteers * PER_WEEK >= len(row.requests)
