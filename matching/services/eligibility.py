"""The hard rules between one volunteer and one open request: the same as the matcher's, for one pair at a time.

Pure functions of plain facts. They learn nothing and score nothing; whoever breaks one rule is not offered the
request, however near. Which state a request is in belongs to the request itself (`is_visible_to_volunteers`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from matching.access import covers
from matching.catalogue import CATEGORIES, Category


@dataclass(frozen=True, slots=True)
class Helper:
    """What the rules need to know of a volunteer. Points in RD New metres; `slots` as in HelpRequest."""

    account_id: int
    skills: frozenset[str]
    slots: int
    radius_m: int | None  # None: anywhere in the gemeente
    languages: frozenset[str]
    has_car: bool
    has_vog: bool
    is_introduced: bool
    is_trained: bool
    is_available: bool  # not on pause
    gemeente_code: str
    x: int
    y: int
    absences: tuple[tuple[date, date], ...] = ()  # first and last day, both included
    blocked: frozenset[int] = frozenset()  # accounts with whom this person is not brought together
    answered: frozenset[int] = frozenset()  # requests that this volunteer declined, or that the desk decided on
    live: frozenset[int] = frozenset()  # requests with a live proposal of this volunteer


class Opening(Protocol):
    """What the rules need to know of a request: an entity or a row with these columns."""

    @property
    def id(self) -> int | None: ...
    @property
    def asker_id(self) -> int: ...
    @property
    def posted_by_id(self) -> int: ...
    @property
    def category(self) -> str: ...
    @property
    def day(self) -> date | None: ...
    @property
    def slots(self) -> int: ...
    @property
    def languages(self) -> Sequence[str]: ...
    @property
    def buurt_code(self) -> str: ...
    @property
    def x(self) -> int: ...
    @property
    def y(self) -> int: ...


def fits(helper: Helper, opening: Opening, today: date) -> bool:
    """Whether no rule stands between them."""
    return obstacle(helper, opening, today) is None


def obstacle(helper: Helper, opening: Opening, today: date) -> str | None:
    """The first rule that stands between them, or None. Cheap rules come first: a list asks it of hundreds."""
    if not helper.is_available:
        return "paused"
    if helper.account_id in (opening.asker_id, opening.posted_by_id):
        return "own"
    if opening.id in helper.live:
        return "live"
    if opening.id in helper.answered or opening.asker_id in helper.blocked:
        return "settled"
    if opening.category not in helper.skills:
        return "no_skill"
    if not may_do(helper, CATEGORIES[opening.category]):
        return "no_clearance"
    if not is_in_reach(helper, opening):
        return "too_far"
    if opening.languages and helper.languages.isdisjoint(opening.languages):
        return "no_language"
    return _obstacle_in_time(helper, opening, today)


def may_do(helper: Helper, category: Category) -> bool:
    """Whether the volunteer has what this kind of help asks for: car, VOG, introduction, training."""
    return (
        (helper.has_car or not category.needs_car)
        and (helper.has_vog or not category.needs_vog)
        and (helper.is_introduced or not category.needs_introduction)
        and (helper.is_trained or not category.needs_training)
    )


def possible_categories(helper: Helper) -> list[str]:
    """The skills of the volunteer that the rules let this person use now."""
    return [key for key in CATEGORIES if key in helper.skills and may_do(helper, CATEGORIES[key])]


def is_in_reach(helper: Helper, opening: Opening) -> bool:
    """Whether the volunteer wants to go that far."""
    if helper.radius_m is None:
        return covers(helper.gemeente_code, opening.buurt_code)
    return squared_distance(helper, opening) <= helper.radius_m**2


def squared_distance(helper: Helper, opening: Opening) -> int:
    """Square metres as the crow flies: whole numbers, so that exactly at the limit is within it."""
    return (helper.x - opening.x) ** 2 + (helper.y - opening.y) ** 2


def shared_slots(helper: Helper, opening: Opening) -> int:
    """The dagdelen on which both are free; for a request with a date only those of that weekday."""
    shared = helper.slots & opening.slots
    return shared if opening.day is None else shared & day_slots(opening.day)


def day_slots(day: date) -> int:
    """The four dagdelen of the weekday of `day`, as a mask."""
    return 0b1111 << 4 * day.weekday()


def is_absent(absences: Iterable[tuple[date, date]], day: date) -> bool:
    return any(first <= day <= last for first, last in absences)


def _obstacle_in_time(helper: Helper, opening: Opening, today: date) -> str | None:
    if not shared_slots(helper, opening):
        return "no_slot"
    if opening.day is None:
        return None
    if opening.day < today:
        return "past"
    return "absent" if is_absent(helper.absences, opening.day) else None
