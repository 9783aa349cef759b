"""The figures, on a history short enough to count by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from matching.ranking.problem import Edges, Problem
from matching.ranking.simulation.history import (
    CLAIMED,
    EXPIRED,
    IN_VAIN,
    History,
    buurt_fills,
    figures,
    most_messages,
    numbers,
)
from matching.ranking.simulation.world import World
from tests.matching.ranking.towns import requests, volunteers


def tiny_world() -> World:
    """Four requests: urgent, urgent in another language, soon, and one for which nobody is eligible."""
    people = volunteers({"capacity": 3}, {"buurt": 1, "capacity": 3})
    asked = requests({}, {"languages": 4, "buurt": 1}, {}, {"buurt": 1})
    request, volunteer = np.array([0, 0, 1, 2], np.int32), np.array([0, 1, 1, 0], np.int32)
    return World(
        seed=1,
        weeks=1,
        problem=Problem(people, asked, 2),
        posted_h=np.array([10.0, 10.0, 20.0, 30.0]),
        deadline_h=np.array([34.0, 34.0, 92.0, 102.0]),
        respite=np.zeros(4, bool),
        needs_language=np.array([False, True, False, False]),
        workday=np.zeros(2, bool),
        edges=Edges(request, volunteer, np.zeros(4)),
        start=np.array([0, 2, 3, 4, 4]),
        shared_slots=np.ones(4, np.uint8),
    )


def tiny_history() -> History:
    """Request 0: claimed by 0 after 2 hours, in vain by 1. Request 1: silence. Request 2: claimed after 8 hours."""
    return History(
        request=np.array([0, 0, 1, 2], np.int32),
        volunteer=np.array([0, 1, 1, 0], np.int32),
        edge=np.arange(4),
        sent_h=np.array([10.25, 10.5, 11.0, 21.0]),
        opened_h=np.array([11.0, 11.5, 60.0, 27.0]),
        answered_h=np.array([12.0, 12.5, np.nan, 28.0]),
        closed_h=np.array([np.nan, 12.0, 34.0, np.nan]),
        p=np.full(4, 0.5),
        propensity=np.ones(4),
        explored=np.zeros(4, bool),
        outcome=np.array([CLAIMED, IN_VAIN, EXPIRED, CLAIMED], np.int8),
        attention=np.ones(4),
        claimed_h=np.array([12.0, np.nan, 28.0, np.nan]),
        helped=np.array([True, False, True, False]),
    )


def it_counts_what_can_be_counted_by_hand() -> None:
    found = dict(numbers(figures(tiny_world(), tiny_history(), ask_all=0.625)))
    assert found == pytest.approx(
        {
            "fill": 0.5, "fill_over_ask_all": 0.8, "urgent_fill": 0.5, "messages": 2.0, "most_in_week": 2,
            "in_vain": 0.5, "hours_urgent": 2.0, "hours_others": 8.0, "buurt_p10": 0.1, "language_parity": 0.0,
            "offers": 4, "requests": 4,
        }
    )  # fmt: skip


def it_draws_the_waiting_curve() -> None:
    waiting = figures(tiny_world(), tiny_history(), 1.0).waiting
    assert waiting[:6] == (0.0, 0.25, 0.25, 0.25, 0.5, 0.5) and waiting[-1] == 0.5


def it_gives_nan_and_no_error_where_nothing_happened() -> None:
    none = replace(tiny_history(), helped=np.zeros(4, bool), claimed_h=np.full(4, np.nan))
    found = figures(tiny_world(), none, 0.0)
    assert found.fill == 0 and np.isnan([found.messages, found.hours_urgent, found.fill_over_ask_all]).all()


@pytest.mark.parametrize(
    ("moments", "most"),
    [([], 0), ([5.0], 1), ([0.0, 168.0], 1), ([0.0, 167.75], 2), ([0.0, 50.0, 100.0, 168.0, 200.0, 210.0], 5)],
)
def it_finds_the_worst_seven_days(moments: list[float], most: int) -> None:
    count = len(moments)
    # Somebody else gets a message at the same moments and must not be counted along.
    history = replace(
        tiny_history(),
        volunteer=np.repeat([3, 4], count).astype(np.int32),
        sent_h=np.array(moments * 2),
    )
    assert most_messages(history) == most


def it_leaves_small_buurten_out_of_the_percentile() -> None:
    buurt = np.array([0] * 10 + [1] * 9, np.int32)
    assert buurt_fills(buurt, np.arange(19) < 5).tolist() == [0.5]
