from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings

from matching.ranking.acceptance import PriorRule
from matching.ranking.explanations import explanation_check
from matching.ranking.matcher import match
from matching.ranking.problem import Edges, Problem, Proposal, Reason

from .towns import problem, random_town, requests, towns, volunteers

RULE = PriorRule()


@settings(max_examples=100, deadline=None)
@given(towns())
def it_finds_every_fact_true_and_every_first_reason_of_weight(town: Problem) -> None:
    proposals = match(town, equity=0.1, balance=0.1).proposals
    checked = explanation_check(town, proposals, RULE)
    assert checked.pairs == len(proposals) and not checked.false
    assert checked.true_facts == checked.facts == sum(len(q.reasons) for q in proposals)
    assert checked.lowered == checked.distinctive


def one_request() -> tuple[Problem, list[Proposal]]:
    """A pair with every kind of reason for, then a spare with every kind against, who is taken by a second request."""
    people = volunteers(
        {"x": 400.0, "languages": 4, "clearances": 1, "skills": 3, "days_since_offer": 9.0, "slots": 6},
        {"x": 900.0, "languages": 4, "clearances": 1, "skills": 3, "days_since_offer": 1.0, "slots": 6},
    )
    asked = {"languages": 4, "clearances": 1, "skills": 2, "slots": 6}
    town = problem(people, requests(asked, {"x": 1800.0, "slots": 6, "skills": 2}))
    return town, list(match(town).proposals)


FALSE_FACTS = [
    Reason("near", 402), Reason("rested", 8.0), Reason("waits_long", 9.0), Reason("no_recent_offer"),
    Reason("skill", 0), Reason("skill", 5), Reason("slot", 0), Reason("slot", 3), Reason("language", 1),
    Reason("clearance", 2), Reason("farther", 500, True), Reason("near", 400, True), Reason("kind", 1.0),
]  # fmt: skip


@pytest.mark.parametrize("wrong", FALSE_FACTS, ids=lambda reason: f"{reason.key}-{reason.value}")
def it_notices_a_fact_that_is_not_true(wrong: Reason) -> None:
    town, (first, *others) = one_request()
    assert not explanation_check(town, [first, *others], RULE).false
    lie = replace(first, reasons=(*first.reasons, wrong))
    checked = explanation_check(town, [lie, *others], RULE)
    assert checked.false == ((lie, wrong),) and checked.true_facts == checked.facts - 1
    assert checked.true_share < 1


@pytest.mark.parametrize("key", ["farther", "asked_recently", "already_proposed"])
def it_notices_what_is_wrongly_held_against_a_spare(key: str) -> None:
    town, (first, second, *others) = one_request()
    stated = next(reason for reason in second.reasons if reason.key == key)
    wrong = replace(stated, value=stated.value + 1)
    lie = replace(second, reasons=(wrong,))
    assert explanation_check(town, [first, lie, *others], RULE).false == ((lie, wrong),)


def it_asks_for_a_slot_on_the_day_itself() -> None:
    monday = 738_856 - (738_856 + 6) % 7
    people = volunteers({"slots": 1 << 4 | 1})
    town = problem(people, requests({"slots": 1 << 4 | 1, "day": monday + 1}))
    proposal = match(town).proposals[0]
    assert not explanation_check(town, [proposal], RULE).false
    lie = replace(proposal, reasons=(Reason("slot", 0),))
    assert len(explanation_check(town, [lie], RULE).false) == 1


@dataclass(frozen=True)
class BlindToDistance(PriorRule):
    """A rule in which being near adds nothing."""

    def at_reference(self, town: Problem, edges: Edges, feature: str) -> np.ndarray:
        return self.score(town, edges) if feature == "km" else super().at_reference(town, edges, feature)


def it_notices_a_first_reason_that_does_not_matter() -> None:
    town, proposals = one_request()
    assert {proposal.reasons[0].key for proposal in proposals} == {"near"}
    checked = explanation_check(town, proposals, BlindToDistance())
    assert (checked.distinctive, checked.lowered, checked.lowered_share) == (len(proposals), 0, 0.0)


def it_states_by_any_rule_only_what_matters_to_that_rule() -> None:
    town = random_town(np.random.default_rng(4), 60, 60)
    rule = BlindToDistance()
    proposals = match(town, rule=rule).proposals
    keys = {reason.key for proposal in proposals for reason in proposal.reasons}
    checked = explanation_check(town, proposals, rule)
    assert "near" not in keys and {"rested", "no_recent_offer"} <= keys
    assert checked.distinctive > 20 and checked.lowered == checked.distinctive


def it_says_nothing_about_nothing() -> None:
    checked = explanation_check(problem(volunteers(), requests()), [], RULE)
    assert (checked.pairs, checked.facts, checked.distinctive) == (0, 0, 0)
    assert math.isnan(checked.true_share) and math.isnan(checked.lowered_share)
