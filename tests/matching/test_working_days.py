"""Which days are off, and when somebody must have heard from us."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.working_days import add_working_days, contact_due, is_working_day, working_days_between

SOME_DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 23), True),  # a Monday
        (date(2026, 11, 21), False),  # a Saturday
        (date(2026, 11, 22), False),
        (date(2026, 4, 3), False),  # Good Friday
        (date(2026, 4, 6), False),  # Easter Monday
        (date(2026, 4, 27), False),  # King's Day
        (date(2026, 5, 5), True),  # 5 May: off in lustrum years only
        (date(2025, 5, 5), False),
        (date(2026, 12, 25), False),
        (date(2026, 12, 31), True),
        (date(2028, 2, 29), True),
    ],
)
def it_knows_which_days_are_off(day: date, expected: bool) -> None:
    assert is_working_day(day) is expected


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        (datetime(2026, 11, 20, 10, tzinfo=UTC), date(2026, 11, 27)),  # Friday to Friday
        (datetime(2026, 11, 21, 10, tzinfo=UTC), date(2026, 11, 27)),  # Saturday
        (datetime(2026, 4, 1, 10, tzinfo=UTC), date(2026, 4, 10)),  # over Easter
        (datetime(2026, 12, 23, 10, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), date(2026, 11, 30)),  # half past midnight on Monday in Hilversum
    ],
)
def it_gives_five_working_days_for_the_first_contact(asked: datetime, due: date) -> None:
    assert contact_due(asked) == due


@given(SOME_DAYS, st.integers(1, 15))
def it_counts_what_it_adds(day: date, count: int) -> None:
    last = add_working_days(day, count)
    assert is_working_day(last)
    assert working_days_between(day, last) == count
    assert working_days_between(last, day) == -count
