"""What the matcher is given and what it gives back: plain columns, no rows, no names.

Indices stand for people and requests everywhere; the caller keeps the ids. A column has one entry per
volunteer (`n`) or per request (`m`). Bit masks are read with bit 0 as the least significant bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]
MaskArray = npt.NDArray[np.uint64]
SlotArray = npt.NDArray[np.uint32]
ClearanceArray = npt.NDArray[np.uint8]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PARTS = ("morning", "afternoon", "evening", "night")
SLOT_NAMES = tuple(f"{day}-{part}" for day in DAYS for part in PARTS)

VOG = 1
INTRODUCED = 2
TRAINED = 4  # in taking over care: only where somebody stays with a person who depends on others

UNMATCHED_REASONS = ("no_skill", "too_far", "no_slot", "no_language", "no_vog", "blocked", "all_busy")

Progress = Callable[[str, float], None]
T = TypeVar("T")


def _check_lengths(thing: object, columns: tuple[str, ...], length: int) -> None:
    for name in columns:
        column = getattr(thing, name)
        if column.shape != (length,):
            raise ValueError(f"{type(thing).__name__}.{name} has shape {column.shape}, expected ({length},)")


@dataclass(frozen=True, slots=True)
class Volunteers:
    """`n` people who offered to help.

    ids: n strings, only carried along. buurt: int32[n], index into the buurten. x, y: float64[n], metres in RD.
    radius_m: float64[n], metres, inf = everywhere. capacity: int32[n], how many more requests now.
    skills, languages: uint64[n] masks. slots: uint32[n], bit = day * 4 + part, Monday morning = bit 0.
    clearances: uint8[n] mask of VOG, INTRODUCED and TRAINED. offers, accepts: float64[n], answered offers and how many
    were accepted, nan = unknown. days_since_offer: float64[n], nan = unknown or never.
    Raises ValueError when a column has another length.
    """

    ids: Sequence[str]
    buurt: IntArray
    x: FloatArray
    y: FloatArray
    radius_m: FloatArray
    capacity: IntArray
    skills: MaskArray
    slots: SlotArray
    languages: MaskArray
    clearances: ClearanceArray
    offers: FloatArray
    accepts: FloatArray
    days_since_offer: FloatArray

    def __post_init__(self) -> None:
        columns = ("buurt", "x", "y", "radius_m", "capacity", "skills", "slots", "languages", "clearances")
        _check_lengths(self, (*columns, "offers", "accepts", "days_since_offer"), len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Requests:
    """`m` open requests, each for one volunteer.

    skills: uint64[m], all must be held. slots: uint32[m], one shared slot is enough. languages: uint64[m],
    0 = no wish, one shared language is enough. clearances: uint8[m], all must be held. urgency: float64[m], at
    least 1. waiting_days: float64[m]. day: int32[m], proleptic ordinal of the only date, or -1; with a day only
    the slots of that weekday count. Other columns as for Volunteers. Raises ValueError on another length.
    """

    ids: Sequence[str]
    buurt: IntArray
    x: FloatArray
    y: FloatArray
    skills: MaskArray
    slots: SlotArray
    languages: MaskArray
    clearances: ClearanceArray
    urgency: FloatArray
    waiting_days: FloatArray
    day: IntArray

    def __post_init__(self) -> None:
        columns = ("buurt", "x", "y", "skills", "slots", "languages", "clearances", "urgency", "waiting_days")
        _check_lengths(self, (*columns, "day"), len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)

    def usable_slots(self, chosen: npt.NDArray[Any] | slice = slice(None)) -> SlotArray:
        """uint32, of all or the chosen requests: the slots that count; with a day those of its weekday."""
        day, slots = self.day[chosen], self.slots[chosen]
        # Ordinal 1 is a Monday.
        weekday = np.where(day >= 0, (day + 6) % 7, 0).astype(np.uint32)
        of_that_day = np.left_shift(np.uint32(0b1111), weekday * np.uint32(4))
        return np.where(day >= 0, slots & of_that_day, slots).astype(np.uint32)


def _no_indices() -> IntArray:
    return np.zeros(0, np.int32)


def _no_pairs() -> IntArray:
    return np.zeros((0, 2), np.int32)


@dataclass(frozen=True, slots=True)
class Absences:
    """`k` periods away: volunteer int32[k] index, first_day and last_day int32[k] ordinals, both included."""

    volunteer: IntArray = field(default_factory=_no_indices)
    first_day: IntArray = field(default_factory=_no_indices)
    last_day: IntArray = field(default_factory=_no_indices)


@dataclass(frozen=True, slots=True)
class Weights:
    """Given acceptance probabilities: pairs int32[k, 2] of (volunteer, request), p float64[k] within 0 to 1.

    They replace the rule's p for these pairs; every other pair is dropped. The hard rules still hold.
    """

    pairs: IntArray
    p: FloatArray


@dataclass(frozen=True, slots=True)
class Problem:
    """One matching run. blocks: int32[b, 2] pairs of (volunteer, request) that must never meet."""

    volunteers: Volunteers
    requests: Requests
    buurt_count: int
    absences: Absences = field(default_factory=Absences)
    blocks: IntArray = field(default_factory=_no_pairs)
    weights: Weights | None = None


@dataclass(frozen=True, slots=True)
class Edges:
    """`e` eligible pairs with free capacity, sorted by request: int32[e], int32[e], metres float64[e]."""

    request: IntArray
    volunteer: IntArray
    distance_m: FloatArray

    def __len__(self) -> int:
        return len(self.request)

    def take(self, chosen: npt.NDArray[Any]) -> Edges:
        """The edges at these positions, or where this mask is true."""
        return Edges(self.request[chosen], self.volunteer[chosen], self.distance_m[chosen])


@dataclass(frozen=True, slots=True)
class Reason:
    """One verified fact about a pair.

    For, by key: near (metres), skill (bit), slot (index), language (bit), clearance (VOG, INTRODUCED or TRAINED),
    rested (days since the last offer), waits_long (the same, when it is four weeks or more), no_recent_offer
    (None). Against, on spares only: farther (metres more than rank 1), asked_recently (days), already_proposed
    (how many other requests took up what this volunteer could still do).
    """

    key: str
    value: float | None = None
    against: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rank 1 is the assignment, the others are spare candidates in order. p within 0 to 1."""

    request: int
    volunteer: int
    rank: int
    p: float
    distance_m: float
    reasons: tuple[Reason, ...]


class Explains(Protocol):
    """What writes out the reasons of proposals."""

    def __call__(self, rows: slice) -> list[tuple[Reason, ...]]:
        """The reasons of these rows, one tuple per proposal."""

    def told(self, rows: slice, tell: Callable[[str, float | None, bool], T]) -> list[tuple[T, ...]]:
        """The same, each made by tell(key, value, against), for whoever writes out a country."""


@dataclass(frozen=True, slots=True)
class Proposals(Sequence[Proposal]):
    """All proposals as columns, sorted by request and rank; reading one writes out its reasons.

    Reasons are made on reading because a country has half a million proposals and a page shows three.
    """

    request: IntArray
    volunteer: IntArray
    rank: IntArray
    p: FloatArray
    distance_m: FloatArray
    explain: Explains

    def __len__(self) -> int:
        return len(self.request)

    @overload
    def __getitem__(self, index: int) -> Proposal: ...

    @overload
    def __getitem__(self, index: slice) -> list[Proposal]: ...

    def __getitem__(self, index: int | slice) -> Proposal | list[Proposal]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return self._rows(slice(start, stop))[::step] if step > 0 else [self[i] for i in range(start, stop, step)]
        position = range(len(self))[index]
        return self._rows(slice(position, position + 1))[0]

    def __iter__(self) -> Iterator[Proposal]:
        for start in range(0, len(self), 8192):
            yield from self._rows(slice(start, min(start + 8192, len(self))))

    def _rows(self, rows: slice) -> list[Proposal]:
        columns = (self.request, self.volunteer, self.rank, self.p, self.distance_m)
        values = zip(*(column[rows].tolist() for column in columns), self.explain(rows), strict=True)
        return [Proposal(*row) for row in values]


@dataclass(frozen=True, slots=True)
class Wish:
    """What would help a request that nobody could take.

    key: skill, distance, slot, language, clearance, consent (everyone left is blocked) or capacity. missing: the
    bits, slot indices or clearances of which one more volunteer is needed. lacking_only: how many volunteers
    fulfil every other rule and lack only this.
    """

    key: str
    missing: tuple[int, ...]
    lacking_only: int


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A request without a proposal; reason is one of UNMATCHED_REASONS."""

    request: int
    reason: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of one run.

    value: sum of urgency * p over rank 1. fill: share of the requests with a proposal. fill_per_buurt:
    float64[buurt_count], nan where nothing is asked. load: load[k] is the number of volunteers with k requests.
    edges: eligible pairs with free capacity. seconds: per step. peak_memory_mb: of the whole process so far.
    """

    value: float
    fill: float
    fill_per_buurt: FloatArray
    load: tuple[int, ...]
    edges: int
    seconds: dict[str, float]
    peak_memory_mb: float


@dataclass(frozen=True, slots=True)
class Matching:
    """Proposals and unmatched requests, together every request exactly once at rank 1 or as unmatched."""

    proposals: Proposals
    unmatched: list[Unmatched]
    summary: Summary
