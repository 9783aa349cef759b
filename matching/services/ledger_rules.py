"""Rules of the ledger that need no database: what a time counts as, which period holds a day, and what may be granted.

Units are whole numbers. A day is a day of the Dutch clock; hours are hours that really passed, so that the night in
which the clock goes back has one more.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol, TypeVar

from matching.errors import Invalid
from matching.respijt_catalogue import FORMS, PAYERS, UNITS
from matching.working_days import AMSTERDAM

BLOCKS = {"half_day": timedelta(hours=5), "hour": timedelta(hours=1)}  # up to five hours is one half-day
IN_A_DAY = {"half_day": 4, "day": 1, "night": 1, "hour": 24}  # the most that can be granted for one day
LONGEST_YEARS = 5
EARLIEST, LATEST = date(2015, 1, 1), date(2100, 1, 1)  # Wmo 2015 and Wlz began on the first
LONGEST_BOOKING = timedelta(days=366)
TOLD_BY_CARER = ("own", "insurance")  # what mantelzorgers write down themselves; the rest stands in a decision letter
_INSTANT = timedelta(microseconds=1)


class Period(Protocol):
    """What the rules need to know of an entitlement."""

    id: int | None
    payer: str
    form: str
    unit: str
    first_day: date
    last_day: date
    indication_ends: date | None


P = TypeVar("P", bound=Period)


class NoEntitlement(Invalid):
    """No entitlement of this payer holds this day."""

    def __init__(self, payer: str, day: date) -> None:
        super().__init__("payer", "no_entitlement")
        self.payer = payer
        self.day = day


class TooLittleLeft(Invalid):
    """`left` of a unit is left up to and including ends_on; `needed` was asked."""

    def __init__(self, unit: str, left: int, needed: int, ends_on: date) -> None:
        super().__init__("units", "too_little_left")
        self.unit = unit
        self.left = left
        self.needed = needed
        self.ends_on = ends_on


class YearFull(Invalid):
    """A payer has a limit for a calendar year; `left` is what that year still takes."""

    def __init__(self, payer: str, year: int, left: int, limit: int) -> None:
        super().__init__("units", "year_full")
        self.payer = payer
        self.year = year
        self.left = left
        self.limit = limit


class Overlap(Invalid):
    """An entitlement that exists already covers (part of) this period. reason: overlap, or wmo_and_wlz."""

    def __init__(self, reason: str, existing: Period) -> None:
        super().__init__("first_day" if reason == "overlap" else "payer", reason)
        self.payer = existing.payer
        self.form = existing.form
        self.unit = existing.unit
        self.first_day = existing.first_day
        self.ends_on = ends_on(existing)


@dataclass(frozen=True)
class Grant:
    """So many nights for a period, in calendar years: what counts for the limit of a year."""

    first_year: int
    last_year: int
    units: int


def units_by_day(starts_at: datetime, ends_at: datetime, unit: str = "", form: str = "") -> dict[date, int]:
    """What a time counts as, by the day to which each unit belongs: the local day on which it begins.

    unit: a key of UNITS; empty: what the form usually counts in. A night is a midnight passed, a day is a day touched,
    a half-day each five hours begun, an hour each hour begun. A time counts as at least one unit.
    Raises Invalid("ends_at", "before_start" or "too_long").
    """
    if ends_at <= starts_at:
        raise Invalid("ends_at", "before_start")
    if ends_at - starts_at > LONGEST_BOOKING:
        raise Invalid("ends_at", "too_long")
    unit = unit or FORMS[form].unit
    if unit in BLOCKS:
        return _blocks(starts_at.astimezone(UTC), ends_at.astimezone(UTC), BLOCKS[unit])
    first = starts_at.astimezone(AMSTERDAM).date()
    last = (ends_at.astimezone(UTC) - _INSTANT).astimezone(AMSTERDAM).date()
    count = (last - first).days + (unit == "day")
    return {first + timedelta(days=n): 1 for n in range(max(count, 1))}


def _blocks(starts_at: datetime, ends_at: datetime, length: timedelta) -> dict[date, int]:
    count = -((starts_at - ends_at) // length)  # rounded up
    return dict(Counter((starts_at + n * length).astimezone(AMSTERDAM).date() for n in range(count)))


def ends_on(period: Period) -> date:
    """The last day for which anything can be planned: of the period, or of the indication where that is sooner."""
    return min(period.last_day, period.indication_ends or period.last_day)


def holds(period: Period, day: date) -> bool:
    return period.first_day <= day <= ends_on(period)


def years_after(day: date, years: int) -> date:
    """The same day so many years on; 28 February where that year has no 29th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def check_units(units: int, *, least: int = 1) -> None:
    """Raises Invalid("units", "not_whole" or "too_few")."""
    if isinstance(units, bool) or not isinstance(units, int):
        raise Invalid("units", "not_whole")
    if units < least:
        raise Invalid("units", "too_few")


def check_fits(units: int, period: Period) -> None:
    """No more is granted than fits between the days. Raises Invalid("units", "too_many")."""
    if units > IN_A_DAY[period.unit] * ((period.last_day - period.first_day).days + 1):
        raise Invalid("units", "too_many")


def check_new(new: Period, units: int) -> None:
    """What can be said of an entitlement by itself. Raises Invalid at the field where it is wrong."""
    if new.payer not in PAYERS:
        raise Invalid("payer", "unknown")
    if new.form and new.form not in FORMS:
        raise Invalid("form", "unknown")
    if new.unit not in UNITS:
        raise Invalid("unit", "unknown")
    if new.form and new.payer not in FORMS[new.form].payers:
        raise Invalid("form", "not_paid")
    check_units(units)
    if new.last_day < new.first_day:
        raise Invalid("last_day", "before_first")
    if not EARLIEST <= new.first_day <= LATEST:
        raise Invalid("first_day", "too_far")
    if new.last_day >= years_after(new.first_day, LONGEST_YEARS):
        raise Invalid("last_day", "too_long")
    if new.indication_ends is not None and new.indication_ends < new.first_day:
        raise Invalid("indication_ends", "before_first")
    check_fits(units, new)


def check_beside(new: Period, existing: Iterable[Period]) -> None:
    """An entitlement beside those that exist: not the same twice, and no Wmo for people with Wlz. Raises Overlap."""
    for other in existing:
        if new.first_day > ends_on(other) or other.first_day > ends_on(new):
            continue
        if {new.payer, other.payer} == {"wmo", "wlz"}:
            raise Overlap("wmo_and_wlz", other)
        if (new.payer, new.form, new.unit) == (other.payer, other.form, other.unit):
            raise Overlap("overlap", other)


def year_with_too_much(grants: Sequence[Grant], limit: int) -> tuple[int, int] | None:
    """The first year in which more was granted than it can take, and by how much; None when all can be used.

    A grant over several years can be used in any of them, so each run of years is looked at as a whole.
    """
    years = sorted({year for grant in grants for year in range(grant.first_year, grant.last_year + 1)})
    for first in years:
        for last in (year for year in years if year >= first):
            inside = sum(g.units for g in grants if first <= g.first_year and g.last_year <= last)
            too_much = inside - limit * (last - first + 1)
            if too_much > 0:
                return first, too_much
    return None


def in_order(periods: Iterable[P], form: str) -> list[P]:
    """Which to take from first: made for this form before any form, then what ends soonest."""
    fitting = [period for period in periods if period.form in (form, "")]
    return sorted(fitting, key=lambda period: (period.form == "", ends_on(period), period.first_day))


def allot(days: Mapping[date, int], periods: Sequence[Period], left: Mapping[int, int]) -> Counter[tuple[int, int]]:
    """From which entitlement the units of each day come, in this order: units by (id of the entitlement, year). Where
    that order leaves some day with nothing, what ends soonest goes first: then it fits if there is any way in which it
    does.

    days: units of each day. periods: of one payer and one unit. left: by id. Raises NoEntitlement and TooLittleLeft.
    """
    try:
        return _in_this_order(days, periods, left)
    except TooLittleLeft:
        found = _soonest_first(days, periods, left)
        if found is None:
            raise
        return found


def _soonest_first(
    days: Mapping[date, int], periods: Sequence[Period], left: Mapping[int, int]
) -> Counter[tuple[int, int]] | None:
    """Unit by unit from what ends soonest; None where it does not fit. Whatever is taken now of a later one instead
    could only have served days that this one does not reach."""
    remaining = dict(left)
    taken: Counter[tuple[int, int]] = Counter()
    order = sorted(periods, key=lambda period: (ends_on(period), period.form == ""))
    for day, units in sorted(days.items()):
        missing = units
        for period in (each for each in order if holds(each, day)):
            part = max(min(missing, remaining[period.id or 0]), 0)
            remaining[period.id or 0] -= part
            missing -= part
            if part:
                taken[period.id or 0, day.year] += part
        if missing:
            return None
    return taken


def _in_this_order(
    days: Mapping[date, int], periods: Sequence[Period], left: Mapping[int, int]
) -> Counter[tuple[int, int]]:
    remaining = dict(left)
    taken: Counter[tuple[int, int]] = Counter()
    for day, units in sorted(days.items()):
        holding = [period for period in periods if holds(period, day)]
        if not holding:
            raise NoEntitlement(periods[0].payer if periods else "", day)
        found = next((period for period in holding if remaining[period.id or 0] >= units), None)
        if found is None:
            most = max(holding, key=lambda period: left[period.id or 0])
            needed = sum(count for each, count in days.items() if holds(most, each))
            raise TooLittleLeft(most.unit, left[most.id or 0], needed, ends_on(most))
        remaining[found.id or 0] -= units
        taken[found.id or 0, day.year] += units
    return taken
