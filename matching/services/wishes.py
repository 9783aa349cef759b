"""What somebody can ask, and the rules for it: pure, but for looking up the buurt."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from sqlmodel import Session

from matching import catalogue
from matching.errors import Invalid
from matching.models import Buurt, Frequency, HelpRequest
from matching.models.geo import round_100m
from matching.working_days import AMSTERDAM

LONGEST_TEXT = 2000
ALL_SLOTS = 2**28 - 1
PART_STARTS = (6, 12, 18, 24)  # hour at which each of these begins
PART_ENDS = (12, 18, 24, 30)  # hour at which morning, afternoon, evening and night are over; 30 is 6 the next day
MINUTES = (15, 30, 45, 60, 90, 120, 180, 240)


class ConsentBy(StrEnum):
    """Who agreed that somebody else asks."""

    PERSON = "person"
    REPRESENTATIVE = "representative"


class ConsentHow(StrEnum):
    """How they said so."""

    SPOKEN = "spoken"
    PHONE = "phone"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """For whom somebody else asks, and who agreed to that and how."""

    first_name: str
    by: ConsentBy
    how: ConsentHow


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked, when and roughly where. `x`, `y`: RD New metres; None is the middle of the buurt.

    `slots`: 28 bits as in HelpRequest; 0 with Frequency.FLEXIBLE means at any time.
    """

    category: str
    description: str
    frequency: Frequency
    day: date | None
    slots: int
    minutes: int
    buurt_code: str
    x: int | None = None
    y: int | None = None
    languages: tuple[str, ...] = ()
    welcomes_anyone: bool = False
    is_discreet: bool = False


def wish_of(request: HelpRequest) -> Wish:
    """What a request asks, to change a part of it with `replace`."""
    return Wish(
        category=request.category,
        description=request.description,
        frequency=Frequency(request.frequency),
        day=request.day,
        slots=request.slots,
        minutes=request.minutes,
        buurt_code=request.buurt_code,
        x=request.x,
        y=request.y,
        languages=tuple(request.languages),
        welcomes_anyone=request.welcomes_anyone,
        is_discreet=request.is_discreet,
    )


def check_category(category: str) -> None:
    """Raises Invalid when the catalogue does not have it."""
    if category not in catalogue.CATEGORIES:
        raise Invalid("category", "unknown")


def check_text(description: str) -> None:
    """Raises Invalid for a text that is too long or gives away a phone number, address, e-mail or BSN."""
    if len(description) > LONGEST_TEXT:
        raise Invalid("description", "too_long")
    found = catalogue.personal_details(description)
    if found:
        raise Invalid("description", found[0].kind)


def check_when(frequency: Frequency, day: date | None, slots: int, *, now: datetime) -> None:
    """Raises Invalid for a day that is over or too far away, or parts of a day that do not fit."""
    if not 0 <= slots <= ALL_SLOTS or (not slots and frequency == Frequency.WEEKLY):
        raise Invalid("slots", "missing")
    if frequency != Frequency.ONCE:
        return
    here = now.astimezone(AMSTERDAM)
    if day is None:
        raise Invalid("day", "missing")
    if day < here.date():
        raise Invalid("day", "past")
    if day > _a_year_after(here.date()):
        raise Invalid("day", "too_far")
    parts = slots >> day.weekday() * 4
    if not slots or slots != (parts & 0b1111) << day.weekday() * 4:
        raise Invalid("parts", "missing")
    if day == here.date() and any(parts >> part & 1 and here.hour >= PART_ENDS[part] for part in range(4)):
        raise Invalid("parts", "past")


def _a_year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year + 1, day=28)


def day_slots(day: date, parts: list[int]) -> int:
    """The mask of these parts (0 morning to 3 night) of one day."""
    return sum(1 << day.weekday() * 4 + part for part in set(parts))


def part_starts(day: date, part: int) -> datetime:
    """The moment at which a half-day begins on the Dutch clock, in UTC."""
    return _at(day, PART_STARTS[part])


def ends_at(request: HelpRequest) -> datetime | None:
    """The moment, in UTC, at which the last half-day of the day that was asked for is over; None when no day was."""
    if request.frequency != Frequency.ONCE or request.day is None:
        return None
    parts = request.slots >> request.day.weekday() * 4 & 0b1111
    return _at(request.day, PART_ENDS[max(parts.bit_length(), 1) - 1])


def is_over(request: HelpRequest, *, now: datetime) -> bool:
    """Whether the day that was asked for has gone by, so that nobody can say yes to it any more."""
    end = ends_at(request)
    return end is not None and end <= now


def _at(day: date, hours: int) -> datetime:
    return (datetime.combine(day, time(), AMSTERDAM) + timedelta(hours=hours)).astimezone(UTC)


def settle(session: Session, wish: Wish, *, before: Wish | None = None, now: datetime) -> tuple[Wish, Buurt]:
    """The wish as it will be kept, and its buurt: a point rounded to 100 m, a day and moments that fit together.

    Raises Invalid for the first thing the rules refuse. With `before`, what did not change is not judged again: a day
    that has come meanwhile is no reason to refuse another text.
    """
    check_category(wish.category)
    if before is None or wish.description != before.description:
        check_text(wish.description)
    if before is None or (wish.frequency, wish.day, wish.slots) != (before.frequency, before.day, before.slots):
        check_when(wish.frequency, wish.day, wish.slots, now=now)
    if wish.minutes not in MINUTES:
        raise Invalid("minutes", "unknown")
    if not set(wish.languages) <= {each.code for each in catalogue.LANGUAGES}:
        raise Invalid("language", "unknown")
    buurt = session.get(Buurt, wish.buurt_code)
    if buurt is None:
        raise Invalid("buurt", "unknown")
    x, y = (buurt.x, buurt.y) if wish.x is None or wish.y is None else (wish.x, wish.y)
    day = wish.day if wish.frequency == Frequency.ONCE else None
    return replace(wish, day=day, slots=wish.slots or ALL_SLOTS, x=round_100m(x), y=round_100m(y)), buurt
