from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from matching.ranking.changes import (
    CLEARED_BY,
    COSTS,
    MOST_DAYS_LATER,
    MOST_FARTHER_M,
    Change,
    apply_change,
    cost_of,
    left_over,
    smallest_changes,
)
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.matcher import match
from matching.ranking.newcomers import SLOT_GROUPS, Profile
from matching.ranking.problem import INTRODUCED, TRAINED, VOG, Problem

from .towns import MONDAY, eligible, problem, requests, rules, towns, volunteers

LASTING = 0b100  # the skill of the random towns that nobody takes up by being asked


def unmatched_of(town: Problem) -> tuple[Problem, np.ndarray[Any, np.dtype[np.int64]]]:
    found = match(town)
    return left_over(town, found), np.array([item.request for item in found.unmatched], np.int64)


def pairs(town: Problem) -> set[tuple[int, int]]:
    edges = eligible_pairs(town)
    return set(zip(edges.request.tolist(), edges.volunteer.tolist(), strict=True))


@settings(max_examples=250, deadline=None)
@given(towns())
def it_keeps_its_promise(town: Problem) -> None:
    """Every volunteer of a change is eligible, with room left, once it is made; and somebody new for whom we look."""
    rest, unmatched = unmatched_of(town)
    changes = smallest_changes(rest, unmatched, fixed_skills=LASTING)
    assert [change.request for change in changes if change] == [
        request for request, change in zip(unmatched.tolist(), changes, strict=True) if change
    ]
    for change in filter(None, changes):
        after = pairs(apply_change(rest, change))
        who = change.volunteers or (len(rest.volunteers),)
        assert {(change.request, volunteer) for volunteer in who} <= after
        assert (change.key == "wait") == ((change.request, who[0]) in pairs(rest))


def slow_changes(rest: Problem, request: int) -> Iterator[tuple[float, str]]:
    """Every change in the vocabulary that gives this request somebody, made one at a time and looked at afterwards."""
    asked, people = rest.requests, rest.volunteers
    if works(rest, request):
        yield COSTS["wait"].once, "wait"
    day, own = int(asked.day[request]), int(asked.slots[request])
    for slot in range(28):
        if works(asking(rest, request, slots=own | 1 << slot), request):
            yield COSTS["other_slot"].once, "other_slot"
    if works(asking(rest, request, languages=0), request):
        yield COSTS["no_language"].once, "no_language"
    for days in range(1, MOST_DAYS_LATER + 1) if day >= 0 else ():
        weekday = (day - MONDAY) % 7
        slots = sum(1 << ((weekday + days) % 7 * 4 + part) for part in range(4) if own >> (weekday * 4 + part) & 1)
        if works(asking(rest, request, day=day + days, slots=slots), request):
            yield cost_of("later_day", days), "later_day"
    for volunteer in range(len(people)):
        yield from ((cost, key) for cost, key, after in slow_steps(rest, request, volunteer) if works(after, request))
    if int(asked.usable_slots()[request]):
        yield COSTS["recruit"].once, "recruit"


def slow_steps(rest: Problem, request: int, volunteer: int) -> Iterator[tuple[float, str, Problem]]:
    people, asked = rest.volunteers, rest.requests
    for key, mask in CLEARED_BY.items():
        had = int(people.clearances[volunteer])
        if not had & mask:
            yield COSTS[key].once, key, being(rest, volunteer, clearances=had | mask)
    missing = int(asked.skills[request]) & ~int(people.skills[volunteer])
    if not missing & LASTING:
        skills = int(people.skills[volunteer]) | missing
        yield COSTS["skill"].once, "skill", being(rest, volunteer, skills=skills)
    yield COSTS["free_slot"].once, "free_slot", being(rest, volunteer, slots=(1 << 28) - 1)
    yield COSTS["more_room"].once, "more_room", being(rest, volunteer, capacity=int(people.capacity[volunteer]) + 1)
    metres = math.dist((people.x[volunteer], people.y[volunteer]), (asked.x[request], asked.y[request]))
    extra = math.ceil(metres - people.radius_m[volunteer] - 1e-6) if math.isfinite(people.radius_m[volunteer]) else 0
    if 0 < extra <= MOST_FARTHER_M:
        radius = float(people.radius_m[volunteer]) + extra
        yield cost_of("farther", extra), "farther", being(rest, volunteer, radius_m=radius)


def works(town: Problem, request: int) -> bool:
    return any(all(rules(town, volunteer, request).values()) for volunteer in range(len(town.volunteers)))


def asking(town: Problem, request: int, **new: float) -> Problem:
    columns = {name: getattr(town.requests, name).copy() for name in new}
    for name, value in new.items():
        columns[name][request] = value
    return replace(town, requests=replace(town.requests, **columns))


def being(town: Problem, volunteer: int, **new: float) -> Problem:
    columns = {name: getattr(town.volunteers, name).copy() for name in new}
    for name, value in new.items():
        columns[name][volunteer] = value
    return replace(town, volunteers=replace(town.volunteers, **columns))


@settings(max_examples=60, deadline=None)
@given(towns(most=8))
def it_knows_nothing_cheaper(town: Problem) -> None:
    rest, unmatched = unmatched_of(town)
    for request, change in zip(
        unmatched.tolist(), smallest_changes(rest, unmatched, fixed_skills=LASTING), strict=True
    ):
        cheapest = min(slow_changes(rest, request), default=None, key=lambda one: one[0])
        if cheapest is None:
            assert change is None
        else:
            assert change is not None
            assert change.cost == pytest.approx(cheapest[0])


@settings(max_examples=100, deadline=None)
@given(towns())
def it_counts_everyone_whom_the_change_would_make_fit(town: Problem) -> None:
    rest, unmatched = unmatched_of(town)
    for change in filter(None, smallest_changes(rest, unmatched)):
        if change.key == "recruit":
            continue
        everyone = replace(change, volunteers=tuple(range(len(rest.volunteers))))
        fit = {volunteer for request, volunteer in eligible(apply_change(rest, everyone)) if request == change.request}
        assert set(change.volunteers) == {volunteer for volunteer in fit if not needs_less(rest, change, volunteer)}


def needs_less(rest: Problem, change: Change, volunteer: int) -> bool:
    """Whether a part of the change is enough for this volunteer, who is not counted under the whole then."""
    held = {**dict.fromkeys(CLEARED_BY, rest.volunteers.clearances), "skill": rest.volunteers.skills}.get(change.key)
    return held is not None and bool(change.value & int(held[volunteer]))


def changes_of(town: Problem, **more: Any) -> list[Change | None]:
    rest, unmatched = unmatched_of(town)
    return smallest_changes(rest, unmatched, **more)


SLOT = 1 << 5
EVENINGS = SLOT_GROUPS["weekday-evenings"]


@pytest.mark.parametrize(
    ("people", "asked", "key", "value", "who"),
    [
        pytest.param(({"slots": 4}, {"slots": 4}, {"slots": 2}), {}, "other_slot", 2, (0, 1), id="another dagdeel"),
        pytest.param(
            ({"slots": 1 << 9}, {"slots": 1 << 8}),
            {"day": MONDAY, "slots": 1},
            "later_day",
            2,
            (1,),
            id="the same part of a later day",
        ),
        pytest.param(({},), {"clearances": INTRODUCED}, "introduction", INTRODUCED, (0,), id="the introduction"),
        pytest.param(({}, {"clearances": 2}), {"clearances": VOG}, "vog", VOG, (0, 1), id="the VOG"),
        pytest.param(({},), {"clearances": 3}, "vog_and_introduction", 3, (0,), id="the VOG and the introduction"),
        pytest.param(({"clearances": 3}, {}), {"clearances": 7}, "training", TRAINED, (0,), id="the training"),
        pytest.param(
            ({"clearances": VOG},),
            {"clearances": 7},
            "training_and_introduction",
            TRAINED | INTRODUCED,
            (0,),
            id="the training and the introduction",
        ),
        pytest.param(
            ({"clearances": INTRODUCED},),
            {"clearances": 7},
            "training_and_vog",
            TRAINED | VOG,
            (0,),
            id="the training and the VOG",
        ),
        pytest.param(({},), {"clearances": 7}, "training_vog_and_introduction", 7, (0,), id="all that is asked for"),
        pytest.param(({}, {"skills": 3, "capacity": 0}), {"skills": 3}, "skill", 2, (0,), id="to do this too"),
        pytest.param(({"slots": 0},), {}, "free_slot", 0, (0,), id="time in an asked slot"),
        pytest.param(
            ({"x": 1500.4}, {"x": 1900.0}), {}, "farther", 501, (0,), id="a longer way, in whole metres upwards"
        ),
        pytest.param(({"capacity": 0},), {}, "more_room", 0, (0,), id="more room"),
        pytest.param(({},), {"languages": 6}, "no_language", 0, (0,), id="without the language"),
        pytest.param(({"days_since_offer": 0.0},), {}, "wait", 0, (0,), id="somebody who was just asked"),
    ],
)
def it_says_what_would_help(
    people: tuple[dict[str, Any], ...], asked: dict[str, Any], key: str, value: int, who: tuple[int, ...]
) -> None:
    assert changes_of(problem(volunteers(*people), requests(asked))) == [
        Change(0, key, cost_of(key, value), value, who)
    ]


def it_looks_for_somebody_new_with_what_is_asked() -> None:
    asked = {"skills": 0b11, "clearances": VOG, "languages": 0b1100, "slots": 1 << 6 | 1 << 2 | 1 << 8}
    (change,) = changes_of(problem(volunteers({"skills": 4, "x": 90_000.0}), requests(asked)))
    assert change is not None
    assert (change.key, change.volunteers) == ("recruit", ())
    assert change.profile == Profile(skills=0b11, clearances=VOG, language=2, slots="weekday-evenings")


def it_asks_nobody_for_a_car() -> None:
    town = problem(volunteers({"skills": 1}), requests({"skills": 0b101}))
    assert [change and change.key for change in changes_of(town, fixed_skills=0b100)] == ["recruit"]
    assert [change and change.key for change in changes_of(town)] == ["skill"]


def it_knows_that_nobody_can_help_at_no_time() -> None:
    assert changes_of(problem(volunteers({"slots": 0}), requests({"slots": 2 << 4, "day": MONDAY}))) == [None]


def it_never_brings_together_who_must_not_meet() -> None:
    town = problem(volunteers({}), requests({}), blocks=np.array([[0, 0]], np.int32))
    assert [change and change.key for change in changes_of(town)] == ["recruit"]


def it_counts_the_room_that_others_took() -> None:
    (change,) = changes_of(problem(volunteers({"capacity": 1}), requests({"urgency": 2.0}, {})))
    assert change is not None
    assert (change.request, change.key, change.volunteers) == (1, "more_room", (0,))


def it_bears_a_town_without_anybody() -> None:
    assert changes_of(problem(volunteers(), requests())) == []
    assert [change and change.key for change in changes_of(problem(volunteers(), requests({})))] == ["recruit"]


def it_leaves_the_town_as_it_was() -> None:
    town = problem(volunteers({"slots": 4}), requests({}))
    before = {each.name: getattr(town.requests, each.name) for each in fields(town.requests)}
    kept = {name: list(column) for name, column in before.items()}
    (change,) = changes_of(town)
    assert change is not None
    apply_change(town, change)
    assert {name: list(getattr(town.requests, name)) for name in kept} == kept
