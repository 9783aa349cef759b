"""Working days in the Netherlands: the one place that says which days are off.

Off are Saturday and Sunday, the national holidays, Good Friday, and 5 May in lustrum years only (2025, 2030 ...):
the days on which the welfare organisations are closed. The `holidays` library computes them.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
FIRST_CONTACT = 5  # working days within which somebody hears from a human (R8)
SATURDAY = 5


@lru_cache(maxsize=16)
def holidays_of(year: int) -> frozenset[date]:
    """The holidays of a year."""
    # Imported here: it takes a tenth of a second, which only whoever posts a request should ever pay.
    from holidays.countries.netherlands import Netherlands

    return frozenset(Netherlands(years=year))  # type: ignore[no-untyped-call]  # the library has no types


def is_working_day(day: date) -> bool:
    """Whether people are at work on this day."""
    return day.weekday() < SATURDAY and day not in holidays_of(day.year)


def add_working_days(day: date, count: int) -> date:
    """The `count`-th working day after `day`; the day itself does not count."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day)
    return day


def working_days_between(first: date, last: date) -> int:
    """How many working days come after `first`, up to and including `last`; negative when `last` is earlier."""
    if last < first:
        return -working_days_between(last, first)
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sum(is_working_day(day) for day in days)


def contact_due(asked_at: datetime) -> date:
    """The last day for the first human contact about something asked at this moment."""
    return add_working_days(asked_at.astimezone(AMSTERDAM).date(), FIRST_CONTACT)
