import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings

from matching.ranking.acceptance import REFERENCE_DAYS, REFERENCE_KM, PriorRule
from matching.ranking.matcher import match
from matching.ranking.problem import SLOT_NAMES, Problem, Proposal, Reason
from matching.ranking.reasons import RESTED_DAYS, WAITING_DAYS

from .towns import MONDAY, problem, random_town, requests, towns, volunteers

RULE = PriorRule()


def keys(proposal: Proposal) -> list[str]:
    return [reason.key for reason in proposal.reasons]


def metres(town: Problem, volunteer: int, request: int) -> float:
    v, r = town.volunteers, town.requests
    return math.dist((v.x[volunteer], v.y[volunteer]), (r.x[request], r.y[request]))


def is_true(town: Problem, proposal: Proposal, reason: Reason, best: Proposal, load: np.ndarray) -> bool:
    """The fact, checked against the arrays in another way than it was made."""
    v, r = town.volunteers, town.requests
    who, what = proposal.volunteer, proposal.request
    days, value = v.days_since_offer[who], reason.value
    bit = 1 << int(value or 0)
    day = int(r.day[what])
    facts = {
        "near": lambda: abs(metres(town, who, what) - value) <= 0.5,
        "skill": lambda: bit & int(v.skills[who]) & int(r.skills[what]),
        "slot": lambda: bit & int(v.slots[who]) & int(r.slots[what]) and (day < 0 or (day - MONDAY) % 7 == value // 4),
        "language": lambda: bit & int(v.languages[who]) & int(r.languages[what]),
        "clearance": lambda: int(value) & int(v.clearances[who]) & int(r.clearances[what]),
        "rested": lambda: days == value and RESTED_DAYS <= days < WAITING_DAYS,
        "waits_long": lambda: days == value and days >= WAITING_DAYS,
        "no_recent_offer": lambda: math.isnan(days) and value is None,
        "farther": lambda: (
            value >= 1 and abs(metres(town, who, what) - metres(town, best.volunteer, what) - value) <= 0.5
        ),
        "asked_recently": lambda: days == value and days < REFERENCE_DAYS,
        "already_proposed": lambda: load[who] == value and value >= v.capacity[who],
    }
    return bool(facts[reason.key]())


@settings(max_examples=150, deadline=None)
@given(towns())
def it_states_only_facts(town: Problem) -> None:
    proposals = list(match(town, equity=0.1, balance=0.1).proposals)
    best = {q.request: q for q in proposals if q.rank == 1}
    load = np.bincount([q.volunteer for q in best.values()], minlength=len(town.volunteers))
    for proposal in proposals:
        assert proposal.reasons
        for reason in proposal.reasons:
            assert is_true(town, proposal, reason, best[proposal.request], load), (proposal, reason)


@settings(max_examples=100, deadline=None)
@given(towns())
def it_puts_reasons_against_only_on_spares_and_at_the_end(town: Problem) -> None:
    for proposal in match(town).proposals:
        against = [reason.against for reason in proposal.reasons]
        assert against == sorted(against) and (proposal.rank > 1 or not any(against))


def score_without(town: Problem, proposal: Proposal, reason: Reason) -> float:
    """What p would be if this fact did not hold: a condition leaves nothing, the others fall to the reference."""
    v, r = town.volunteers, town.requests
    who = proposal.volunteer
    if reason.key in ("skill", "slot", "language", "clearance"):
        return 0.0
    days = v.days_since_offer[who : who + 1]
    km = proposal.distance_m / 1000.0
    if reason.key == "near":
        km = REFERENCE_KM
    else:
        days = np.array([REFERENCE_DAYS])
    slots = [s for s in range(len(SLOT_NAMES)) if int(v.slots[who]) & int(r.slots[proposal.request]) & 1 << s]
    day = int(r.day[proposal.request])
    shared = len([s for s in slots if day < 0 or s // 4 == (day - MONDAY) % 7])
    effect = RULE.volunteer_effect(v.offers[who : who + 1], v.accepts[who : who + 1])
    return float(RULE.acceptance(RULE.rested(days), effect, np.array([km]), np.array([shared]))[0])


@settings(max_examples=100, deadline=None)
@given(towns())
def it_lowers_the_score_when_the_first_reason_is_removed(town: Problem) -> None:
    for proposal in match(town).proposals:
        assert score_without(town, proposal, proposal.reasons[0]) < proposal.p


@settings(max_examples=100, deadline=None)
@given(towns())
def it_orders_what_sets_someone_apart_by_what_it_adds(town: Problem) -> None:
    apart = {"near", "rested", "waits_long", "no_recent_offer"}
    for proposal in match(town).proposals:
        left = [score_without(town, proposal, reason) for reason in proposal.reasons if reason.key in apart]
        assert left == sorted(left) and all(p < proposal.p for p in left)
        assert not apart & set(keys(proposal)[len(left) :])


def it_says_why_this_neighbour() -> None:
    people = volunteers(
        {"x": 1100.0, "radius_m": 2000.0, "languages": 4, "slots": 1 << 4, "clearances": 1, "skills": 3}
    )
    asked = requests({"languages": 4, "slots": 1 << 4 | 1, "clearances": 1, "skills": 2})
    reasons = [(r.key, r.value) for r in match(problem(people, asked)).proposals[0].reasons]
    assert reasons == [
        ("near", 1100), ("no_recent_offer", None), ("skill", 1), ("slot", 4), ("language", 2), ("clearance", 1),
    ]  # fmt: skip


def it_tells_what_speaks_against_a_spare() -> None:
    people = volunteers({"x": 300.0}, {"x": 900.0, "days_since_offer": 1.0})
    spare = match(problem(people, requests({}))).proposals[1]
    assert [(r.key, r.value) for r in spare.reasons if r.against] == [("farther", 600), ("asked_recently", 1.0)]


def it_never_says_that_someone_far_is_near() -> None:
    town = problem(volunteers({"radius_m": math.inf, "x": 2000.0}), requests({}))
    assert "near" not in keys(match(town).proposals[0])


def it_never_states_how_reliable_someone_is() -> None:
    town = random_town(np.random.default_rng(9), 60, 60)
    reliable = replace(town.volunteers, offers=np.full(60, 9.0), accepts=np.full(60, 9.0))
    known = Problem(reliable, town.requests, town.buurt_count, town.absences, town.blocks)
    said = {key for proposal in match(known).proposals for key in keys(proposal)}
    assert said <= {
        "near", "skill", "slot", "language", "clearance", "rested", "waits_long", "no_recent_offer",
        "farther", "asked_recently", "already_proposed",
    }  # fmt: skip
