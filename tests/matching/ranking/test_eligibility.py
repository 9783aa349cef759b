import numpy as np
from hypothesis import given, settings

from matching.ranking.eligibility import eligible_pairs
from matching.ranking.problem import INTRODUCED, VOG, Absences, Problem

from .towns import MONDAY, eligible, problem, requests, towns, volunteers


def pairs(town: Problem) -> list[tuple[int, int]]:
    edges = eligible_pairs(town)
    return list(zip(edges.request.tolist(), edges.volunteer.tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(towns())
def it_finds_the_pairs_that_pass_every_rule_and_no_other(town: Problem) -> None:
    assert pairs(town) == eligible(town)


def it_counts_a_radius_equal_to_the_distance_as_within() -> None:
    people = volunteers({"radius_m": 500.0}, {"radius_m": 499.999}, {"radius_m": np.hypot(300.0, 400.0)})
    assert pairs(problem(people, requests({"x": 300.0, "y": 400.0}))) == [(0, 0), (0, 2)]


def it_counts_every_distance_equal_to_the_radius_as_within() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(100_000, 600_000, (400, 2))
    origin = np.array([143_210.3, 471_234.7])
    radius = np.hypot(*(places - origin).T)
    people = volunteers(*({"x": x, "y": y, "radius_m": r} for (x, y), r in zip(places, radius, strict=True)))
    town = problem(people, requests({"x": origin[0], "y": origin[1]}))
    assert len(pairs(town)) == 400


def it_lets_someone_who_goes_everywhere_go_everywhere() -> None:
    town = problem(volunteers({"radius_m": np.inf}), requests({"x": 300_000.0, "y": 600_000.0}))
    assert pairs(town) == [(0, 0)]


def it_asks_for_all_skills_and_all_clearances() -> None:
    people = volunteers({"skills": 1, "clearances": VOG}, {"skills": 3, "clearances": VOG | INTRODUCED})
    town = problem(people, requests({"skills": 3}, {"clearances": VOG | INTRODUCED}, {"clearances": VOG}))
    assert pairs(town) == [(0, 1), (1, 1), (2, 0), (2, 1)]


def it_asks_for_a_language_only_where_one_is_wished_for() -> None:
    town = problem(volunteers({"languages": 0}, {"languages": 6}), requests({}, {"languages": 2}, {"languages": 3}))
    assert pairs(town) == [(0, 0), (0, 1), (1, 1), (2, 1)]


def it_leaves_out_who_is_away_on_the_only_date() -> None:
    away = Absences(*(np.array([number], np.int32) for number in (0, MONDAY, MONDAY + 6)))
    days = [-1, MONDAY, MONDAY + 7]
    town = problem(volunteers({}), requests(*({"day": day} for day in days)), absences=away)
    assert pairs(town) == [(0, 0), (2, 0)]


def it_looks_only_at_the_weekday_of_the_only_date() -> None:
    tuesday = {"slots": 1 << 4 | 1, "day": MONDAY + 1}
    town = problem(volunteers({"slots": 1}, {"slots": 1 << 4}), requests(tuesday))
    assert pairs(town) == [(0, 1)]


def it_uses_the_highest_skill_and_language_bits() -> None:
    top = 1 << 63
    town = problem(
        volunteers({"skills": top, "languages": top}, {"skills": 1}), requests({"skills": top, "languages": top})
    )
    assert pairs(town) == [(0, 0)]


def it_needs_nobody_and_nothing() -> None:
    assert pairs(problem(volunteers(), requests())) == []
    assert pairs(problem(volunteers({}), requests())) == []
    assert pairs(problem(volunteers(), requests({}))) == []
