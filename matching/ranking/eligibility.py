"""Who may help with what: hard rules only, nothing learned.

A pair is eligible when the volunteer holds every skill asked, lives within their own radius of the request, shares
a free slot (and is not absent on the only date), shares a language where the asker wished for one, holds every
clearance asked, is not blocked, and can take one more request.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.neighbors import KDTree

from matching.ranking.problem import Edges, IntArray, MaskArray, Problem, Progress, Requests, SlotArray, Volunteers

Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

# A radius equal to the distance is within: a micrometre absorbs the rounding of the square root.
TOLERANCE_M = 1e-6
# Candidate pairs held at once, so that volunteers who would go anywhere do not fill the memory.
CHUNK_PAIRS = 4_000_000


def eligible_pairs(problem: Problem, progress: Progress | None = None) -> Edges:
    """All eligible pairs with free capacity, sorted by request. Time grows with the pairs near each other."""
    volunteers, requests = problem.volunteers, problem.requests
    usable = np.flatnonzero((volunteers.capacity > 0) & (volunteers.slots > 0))
    # Neighbours after each other, so that the search tree stays in the processor's cache.
    usable = usable[np.argsort(place_code(volunteers.x[usable], volunteers.y[usable]), kind="stable")]
    held = volunteers.skills[usable]
    slots = requests.usable_slots()
    found: list[Edges] = []
    done = 0
    for skills, members in groups_by_skills(requests.skills):
        holders = usable[(held & skills) == skills]
        if len(holders):
            found.extend(_group_edges(problem, slots, holders, members))
        done += len(members)
        if progress:
            progress("edges", done / len(requests))
    edges = _sorted_by_request(found, len(volunteers), len(requests))
    return edges.take(~(absent(problem, edges) | blocked(problem, edges)))


def groups_by_skills(skills: MaskArray) -> Iterator[tuple[np.uint64, Indices]]:
    """Requests that ask for the same skills (uint64[m]) together: the mask and their indices, ascending."""
    masks, group = np.unique(skills, return_inverse=True)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=len(masks)))
    yield from zip(masks, np.split(order, ends[:-1]), strict=True) if len(masks) else ()


def place_code(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], cell_m: float = 500.0) -> Indices:
    """int64 codes that interleave the bits of the grid cell, so that near points get near codes."""

    def spread(along: npt.NDArray[np.float64]) -> Indices:
        bits: Indices = ((along - along.min(initial=0.0)) // cell_m).clip(0, 0xFFFF).astype(np.int64)
        for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            bits = (bits | (bits << shift)) & mask
        return bits

    code: Indices = spread(x) | (spread(y) << 1)
    return code


def points(people: Volunteers | Requests, chosen: Indices) -> npt.NDArray[np.float64]:
    """float64[k, 2] RD metres of the chosen ones."""
    return np.column_stack((people.x[chosen], people.y[chosen]))


def _group_edges(problem: Problem, slots: SlotArray, holders: Indices, members: Indices) -> Iterator[Edges]:
    """Edges between volunteers who hold the skills and the requests that ask for exactly these."""
    volunteers, requests = problem.volunteers, problem.requests
    tree = KDTree(points(requests, members))
    asked_slots = slots[members]
    asked_languages, asked_clearances = requests.languages[members], requests.clearances[members]
    picky, strict = bool(asked_languages.any()), bool(asked_clearances.any())
    size = max(64, CHUNK_PAIRS // len(members))
    for start in range(0, len(holders), size):
        block = holders[start : start + size]
        near = tree.query_radius(points(volunteers, block), volunteers.radius_m[block] + 2 * TOLERANCE_M)
        counts = np.fromiter(map(len, near), np.int64, len(block))
        r = np.concatenate(near)
        v = np.repeat(np.arange(len(block)), counts)
        keep = np.flatnonzero(volunteers.slots[block][v] & asked_slots[r])
        r, v = r[keep], block[v[keep]]
        if picky:
            wish = asked_languages[r]
            keep = np.flatnonzero((wish == 0) | ((wish & volunteers.languages[v]) != 0))
            r, v = r[keep], v[keep]
        if strict:
            keep = np.flatnonzero((asked_clearances[r] & ~volunteers.clearances[v]) == 0)
            r, v = r[keep], v[keep]
        r = members[r]
        metres = distance_m(problem, v, r)
        inside = metres <= volunteers.radius_m[v] + TOLERANCE_M
        yield Edges(r[inside].astype(np.int32), v[inside].astype(np.int32), metres[inside])


def distance_m(problem: Problem, volunteer: npt.NDArray[Any], request: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Straight-line metres between each volunteer and the request beside it."""
    volunteers, requests = problem.volunteers, problem.requests
    metres: npt.NDArray[np.float64] = np.hypot(
        volunteers.x[volunteer] - requests.x[request], volunteers.y[volunteer] - requests.y[request]
    )
    return metres


def _sorted_by_request(found: list[Edges], n: int, m: int) -> Edges:
    if not found:
        none = np.zeros(0, np.int32)
        return Edges(none, none, np.zeros(0))
    request = np.concatenate([edges.request for edges in found])
    volunteer = np.concatenate([edges.volunteer for edges in found])
    metres = np.concatenate([edges.distance_m for edges in found])
    found.clear()
    # A counting sort in linear time; zero distances stay stored.
    table = csr_array((metres, (request, volunteer)), shape=(m, n))
    table.sort_indices()
    rows = np.repeat(np.arange(m, dtype=np.int32), np.diff(table.indptr))
    return Edges(rows, table.indices.astype(np.int32, copy=False), table.data)


def absent(problem: Problem, edges: Edges) -> Bools:
    """bool[e]: the volunteer is away on the only date of the request."""
    away = np.zeros(len(edges), bool)
    absences, day = problem.absences, problem.requests.day
    if not len(absences.volunteer):
        return away
    order = np.argsort(absences.volunteer, kind="stable")
    periods = np.bincount(absences.volunteer, minlength=len(problem.volunteers))
    first = np.concatenate(([0], np.cumsum(periods)[:-1]))
    touched = np.flatnonzero((day[edges.request] >= 0) & (periods[edges.volunteer] > 0))
    counts = periods[edges.volunteer[touched]]
    edge = np.repeat(touched, counts)
    nth = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    period = order[first[edges.volunteer[edge]] + nth]
    date = day[edges.request[edge]]
    away[edge[(absences.first_day[period] <= date) & (date <= absences.last_day[period])]] = True
    return away


def pair_keys(problem: Problem, volunteer: npt.NDArray[Any], request: npt.NDArray[Any]) -> Indices:
    """int64: one number per pair."""
    keys: Indices = request.astype(np.int64) * len(problem.volunteers) + volunteer
    return keys


def blocked(problem: Problem, edges: Edges) -> Bools:
    """bool[e]: this pair must never meet."""
    blocks: IntArray = problem.blocks
    if not len(blocks):
        return np.zeros(len(edges), bool)
    return find_pairs(problem, edges, blocks) >= 0


def find_pairs(problem: Problem, edges: Edges, pairs: IntArray) -> Indices:
    """int64[e]: position of each edge in `pairs` (int32[k, 2] of volunteer, request), or -1."""
    position = np.full(len(edges), -1, np.int64)
    if not len(pairs):
        return position
    keys = pair_keys(problem, pairs[:, 0], pairs[:, 1])
    order = np.argsort(keys, kind="stable")
    mine = pair_keys(problem, edges.volunteer, edges.request)
    at = order[np.searchsorted(keys[order], mine).clip(max=len(keys) - 1)]
    return np.where(keys[at] == mine, at, position)
