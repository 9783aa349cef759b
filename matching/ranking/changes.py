"""The smallest change that would give a request a proposal.

One thing changes and everything else stays, other people's proposals included: the asker widens the request, one
volunteer changes one thing, or one volunteer is found. What can change and how much trouble it is stands in COSTS;
the figures are stated guesses. `apply_change` is the exact meaning of each change, and applied to the town with the
room that is left it gives the request an eligible volunteer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.ranking.eligibility import TOLERANCE_M, Bools, Indices, absent, blocked, distance_m
from matching.ranking.newcomers import Places, Profile, joined, newcomers, profile_for
from matching.ranking.problem import INTRODUCED, TRAINED, VOG, Edges, IntArray, Matching, Problem, Requests
from matching.ranking.reasons import bits
from matching.ranking.shortage import Search


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a change costs: `once`, and `more` for each unit (a day later, a kilometre farther)."""

    once: float
    more: float = 0.0


# In this order on equal cost. Least trouble is what staff can do today; most is to find somebody new.
COSTS: dict[str, Trouble] = {
    "wait": Trouble(0.0),  # somebody fits and has room, and was asked a moment ago or has done a fair share
    "other_slot": Trouble(1.0),  # the asker: one more dagdeel
    "later_day": Trouble(1.5, 0.25),  # the asker: the same parts of a later day
    "introduction": Trouble(2.0),  # a volunteer: the introduction
    "skill": Trouble(2.5),  # a volunteer: would like to do this too
    "free_slot": Trouble(3.0),  # a volunteer: makes time in one of the asked slots
    "farther": Trouble(3.0, 1.0),  # a volunteer: a longer way
    "more_room": Trouble(3.5),  # a volunteer: one more request than was offered
    "no_language": Trouble(4.0),  # the asker: any language will do
    "vog": Trouble(4.5),  # a volunteer: the VOG
    "vog_and_introduction": Trouble(5.0),  # a volunteer: both
    "training": Trouble(5.5),  # a volunteer: the training in taking over care
    "training_and_introduction": Trouble(6.0),
    "training_and_vog": Trouble(6.5),
    "training_vog_and_introduction": Trouble(7.0),
    "recruit": Trouble(10.0),  # somebody new
}
KEYS = tuple(COSTS)
CLEARED_BY = {
    "introduction": INTRODUCED,
    "vog": VOG,
    "vog_and_introduction": VOG | INTRODUCED,
    "training": TRAINED,
    "training_and_introduction": TRAINED | INTRODUCED,
    "training_and_vog": TRAINED | VOG,
    "training_vog_and_introduction": TRAINED | VOG | INTRODUCED,
}
MOST_FARTHER_M = 2_000.0
MOST_DAYS_LATER = 6
# A newcomer who is looked for lives near.
NEWCOMER_RADIUS_M = 2_000.0
BLOCK = 256


@dataclass(frozen=True, slots=True)
class Change:
    """One change for one request.

    key: one of COSTS. cost: as stated there. value: other_slot the slot, later_day the days, skill its bits, farther
    the metres, the clearances their mask; otherwise 0. volunteers: everyone whom this same change would make fit,
    ascending; empty for recruit, which has the profile instead.
    """

    request: int
    key: str
    cost: float
    value: int
    volunteers: tuple[int, ...]
    profile: Profile | None = None


def left_over(problem: Problem, found: Matching) -> Problem:
    """The same town with the room that is left when everyone does what was proposed first."""
    proposals, people = found.proposals, problem.volunteers
    taken = np.bincount(proposals.volunteer[proposals.rank == 1], minlength=len(people))
    capacity = (people.capacity - taken).clip(0).astype(np.int32)
    return replace(problem, volunteers=replace(people, capacity=capacity))


def smallest_changes(rest: Problem, unmatched: Indices, *, fixed_skills: int = 0) -> list[Change | None]:
    """For each of these requests (int64[u], ascending) the cheapest change.

    rest: the town with the room that is left. fixed_skills: bits that nobody takes up by being asked (a car). None
    where no single change helps: the asker chose no slot on the only day. Time grows with the pairs of a request
    and a volunteer within the radius and two kilometres more.
    """
    search = Search(rest, np.arange(len(rest.volunteers)), MOST_FARTHER_M)
    found: list[Change | None] = []
    for start in range(0, len(unmatched), BLOCK):
        block = unmatched[start : start + BLOCK]
        near = near_misses(rest, search.near(block), fixed_skills)
        ends = np.searchsorted(near.pairs.request, [block, block + 1])
        found.extend(_cheapest(rest, near, *one) for one in zip(block.tolist(), *ends.tolist(), strict=True))
    return found


@dataclass(frozen=True, slots=True)
class NearMisses:
    """Pairs that fail on at most one rule, sorted by request, and what they lack.

    farther_m, skill, clearance, slot (bool, not free), away (bool, absent), language, room: what is lacking, 0 or
    False where that rule is met.
    """

    pairs: Edges
    farther_m: npt.NDArray[np.float64]
    skill: npt.NDArray[np.uint64]
    clearance: npt.NDArray[np.uint8]
    slot: Bools
    away: Bools
    language: Bools
    room: Bools

    def take(self, chosen: npt.NDArray[Any] | slice) -> NearMisses:
        """The pairs at these positions, or where this mask is true."""
        return NearMisses(
            Edges(self.pairs.request[chosen], self.pairs.volunteer[chosen], self.pairs.distance_m[chosen]),
            self.farther_m[chosen],
            self.skill[chosen],
            self.clearance[chosen],
            self.slot[chosen],
            self.away[chosen],
            self.language[chosen],
            self.room[chosen],
        )

    def lacks(self) -> npt.NDArray[np.uint8]:
        """uint8[7, k]: 1 for each rule that is not met."""
        columns = (self.farther_m, self.skill, self.clearance, self.slot, self.away, self.language, self.room)
        return np.stack([column != 0 for column in columns]).astype(np.uint8)


def near_misses(rest: Problem, pairs: Edges, fixed_skills: int) -> NearMisses:
    """Those of the pairs that fail on at most one rule, leaving out who lacks a fixed skill or is blocked."""
    people, requests = rest.volunteers, rest.requests
    missing = requests.skills[pairs.request] & ~people.skills[pairs.volunteer]
    usable = requests.usable_slots()
    busy = (people.slots[pairs.volunteer] & usable[pairs.request]) == 0
    # Cheap rules first: most pairs fail on two of them.
    possible = ((missing == 0) | ~busy) & ((missing & np.uint64(fixed_skills)) == 0)
    pairs, missing, busy = pairs.take(possible), missing[possible], busy[possible]
    v, r = pairs.volunteer, pairs.request
    extra = distance_m(rest, v, r) - people.radius_m[v]
    wish = requests.languages[r]
    near = NearMisses(
        pairs=pairs,
        farther_m=np.where(extra > TOLERANCE_M, extra, 0.0),
        skill=missing,
        clearance=requests.clearances[r] & ~people.clearances[v],
        slot=busy,
        away=np.zeros(len(pairs), bool),
        language=(wish != 0) & ((wish & people.languages[v]) == 0),
        room=people.capacity[v] <= 0,
    )
    near = near.take(near.lacks().sum(0) <= 1)
    near = near.take(~blocked(rest, near.pairs))
    near = replace(near, away=absent(rest, near.pairs))
    # Neither free nor there on that day is one thing: the asker can come on another day.
    near = near.take(near.lacks().sum(0) - (near.slot & near.away) <= 1)
    return near.take(np.argsort(near.pairs.request, kind="stable"))


Offer = tuple[str, int, IntArray]


def _cheapest(rest: Problem, near: NearMisses, request: int, start: int, end: int) -> Change | None:
    mine = near.take(slice(start, end))
    best: Change | None = None
    for key, value, who in _offers(rest, mine, request):
        cost = cost_of(key, value)
        if best is None or (cost, KEYS.index(key)) < (best.cost, KEYS.index(best.key)):
            best = Change(request, key, cost, value, tuple(sorted(who.tolist())))
    if best is None and int(rest.requests.usable_slots(slice(request, request + 1))[0]):
        best = Change(request, "recruit", COSTS["recruit"].once, 0, (), profile_for(rest, request))
    return best


def cost_of(key: str, value: int) -> float:
    """The trouble of a change; a longer way is counted by the metre, a later day from the first day on."""
    units = value / 1000.0 if key == "farther" else float(value - 1) if key == "later_day" else 0.0
    return COSTS[key].once + COSTS[key].more * units


def _offers(rest: Problem, mine: NearMisses, request: int) -> Iterator[Offer]:
    """Per kind of change the best one for this request: its key, value and whom it would make fit."""
    who = mine.pairs.volunteer
    yield from _some("wait", 0, who[mine.lacks().sum(0) == 0])
    yield from _some("more_room", 0, who[mine.room])
    yield from _some("no_language", 0, who[mine.language])
    for key, mask in CLEARED_BY.items():
        yield from _some(key, mask, who[mine.clearance == mask])
    yield from _other_slot(rest, who[mine.slot & ~mine.away], request)
    yield from _later_day(rest, who[mine.slot | mine.away], request)
    if int(rest.requests.usable_slots(slice(request, request + 1))[0]):
        yield from _some("free_slot", 0, who[mine.slot & ~mine.away])
    masks, counts = np.unique(mine.skill[mine.skill != 0], return_counts=True)
    if len(masks):
        most = masks[counts.argmax()]
        yield "skill", int(most), who[mine.skill == most]
    far = mine.farther_m > 0
    if far.any():
        metres = math.ceil(mine.farther_m[far].min())
        yield "farther", metres, who[far & (mine.farther_m <= metres)]


def _some(key: str, value: int, who: IntArray) -> Iterator[Offer]:
    if len(who):
        yield key, value, who


def _other_slot(rest: Problem, who: IntArray, request: int) -> Iterator[Offer]:
    """The dagdeel that would reach the most volunteers; with a date, a dagdeel of that day."""
    day = int(rest.requests.day[request])
    possible = range(28) if day < 0 else range((day + 6) % 7 * 4, (day + 6) % 7 * 4 + 4)
    free = rest.volunteers.slots[who]
    reached = [int(np.count_nonzero(free & np.uint32(1 << slot))) for slot in possible] if len(who) else [0]
    most = max(reached)
    if most:
        slot = possible[reached.index(most)]
        yield "other_slot", slot, who[(free & np.uint32(1 << slot)) != 0]


def _later_day(rest: Problem, who: IntArray, request: int) -> Iterator[Offer]:
    """The first later day on which somebody is free in the same parts of the day."""
    if rest.requests.day[request] < 0 or not len(who):
        return
    pairs = Edges(np.full(len(who), request, np.int32), who.astype(np.int32), np.zeros(len(who)))
    for days in range(1, MOST_DAYS_LATER + 1):
        moved = _moved(rest.requests, request, days)
        there = ~absent(replace(rest, requests=moved), pairs)
        fits = there & ((rest.volunteers.slots[who] & moved.slots[request]) != 0)
        if fits.any():
            yield "later_day", days, who[fits]
            return


def _moved(requests: Requests, request: int, days: int) -> Requests:
    """The request some days later, in the same parts of the day."""
    day, slots = requests.day.copy(), requests.slots.copy()
    parts = int(requests.usable_slots(slice(request, request + 1))[0]) >> ((int(day[request]) + 6) % 7 * 4)
    day[request] += days
    slots[request] = parts << ((int(day[request]) + 6) % 7 * 4)
    return replace(requests, day=day, slots=slots)


def apply_change(rest: Problem, change: Change) -> Problem:
    """The town after the change: made by the asker, by every one of its volunteers, or with the newcomer last."""
    people, requests, who = rest.volunteers, rest.requests, list(change.volunteers)
    one = change.request
    if change.key == "other_slot":
        return replace(rest, requests=replace(requests, slots=_with(requests.slots, [one], 1 << change.value)))
    if change.key == "later_day":
        return replace(rest, requests=_moved(requests, one, change.value))
    if change.key == "no_language":
        languages = requests.languages.copy()
        languages[one] = 0
        return replace(rest, requests=replace(requests, languages=languages))
    if change.profile is not None:
        here = Places(requests.buurt, requests.x, requests.y, np.full(len(requests), NEWCOMER_RADIUS_M))
        return replace(rest, volunteers=joined(people, newcomers(change.profile, 1, 1, here, one)))
    if change.key in CLEARED_BY:
        return replace(rest, volunteers=replace(people, clearances=_with(people.clearances, who, change.value)))
    if change.key == "skill":
        return replace(rest, volunteers=replace(people, skills=_with(people.skills, who, change.value)))
    if change.key == "free_slot":
        slot = _first_usable(requests, one)
        return replace(rest, volunteers=replace(people, slots=_with(people.slots, who, slot)))
    if change.key == "farther":
        radius = people.radius_m.copy()
        radius[who] += change.value
        return replace(rest, volunteers=replace(people, radius_m=radius))
    capacity = people.capacity.copy()
    capacity[who] += change.key == "more_room"
    return replace(rest, volunteers=replace(people, capacity=capacity))


def _first_usable(requests: Requests, request: int) -> int:
    usable = int(requests.usable_slots(slice(request, request + 1))[0])
    return 1 << bits(usable)[0]


def _with(column: npt.NDArray[Any], rows: Sequence[int], mask: int) -> npt.NDArray[Any]:
    """The column with these bits set in these rows."""
    changed = column.copy()
    changed[list(rows)] |= column.dtype.type(mask)
    return changed
