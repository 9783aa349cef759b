"""The weeks go by: the same draws for everybody, promises kept, and no policy beats the bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from matching.ranking.simulation.bounds import ask_all, fewest_messages
from matching.ranking.simulation.desk import Desk, asking_ticks, may_ask, next_asking_tick
from matching.ranking.simulation.events import simulate
from matching.ranking.simulation.history import (
    CLAIMED,
    DECLINED,
    EXPIRED,
    IN_VAIN,
    TAKEN_BACK,
    History,
    figures,
    most_messages,
)
from matching.ranking.simulation.policies import POLICIES
from matching.ranking.simulation.runs import NAMES
from matching.ranking.simulation.scoring import Prior, rule_named
from matching.ranking.simulation.truth import FATIGUE, build_truth
from matching.ranking.simulation.world import Shape, build_world
from tests.matching.ranking.simulation.worlds import small_world


def run(policy: str, fatigue: str = "mild", seed: int = 1) -> History:
    world, truth = small_world(seed)
    return simulate(world, truth, POLICIES[policy], Prior(), FATIGUE[fatigue])


@pytest.mark.parametrize("policy", POLICIES)
def it_gives_the_same_history_for_the_same_seed(policy: str) -> None:
    one, other = run(policy), run(policy)
    for name in History.__slots__:
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=getattr(one, name).dtype.kind == "f")


@pytest.mark.parametrize("policy", [name for name in POLICIES if not name.endswith("-uncapped")])
def it_never_breaks_the_message_cap(policy: str) -> None:
    world, truth = small_world(2, Shape(60, 80.0, 3, buurten=4))
    history = simulate(world, truth, POLICIES[policy], Prior(), FATIGUE["off"])
    assert len(history) and most_messages(history) <= 3


def it_breaks_the_cap_where_none_is_promised() -> None:
    world, truth = small_world(2, Shape(60, 80.0, 3, buurten=4))
    history = simulate(world, truth, POLICIES["everyone-uncapped"], Prior(), FATIGUE["off"])
    assert most_messages(history) > 3


@pytest.mark.parametrize("policy", POLICIES)
def it_keeps_every_rule_of_the_town(policy: str) -> None:
    world, _ = small_world()
    history = run(policy)
    eligible = set(zip(world.edges.request.tolist(), world.edges.volunteer.tolist(), strict=True))
    pairs = list(zip(history.request.tolist(), history.volunteer.tolist(), strict=True))
    assert set(pairs) <= eligible and len(set(pairs)) == len(pairs)
    assert (history.sent_h >= world.posted_h[history.request]).all()
    assert (history.sent_h < world.deadline_h[history.request]).all()
    asked = zip(history.sent_h.tolist(), world.deadline_h[history.request].tolist(), strict=True)
    assert all(may_ask(sent, deadline) for sent, deadline in asked)
    claimed = history.claimed_h[~np.isnan(history.claimed_h)]
    assert (claimed <= world.deadline_h[~np.isnan(history.claimed_h)]).all()
    _check_capacity(world.volunteers.capacity, history)


def _check_capacity(capacity: np.ndarray, history: History) -> None:
    """No more claims in any seven days than the volunteer has places."""
    claims = np.flatnonzero(history.outcome == CLAIMED)
    for who in np.unique(history.volunteer[claims]):
        when = np.sort(history.answered_h[claims[history.volunteer[claims] == who]])
        too_many = when[capacity[who] :] - when[: max(len(when) - capacity[who], 0)]
        assert (too_many >= 168.0).all()


def it_never_beats_the_bound_of_its_own_draws() -> None:
    world, truth = small_world()
    possible = ask_all(world, truth).possible
    for policy in POLICIES:
        assert not (run(policy, "off").helped & ~possible).any()


def it_helps_whoever_can_be_helped_when_all_are_asked_and_nothing_is_in_the_way() -> None:
    world, truth = small_world()
    roomy = replace(world, problem=replace(world.problem, volunteers=replace(
        world.volunteers, capacity=np.full(len(world.volunteers), 99, np.int32))))  # fmt: skip
    steady = replace(truth, drops_out_h=np.full(len(world.edges), np.inf), no_show=np.zeros(len(world.edges), bool))
    everyone = simulate(roomy, steady, POLICIES["everyone-uncapped"], Prior(), replace(FATIGUE["off"], task=0.0))
    assert np.array_equal(everyone.helped, ask_all(roomy, steady).possible)


def it_answers_a_pair_alike_under_every_policy_while_nobody_tires() -> None:
    said: dict[int, bool] = {}
    for policy in ("nearest-uncapped", "everyone-uncapped", "waves-of-five"):
        history = run(policy, "off")
        for edge, outcome in zip(history.edge.tolist(), history.outcome.tolist(), strict=True):
            if outcome in (CLAIMED, IN_VAIN, DECLINED):
                assert said.setdefault(edge, outcome != DECLINED) == (outcome != DECLINED)
    assert len(set(said.values())) == 2


def it_helps_less_when_messages_tire_people() -> None:
    world, truth = small_world(2, Shape(60, 80.0, 3, buurten=4))
    everyone = POLICIES["everyone-uncapped"]
    fills = [simulate(world, truth, everyone, Prior(), FATIGUE[f]).helped.mean() for f in ("off", "mild", "harsh")]
    assert fills[0] > fills[1] > fills[2]


def it_uses_up_nobody_without_capacity() -> None:
    world, truth = small_world()
    none = replace(world.problem, volunteers=replace(
        world.volunteers, capacity=np.zeros(len(world.volunteers), np.int32)))  # fmt: skip
    for policy in ("ours", "everyone-uncapped"):
        history = simulate(replace(world, problem=none), truth, POLICIES[policy], Prior(), FATIGUE["mild"])
        found = figures(world, history, 0.5)
        assert found.fill == 0 and len(history) == 0 and np.isnan(found.messages)


def it_lives_through_weeks_in_which_nobody_is_eligible() -> None:
    world = build_world(Shape(1, 3.0, 1, buurten=50), 1)
    truth = build_truth(world)
    history = simulate(world, truth, POLICIES["ours"], Prior(), FATIGUE["mild"])
    assert figures(world, history, ask_all(world, truth).fill).fill == 0


def it_closes_every_offer() -> None:
    for policy in ("ours", "waves-of-five"):
        assert set(run(policy).outcome.tolist()) <= {DECLINED, CLAIMED, IN_VAIN, TAKEN_BACK, EXPIRED}


def it_says_yes_in_vain_only_after_the_claim_and_after_opening_before_it() -> None:
    history = run("everyone-uncapped", "off")
    vain = history.outcome == IN_VAIN
    assert vain.any()
    assert (history.answered_h[vain] >= history.closed_h[vain]).all()
    assert (history.opened_h[vain] < history.closed_h[vain]).all()


def it_waits_for_decent_hours() -> None:
    assert next_asking_tick(10.1, 500.0) == 10.25
    assert next_asking_tick(22.0, 500.0) == 24.0 + 8.0
    assert next_asking_tick(22.5, 40.0) == 24.0 + 7.0
    assert asking_ticks(np.array([3.0]), np.array([27.0])).tolist() == [7.0]


def it_learns_nothing_from_a_rule_that_is_stated_and_all_from_the_oracle() -> None:
    world, truth = small_world()
    prior, oracle = rule_named("prior", world, truth), rule_named("oracle", world, truth)
    edges = np.arange(len(world.edges))
    desk = Desk(world)
    truly = oracle.p(desk, 10.0, edges)
    assert np.corrcoef(truly, truth.p)[0, 1] > 0.95
    assert np.corrcoef(prior.p(desk, 10.0, edges), truth.p)[0, 1] < 0.7


def it_needs_at_least_the_fewest_messages() -> None:
    world, truth = small_world()
    bound = ask_all(world, truth)
    fewest = [fewest_messages(world, truth, share * bound.fill) for share in (0.3, 0.6, 0.9)]
    assert fewest == sorted(fewest) and fewest[0] >= 1
    assert np.isnan(fewest_messages(world, truth, 1.0))


def it_names_every_policy_once() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(POLICIES) + 2
