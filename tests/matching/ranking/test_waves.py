"""The planner's promises, over whole histories with chance in them, and on small instances by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.ranking.waves import (
    MOST_MESSAGES,
    TICK_H,
    WEEK_H,
    Crowd,
    InFlight,
    Offers,
    OpenRequests,
    ScoredEdges,
    WaveSettings,
    may_be_asked,
    plan,
    usual_hours,
)

NOON = 12.0
NO_DRAWS = WaveSettings(explore=0.0)


def requests(*posted_deadline_urgency: tuple[float, float, float]) -> OpenRequests:
    columns = np.array(posted_deadline_urgency, float).reshape(-1, 3)
    return OpenRequests(columns[:, 0], columns[:, 1], columns[:, 2])


def crowd(n: int, room: int = 1, sent: dict[int, list[float]] | None = None) -> Crowd:
    last = np.full((n, MOST_MESSAGES), np.nan)
    for who, moments in (sent or {}).items():
        last[who, : len(moments)] = moments
    return Crowd(np.full(n, room, np.int32), last)


def edges(*rows: tuple[int, int, float]) -> ScoredEdges:
    ordered = sorted(rows, key=lambda row: row[0])
    request, volunteer, p = zip(*ordered, strict=True) if ordered else ((), (), ())
    return ScoredEdges(np.array(request, np.int32), np.array(volunteer, np.int32), np.array(p, float))


def flight(*rows: tuple[int, int, float, float]) -> InFlight:
    request, volunteer, sent, p = zip(*rows, strict=True) if rows else ((), (), (), ())
    return InFlight(np.array(request, np.int32), np.array(volunteer, np.int32), np.array(sent, float), np.array(p))


def pairs(offers: Offers) -> list[tuple[int, int]]:
    return list(zip(offers.request.tolist(), offers.volunteer.tolist(), strict=True))


def same(one: Offers, other: Offers) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Offers.__slots__)


@dataclass
class Town:
    """A town lived through by chance: requests come, people answer, change their room, and the clock jumps."""

    rng: np.random.Generator
    n: int
    settings: WaveSettings
    now: float = 0.0

    def __post_init__(self) -> None:
        self.room = self.rng.integers(0, 4, self.n)
        self.sent: list[list[float]] = [[] for _ in range(self.n)]
        self.people = self.rng.random(self.n) * 0.5 + 0.01
        self.open: dict[int, tuple[float, float, float, frozenset[int]]] = {}
        self.asked: set[tuple[int, int]] = set()
        self.flight: list[tuple[int, int, float, float]] = []
        self.count = 0

    def arguments(self) -> tuple[list[int], tuple[float, OpenRequests, Crowd, ScoredEdges, InFlight]]:
        names = list(self.open)
        place = {name: number for number, name in enumerate(names)}
        rows = [
            (place[name], who, float(self.people[who]))
            for name in names
            for who in sorted(self.open[name][3])
            if (name, who) not in self.asked
        ]
        last = {who: sorted(moments, reverse=True)[:MOST_MESSAGES] for who, moments in enumerate(self.sent)}
        people = Crowd(self.room.astype(np.int32), crowd(self.n, 0, last).last_sent_h)
        going = flight(*((place[name], who, sent, p) for name, who, sent, p in self.flight))
        return names, (self.now, requests(*(self.open[name][:3] for name in names)), people, edges(*rows), going)

    def live(self, hours: float) -> None:
        self.now += hours
        self.open = {name: each for name, each in self.open.items() if each[1] > self.now - 2.0}
        for _ in range(self.rng.poisson(0.7)):
            who = frozenset(np.flatnonzero(self.rng.random(self.n) < 0.5).tolist())
            lasts = float(self.rng.choice([3.0, 24.0, 72.0, 168.0]))
            self.open[self.count] = (self.now, self.now + lasts, float(self.rng.choice([1.0, 2.0, 4.0])), who)
            self.count += 1
        answered = [each for each in self.flight if self.rng.random() < 0.15]
        for name, _who, _sent, p in answered:
            if self.rng.random() < p:
                self.open.pop(name, None)
        self.flight = [each for each in self.flight if each not in answered and each[0] in self.open]
        if self.rng.random() < 0.1:
            self.room[self.rng.integers(self.n)] = self.rng.integers(-1, 4)

    def send(self, names: list[int], offers: Offers) -> None:
        for request, who, p in zip(offers.request.tolist(), offers.volunteer.tolist(), offers.p.tolist(), strict=True):
            self.asked.add((names[request], who))
            self.sent[who].append(self.now)
            self.flight.append((names[request], who, self.now, p))


def check_promises(town: Town, names: list[int], arguments: tuple[Any, ...], offers: Offers) -> None:
    """Everything that must hold for the offers of one call."""
    now, asked, people, pool, going = arguments
    hour = now % 24.0
    new = pairs(offers)
    given_p = {
        (r, v): p for r, v, p in zip(pool.request.tolist(), pool.volunteer.tolist(), pool.p.tolist(), strict=True)
    }
    assert len(set(new)) == len(new) and len(set(offers.volunteer.tolist())) == len(new)
    assert all(given_p[pair] == p for pair, p in zip(new, offers.p.tolist(), strict=True))
    assert all((names[r], v) not in town.asked for r, v in new)
    assert not new or 7.0 <= hour < 22.0
    for r, v in new:
        left = asked.deadline_h[r] - now
        assert left > 0 and (left <= 24.0 or 8.0 <= hour < 21.0)
        assert sum(now - moment < WEEK_H for moment in town.sent[v]) < MOST_MESSAGES
        assert all(not abs(now - moment) < TICK_H for moment in town.sent[v])
    load = np.bincount(np.concatenate((going.volunteer, offers.volunteer)), minlength=town.n)
    assert (load <= np.maximum(people.room, np.bincount(going.volunteer, minlength=town.n)))[offers.volunteer].all()
    assert ((offers.propensity > 0) & (offers.propensity <= 1)).all()
    assert (offers.candidates >= 1).all() and (offers.p >= town.settings.lowest_p).all()
    assert ((offers.volunteer == offers.best) | offers.explored).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    start=st.sampled_from([0.0, 8.0, -400.0, 1e7]),
    explore=st.sampled_from([0.0, 0.04, 1.0]),
    jumps=st.lists(st.tuples(st.integers(0, 120), st.sampled_from([-30.0, -1.0, 1.0, 50.0, 200.0])), max_size=3),
)
def it_keeps_its_promises_over_any_history(
    seed: int, start: float, explore: float, jumps: list[tuple[int, float]]
) -> None:
    rng = np.random.default_rng(seed)
    town = Town(rng, int(rng.integers(1, 12)), WaveSettings(explore=explore), start)
    jump = dict(jumps)
    for step in range(120):
        town.live(jump.get(step, float(rng.choice([TICK_H, 1.0, 3.0]))))
        names, arguments = town.arguments()
        offers = plan(*arguments, settings=town.settings, seed=seed)
        check_promises(town, names, arguments, offers)
        assert same(offers, plan(*arguments, settings=town.settings, seed=seed))
        town.send(names, offers)
        # A second look in the same tick never asks the same person again.
        names, arguments = town.arguments()
        again = plan(*arguments, settings=town.settings, seed=seed)
        check_promises(town, names, arguments, again)
        town.send(names, again)
    for moments in town.sent:
        forward = np.array(moments)
        within = [np.count_nonzero((forward > moment - WEEK_H) & (forward <= moment)) for moment in moments]
        assert max(within, default=0) <= MOST_MESSAGES


def it_asks_somebody_in_an_ordinary_town() -> None:
    town = Town(np.random.default_rng(5), 30, WaveSettings())
    sent = 0
    for _ in range(200):
        town.live(1.0)
        names, arguments = town.arguments()
        offers = plan(*arguments)
        town.send(names, offers)
        sent += len(offers)
    assert sent > 50


def small_town(rng: np.random.Generator, m: int, n: int) -> tuple[OpenRequests, Crowd, ScoredEdges, InFlight]:
    asked = requests(*((0.0, NOON + 5.0 + 100.0 * rng.random(), 1.0 + rng.random()) for _ in range(m)))
    rows = [(r, v, 0.1 + 0.5 * rng.random()) for r in range(m) for v in range(n) if rng.random() < 0.7]
    last = {v: [NOON - 1.0 - 300.0 * rng.random()] for v in range(n) if rng.random() < 0.5}
    busy = [(int(rng.integers(m)), int(rng.integers(n)), NOON - 2.0, 0.2)]
    rows = [row for row in rows if row[:2] != busy[0][:2]]
    return asked, crowd(n, 2, last), edges(*rows), flight(*busy)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32))
def it_does_not_matter_in_which_order_people_are_listed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m, n = 6, 15
    asked, people, pool, going = small_town(rng, m, n)
    r_new, v_new = rng.permutation(m), rng.permutation(n)
    r_old, v_old = np.argsort(r_new), np.argsort(v_new)
    turned = plan(
        NOON,
        OpenRequests(asked.posted_h[r_old], asked.deadline_h[r_old], asked.urgency[r_old]),
        Crowd(people.room[v_old], people.last_sent_h[v_old]),
        edges(*zip(r_new[pool.request].tolist(), v_new[pool.volunteer].tolist(), pool.p.tolist(), strict=True)),
        replace(going, request=r_new[going.request], volunteer=v_new[going.volunteer]),
        settings=NO_DRAWS,
    )
    straight = plan(NOON, asked, people, pool, going, settings=NO_DRAWS)
    assert [(int(r_new[r]), int(v_new[v])) for r, v in pairs(straight)] == pairs(turned)
    assert len(straight) > 0


def it_states_propensities_that_come_true() -> None:
    asked = requests((NOON, NOON + 24.0, 4.0), (NOON - 90.0, NOON + 4.0, 1.0))
    pool = edges(*((r, v, 0.1 + 0.07 * v + 0.01 * r) for r in range(2) for v in range(5)))
    chosen = WaveSettings(explore=0.5, most_in_flight=2)
    runs = 6000
    stated: dict[tuple[Any, ...], float] = {}
    slots: Counter[tuple[Any, ...]] = Counter()
    seen: Counter[tuple[Any, ...]] = Counter()
    for seed in range(runs):
        offers = plan(NOON, asked, crowd(5), pool, InFlight(), settings=chosen, seed=seed)
        before: tuple[Any, ...] = ()
        for pair, propensity in zip(pairs(offers), offers.propensity.tolist(), strict=True):
            slots[(before, pair[0])] += 1
            seen[(before, pair)] += 1
            assert stated.setdefault((before, pair), propensity) == propensity
            before += (pair,)
    assert slots[((), 0)] == runs
    for (before, pair), propensity in stated.items():
        tries = slots[(before, pair[0])]
        spread = (propensity * (1 - propensity) / tries) ** 0.5
        assert abs(seen[(before, pair)] / tries - propensity) < 5 * spread + 1e-9
    first = [propensity for (before, _), propensity in stated.items() if before == ()]
    assert len(first) == 5 and sum(first) == pytest.approx(1.0)


def it_explores_in_three_to_five_per_cent_of_the_slots() -> None:
    rng = np.random.default_rng(7)
    explored, slots = 0, 0
    for tick in range(600):
        asked, people, pool, _ = small_town(rng, 8, 60)
        offers = plan(NOON + WEEK_H * tick, replace(asked, deadline_h=asked.deadline_h + WEEK_H * tick),
                      replace(people, last_sent_h=np.full((60, 3), np.nan)), pool, InFlight())  # fmt: skip
        explored, slots = explored + int(offers.explored.sum()), slots + len(offers)
    assert slots > 4000
    assert 0.03 <= explored / slots <= 0.05


def it_makes_up_for_a_decline_in_the_same_tick() -> None:
    asked = requests((NOON, NOON + 72.0, 1.0))
    everybody = [(0, v, 0.3 - 0.01 * v) for v in range(5)]
    first = plan(NOON, asked, crowd(5), edges(*everybody), InFlight(), settings=NO_DRAWS)
    assert pairs(first) == [(0, 0)]
    told = crowd(5, sent={0: [NOON]})
    left = edges(*everybody[1:])
    waiting = plan(NOON, asked, told, left, flight((0, 0, NOON, 0.3)), settings=NO_DRAWS)
    assert pairs(waiting) == []
    declined = plan(NOON, asked, told, left, InFlight(), settings=NO_DRAWS)
    assert pairs(declined) == [(0, 1)]


def it_asks_the_next_when_the_first_keeps_silent() -> None:
    asked, left = requests((NOON, NOON + 160.0, 1.0)), edges((0, 1, 0.3))
    told = crowd(2, sent={0: [NOON]})
    sent = [
        len(plan(NOON + hours, asked, told, left, flight((0, 0, NOON, 0.3)), settings=NO_DRAWS))
        for hours in (0.0, 1.0, 24.0)
    ]
    assert sent == [0, 0, 1]


def it_asks_more_people_at_once_when_it_is_urgent() -> None:
    pool = edges(*((0, v, 0.2) for v in range(20)))
    counts = [
        len(plan(NOON, requests((posted, deadline, 1.0)), crowd(20), pool, InFlight()))
        for posted, deadline in ((NOON, NOON + 168.0), (NOON - 160.0, NOON + 8.0), (NOON, NOON + 24.0))
    ]
    assert counts[0] == 1 < counts[1] and counts[0] < counts[2]


def it_never_has_too_many_people_making_up_their_minds() -> None:
    pool = edges(*((0, v, 0.1) for v in range(50)))
    asked = requests((NOON, NOON + 2.0, 4.0))
    assert len(plan(NOON, asked, crowd(50), pool, InFlight())) == WaveSettings().most_in_flight
    going = flight(*((0, v, NOON, 0.1) for v in range(8)))
    assert len(plan(NOON, asked, crowd(60), edges(*((0, v, 0.1) for v in range(8, 60))), going)) == 0


def it_lets_the_most_urgent_choose_first() -> None:
    asked = requests((0.0, NOON + 100.0, 1.0), (0.0, NOON + 100.0, 4.0))
    offers = plan(NOON, asked, crowd(1), edges((0, 0, 0.4), (1, 0, 0.4)), InFlight())
    assert pairs(offers) == [(1, 0)]


def it_spares_the_only_one_for_others() -> None:
    asked = requests((0.0, NOON + 100.0, 4.0), (0.0, NOON + 100.0, 1.0))
    pool = edges((0, 0, 0.40), (0, 1, 0.38), (1, 0, 0.40))
    assert pairs(plan(NOON, asked, crowd(2), pool, InFlight(), settings=NO_DRAWS)) == [(0, 1), (1, 0)]


def it_prefers_the_rested_when_the_chances_are_alike() -> None:
    asked, pool = requests((0.0, NOON + 100.0, 1.0)), edges((0, 0, 0.301), (0, 1, 0.3))
    tired = crowd(2, room=3, sent={0: [NOON - 30.0, NOON - 60.0]})
    assert pairs(plan(NOON, asked, tired, pool, InFlight(), settings=NO_DRAWS)) == [(0, 1)]


def it_bothers_nobody_without_hope() -> None:
    hopeless = edges((0, 0, 0.0), (0, 1, WaveSettings().lowest_p / 2))
    assert len(plan(NOON, requests((0.0, 20.0, 4.0)), crowd(2), hopeless, InFlight())) == 0


@pytest.mark.parametrize(
    ("hour", "left", "asks"),
    [(6.9, 20.0, False), (7.0, 20.0, True), (7.0, 40.0, False), (8.0, 40.0, True), (20.9, 40.0, True),
     (21.0, 40.0, False), (21.9, 20.0, True), (22.0, 20.0, False), (NOON, 0.0, False), (NOON, -1.0, False)],
)  # fmt: skip
def it_is_silent_at_night_and_after_the_deadline(hour: float, left: float, asks: bool) -> None:
    asked = requests((hour - 60.0, hour + left, 1.0))
    assert bool(len(plan(hour, asked, crowd(1), edges((0, 0, 0.5)), InFlight()))) is asks


@pytest.mark.parametrize("now", [-1e9 + NOON, -12.0, 0.0, NOON, 1e9 + 0.5, 1e15])
@pytest.mark.parametrize("seed", [-3, 0, 2**70])
def it_has_draws_for_every_moment_and_seed(now: float, seed: int) -> None:
    now = now - now % 24.0 + NOON
    asked = requests((now, now + 100.0, 1.0))
    pool = edges(*((0, v, 0.2) for v in range(9)))
    once, again = (
        plan(now, asked, crowd(9), pool, InFlight(), settings=WaveSettings(explore=1.0), seed=seed) for _ in range(2)
    )
    assert len(once) > 0 and same(once, again)


def it_draws_differently_with_another_seed() -> None:
    asked, pool = requests((0.0, 100.0, 1.0)), edges(*((0, v, 0.2) for v in range(9)))
    drawn = {
        int(plan(NOON, asked, crowd(9), pool, InFlight(), settings=WaveSettings(explore=1.0), seed=seed).volunteer[0])
        for seed in range(-40, 40)
    }
    assert len(drawn) == 9


def it_counts_a_message_ahead_of_the_clock_as_recent() -> None:
    people = crowd(2, room=5, sent={0: [NOON + 3.0, NOON + 2.0, NOON + 1.0], 1: [NOON + 3.0]})
    assert may_be_asked(NOON, people, InFlight()).tolist() == [False, False]
    assert may_be_asked(NOON + 4.0, people, InFlight()).tolist() == [False, True]


def it_may_let_go_of_places_held_by_long_silence() -> None:
    going = flight((0, 0, NOON, 0.3))
    people = crowd(1, room=1, sent={0: [NOON]})
    assert not may_be_asked(NOON + 100.0, people, going).any()
    assert may_be_asked(NOON + 100.0, people, going, 24.0).all()
    assert not may_be_asked(NOON + 20.0, people, going, 24.0).any()


def it_counts_usual_hours_without_gaps_or_turning_back() -> None:
    moments = np.arange(-400.0, 400.0, 0.5)
    hours = usual_hours(moments)
    assert (np.diff(hours) > 0).all()
    assert usual_hours(moments + WEEK_H) - hours == pytest.approx(np.full(len(moments), usual_hours(WEEK_H)))
    assert usual_hours([19.0, 20.0]) @ [-1, 1] > usual_hours([11.0, 12.0]) @ [-1, 1] > usual_hours([3.0, 4.0]) @ [-1, 1]


def it_has_nothing_to_do_in_an_empty_town() -> None:
    for asked, people, pool in (
        (requests(), crowd(0), edges()),
        (requests((0.0, 100.0, 1.0)), crowd(0), edges()),
        (requests(), crowd(3), edges()),
        (requests((0.0, 100.0, 1.0)), crowd(2, room=0), edges((0, 0, 0.5), (0, 1, 1.0))),
    ):
        assert len(plan(NOON, asked, people, pool, InFlight())) == 0


GOOD = {
    "now": NOON,
    "requests": requests((0.0, 20.0, 1.0), (0.0, 30.0, 1.0)),
    "volunteers": crowd(2),
    "edges": edges((0, 0, 0.5), (1, 1, 0.5)),
    "in_flight": InFlight(),
}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"now": float("nan")}, "finite"),
        ({"now": float("inf")}, "finite"),
        ({"volunteers": Crowd(np.ones(2, np.int32), np.full((2, 2), np.nan))}, "shape"),
        ({"edges": replace(GOOD["edges"], p=np.array([0.5]))}, "one length"),
        ({"edges": replace(GOOD["edges"], volunteer=np.array([0, 2], np.int32))}, "not there"),
        ({"edges": replace(GOOD["edges"], volunteer=np.array([0, -1], np.int32))}, "not there"),
        ({"edges": replace(GOOD["edges"], request=np.array([1, 0], np.int32))}, "sorted"),
        ({"edges": replace(GOOD["edges"], p=np.array([0.5, 1.1]))}, "between 0 and 1"),
        ({"edges": replace(GOOD["edges"], p=np.array([0.5, np.nan]))}, "between 0 and 1"),
        ({"in_flight": flight((0, 0, np.nan, 0.5))}, "finite"),
        ({"in_flight": flight((0, 0, 1.0, -0.5))}, "between 0 and 1"),
        ({"in_flight": flight((2, 0, 1.0, 0.5))}, "not there"),
        ({"requests": requests((0.0, np.nan, 1.0), (0.0, 30.0, 1.0))}, "finite"),
        ({"requests": requests((0.0, 20.0, np.inf), (0.0, 30.0, 1.0))}, "finite"),
    ],
)
def it_says_what_is_wrong(wrong: dict[str, Any], sentence: str) -> None:
    assert len(plan(**GOOD)) == 2
    with pytest.raises(ValueError, match=sentence):
        plan(**{**GOOD, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"rho": 1.0}, {"rho": 0.5}, {"floor": 0.0}, {"urgent_floor": 0.95}, {"explore": -0.1}, {"explore": 1.1},
        {"answer_h": 0.0}, {"answer_h": float("nan")}, {"most_in_flight": 0}, {"scarcity": -1.0}, {"spare": 1.5},
        {"lowest_p": -0.1}, {"last_hour": 25.0}, {"answering": (1.0,) * 24}, {"answering": (0.0,) * 48},
        {"rho": float("nan")}, {"lowest_p": float("nan")}, {"holds_h": 0.0},
    ],
)  # fmt: skip
def it_refuses_settings_that_mean_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        WaveSettings(**wrong)
