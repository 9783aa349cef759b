"""Why nobody: which rule emptied the list of a request, and what would help.

Rules are applied in a fixed order, and the first that leaves nobody is the reason: skill, distance, slot, language,
clearance, blocks. Free capacity comes last: whoever has none still counts as somebody who could have helped.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KDTree  # type: ignore[import-untyped]  # ships no types

from matching.ranking.eligibility import (
    TOLERANCE_M,
    Indices,
    absent,
    blocked,
    distance_m,
    groups_by_skills,
    points,
)
from matching.ranking.problem import Edges, IntArray, Problem, Requests, Unmatched, Wish
from matching.ranking.reasons import bits

Bools = npt.NDArray[np.bool_]

# Whoever goes farther than this is not searched by place: the tree would have to look everywhere for all.
WIDE_M = 10_000.0


def explain_unmatched(problem: Problem, unmatched: Indices, degree: IntArray) -> list[Unmatched]:
    """Reason and wish for each of these requests; degree is int[m], the eligible pairs with free capacity."""
    found = [
        Unmatched(request, "all_busy", Wish("capacity", (), int(degree[request])))
        for request in unmatched.tolist()
        if degree[request]
    ]
    empty = unmatched[degree[unmatched] == 0]
    requests = problem.requests
    for _, members in groups_by_skills(_only(requests, empty)):
        found.extend(_explain_group(problem, empty[members]))
    return sorted(found, key=lambda item: item.request)


def _only(requests: Requests, chosen: Indices) -> Requests:
    columns = ("buurt", "x", "y", "skills", "slots", "languages", "clearances", "urgency", "waiting_days", "day")
    ids = [requests.ids[request] for request in chosen.tolist()]
    return Requests(ids, *(getattr(requests, name)[chosen] for name in columns))


def _explain_group(problem: Problem, members: Indices) -> Iterator[Unmatched]:
    """Requests that ask for the same skills."""
    volunteers = problem.volunteers
    skills = problem.requests.skills[members[0]]
    holders = np.flatnonzero((volunteers.skills & skills) == skills)
    if not len(holders):
        everybody = np.arange(len(volunteers))
        for request, near in _near(problem, everybody, members):
            could = _passes(problem, request, near)
            yield Unmatched(request, "no_skill", _missing_skills(problem, request, int(could.all(0).sum())))
        return
    for request, near in _near(problem, holders, members):
        yield _explain_one(problem, request, near, holders)


def _explain_one(problem: Problem, request: int, near: Indices, holders: Indices) -> Unmatched:
    if not len(near):
        could = int(_passes(problem, request, holders).all(0).sum())
        return Unmatched(request, "too_far", Wish("distance", (), could))
    requests = problem.requests
    passes = _passes(problem, request, near)
    left = np.logical_and.accumulate(passes).any(1)
    steps = (
        ("no_slot", "slot", bits(int(requests.slots[request]))),
        ("no_language", "language", bits(int(requests.languages[request]))),
        ("no_vog", "clearance", tuple(1 << bit for bit in bits(int(requests.clearances[request])))),
        ("blocked", "consent", ()),
    )
    for step, (reason, key, missing) in enumerate(steps):
        if not left[step]:
            others = np.delete(passes, step, 0)
            return Unmatched(request, reason, Wish(key, missing, int(others.all(0).sum())))
    # All of them are busy, or were asked so recently that they should not be asked again now.
    return Unmatched(request, "all_busy", Wish("capacity", (), int(passes[:4].all(0).sum())))


def _passes(problem: Problem, request: int, volunteer: Indices) -> Bools:
    """bool[5, k]: slot, language, clearance, no block and free capacity, each rule by itself."""
    volunteers, requests = problem.volunteers, problem.requests
    one = np.full(len(volunteer), request, np.int32)
    edges = Edges(one, volunteer.astype(np.int32), np.zeros(len(volunteer)))
    slots = requests.slots[request : request + 1]
    if requests.day[request] >= 0:
        slots = _only(requests, np.array([request])).usable_slots()
    wish, asked = requests.languages[request], requests.clearances[request]
    free = (volunteers.slots[volunteer] & slots) != 0
    speaks = (volunteers.languages[volunteer] & wish) != 0 if wish else np.ones(len(volunteer), bool)
    cleared = (asked & ~volunteers.clearances[volunteer]) == 0
    room = volunteers.capacity[volunteer] > 0
    if requests.day[request] >= 0:
        free &= ~absent(problem, edges)
    return np.stack((free, speaks, cleared, ~blocked(problem, edges), room))


def _missing_skills(problem: Problem, request: int, could: int) -> Wish:
    """The skills nobody holds; if each is held by somebody, but never together, all of them."""
    held = int(np.bitwise_or.reduce(problem.volunteers.skills, initial=np.uint64(0)))
    asked = int(problem.requests.skills[request])
    return Wish("skill", bits(asked & ~held) or bits(asked), could)


def _near(problem: Problem, volunteer: Indices, members: Indices) -> Iterator[tuple[int, Indices]]:
    """Per request, which of these volunteers live within their own radius of it."""
    volunteers = problem.volunteers
    radius = volunteers.radius_m[volunteer]
    wide = volunteer[radius > WIDE_M]
    local = volunteer[radius <= WIDE_M]
    tree = KDTree(points(volunteers, local)) if len(local) else None
    reach = volunteers.radius_m[local].max(initial=0.0) + 2 * TOLERANCE_M
    for request in members.tolist():
        around = points(problem.requests, np.array([request]))
        close = local[tree.query_radius(around, reach)[0]] if tree else local
        near = np.concatenate((close, wide))
        metres = distance_m(problem, near, np.full(len(near), request))
        yield request, near[metres <= volunteers.radius_m[near] + TOLERANCE_M]
