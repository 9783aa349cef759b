"""The generator: seeded, in the proportions stated, and clear about what it cannot make."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matching.ranking.problem import VOG
from matching.ranking.simulation.places import build_buurten
from matching.ranking.simulation.truth import build_truth, looks_until, moment_of
from matching.ranking.simulation.world import REGIMES, Shape, build_snapshot, build_world, streams
from tests.matching.ranking.simulation.worlds import SMALL, small_world
from tests.matching.ranking.towns import rules


def it_makes_the_same_world_from_the_same_seed() -> None:
    one, other = build_world(SMALL, 7), build_world(SMALL, 7)
    assert np.array_equal(one.posted_h, other.posted_h)
    assert np.array_equal(one.edges.volunteer, other.edges.volunteer)
    first, second = build_truth(one), build_truth(other)
    assert np.array_equal(first.p, second.p) and np.array_equal(first.yes_draw, second.yes_draw)


def it_makes_another_world_from_another_seed() -> None:
    assert not np.array_equal(build_world(SMALL, 7).volunteers.x, build_world(SMALL, 8).volunteers.x)


def it_keeps_the_streams_of_two_purposes_apart() -> None:
    alone, together = streams(3, "volunteers"), streams(3, "places", "volunteers")
    together["places"].random(10)
    assert alone["volunteers"].random() == together["volunteers"].random()


def it_lists_exactly_the_eligible_pairs() -> None:
    world, _ = small_world(shape=Shape(60, 20.0, 1))
    pairs = set(zip(world.edges.request.tolist(), world.edges.volunteer.tolist(), strict=True))
    slow = {
        (request, volunteer)
        for request in range(len(world.requests))
        for volunteer in range(len(world.volunteers))
        if all(rules(world.problem, volunteer, request).values())
    }
    assert pairs == slow and slow


def it_keeps_the_stated_proportions() -> None:
    world = build_world(Shape(20_000, 1_000.0, 4, buurten=430), 1)
    people, asked = world.volunteers, world.requests
    assert [(people.capacity == k).mean() for k in (1, 2, 3)] == pytest.approx([0.55, 0.30, 0.15], abs=0.02)
    assert (people.clearances == VOG).mean() == pytest.approx(0.45, abs=0.02)
    assert (asked.clearances == VOG).mean() == pytest.approx(0.25, abs=0.02)
    assert world.needs_language.mean() == pytest.approx(0.10, abs=0.02)
    assert people.radius_m.min() >= 500 and people.radius_m.max() <= 3000
    assert np.median(people.radius_m) == pytest.approx(1300, rel=0.03)
    assert set(np.round(world.deadline_h - world.posted_h).tolist()) == {24.0, 72.0, 168.0}


def it_asks_in_office_hours_and_helps_in_evenings_and_weekends() -> None:
    world = build_world(Shape(5_000, 500.0, 4), 1)
    day = sum(0b0011 << 4 * weekday for weekday in range(5))
    asked = np.bitwise_count(world.requests.slots & np.uint32(day)).sum() / np.bitwise_count(world.requests.slots).sum()
    offered = (
        np.bitwise_count(world.volunteers.slots & np.uint32(day)).sum() / np.bitwise_count(world.volunteers.slots).sum()
    )
    assert asked > 0.75 > 0.5 > offered


def it_gives_the_43_buurten_of_hilversum() -> None:
    buurten = build_buurten(None, np.random.default_rng(1))
    assert len(buurten) == 43
    assert buurten.demand.sum() == pytest.approx(1) and buurten.supply.sum() == pytest.approx(1)
    # The town is some kilometres across.
    assert 5_000 < np.ptp(buurten.x) < 10_000 and 5_000 < np.ptp(buurten.y) < 12_000


def it_sends_supply_where_the_need_is_less() -> None:
    buurten = build_buurten(5_000, np.random.default_rng(1))
    need = np.log(buurten.demand / buurten.supply) / 1.5  # need ** (1 + 0.5)
    assert need.std() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"volunteers": 0}, "without volunteers"),
        ({"volunteers": -5}, "without volunteers"),
        ({"per_week": 0.0}, "requests a week"),
        ({"per_week": float("nan")}, "requests a week"),
        ({"weeks": 0}, "weeks"),
        ({"buurten": 0}, "at least one buurt"),
        ({"volunteers": 10_000_000, "per_week": 1e5}, "too many pairs"),
    ],
)
def it_refuses_a_world_that_cannot_be(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Shape(**{"volunteers": 100, "per_week": 10.0, "weeks": 1} | wrong)


def it_refuses_a_moment_without_people() -> None:
    with pytest.raises(ValueError, match="without volunteers or without requests"):
        build_snapshot(0, 10, None, 1)


def it_makes_a_world_of_one_buurt_where_all_live_close() -> None:
    world = build_world(Shape(50, 10.0, 1, buurten=1), 1)
    assert set(world.volunteers.buurt.tolist()) == {0} and world.edges.distance_m.max(initial=0) < 3000


def it_knows_the_three_regimes() -> None:
    sizes = {name: (shape.volunteers, shape.per_week, shape.weeks) for name, shape in REGIMES.items()}
    assert sizes == {"thin": (1500, 150, 26), "dense": (4000, 150, 26), "scarce": (1000, 300, 26)}


def it_tells_the_moment_from_how_often_people_looked() -> None:
    moments = np.linspace(0, 1000, 333)
    assert moment_of(looks_until(moments)) == pytest.approx(moments, abs=1e-6)


def it_lets_people_look_more_in_the_evening_than_in_office_hours_or_at_night() -> None:
    night, office, evening = (looks_until(h + 1) - looks_until(h) for h in (3.0, 10.0, 19.0))
    assert evening > office > night
