import math

import numpy as np
import pytest

from matching.ranking.acceptance import PriorRule, score
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.problem import Problem, Weights

from .towns import problem, requests, volunteers

RULE = PriorRule()


def p_of(town: Problem) -> list[float]:
    return score(town, eligible_pairs(town), RULE)[1].tolist()


def it_follows_the_stated_formula() -> None:
    one = {"offers": 4.0, "accepts": 3.0, "days_since_offer": 2.0, "slots": 0b11}
    town = problem(volunteers(one), requests({"x": 1000.0, "slots": 0b11}))
    effect = (3 - 4 * 0.35) / (4 * 0.35 * 0.65 + 1 / 0.8**2)
    log_odds = -1.3 + 0.7 * (2 - 1) + 0.2 * (2 - 1)
    assert p_of(town) == [pytest.approx((1 - 0.7**2) / (1 + math.exp(-log_odds - effect)))]


def it_lets_a_volunteer_rest_after_an_offer() -> None:
    asked = [{"days_since_offer": days} for days in (0.5, 1.0, 3.0, 14.0, math.nan)]
    p = p_of(problem(volunteers(*asked), requests({})))
    assert p == sorted(p) and len(set(p)) == 5


def it_leaves_out_who_was_asked_this_very_moment() -> None:
    assert p_of(problem(volunteers({"days_since_offer": 0.0}), requests({}))) == []


def it_prefers_near_to_far_and_more_shared_slots_to_fewer() -> None:
    people = volunteers({"slots": 3}, {"slots": 1}, {"slots": 1, "x": 800.0})
    p = p_of(problem(people, requests({"slots": 3})))
    assert p[0] > p[1] > p[2]


def it_shrinks_the_volunteer_effect_to_zero() -> None:
    effect = RULE.volunteer_effect(np.array([math.nan, 0.0, 1.0, 100.0]), np.array([math.nan, 0.0, 1.0, 100.0]))
    assert effect[0] == effect[1] == 0 and 0 < effect[2] < 0.5 < effect[3] < 3


def it_does_not_let_language_clearance_or_buurt_change_a_score() -> None:
    people = volunteers({}, {"languages": 7, "clearances": 3, "buurt": 5, "skills": 7})
    p = p_of(problem(people, requests({"languages": 1})))
    assert p[0] == p[1]


def it_takes_given_weights_and_drops_every_other_pair() -> None:
    weights = Weights(np.array([[2, 0], [0, 1]], np.int32), np.array([0.25, 0.5]))
    town = problem(volunteers({}, {}, {}), requests({}, {}), weights=weights)
    edges, p = score(town, eligible_pairs(town), RULE)
    assert edges.request.tolist() == [0, 1] and edges.volunteer.tolist() == [2, 0] and p.tolist() == [0.25, 0.5]


def it_keeps_the_hard_rules_for_given_weights() -> None:
    weights = Weights(np.array([[0, 0]], np.int32), np.array([1.0]))
    town = problem(volunteers({}), requests({"clearances": 1}), weights=weights)
    assert p_of(town) == []
