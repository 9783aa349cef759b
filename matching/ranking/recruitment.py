"""Whom to look for: the few steps after which the most requests would find somebody.

Two kinds of step. First the volunteers of one place who lack only a clearance, because helping them to it is less
trouble than finding somebody; then newcomers with one profile at one place. A newcomer profile asks for exactly what
the requests behind it ask for, so nobody is looked for who must do more than needed.

Newcomers are chosen greedily: each row is the profile and place that would help the most requests that are still
open. That is maximum coverage, so the rows fill at least 1 - 1/e (63 %) of what as many rows chosen in any other way
could reach, as long as every row holds what it promised. How many newcomers a row takes follows from what one of
them can do in a week.

Covering is not yet helping: a newcomer can be matched with somebody else's request instead. So each row is tried in
the town, matched again, and claims no more than the requests that are filled on top of the rows before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from matching.ranking.changes import CLEARED_BY, left_over, near_misses
from matching.ranking.eligibility import TOLERANCE_M, Bools, Indices
from matching.ranking.newcomers import SLOT_GROUPS, Places, Profile, joined, newcomers
from matching.ranking.problem import ClearanceArray, FloatArray, IntArray, Matching, Problem, Requests
from matching.ranking.reasons import bits
from matching.ranking.shortage import Search

Solve = Callable[[Problem], Matching]

PER_WEEK = 2
MOST_ROWS = 12
MOST_CLEARING = 4
# A row for one request tells no more than that request itself, so it only stands in a short list.
MOST_WITH_SINGLES = 6
# Rows are tried at most so often, of which most hold at the first try.
MOST_TRIES = 3 * MOST_ROWS
BLOCK = 256


@dataclass(frozen=True, slots=True)
class Row:
    """One step. key: one of changes.CLEARED_BY for volunteers who lack that, otherwise recruit.

    place: index. volunteers: how many. requests: the indices of those that would be filled. who: the volunteers who
    lack it, ascending. profile: of the newcomers.
    """

    key: str
    place: int
    volunteers: int
    requests: tuple[int, ...]
    who: tuple[int, ...] = ()
    profile: Profile | None = None


def recruitment_list(
    problem: Problem,
    found: Matching,
    places: Places,
    home: IntArray,
    solve: Solve,
    *,
    per_week: int = PER_WEEK,
    most: int = MOST_ROWS,
) -> list[Row]:
    """At most `most` rows: who lack only a clearance, then newcomers, within each kind the largest first.

    found: what `solve(problem)` gave. home: int32[n], the place where each volunteer lives, or -1. solve: matches a
    town as the matcher is set, with the same seed each time. per_week: room of a newcomer, at least 1. Taken in
    order, each row raises the number of filled requests by at least the number it names.
    Raises ValueError when the problem has given weights: nobody knows those of a newcomer.
    """
    if problem.weights is not None:
        raise ValueError("a problem with given weights says nothing about newcomers")
    filled = _filled(problem, found)
    trial = _Trial(problem, filled, ~filled, places, solve, per_week)
    rest = left_over(problem, found)
    lacking = _Lacking.of(rest, np.flatnonzero(~filled))
    rows = trial.grow([], _Clearing.of(lacking, home, rest.volunteers.capacity), min(MOST_CLEARING, most))
    return trial.grow(rows, _Recruiting.of(problem, np.flatnonzero(trial.open), places, per_week), most)


def with_row(problem: Problem, row: Row, places: Places, per_week: int = PER_WEEK) -> Problem:
    """The town after this step; newcomers come last, at the point of the place."""
    people = problem.volunteers
    if row.profile is None:
        clearances = people.clearances.copy()
        clearances[list(row.who)] |= np.uint8(CLEARED_BY[row.key])
        return replace(problem, volunteers=replace(people, clearances=clearances))
    new = newcomers(row.profile, row.volunteers, per_week, places, row.place)
    return replace(problem, volunteers=joined(people, new))


def for_requests(problem: Problem, found: Matching, chosen: Indices) -> Problem:
    """The town with only these requests (int64[k], ascending), and the room that all others leave for them."""
    requests, people, proposals = problem.requests, problem.volunteers, found.proposals
    columns = {each.name: getattr(requests, each.name)[chosen] for each in fields(Requests) if each.name != "ids"}
    elsewhere = (proposals.rank == 1) & ~np.isin(proposals.request, chosen)
    taken = np.bincount(proposals.volunteer[elsewhere], minlength=len(people))
    blocks = problem.blocks[np.isin(problem.blocks[:, 1], chosen)]
    return replace(
        problem,
        volunteers=replace(people, capacity=(people.capacity - taken).clip(0).astype(np.int32)),
        requests=replace(requests, ids=[requests.ids[one] for one in chosen.tolist()], **columns),
        blocks=np.column_stack((blocks[:, 0], np.searchsorted(chosen, blocks[:, 1]))).astype(np.int32),
    )


def _filled(problem: Problem, found: Matching) -> Bools:
    filled = np.zeros(len(problem.requests), bool)
    filled[found.proposals.request] = True
    return filled


class _Pool(Protocol):
    """Candidate rows of one kind."""

    def best(self, still_open: Bools) -> tuple[int, Row] | None:
        """The row that promises most and its number, or None; the row names the requests it promises."""

    def disappoint(self, candidate: int, row: Row, got: int) -> None:
        """This row filled only `got` requests more: promise less, or take more volunteers."""


@dataclass(slots=True)
class _Trial:
    """The town as it grows, and which requests are filled and open in it: bool[m]."""

    problem: Problem
    filled: Bools
    open: Bools
    places: Places
    solve: Solve
    per_week: int
    tries: int = 0

    def grow(self, before: list[Row], pool: _Pool, most: int) -> list[Row]:
        """The rows before and the best of the pool, each tried in the town as the rows before it left it."""
        rows = [*before]
        while len(rows) < most and self.tries < MOST_TRIES:
            candidate = pool.best(self.open)
            if candidate is None:
                break
            number, row = candidate
            if len(row.requests) == 1 and len(rows) >= MOST_WITH_SINGLES:
                break
            self.tries += 1
            town = with_row(self.problem, row, self.places, self.per_week)
            after = _filled(town, self.solve(town))
            gained = after & ~self.filled
            rise = int(after.sum()) - int(self.filled.sum())
            if rise < len(row.requests):
                pool.disappoint(number, row, rise)
                continue
            rows.append(replace(row, requests=_named(row, gained)))
            self.problem, self.filled, self.open = town, after, self.open & ~after
        return rows


def _named(row: Row, gained: Bools) -> tuple[int, ...]:
    """As many as promised: first those it was meant for, then those whom somebody freed by it can help."""
    meant = np.zeros(len(gained), bool)
    meant[list(row.requests)] = True
    order = [*np.flatnonzero(gained & meant).tolist(), *np.flatnonzero(gained & ~meant).tolist()]
    return tuple(sorted(order[: len(row.requests)]))


# Who lacks only a clearance


@dataclass(frozen=True, slots=True)
class _Lacking:
    """`k` pairs of an unmatched request and a volunteer with room who lacks these clearances and nothing else."""

    request: IntArray
    volunteer: IntArray
    clearance: ClearanceArray

    @classmethod
    def of(cls, rest: Problem, unmatched: Indices) -> _Lacking:
        unmatched = unmatched[rest.requests.clearances[unmatched] != 0]
        search = Search(rest, np.arange(len(rest.volunteers)))
        blocks = [unmatched[start : start + BLOCK] for start in range(0, max(len(unmatched), 1), BLOCK)]
        near = [near_misses(rest, search.near(block), 0) for block in blocks]
        lacking = [part.take(part.clearance != 0) for part in near]
        return cls(
            np.concatenate([part.pairs.request for part in lacking]),
            np.concatenate([part.pairs.volunteer for part in lacking]),
            np.concatenate([part.clearance for part in lacking]),
        )


@dataclass(slots=True)
class _Clearing:
    """Candidates: a clearance, a place, and the requests and volunteers of the pairs; most: promised at most."""

    room: IntArray
    groups: list[tuple[str, int, IntArray, IntArray]]
    most: list[float]

    @classmethod
    def of(cls, lacking: _Lacking, home: IntArray, room: IntArray) -> _Clearing:
        groups = []
        at = home[lacking.volunteer]
        for key, mask in CLEARED_BY.items():
            for place in np.unique(at[(lacking.clearance == mask) & (at >= 0)]).tolist():
                mine = (lacking.clearance == mask) & (at == place)
                groups.append((key, place, lacking.request[mine], lacking.volunteer[mine]))
        return cls(room, groups, [math.inf] * len(groups))

    def best(self, still_open: Bools) -> tuple[int, Row] | None:
        rows = [self._row(number, still_open) for number in range(len(self.groups))]
        number = max(range(len(rows)), key=lambda one: len(rows[one].requests), default=-1)
        return (number, rows[number]) if number >= 0 and rows[number].requests else None

    def _row(self, number: int, still_open: Bools) -> Row:
        """Volunteers who can help most come first, so that few of them are needed."""
        key, place, request, volunteer = self.groups[number]
        could: dict[int, list[int]] = {}
        for one, asked in zip(volunteer.tolist(), request.tolist(), strict=True):
            if still_open[asked]:
                could.setdefault(one, []).append(asked)
        room = {one: int(self.room[one]) for one in could}
        helped: set[int] = set()
        who = []
        for one in sorted(could, key=lambda one: (-min(len(could[one]), room[one]), one)):
            left = int(min(self.most[number] - len(helped), room[one]))
            new = [asked for asked in could[one] if asked not in helped][:left]
            if new:
                who.append(one)
                helped.update(new)
        return Row(key, place, len(who), tuple(sorted(helped)), tuple(sorted(who)))

    def disappoint(self, candidate: int, row: Row, got: int) -> None:
        self.most[candidate] = max(0, min(got, len(row.requests) - 1))


# Newcomers


@dataclass(slots=True)
class _Recruiting:
    """Candidates: profile and place, least demanding first; covers and metres: [candidates, m] with 1 or metres where
    the request is within reach; most: promised at most; extra: volunteers on top of what the room asks for."""

    profiles: list[tuple[Profile, int]]
    covers: csr_array
    metres: csr_array
    per_week: int
    most: FloatArray
    extra: Indices

    @classmethod
    def of(cls, problem: Problem, unmatched: Indices, places: Places, per_week: int) -> _Recruiting:
        cells = sorted(_cells(problem, unmatched, places), key=lambda cell: _demands(*cell[0]))
        candidate = np.repeat(np.arange(len(cells)), [len(request) for _, request, _ in cells])
        nothing = [np.zeros(0)]
        request = np.concatenate([np.zeros(0, np.int64), *(request for _, request, _ in cells)])
        metres = np.concatenate([*nothing, *(metres for _, _, metres in cells)])
        shape = (len(cells), len(problem.requests))
        return cls(
            profiles=[key for key, _, _ in cells],
            covers=csr_array((np.ones(len(request)), (candidate, request)), shape),
            metres=csr_array((metres, (candidate, request)), shape),
            per_week=per_week,
            most=np.full(len(cells), np.inf),
            extra=np.zeros(len(cells), np.int64),
        )

    def best(self, still_open: Bools) -> tuple[int, Row] | None:
        if not self.profiles:
            return None
        gain = np.minimum(self.covers @ still_open.astype(float), self.most)
        # Of equals the place nearest to all of them: so little a metre never outweighs a request.
        number = int((gain - 1e-9 * (self.metres @ still_open.astype(float))).argmax())
        promised = int(gain[number])
        if promised < 1:
            return None
        start, end = self.covers.indptr[number : number + 2]
        reached = np.sort(self.covers.indices[start:end])
        requests = tuple(reached[still_open[reached]].tolist()[:promised])
        profile, place = self.profiles[number]
        return number, Row("recruit", place, self._needed(number, promised), requests, profile=profile)

    def _needed(self, number: int, promised: int) -> int:
        return math.ceil(promised / self.per_week) + int(self.extra[number])

    def disappoint(self, candidate: int, row: Row, got: int) -> None:
        """One more volunteer, as long as each would still have a request; then fewer requests."""
        if row.volunteers < len(row.requests):
            self.extra[candidate] += 1
        else:
            self.most[candidate] = max(0, min(got, len(row.requests) - 1))


def _demands(profile: Profile, place: int) -> tuple[object, ...]:
    slots = tuple(SLOT_GROUPS).index(profile.slots)
    count = profile.skills.bit_count() + profile.clearances.bit_count() + (profile.language >= 0)
    return count, profile.skills, profile.clearances, profile.language, slots, place


def _cells(
    problem: Problem, unmatched: Indices, places: Places
) -> Iterator[tuple[tuple[Profile, int], Indices, FloatArray]]:
    """Each profile and place with the unmatched requests within its reach, and their metres."""
    requests, usable = problem.requests, problem.requests.usable_slots()
    metres = np.hypot(places.x[:, None] - requests.x[unmatched], places.y[:, None] - requests.y[unmatched])
    near = metres <= places.radius_m[:, None] + TOLERANCE_M
    for skills, clearances, language, kind in _kinds(problem, unmatched):
        for name, group in SLOT_GROUPS.items():
            mine = kind & ((usable[unmatched] & np.uint32(group)) != 0)
            for place in np.flatnonzero((near & mine).any(1)).tolist():
                reached = near[place] & mine
                profile = Profile(skills, clearances, language, name)
                yield (profile, place), unmatched[reached], metres[place, reached]


def _kinds(problem: Problem, unmatched: Indices) -> Iterator[tuple[int, int, int, Bools]]:
    """Skills, clearances and language (a bit, or -1) that requests ask for, and which of them do: bool[u]."""
    requests = problem.requests
    skills, clearances, wish = (
        column[unmatched] for column in (requests.skills, requests.clearances, requests.languages)
    )
    for asked, cleared in sorted(set(zip(skills.tolist(), clearances.tolist(), strict=True))):
        same = (skills == asked) & (clearances == cleared)
        for language in _languages(wish[same].tolist()):
            speaks = wish == 0 if language < 0 else (wish & np.uint64(1 << language)) != 0
            yield asked, cleared, language, same & speaks


def _languages(wishes: Sequence[int]) -> list[int]:
    found = {bit for wish in set(wishes) for bit in bits(wish)}
    return [-1, *sorted(found)] if 0 in wishes else sorted(found)
