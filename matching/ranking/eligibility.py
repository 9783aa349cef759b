"""Who may help with what: hard rules only, nothing learned.

A pair is eligible when the volunteer holds every skill asked, lives within their own radius of the request, shares
a free slot (and is not absent on the only date), shares a language where the asker wished for one, holds every
clearance asked, is not blocked, and can take one more request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from matching.ranking.problem import Edges, IntArray, MaskArray, Problem, Progress, Requests, SlotArray, Volunteers

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

# A radius equal to the distance is within: a micrometre absorbs the rounding of the square root.
TOLERANCE_M = 1e-6
# Candidate pairs held at once: few enough to stay in the processor's cache, and for volunteers who would go anywhere.
CHUNK_PAIRS = 1 << 18
# The search grid: rows of this height and cells of this width, both doubled until there are few cells per request.
ROW_M, CELL_M = 1000.0, 250.0
CELLS_PER_REQUEST = 8
# No place is farther from the origin than this; whatever is, shares the outermost cell.
WORLD_M = 1e12


def eligible_pairs(problem: Problem, progress: Progress | None = None) -> Edges:
    """All eligible pairs with free capacity, sorted by request. Time grows with the pairs near each other."""
    volunteers, requests = problem.volunteers, problem.requests
    usable = np.flatnonzero((volunteers.capacity > 0) & (volunteers.slots > 0))
    # Neighbours after each other, so that their part of the grid stays in the processor's cache.
    usable = usable[np.argsort(place_code(volunteers.x[usable], volunteers.y[usable]), kind="stable")]
    slots = requests.usable_slots()
    found: list[Edges] = []
    done = 0
    for skill, members in _groups_by_rarest_skill(requests.skills, volunteers.skills[usable]):
        holders = usable[(volunteers.skills[usable] & skill) == skill]
        if len(holders):
            found.extend(_group_edges(problem, slots, holders, members))
        done += len(members)
        if progress:
            progress("edges", done / len(requests))
    edges = _sorted_by_request(found, len(volunteers), len(requests))
    if not len(problem.absences.volunteer) and not len(problem.blocks):
        return edges
    return edges.take(~(absent(problem, edges) | blocked(problem, edges)))


def groups_by_skills(skills: MaskArray) -> Iterator[tuple[np.uint64, Indices]]:
    """Requests that ask for the same skills (uint64[m]) together: the mask and their indices, ascending."""
    masks, group = np.unique(skills, return_inverse=True)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=len(masks)))
    yield from zip(masks, np.split(order, ends[:-1]), strict=True) if len(masks) else ()


def _groups_by_rarest_skill(asked: MaskArray, held: MaskArray) -> Iterator[tuple[np.uint64, Indices]]:
    """Requests (asked is uint64[m]) by the one skill of theirs that the fewest hold, as a mask; 0 asks for none."""
    bits = np.uint64(1) << np.arange(64, dtype=np.uint64)
    holders = [int(np.count_nonzero(held & bit)) for bit in bits]
    rarest = np.zeros(len(asked), np.uint64)
    for bit in bits[np.argsort(holders, kind="stable")][::-1]:
        rarest[(asked & bit) != 0] = bit
    yield from groups_by_skills(rarest)


def place_code(x: Floats, y: Floats, cell_m: float = 500.0) -> Indices:
    """int64 codes that interleave the bits of the grid cell, so that near points get near codes."""

    def spread(along: Floats) -> Indices:
        bits: Indices = ((along - along.min(initial=0.0)) // cell_m).clip(0, 0xFFFF).astype(np.int64)
        for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            bits = (bits | (bits << shift)) & mask
        return bits

    code: Indices = spread(x) | (spread(y) << 1)
    return code


def points(people: Volunteers | Requests, chosen: Indices) -> Floats:
    """float64[k, 2] RD metres of the chosen ones."""
    return np.column_stack((people.x[chosen], people.y[chosen]))


def _extent(along: Floats) -> tuple[float, float]:
    """Where the cells of an axis begin and end: a point far from all others must not make everybody's cells large."""
    along = along.clip(-WORLD_M, WORLD_M)
    first, last = np.percentile(along, (1, 99))
    margin = last - first + ROW_M
    return max(along.min(), first - margin), min(along.max(), last + margin)


@dataclass(frozen=True, slots=True)
class _Axis:
    """`count` cells of one size from `low`; what lies outside belongs to the first or the last cell."""

    low: float
    size: float
    count: int

    def cell(self, along: Floats) -> Indices:
        """int64, same shape: never falls when `along` rises. -inf and inf are allowed."""
        cells: Indices = ((along - self.low) / self.size).clip(0, self.count - 1).astype(np.int64)
        return cells


class _Grid:
    """Places sorted by cell, row by row, so that the neighbours of a point are one run per row."""

    def __init__(self, x: Floats, y: Floats) -> None:
        (left, right), (low, high) = _extent(x), _extent(y)
        factor = 1.0
        while True:
            self._columns = _Axis(left, CELL_M * factor, 1 + int((right - left) / (CELL_M * factor)))
            self._rows = _Axis(low, ROW_M * factor, 1 + int((high - low) / (ROW_M * factor)))
            cells = self._rows.count * self._columns.count
            if cells <= CELLS_PER_REQUEST * len(x):
                break
            factor *= 2.0
        cell = self._rows.cell(y) * self._columns.count + self._columns.cell(x)
        self.order: Indices = np.argsort(cell, kind="stable")
        sizes = np.bincount(cell, minlength=cells)
        self._start = np.concatenate(([0], np.cumsum(sizes)))

    def near(self, volunteers: Volunteers, chosen: Indices) -> Iterator[tuple[Indices, Indices]]:
        """All of the chosen with everything within their radius, and some more: volunteers and places in `order`."""
        x, y = volunteers.x[chosen], volunteers.y[chosen]
        radius = volunteers.radius_m[chosen] + 2 * TOLERANCE_M
        first = self._rows.cell(y - radius).astype(np.int64)
        counts = self._rows.cell(y + radius) - first + 1
        for some in _blocks_of(counts):
            point = np.repeat(np.arange(some.start, some.stop), counts[some])
            begin, length = self._runs(x[point], y[point], radius[point], runs_of(first[some], counts[some]))
            for block in _blocks_of(length):
                yield np.repeat(chosen[point[block]], length[block]), runs_of(begin[block], length[block])

    def _runs(self, x: Floats, y: Floats, radius: Floats, row: Indices) -> tuple[Indices, Indices]:
        """The run of each row that holds everything of it within the radius: first place and number of places."""
        below = self._rows.low + row * self._rows.size - y
        apart = np.maximum(below, -self._rows.size - below).clip(0.0)
        # The first and the last row hold everything beyond them.
        apart[(row == 0) | (row == self._rows.count - 1)] = 0.0
        half = np.sqrt((radius - apart).clip(0.0) * (radius + apart))
        base = row * self._columns.count
        begin = self._start[base + self._columns.cell(x - half)]
        return begin, self._start[base + self._columns.cell(x + half) + 1] - begin


def runs_of(first: Indices, length: Indices) -> Indices:
    """int64: the numbers first[i] .. first[i] + length[i] - 1, run after run."""
    offset = np.cumsum(length) - length
    return np.repeat(first - offset, length) + np.arange(int(length.sum()))


def _group_edges(problem: Problem, slots: SlotArray, holders: Indices, members: Indices) -> Iterator[Edges]:
    """Edges between the volunteers who hold a skill and the requests that ask for it."""
    volunteers, requests = problem.volunteers, problem.requests
    grid = _Grid(requests.x[members], requests.y[members])
    members = members[grid.order]
    x, y = requests.x[members], requests.y[members]
    skills, asked_slots = requests.skills[members], slots[members]
    languages, clearances = requests.languages[members], requests.clearances[members]
    several = bool((skills & (skills - np.uint64(1))).any())
    for v, r in grid.near(problem.volunteers, holders):
        keep = np.flatnonzero(volunteers.slots[v] & asked_slots[r])
        r, v = r[keep], v[keep]
        metres = np.hypot(volunteers.x[v] - x[r], volunteers.y[v] - y[r])
        passes = metres <= volunteers.radius_m[v] + TOLERANCE_M
        passes &= (clearances[r] & ~volunteers.clearances[v]) == 0
        keep = np.flatnonzero(passes)
        r, v, metres = r[keep], v[keep], metres[keep]
        wish = languages[r]
        passes = (wish == 0) | ((wish & volunteers.languages[v]) != 0)
        if several:
            passes &= (skills[r] & ~volunteers.skills[v]) == 0
        yield Edges(members[r[passes]].astype(np.int32), v[passes].astype(np.int32), metres[passes])


def _blocks_of(sizes: Indices) -> Iterator[slice]:
    """Slices that together cover everything, each with a sum of sizes not much above CHUNK_PAIRS."""
    total = np.cumsum(sizes)
    ends = np.searchsorted(total, np.arange(CHUNK_PAIRS, total[-1] + CHUNK_PAIRS, CHUNK_PAIRS), side="left") + 1
    start = 0
    for end in np.minimum(ends, len(sizes)).tolist() if len(sizes) and total[-1] else ():
        if end > start:
            yield slice(start, end)
        start = max(start, end)


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
