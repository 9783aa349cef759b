"""Rules that come back, laid out on the Dutch clock."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.errors import Invalid
from matching.services import series
from matching.services.series import MOST, WEEKDAYS, end_of, occurrences

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MONDAY = date(2026, 11, 23)
THURSDAY_AFTERNOON = 1 << 13
EVERY_MORNING = sum(1 << day * 4 for day in range(7))


def shown(rule: str, first: date = MONDAY, last: date = date(2027, 1, 31), **how: object) -> list[str]:
    """The moments as they stand on the Dutch clock."""
    usual = {"slots": THURSDAY_AFTERNOON, "minutes": 180}
    found = occurrences(rule, first, last_day=last, **(usual | how))  # type: ignore[arg-type]  # facts by name
    return [f"{each.starts_at.astimezone(AMSTERDAM):%a %d %b %H:%M}" for each in found]


def it_lays_out_a_half_day_a_week() -> None:
    assert shown("FREQ=WEEKLY;BYDAY=TH", last=date(2026, 12, 10)) == [
        "Thu 26 Nov 13:00",
        "Thu 03 Dec 13:00",
        "Thu 10 Dec 13:00",
    ]


def it_takes_the_day_from_the_half_days_where_the_rule_names_none() -> None:
    assert shown("FREQ=WEEKLY", last=date(2026, 12, 4)) == ["Thu 26 Nov 13:00", "Thu 03 Dec 13:00"]


def it_comes_once_where_there_is_no_rule() -> None:
    assert shown("") == ["Mon 23 Nov 13:00"]
    assert shown("", last=date(2026, 11, 22)) == []


def it_lays_out_a_weekend_a_month() -> None:
    found = occurrences(
        "FREQ=MONTHLY;BYDAY=1SA", MONDAY, slots=EVERY_MORNING, minutes=48 * 60, last_day=date(2027, 2, 28)
    )
    assert [each.day for each in found] == [date(2026, 12, 5), date(2027, 1, 2), date(2027, 2, 6)]
    assert all(each.ends_at - each.starts_at == timedelta(hours=48) for each in found)


def it_takes_the_last_working_day_of_a_month() -> None:
    rule = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"
    assert shown(rule, last=date(2027, 1, 31)) == ["Mon 30 Nov 13:00", "Thu 31 Dec 13:00", "Fri 29 Jan 13:00"]


def it_comes_every_other_week_counted_from_the_first_day() -> None:
    assert shown("FREQ=WEEKLY;INTERVAL=2;BYDAY=TH", last=date(2026, 12, 24)) == [
        "Thu 26 Nov 13:00",
        "Thu 10 Dec 13:00",
        "Thu 24 Dec 13:00",
    ]


def it_counts_from_the_first_day_also_when_asked_for_a_later_part() -> None:
    assert shown("FREQ=WEEKLY;BYDAY=TH;COUNT=3", since=date(2026, 12, 4)) == ["Thu 10 Dec 13:00"]


@pytest.mark.parametrize("until", ["20261203", "20261203T235959", "20261203T225959Z"])
def it_ends_on_the_day_the_rule_says(until: str) -> None:
    assert shown(f"FREQ=WEEKLY;BYDAY=TH;UNTIL={until}") == ["Thu 26 Nov 13:00", "Thu 03 Dec 13:00"]


def it_goes_on_over_new_year() -> None:
    assert shown("FREQ=DAILY", first=date(2026, 12, 31), last=date(2027, 1, 1), slots=0) == [
        "Thu 31 Dec 13:00",
        "Fri 01 Jan 13:00",
    ]


def it_comes_daily_on_the_days_of_the_half_days() -> None:
    assert shown("FREQ=DAILY", last=date(2026, 12, 3)) == ["Thu 26 Nov 13:00", "Thu 03 Dec 13:00"]


def it_takes_the_hour_that_was_agreed() -> None:
    assert shown("FREQ=WEEKLY;BYDAY=TH", last=MONDAY + timedelta(days=7), hour=time(14, 30)) == ["Thu 26 Nov 14:30"]


def it_keeps_the_hour_when_summer_time_begins_and_ends() -> None:
    in_utc = {}
    for first in (date(2027, 3, 25), date(2027, 10, 28)):
        found = occurrences(
            "FREQ=WEEKLY", first, slots=0, minutes=180, last_day=first + timedelta(days=7), hour=time(14)
        )
        assert [each.starts_at.astimezone(AMSTERDAM).hour for each in found] == [14, 14]
        in_utc[first.month] = [each.starts_at.hour for each in found]
    assert in_utc == {3: [13, 12], 10: [12, 13]}


def it_makes_the_night_an_hour_shorter_in_spring_and_longer_in_autumn() -> None:
    nights = {}
    for day in (date(2027, 3, 26), date(2027, 3, 27), date(2027, 10, 30)):
        (night,) = occurrences("", day, slots=1 << day.weekday() * 4 + 3, minutes=600, last_day=day)
        assert f"{night.ends_at.astimezone(AMSTERDAM):%H:%M}" == "08:00"
        nights[day] = (night.ends_at - night.starts_at).total_seconds() / 3600
    assert list(nights.values()) == [10, 9, 11]


def it_moves_an_hour_that_does_not_exist_to_the_one_after_it() -> None:
    day = date(2027, 3, 28)
    (found,) = occurrences("", day, slots=0, minutes=60, last_day=day, hour=time(2, 30))
    assert found.starts_at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)  # 3.30 on the clock
    assert found.ends_at == datetime(2027, 3, 28, 2, 30, tzinfo=UTC)


def it_never_ends_before_it_begins_in_the_hour_that_comes_twice() -> None:
    second_half_past_two = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    assert end_of(second_half_past_two, 15) == second_half_past_two + timedelta(minutes=15)


@pytest.mark.parametrize(
    "rule",
    [
        "every thursday",
        "FREQ=",
        "FREQ=WEEKLY;FREQ=DAILY",
        "BYDAY=TH",
        "FREQ=SECONDLY",
        "FREQ=YEARLY",
        "FREQ=WEEKLY;BYHOUR=3",
        "FREQ=WEEKLY;BYDAY=DO",
        "FREQ=WEEKLY;BYDAY=1TH",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=13",
        "FREQ=WEEKLY;INTERVAL=-1",
        "FREQ=WEEKLY;INTERVAL=٣",
        "FREQ=WEEKLY;COUNT=0",
        "FREQ=WEEKLY;COUNT=1000",
        "FREQ=WEEKLY;COUNT=3;UNTIL=20270101",
        "FREQ=WEEKLY;UNTIL=20270231",
        "FREQ=WEEKLY;UNTIL=99991231",
        "FREQ=WEEKLY;UNTIL=20270101T250000Z",
        "FREQ=WEEKLY;BYSETPOS=2;BYDAY=TH",
        "FREQ=MONTHLY;BYDAY=1TH;BYSETPOS=2",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=MONTHLY;BYDAY=TH;BYSETPOS=9",
        "FREQ=MONTHLY;BYDAY=6TH",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TH",
        "DTSTART:20270101\nRRULE:FREQ=DAILY",
        "FREQ=WEEKLY;" * 40,
    ],
)
def it_refuses_a_rule_that_makes_no_sense(rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        shown(rule)
    assert refused.value.field == "rrule"


@pytest.mark.parametrize("minutes", [-5, 0, 14, 62 * 24 * 60 + 1, 10**12])
def it_refuses_a_length_that_makes_no_sense(minutes: int) -> None:
    with pytest.raises(Invalid, match="minutes"):
        shown("FREQ=DAILY", minutes=minutes)


@pytest.mark.parametrize("day", [date.min, date(1999, 12, 31), date.max])
def it_refuses_a_century_that_is_not_ours(day: date) -> None:
    with pytest.raises(Invalid, match="first_day"):
        shown("FREQ=DAILY", first=day)


def it_gives_no_more_than_a_year_of_days() -> None:
    assert len(shown("FREQ=DAILY", last=date(2030, 1, 1), slots=0)) == MOST


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, set[int]]:
    """A rule that makes sense, and the weekdays that it names (all of them when it names none)."""
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]))
    days = draw(st.sets(st.integers(0, 6), max_size=7)) if freq != "DAILY" else set()
    parts = [f"FREQ={freq}", f"INTERVAL={draw(st.integers(1, 12))}"]
    if days:
        which = draw(st.sampled_from(["", "1", "-1"])) if freq == "MONTHLY" else ""
        parts.append("BYDAY=" + ",".join(which + WEEKDAYS[day] for day in sorted(days)))
        if freq == "MONTHLY" and not which and draw(st.booleans()):
            parts.append(f"BYSETPOS={draw(st.sampled_from([1, -1, 4]))}")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 40))}")
    return ";".join(parts), days or set(range(7))


@settings(max_examples=150, deadline=None)
@given(
    rules(),
    st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    st.integers(0, 800),
    st.times(),
    st.integers(series.SHORTEST, series.LONGEST),
)
def it_always_gives_moments_in_order_inside_the_period_on_the_days_asked(
    rule: tuple[str, set[int]], first: date, length: int, hour: time, minutes: int
) -> None:
    text, weekdays = rule
    last = first + timedelta(days=length)
    found = occurrences(text, first, slots=0, minutes=minutes, last_day=last, hour=hour)
    assert [each.day for each in found] == sorted({each.day for each in found})
    assert all(first <= each.day <= last and each.day.weekday() in weekdays for each in found)
    for each in found:
        local = each.starts_at.astimezone(AMSTERDAM)
        skipped = local.replace(tzinfo=None) != datetime.combine(each.day, hour)
        assert not skipped or (each.day.month == 3 and local.hour == 3 and hour.hour == 2)
        assert each.ends_at > each.starts_at
        difference = (each.ends_at - each.starts_at) - timedelta(minutes=minutes)
        assert abs(difference) <= timedelta(hours=1)


@settings(max_examples=300, deadline=None)
@given(st.text("FREQDAILYWKMONTHBYSCU=;,:-+0123456789 \n", max_size=80))
def it_gives_moments_or_a_refusal_whatever_is_written(text: str) -> None:
    with suppress(Invalid):
        assert len(occurrences(text, MONDAY, slots=0, minutes=60, last_day=date(2027, 12, 31))) <= MOST
