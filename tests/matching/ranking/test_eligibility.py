import numpy as np
from hypothesis import given, settings

from matching.ranking import eligibility
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


def slow_pairs(town: Problem) -> list[tuple[int, int]]:
    """Who lives within reach, all with all, by the other rules of a town where everybody can do everything."""
    v, r = town.volunteers, town.requests
    metres = np.hypot(r.x[:, None] - v.x, r.y[:, None] - v.y)
    return [(int(a), int(b)) for a, b in np.argwhere(metres <= v.radius_m)]


def spread_out(places: np.ndarray, homes: np.ndarray, radius: np.ndarray) -> Problem:
    people = volunteers(*({"x": x, "y": y, "radius_m": m} for (x, y), m in zip(homes, radius, strict=True)))
    return problem(people, requests(*({"x": x, "y": y} for x, y in places)))


def it_finds_everybody_whatever_the_shape_of_the_land() -> None:
    rng = np.random.default_rng(12)
    shapes = {
        "a city": rng.normal(0, 3000, (300, 2)),
        "a road": np.column_stack((rng.uniform(0, 80_000, 300), np.zeros(300))),
        "a street from north to south": np.column_stack((np.full(300, 7.0), rng.uniform(0, 80_000, 300))),
        "two cities": np.concatenate((rng.normal(0, 900, (150, 2)), rng.normal(200_000, 900, (150, 2)))),
        "one point": np.full((300, 2), 140_500.0),
        "some lost in the sea": np.concatenate((rng.normal(0, 900, (297, 2)), [[9e8, 0], [-9e8, 9e11], [1e14, -1e15]])),
    }
    for name, places in shapes.items():
        homes = places + rng.normal(0, 400, places.shape).round(-2)
        radius = rng.choice([0.0, 400.0, 1500.0, 12_000.0, np.inf], len(places))
        town = spread_out(places, homes, radius)
        assert pairs(town) == slow_pairs(town), name
        assert len(pairs(town)) > 300, name


def it_finds_everybody_however_few_pairs_are_held_at_once(monkeypatch) -> None:
    rng = np.random.default_rng(13)
    places = rng.normal(0, 2000, (120, 2))
    town = spread_out(places, places[::-1], rng.choice([500.0, 2500.0, np.inf], 120))
    expected = slow_pairs(town)
    for size in (1, 7, 1000):
        monkeypatch.setattr(eligibility, "CHUNK_PAIRS", size)
        assert pairs(town) == expected


def it_searches_a_request_for_two_skills_among_those_who_hold_the_rarer() -> None:
    people = volunteers({"skills": 1}, {"skills": 1}, {"skills": 3}, {"skills": 2}, {"skills": 7})
    town = problem(people, requests({"skills": 3}, {"skills": 0}, {"skills": 7}, {"skills": 8}))
    assert pairs(town) == [(0, 2), (0, 4), *((1, v) for v in range(5)), (2, 4)]


def it_tells_its_progress_up_to_the_end() -> None:
    told: list[float] = []
    town = problem(volunteers({}), requests({}, {"skills": 2}, {"skills": 4}))
    eligible_pairs(town, lambda _step, part: told.append(part))
    assert told == sorted(told) and told[-1] == 1
