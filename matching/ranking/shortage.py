"""Why nobody: which rule emptied the list of a request, and what would help.

Rules are applied in a fixed order, and the first that leaves nobody is the reason: skill, distance, slot, language,
clearance, blocks. Free capacity comes last: whoever has none still counts as somebody who could have helped.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KDTree

from matching.ranking.eligibility import (
    TOLERANCE_M,
    Indices,
    absent,
    blocked,
    distance_m,
    groups_by_skills,
    points,
)
from matching.ranking.problem import Edges, IntArray, Problem, Unmatched, Wish
from matching.ranking.reasons import bits

Bools = npt.NDArray[np.bool_]

# Whoever goes farther than this is not searched by place: the tree would have to look everywhere for all.
WIDE_M = 10_000.0
# Requests explained at once: enough to be quick, few enough to hold all their neighbours.
BLOCK = 512


def explain_unmatched(problem: Problem, unmatched: Indices, degree: IntArray) -> list[Unmatched]:
    """Reason and wish for each of these requests; degree is int[m], the eligible pairs with free capacity."""
    found = [
        Unmatched(request, "all_busy", Wish("capacity", (), int(degree[request])))
        for request in unmatched.tolist()
        if degree[request]
    ]
    empty = unmatched[degree[unmatched] == 0]
    for _, members in groups_by_skills(problem.requests.skills[empty]):
        found.extend(_explain_group(problem, empty[members]))
    return sorted(found, key=lambda item: item.request)


def _explain_group(problem: Problem, members: Indices) -> Iterator[Unmatched]:
    """Requests that ask for the same skills, a block at a time."""
    skills = problem.requests.skills[members[0]]
    holders = np.flatnonzero((problem.volunteers.skills & skills) == skills)
    search = Search(problem, holders if len(holders) else np.arange(len(problem.volunteers)))
    for start in range(0, len(members), BLOCK):
        block = members[start : start + BLOCK]
        pairs = search.near(block)
        row = np.searchsorted(block, pairs.request)
        passes = _passes(problem, pairs)
        if not len(holders):
            could = np.bincount(row[passes.all(0)], minlength=len(block))
            yield from (_no_skill(problem, *one) for one in zip(block.tolist(), could.tolist(), strict=True))
            continue
        left = np.stack([np.bincount(row[rest], minlength=len(block)) for rest in _left_after_each(passes)])
        lacking = np.stack([np.bincount(row[only], minlength=len(block)) for only in _lacking_one(passes)])
        for column, request in enumerate(block.tolist()):
            yield _explain_one(problem, request, left[:, column].tolist(), lacking[:, column].tolist(), holders)


def _left_after_each(passes: Bools) -> Iterator[Bools]:
    """bool[k] per rule: who is left before any rule, after the first, the second ..."""
    rest = np.ones(passes.shape[1], bool)
    yield rest
    for passed in passes[:-1]:
        rest = rest & passed
        yield rest


def _lacking_one(passes: Bools) -> Iterator[Bools]:
    """bool[k] per rule: who passes all the others."""
    for step in range(len(passes)):
        yield np.logical_and.reduce(np.delete(passes, step, 0), axis=0)


def _explain_one(problem: Problem, request: int, left: list[int], lacking: list[int], holders: Indices) -> Unmatched:
    """left: how many are near, then left after each rule. lacking: how many lack only that rule."""
    requests = problem.requests
    if not left[0]:
        could = int(_passes(problem, _pairs_of(request, holders)).all(0).sum())
        return Unmatched(request, "too_far", Wish("distance", (), could))
    steps = (
        ("no_slot", "slot", bits(int(requests.slots[request]))),
        ("no_language", "language", bits(int(requests.languages[request]))),
        ("no_vog", "clearance", tuple(1 << bit for bit in bits(int(requests.clearances[request])))),
        ("blocked", "consent", ()),
    )
    for step, (reason, key, missing) in enumerate(steps):
        if not left[step + 1]:
            return Unmatched(request, reason, Wish(key, missing, lacking[step]))
    # All of them are busy, or were asked so recently that they should not be asked again now.
    return Unmatched(request, "all_busy", Wish("capacity", (), left[-1]))


def _no_skill(problem: Problem, request: int, could: int) -> Unmatched:
    """Missing are the skills nobody holds; if each is held by somebody, but never together, all of them."""
    held = int(np.bitwise_or.reduce(problem.volunteers.skills, initial=0))
    asked = int(problem.requests.skills[request])
    return Unmatched(request, "no_skill", Wish("skill", bits(asked & ~held) or bits(asked), could))


def _pairs_of(request: int, volunteer: Indices) -> Edges:
    return Edges(np.full(len(volunteer), request, np.int32), volunteer.astype(np.int32), np.zeros(len(volunteer)))


def _passes(problem: Problem, pairs: Edges) -> Bools:
    """bool[5, k]: slot, language, clearance, no block and free capacity, each rule by itself."""
    volunteers, requests = problem.volunteers, problem.requests
    v, r = pairs.volunteer, pairs.request
    free = (volunteers.slots[v] & requests.usable_slots(r)) != 0
    wish = requests.languages[r]
    speaks = (wish == 0) | ((volunteers.languages[v] & wish) != 0)
    cleared = (requests.clearances[r] & ~volunteers.clearances[v]) == 0
    room = volunteers.capacity[v] > 0
    return np.stack((free & ~absent(problem, pairs), speaks, cleared, ~blocked(problem, pairs), room))


class Search:
    """Finds which of some volunteers live within their own radius, and so much more, of a request."""

    def __init__(self, problem: Problem, volunteer: Indices, more_m: float = 0.0) -> None:
        self._problem = problem
        self._more = more_m + TOLERANCE_M
        radius = problem.volunteers.radius_m[volunteer]
        self._wide = volunteer[radius > WIDE_M]
        self._local = volunteer[radius <= WIDE_M]
        self._reach = radius[radius <= WIDE_M].max(initial=0.0) + self._more + TOLERANCE_M
        self._tree = KDTree(points(problem.volunteers, self._local)) if len(self._local) else None

    def near(self, members: Indices) -> Edges:
        """All pairs near each other of these requests (sorted indices) and the volunteers."""
        volunteer = np.tile(self._wide, len(members))
        request = np.repeat(members, len(self._wide))
        if self._tree is not None and len(members):
            found = self._tree.query_radius(points(self._problem.requests, members), self._reach)
            counts = np.fromiter(map(len, found), np.int64, len(members))
            volunteer = np.concatenate((volunteer, self._local[np.concatenate(found)]))
            request = np.concatenate((request, np.repeat(members, counts)))
        metres = distance_m(self._problem, volunteer, request)
        inside = metres <= self._problem.volunteers.radius_m[volunteer] + self._more
        return Edges(request[inside].astype(np.int32), volunteer[inside].astype(np.int32), metres[inside])
