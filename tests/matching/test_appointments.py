"""Days and hours on the Dutch clock."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from matching.errors import IllegalMove, Invalid
from matching.models import Appointment, HelpRequest, Pairing
from matching.services import appointments, pairing
from matching.workflow import AppointmentState
from tests.matching_up import said_yes
from tests.people import ALL_SLOTS, MONDAY, NOW, TUESDAY, Cast

SPRING, AUTUMN = date(2027, 3, 28), date(2026, 10, 25)  # the clock goes forward, and back
TUESDAY_MORNING = 1 << 4


def asked(**facts: object) -> HelpRequest:
    return HelpRequest(**({"frequency": "flexible", "slots": ALL_SLOTS, "minutes": 60} | facts))


def planned(db: Session, of: Pairing) -> Appointment:
    found = appointments.planned(db, of)
    assert found is not None
    return found


class DescribeTheFirstOccasion:
    def it_is_the_first_half_day_that_suits_both(self) -> None:
        request = asked(slots=TUESDAY_MORNING | 1 << 9)  # Tuesday morning or Wednesday afternoon
        assert appointments.next_occasion(request, 1 << 9, now=NOW) == (TUESDAY + timedelta(days=1), 1)

    def it_has_yet_to_begin(self) -> None:
        """It is ten o'clock on Monday: the morning has begun."""
        assert appointments.next_occasion(asked(), ALL_SLOTS, now=NOW) == (MONDAY, 1)
        assert appointments.next_occasion(asked(slots=1), ALL_SLOTS, now=NOW) == (MONDAY + timedelta(days=7), 0)

    def it_goes_by_the_dutch_day(self) -> None:
        late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # half past midnight on Tuesday here
        assert appointments.next_occasion(asked(), ALL_SLOTS, now=late) == (TUESDAY, 0)

    def it_is_the_day_that_was_asked(self) -> None:
        request = asked(frequency="once", day=date(2028, 2, 29), slots=0b1100 << 4)  # a Tuesday
        assert appointments.next_occasion(request, 0b1000 << 4, now=NOW) == (date(2028, 2, 29), 3)

    def it_leaves_out_the_part_of_that_day_that_has_begun(self) -> None:
        request = asked(frequency="once", day=MONDAY, slots=0b0111)
        assert appointments.next_occasion(request, ALL_SLOTS, now=NOW) == (MONDAY, 1)
        assert appointments.next_occasion(request, ALL_SLOTS, now=NOW + timedelta(hours=9)) == (MONDAY, 2)

    def it_follows_the_asker_where_they_share_nothing(self) -> None:
        assert appointments.next_occasion(asked(slots=TUESDAY_MORNING), 1, now=NOW) == (TUESDAY, 0)

    @given(st.integers(0, ALL_SLOTS), st.integers(0, ALL_SLOTS))
    def it_always_finds_one_within_a_week(self, theirs: int, ours: int) -> None:
        day, part = appointments.next_occasion(asked(slots=theirs), ours, now=NOW)
        assert MONDAY <= day <= MONDAY + timedelta(days=7)
        wanted = theirs & ours or theirs or 1
        assert wanted >> (day.weekday() * 4 + part) & 1


class DescribeAnHour:
    @pytest.mark.parametrize(
        ("day", "hour", "utc"),
        [
            (date(2026, 12, 1), time(10), "09:00"),
            (date(2027, 7, 1), time(10), "08:00"),
            (SPRING, time(1, 59), "00:59"),
            (SPRING, time(3), "01:00"),
            (AUTUMN, time(2, 30), "00:30"),  # comes twice: the first of the two
            (AUTUMN, time(3), "02:00"),
        ],
    )
    def it_is_that_of_the_dutch_clock(self, day: date, hour: time, utc: str) -> None:
        moment = appointments.moment_of(day, hour)
        assert moment is not None
        assert moment.utcoffset() == timedelta(0)
        assert f"{moment:%H:%M}" == utc

    @pytest.mark.parametrize("hour", [time(2), time(2, 30), time(2, 59, 59)])
    def it_may_not_exist_when_summer_time_begins(self, hour: time) -> None:
        assert appointments.moment_of(SPRING, hour) is None

    @pytest.mark.parametrize(
        ("day", "hour", "field", "reason"),
        [
            (SPRING, time(2, 30), "hour", "skipped"),
            (MONDAY - timedelta(days=1), time(10), "day", "past"),
            (date.min, time(0), "day", "past"),
            (date.max, time.max, "day", "too_far"),
            (MONDAY + timedelta(days=367), time(10), "day", "too_far"),
            (MONDAY, time(10), "hour", "past"),  # it is ten o'clock now
        ],
    )
    def it_refuses_what_cannot_be(
        self, db: Session, cast: Cast, day: date, hour: time, field: str, reason: str
    ) -> None:
        made = said_yes(db, cast, NOW, welcomes_anyone=True)
        with pytest.raises(Invalid) as error:
            pairing.plan(db, made, day, hour, now=NOW, actor_id=made.volunteer_id)
        assert (error.value.field, error.value.reason) == (field, reason)
        assert planned(db, made).starts_at is None

    @pytest.mark.parametrize(
        ("hour", "part"), [(time(6), 0), (time(11, 59), 0), (time(12), 1), (time(18), 2), (time(23), 2), (time(0), 3)]
    )
    def it_belongs_to_a_half_day(self, db: Session, cast: Cast, hour: time, part: int) -> None:
        made = said_yes(db, cast, NOW, welcomes_anyone=True)
        pairing.plan(db, made, TUESDAY, hour, now=NOW, actor_id=made.volunteer_id)
        assert (planned(db, made).day, planned(db, made).part) == (TUESDAY, part)

    def it_is_for_people_who_both_said_yes(self, db: Session, cast: Cast) -> None:
        waiting = said_yes(db, cast, NOW)
        with pytest.raises(IllegalMove):
            pairing.plan(db, waiting, TUESDAY, time(10), now=NOW, actor_id=waiting.volunteer_id)


class DescribeEveryWeek:
    def it_keeps_day_and_hour_when_the_clock_changes(self, db: Session, cast: Cast) -> None:
        now = datetime(2026, 10, 19, 9, tzinfo=UTC)
        made = said_yes(db, cast, now, welcomes_anyone=True, frequency="weekly", slots=TUESDAY_MORNING)
        pairing.plan(db, made, date(2026, 10, 20), time(10), now=now, actor_id=made.volunteer_id)
        pairing.finish(db, made, now=now + timedelta(days=1, hours=3), actor_id=made.volunteer_id, for_good=False)
        following = planned(db, made)
        assert following.day == date(2026, 10, 27)
        assert following.starts_at == datetime(2026, 10, 27, 9, tzinfo=UTC)  # it was 8 hours UTC a week before

    def it_leaves_an_hour_open_that_does_not_exist_that_day(self, db: Session, cast: Cast) -> None:
        now = datetime(2027, 3, 20, 9, tzinfo=UTC)
        made = said_yes(db, cast, now, welcomes_anyone=True, frequency="weekly")
        pairing.plan(db, made, SPRING - timedelta(days=7), time(2, 30), now=now, actor_id=made.volunteer_id)
        pairing.finish(db, made, now=now + timedelta(days=2), actor_id=made.volunteer_id, for_good=False)
        assert (planned(db, made).day, planned(db, made).starts_at) == (SPRING, None)

    @pytest.mark.parametrize(("later", "expected"), [(0, 8), (1, 8), (8, 8), (9, 15), (30, 36)])
    def it_goes_on_with_the_first_week_that_is_not_over(
        self, db: Session, cast: Cast, later: int, expected: int
    ) -> None:
        made = said_yes(db, cast, NOW, welcomes_anyone=True, frequency="weekly", slots=TUESDAY_MORNING)
        assert planned(db, made).day == TUESDAY
        pairing.finish(db, made, now=NOW + timedelta(days=later), actor_id=made.volunteer_id, for_good=False)
        assert planned(db, made).day == MONDAY + timedelta(days=expected)

    def it_stays_one_day_a_week_where_more_would_suit(self, db: Session, cast: Cast) -> None:
        made = said_yes(db, cast, NOW, welcomes_anyone=True, frequency="weekly")
        for _week in range(3):
            pairing.finish(db, made, now=NOW, actor_id=made.volunteer_id, for_good=False)
        days = db.exec(select(Appointment.day).order_by(col(Appointment.day))).all()
        assert [(day - days[0]).days for day in days] == [0, 7, 14, 21]

    def it_goes_on_after_nobody_was_there(self, db: Session, cast: Cast) -> None:
        made = said_yes(db, cast, NOW, welcomes_anyone=True, frequency="weekly", slots=TUESDAY_MORNING)
        pairing.no_show(db, made, now=NOW + timedelta(days=1), actor_id=made.volunteer_id)
        states = db.exec(select(Appointment.state).order_by(col(Appointment.day))).all()
        assert states == [AppointmentState.NO_SHOW, AppointmentState.PLANNED]
        assert planned(db, made).day == TUESDAY + timedelta(days=7)
