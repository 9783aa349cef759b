"""Volunteers who are not there yet: what somebody would have to bring along, and a town in which they have come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np

from matching.ranking.problem import PARTS, FloatArray, IntArray, Problem, Volunteers
from matching.ranking.reasons import lowest_bit


def _slots(days: Iterable[int], *parts: str) -> int:
    return sum(1 << (day * 4 + PARTS.index(part)) for day in days for part in parts)


# When a newcomer is free. Every slot is in exactly one group, so every time asked is in the reach of some group.
SLOT_GROUPS: dict[str, int] = {
    "weekday-mornings": _slots(range(5), "morning"),
    "weekday-afternoons": _slots(range(5), "afternoon"),
    "weekday-evenings": _slots(range(5), "evening"),
    "weekends": _slots((5, 6), "morning", "afternoon", "evening"),
    "nights": _slots(range(7), "night"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What a newcomer brings: a mask of skills, a mask of clearances, the bit of one language or -1, a slot group."""

    skills: int
    clearances: int
    language: int
    slots: str


@dataclass(frozen=True, slots=True)
class Places:
    """`q` places where somebody could be found: buurt int32[q], index of the buurt where they would live; x, y
    float64[q], RD metres; radius_m float64[q], how far they would go. Raises ValueError on columns of unequal length.
    """

    buurt: IntArray
    x: FloatArray
    y: FloatArray
    radius_m: FloatArray

    def __post_init__(self) -> None:
        if not self.buurt.shape == self.x.shape == self.y.shape == self.radius_m.shape == (len(self.x),):
            raise ValueError("the columns of Places must be of one length")

    def __len__(self) -> int:
        return len(self.x)


def profile_for(problem: Problem, request: int) -> Profile:
    """Whoever could take this request: the slot group holds most of its usable slots, the first on a tie."""
    requests = problem.requests
    usable = int(requests.usable_slots(slice(request, request + 1))[0])
    wish = int(requests.languages[request])
    return Profile(
        skills=int(requests.skills[request]),
        clearances=int(requests.clearances[request]),
        language=lowest_bit(wish) if wish else -1,
        slots=max(SLOT_GROUPS, key=lambda name: (SLOT_GROUPS[name] & usable).bit_count()),
    )


def newcomers(profile: Profile, count: int, capacity: int, places: Places, place: int) -> Volunteers:
    """`count` volunteers with this profile at one of the places, each with room for `capacity` requests."""

    unknown = np.full(count, np.nan)
    return Volunteers(
        ids=[f"new-{number}" for number in range(count)],
        buurt=np.full(count, places.buurt[place], np.int32),
        x=np.full(count, places.x[place], np.float64),
        y=np.full(count, places.y[place], np.float64),
        radius_m=np.full(count, places.radius_m[place], np.float64),
        capacity=np.full(count, capacity, np.int32),
        skills=np.full(count, profile.skills, np.uint64),
        slots=np.full(count, SLOT_GROUPS[profile.slots], np.uint32),
        languages=np.full(count, 1 << profile.language if profile.language >= 0 else 0, np.uint64),
        clearances=np.full(count, profile.clearances, np.uint8),
        offers=unknown,
        accepts=unknown,
        days_since_offer=unknown,
    )


def joined(people: Volunteers, others: Volunteers) -> Volunteers:
    """Both, one after the other: indices of the first stay what they were."""
    columns = {
        each.name: np.concatenate((getattr(people, each.name), getattr(others, each.name)))
        for each in fields(Volunteers)
        if each.name != "ids"
    }
    return replace(people, ids=[*people.ids, *others.ids], **columns)
