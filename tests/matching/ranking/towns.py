"""Small towns for the matcher's tests, and the same rules written slowly, pair by pair."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
from hypothesis import strategies as st

from matching.ranking.problem import Absences, Problem, Requests, Volunteers

MONDAY = date(2024, 11, 18).toordinal()
RULES = ("skill", "near", "slot", "language", "clearance", "block", "room")


def volunteers(*people: dict[str, Any]) -> Volunteers:
    """Volunteers who differ from the usual one as given."""
    usual = {
        "buurt": 0, "x": 0.0, "y": 0.0, "radius_m": 1000.0, "capacity": 1, "skills": 1, "slots": 1, "languages": 1,
        "clearances": 0, "offers": math.nan, "accepts": math.nan, "days_since_offer": math.nan,
    }  # fmt: skip
    types = (np.int32, float, float, float, np.int32, np.uint64, np.uint32, np.uint64, np.uint8, float, float, float)
    return Volunteers(*_columns("v", usual, types, people))


def requests(*questions: dict[str, Any]) -> Requests:
    """Requests that differ from the usual one as given."""
    usual = {
        "buurt": 0, "x": 0.0, "y": 0.0, "skills": 1, "slots": 1, "languages": 0, "clearances": 0, "urgency": 1.0,
        "waiting_days": 0.0, "day": -1,
    }  # fmt: skip
    types = (np.int32, float, float, np.uint64, np.uint32, np.uint64, np.uint8, float, float, np.int32)
    return Requests(*_columns("r", usual, types, questions))


def _columns(letter: str, usual: dict[str, Any], types: tuple[Any, ...], rows: tuple[dict[str, Any], ...]) -> Any:
    unknown = {name for row in rows for name in row} - set(usual)
    assert not unknown, unknown
    columns = zip(usual.items(), types, strict=True)
    ids = [f"{letter}{index}" for index in range(len(rows))]
    return [ids, *(np.array([row.get(name, value) for row in rows], kind) for (name, value), kind in columns)]


def problem(people: Volunteers, questions: Requests, **more: Any) -> Problem:
    """A problem with as many buurten as are named."""
    buurten = 1 + max([*people.buurt.tolist(), *questions.buurt.tolist()], default=0)
    return Problem(people, questions, buurten, **more)


def random_town(rng: np.random.Generator, n: int, m: int, *, buurten: int = 3, picky: bool = True) -> Problem:
    """A town on a coarse grid, where many distances are exactly a radius and many pairs fail on one rule."""
    people = Volunteers(
        [f"v{index}" for index in range(n)],
        rng.integers(0, buurten, n).astype(np.int32),
        rng.integers(0, 5, n) * 300.0,
        rng.integers(0, 5, n) * 400.0,
        rng.choice([0.0, 300.0, 500.0, 1000.0, np.inf], n),
        rng.integers(0, 4, n).astype(np.int32),
        rng.integers(1, 8, n).astype(np.uint64),
        rng.integers(0, 1 << 8, n).astype(np.uint32),
        rng.integers(0, 8, n).astype(np.uint64),
        rng.integers(0, 4, n).astype(np.uint8),
        np.where(rng.random(n) < 0.5, np.nan, 4.0),
        np.where(rng.random(n) < 0.5, 1.0, 3.0),
        rng.choice([np.nan, 0.0, 0.5, 2.0, 8.0, 40.0], n),
    )
    questions = Requests(
        [f"r{index}" for index in range(m)],
        rng.integers(0, buurten, m).astype(np.int32),
        rng.integers(0, 5, m) * 300.0,
        rng.integers(0, 5, m) * 400.0,
        rng.choice([0, 1, 2, 4, 3, 8] if picky else [1, 2], m).astype(np.uint64),
        rng.integers(0, 1 << 8, m).astype(np.uint32),
        (rng.integers(0, 8, m) * (rng.random(m) < 0.4)).astype(np.uint64),
        (rng.integers(0, 4, m) * (rng.random(m) < 0.4)).astype(np.uint8),
        rng.choice([1.0, 2.0, 4.5], m),
        rng.integers(0, 30, m).astype(float),
        np.where(rng.random(m) < 0.5, -1, MONDAY + rng.integers(0, 3, m)).astype(np.int32),
    )
    away = rng.integers(0, n, n // 2).astype(np.int32) if n else np.zeros(0, np.int32)
    first = (MONDAY + rng.integers(-3, 4, len(away))).astype(np.int32)
    pairs = n * m // 8
    blocks = np.column_stack((rng.integers(0, max(n, 1), pairs), rng.integers(0, max(m, 1), pairs)))
    return Problem(
        people,
        questions,
        buurten,
        Absences(away, first, (first + rng.integers(0, 3, len(away))).astype(np.int32)),
        blocks.astype(np.int32),
    )


@st.composite
def towns(draw: st.DrawFn, most: int = 14) -> Problem:
    """Random towns from none to `most` volunteers and requests."""
    n, m = draw(st.integers(0, most)), draw(st.integers(0, most))
    return random_town(np.random.default_rng(draw(st.integers(0, 2**32))), n, m)


def rules(town: Problem, volunteer: int, request: int) -> dict[str, bool]:
    """Every hard rule for one pair, in the order in which they are applied."""
    v, r, away = town.volunteers, town.requests, town.absences
    day = int(r.day[request])
    slots = {bit for bit in range(28) if int(r.slots[request]) >> bit & 1}
    if day >= 0:
        slots = {bit for bit in slots if bit // 4 == (day - MONDAY) % 7}
    absent = any(
        away.volunteer[k] == volunteer and away.first_day[k] <= day <= away.last_day[k]
        for k in range(len(away.volunteer))
    )
    wish, skills, asked = int(r.languages[request]), int(r.skills[request]), int(r.clearances[request])
    metres = math.dist((v.x[volunteer], v.y[volunteer]), (r.x[request], r.y[request]))
    return {
        "skill": skills & int(v.skills[volunteer]) == skills,
        "near": metres <= v.radius_m[volunteer],
        "slot": any(int(v.slots[volunteer]) >> bit & 1 for bit in slots) and not absent,
        "language": wish == 0 or bool(wish & int(v.languages[volunteer])),
        "clearance": asked & int(v.clearances[volunteer]) == asked,
        "block": [volunteer, request] not in town.blocks.tolist(),
        "room": bool(v.capacity[volunteer] > 0),
    }


def eligible(town: Problem) -> list[tuple[int, int]]:
    """All pairs (request, volunteer) that pass every rule."""
    return [
        (request, volunteer)
        for request in range(len(town.requests))
        for volunteer in range(len(town.volunteers))
        if all(rules(town, volunteer, request).values())
    ]
