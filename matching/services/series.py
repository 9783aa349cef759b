"""What comes back: an RFC 5545 rule and half-days become dated moments. Pure: no database, no clock.

A rule says on which days (RRULE without DTSTART), the half-days say when on such a day, and `minutes` how long by the
Dutch clock. Two o'clock stays two o'clock when summer time begins or ends; a night over such a change lasts an hour
less or more.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule, weekday

from matching.errors import Invalid
from matching.services.appointments import AMSTERDAM
from matching.services.relief_rules import LONGEST_MINUTES

MOST = 366  # occurrences a call
MOST_EVERY = 12  # INTERVAL
SHORTEST, LONGEST = 15, LONGEST_MINUTES
YEARS = range(2000, 2101)
NOON_PART = 1
PART_STARTS = (time(9), time(13), time(19), time(22))  # when somebody comes, unless they agreed on an hour
FREQUENCIES = {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PARTS_OF_A_RULE = ("FREQ", "INTERVAL", "BYDAY", "BYSETPOS", "COUNT", "UNTIL")
LONGEST_RULE = 200  # characters


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One dated moment. day: on the Dutch clock; starts_at and ends_at: in UTC."""

    day: date
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, read and checked. days: weekday (0 is Monday) and which one of the month (None: each)."""

    freq: str
    interval: int = 1
    days: tuple[tuple[int, int | None], ...] = ()
    positions: tuple[int, ...] = ()
    count: int | None = None
    until: date | None = None


def occurrences(
    rule: str,
    first_day: date,
    *,
    slots: int,
    minutes: int,
    last_day: date,
    since: date | None = None,
    hour: time | None = None,
) -> list[Occurrence]:
    """The moments from `first_day` (or `since`, when later) until `last_day`, both included; at most MOST.

    rule: RRULE text, empty for once on `first_day`. slots: 28 bits, Monday morning first. hour: by the Dutch clock,
    instead of the usual hour of the half-day. Raises Invalid: rrule, minutes or first_day.
    """
    if not SHORTEST <= minutes <= LONGEST:
        raise Invalid("minutes", "out_of_range")
    if first_day.year not in YEARS or last_day.year not in YEARS:
        raise Invalid("first_day", "too_far")
    begin = max(first_day, since or first_day)
    found = (day for day in _days(rule, first_day, slots, last_day) if day >= begin)
    return [_occurrence(day, hour or PART_STARTS[_part(slots, day)], minutes) for day in islice(found, MOST)]


def read(rule: str) -> Rule:
    """The parts of an RRULE text. Raises Invalid("rrule", reason)."""
    if len(rule) > LONGEST_RULE:
        raise Invalid("rrule", "unreadable")
    pairs = [part.partition("=")[::2] for part in rule.strip().upper().split(";")]
    parts = dict(pairs)
    if len(parts) != len(pairs) or not all(parts.values()):
        raise Invalid("rrule", "unreadable")
    if set(parts) - set(PARTS_OF_A_RULE):
        raise Invalid("rrule", "not_supported")
    if parts.get("FREQ") not in FREQUENCIES:
        raise Invalid("rrule", "not_supported" if "FREQ" in parts else "unreadable")
    if "COUNT" in parts and "UNTIL" in parts:
        raise Invalid("rrule", "count_and_until")
    found = Rule(
        freq=parts["FREQ"],
        interval=_number(parts.get("INTERVAL", "1"), 1, MOST_EVERY),
        days=tuple(_weekday(text) for text in parts["BYDAY"].split(",")) if "BYDAY" in parts else (),
        positions=tuple(_number(text, -5, 5) for text in parts.get("BYSETPOS", "").split(",") if text),
        count=_number(parts["COUNT"], 1, MOST) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
    )
    _refuse_what_never_comes(found)
    return found


def _refuse_what_never_comes(rule: Rule) -> None:
    """Rules that make sense in RFC 5545 but name no day, for which one would look until the end of time."""
    numbered = any(which is not None for _day, which in rule.days)
    if numbered and (rule.freq != "MONTHLY" or rule.positions):
        raise Invalid("rrule", "not_supported")
    if rule.positions and (rule.freq != "MONTHLY" or not rule.days):
        raise Invalid("rrule", "not_supported")
    if rule.freq == "DAILY" and rule.days and rule.interval > 1:
        raise Invalid("rrule", "not_supported")


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,3}", text, re.ASCII) or not least <= int(text) <= most or int(text) == 0:
        raise Invalid("rrule", "out_of_range")
    return int(text)


def _weekday(text: str) -> tuple[int, int | None]:
    found = re.fullmatch(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)", text, re.ASCII)
    if found is None:
        raise Invalid("rrule", "unreadable")
    return WEEKDAYS.index(found[2]), int(found[1]) if found[1] else None


def _until(text: str) -> date:
    found = re.fullmatch(r"(\d{8})(?:T(\d{6})(Z?))?", text, re.ASCII)
    if found is None:
        raise Invalid("rrule", "unreadable")
    try:
        moment = datetime.fromisoformat(found[1] + "T" + (found[2] or "000000"))
    except ValueError:
        raise Invalid("rrule", "unreadable") from None
    if moment.year not in YEARS:
        raise Invalid("rrule", "out_of_range")
    return moment.replace(tzinfo=UTC).astimezone(AMSTERDAM).date() if found[3] else moment.date()


def _days(rule: str, first_day: date, slots: int, last_day: date) -> list[date]:
    """The days a rule names, in order."""
    if not rule:
        return [first_day] if first_day <= last_day else []
    read_rule = read(rule)
    weekdays, begin = read_rule.days, first_day
    if not weekdays and slots and read_rule.freq != "MONTHLY":
        weekdays, begin = _from_slots(read_rule, first_day, slots)
    last = min(last_day, read_rule.until or last_day)
    found = rrule(
        FREQUENCIES[read_rule.freq],
        dtstart=datetime.combine(begin, time()),
        interval=read_rule.interval,
        byweekday=[weekday(day, which) for day, which in weekdays] or None,
        bysetpos=read_rule.positions or None,
        count=read_rule.count,
        until=None if read_rule.count else datetime.combine(last, time()),
    )
    return [moment.date() for moment in found if moment.date() <= last]


def _from_slots(rule: Rule, first_day: date, slots: int) -> tuple[tuple[tuple[int, int | None], ...], date]:
    """A rule that names no weekday takes those of the half-days: "every week" the first that comes, "every day" all of
    them. Every so many days stays as it is."""
    suiting = [day for day in range(7) if slots >> day * 4 & 0b1111]
    if rule.freq == "WEEKLY":
        ahead = min((day - first_day.weekday()) % 7 for day in suiting)
        begin = first_day + timedelta(days=ahead)
        return ((begin.weekday(), None),), begin
    return (tuple((day, None) for day in suiting) if rule.interval == 1 else ()), first_day


def _part(slots: int, day: date) -> int:
    """The first half-day that was asked for on this weekday; else of any day; else the afternoon."""
    every = [slots >> n * 4 & 0b1111 for n in range(7)]
    asked = every[day.weekday()] or next(filter(None, every), 0)
    return next((part for part in range(4) if asked >> part & 1), NOON_PART)


def _occurrence(day: date, hour: time, minutes: int) -> Occurrence:
    # An hour that comes twice is the first of the two.
    starts = datetime.combine(day, hour.replace(fold=0), AMSTERDAM).astimezone(UTC)
    return Occurrence(day, starts, end_of(starts, minutes))


def end_of(starts_at: datetime, minutes: int) -> datetime:
    """So many minutes later by the Dutch clock, in UTC. The hour that summer time skips counts as the hour after it."""
    shown = starts_at.astimezone(AMSTERDAM).replace(tzinfo=None) + timedelta(minutes=minutes)
    ends = shown.replace(tzinfo=AMSTERDAM).astimezone(UTC)
    # Within the hour that comes twice in October the clock can point to the first of the two.
    return ends if ends > starts_at else starts_at + timedelta(minutes=minutes)
