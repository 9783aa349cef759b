"""Who takes over when: booking, laying out a rhythm, confirming, cancelling, moving, and what does not fit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import text
from sqlmodel import Session, col, select

from matching import jobs
from matching.database import open_engine
from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import (
    Absence,
    Arrangement,
    CareSituation,
    Event,
    OutboxMessage,
    ReliefRequest,
    RespijtBooking,
    RespijtGap,
    Tag,
    Volunteer,
)
from matching.services import care, covering, ledger, relief, respijt_calendar
from matching.services.appointments import AMSTERDAM
from matching.services.relief_rules import LONGEST_STAY, Ask
from matching.services.respijt_calendar import Kind
from matching.workflow import ArrangementState, BookingState, CareState, ReliefState
from tests.caring import (
    make_arrangement,
    make_booking,
    make_entitlement,
    make_provider,
    make_relief,
    make_situation,
)
from tests.conftest import new_postgres_database
from tests.people import DRIFTBUURT, MONDAY, NOW, Cast, make_cast
from web.db import session_factory

THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)  # one o'clock on the Dutch clock
WEEK = timedelta(weeks=1)
HOURS = timedelta(hours=1)


@dataclass
class Els:
    """Els cares for her mother, and Bram stays with her on Thursday afternoons."""

    id: int
    situation: CareSituation
    relief: ReliefRequest
    bram: Arrangement


@pytest.fixture
def els(db: Session, cast: Cast) -> Els:
    volunteer = db.get_one(Volunteer, cast.bram.id)
    volunteer.vog_seen_on = volunteer.introduced_on = volunteer.trained_on = date(2026, 1, 10)
    situation = make_situation(db, cast.els)
    relief = make_relief(db, situation, state=ReliefState.RUNNING)
    made = Els(cast.els.id or 0, situation, relief, make_arrangement(db, relief, volunteer_id=cast.bram.id))
    db.commit()
    return made


def grant(db: Session, els: Els, cast: Cast, *, units: int, last_day: date = date(2027, 12, 31)) -> None:
    """Half-days by a volunteer."""
    assert cast.chantal.id is not None
    ledger.add_entitlement(
        db,
        els.situation,
        payer="volunteer",
        form="home_volunteer",
        unit="half_day",
        units=units,
        first_day=MONDAY,
        last_day=last_day,
        indication_ends=None,
        by=cast.chantal.id,
        now=NOW,
    )


def sums(db: Session, els: Els) -> tuple[int, int, int]:
    """Planned, used and left."""
    (balance,) = ledger.balances(db, els.situation.id or 0, today=MONDAY)
    return balance.planned, balance.used, balance.left


def book(db: Session, els: Els, starts_at: datetime = THURSDAY, *, payer: str = "", hours: int = 3) -> RespijtBooking:
    return respijt_calendar.book(
        db, els.bram, starts_at=starts_at, ends_at=starts_at + hours * HOURS, payer=payer, by=els.id, now=NOW
    )


def lay_out(db: Session, els: Els, *, weeks: int = 8, payer: str = "", now: datetime = NOW) -> respijt_calendar.LaidOut:
    until = (now + weeks * WEEK).date()
    return respijt_calendar.lay_out(db, els.bram, until=until, payer=payer, by=els.id, now=now)


def booked(db: Session) -> list[tuple[date, str]]:
    rows = db.exec(select(RespijtBooking).order_by(col(RespijtBooking.starts_at), col(RespijtBooking.id)))
    return [(row.starts_at.date(), str(row.state)) for row in rows]


class DescribeBooking:
    def it_books_one_moment_and_counts_it(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=5)
        booking = book(db, els, payer="volunteer")
        assert booking.state == BookingState.PLANNED
        assert sums(db, els) == (1, 0, 4)
        (event,) = db.exec(select(Event).where(Event.tag == Tag.BOOKING_PLANNED))
        assert event.subject_id == booking.id

    def it_tells_the_stand_in_without_a_word_about_care(self, db: Session, els: Els) -> None:
        booking = book(db, els)
        (message,) = db.exec(select(OutboxMessage))
        assert message.account_id == els.bram.volunteer_id
        assert message.context == {"booking_id": booking.id, "stand_in": True}

    @pytest.mark.parametrize(
        ("starts", "hours", "field", "reason"),
        [
            (NOW, 3, "starts_at", "past"),
            (NOW + timedelta(days=367), 3, "starts_at", "too_far"),
            (THURSDAY, 0, "ends_at", "before_start"),
            (THURSDAY, -3, "ends_at", "before_start"),
            (THURSDAY, 62 * 24, "ends_at", "too_long"),
        ],
    )
    def it_refuses_times_that_make_no_sense(
        self, db: Session, els: Els, starts: datetime, hours: int, field: str, reason: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            book(db, els, starts, hours=hours)
        assert (refused.value.field, refused.value.reason) == (field, reason)
        assert booked(db) == []

    def it_refuses_the_same_moment_twice_and_keeps_the_first(self, db: Session, els: Els) -> None:
        book(db, els)
        with pytest.raises(Invalid, match="taken"):
            book(db, els, hours=4)
        assert booked(db) == [(THURSDAY.date(), "planned")]

    def it_refuses_what_the_ledger_refuses(self, db: Session, els: Els) -> None:
        with pytest.raises(Invalid, match="no_entitlement"):
            book(db, els, payer="volunteer")
        with pytest.raises(Invalid, match="unknown"):
            book(db, els, payer="rich uncle")

    @pytest.mark.parametrize("state", [ArrangementState.PROPOSED, ArrangementState.ENDED, ArrangementState.REFUSED])
    def it_books_nothing_for_an_arrangement_that_does_not_run(
        self, db: Session, els: Els, state: ArrangementState
    ) -> None:
        els.bram.state = state
        with pytest.raises(Invalid, match="not_running"):
            book(db, els)

    def it_books_nothing_in_a_closed_situation(self, db: Session, els: Els) -> None:
        els.situation.state = CareState.CLOSED
        with pytest.raises(Invalid, match="not_running"):
            book(db, els)

    def it_books_no_volunteer_whose_vog_ends_before_that_day(self, db: Session, els: Els) -> None:
        db.get_one(Volunteer, els.bram.volunteer_id).vog_renew_by = date(2026, 12, 3)
        book(db, els)
        with pytest.raises(Invalid, match="no_vog"):
            book(db, els, THURSDAY + WEEK)

    def it_books_a_stay_over_new_year_from_two_entitlements(self, db: Session, cast: Cast, els: Els) -> None:
        stay = make_relief(db, els.situation, form="guest_house", rrule="", state=ReliefState.RUNNING)
        place = make_arrangement(db, stay, provider_id=make_provider(db).id)
        for year in (2026, 2027):
            ledger.add_entitlement(
                db,
                els.situation,
                payer="insurance",
                form="guest_house",
                unit="night",
                units=5,
                first_day=date(year, 1, 1),
                last_day=date(year, 12, 31),
                indication_ends=None,
                by=cast.chantal.id or 0,
                now=NOW,
            )
        starts = datetime(2026, 12, 30, 13, tzinfo=UTC)
        respijt_calendar.book(
            db, place, starts_at=starts, ends_at=starts + 4 * 24 * HOURS, payer="insurance", by=cast.chantal.id, now=NOW
        )
        assert [each.planned for each in ledger.balances(db, els.situation.id or 0, today=MONDAY)] == [2, 2]


class DescribeLayingOut:
    def it_books_the_rhythm_until_a_day(self, db: Session, els: Els) -> None:
        laid = lay_out(db, els, weeks=3)
        assert len(laid.made) == 3
        assert booked(db) == [(THURSDAY.date() + n * WEEK, "planned") for n in range(3)]
        assert len(db.exec(select(OutboxMessage)).all()) == 1, "one message for all of them"

    @pytest.mark.parametrize("state", [ArrangementState.TRIAL, ArrangementState.AGREEING])
    def it_lays_no_rhythm_out_before_the_agreement(self, db: Session, els: Els, state: ArrangementState) -> None:
        els.bram.state = state
        with pytest.raises(Invalid, match="not_running"):
            lay_out(db, els)
        assert booked(db) == []
        assert book(db, els).state == BookingState.PLANNED, "a trial can be planned"

    def it_lays_out_the_longest_stay_that_can_be_asked(self, db: Session, cast: Cast, els: Els) -> None:
        last_day = MONDAY + timedelta(days=1) + LONGEST_STAY
        asked = Ask("guest_house", "", MONDAY + timedelta(days=1), last_day, 0, 180)
        stay = relief.ask(db, els.situation, asked, by=els.id, now=NOW)
        stay.state = ReliefState.RUNNING
        place = make_arrangement(db, stay, provider_id=make_provider(db).id)
        (made,) = respijt_calendar.lay_out(db, place, until=last_day, payer="", by=cast.chantal.id, now=NOW).made
        assert made.ends_at - made.starts_at == LONGEST_STAY
        coming = respijt_calendar.coming(db, els.situation.id or 0, now=made.ends_at - HOURS)
        assert [moment.booking.id for moment in coming] == [made.id]

    def it_tells_nobody_that_the_rhythm_goes_on_by_itself(self, db: Session, els: Els) -> None:
        lay_out(db, els, weeks=1)
        told = len(db.exec(select(OutboxMessage)).all())
        made = [respijt_calendar.extend(db, els.bram.id or 0, now=NOW + n * WEEK) for n in range(4)]
        assert made == [7, 1, 1, 1]
        assert len(db.exec(select(OutboxMessage)).all()) == told

    def it_makes_nothing_twice(self, db: Session, els: Els) -> None:
        lay_out(db, els, weeks=3)
        again = lay_out(db, els, weeks=4)
        assert (len(again.made), again.refused) == (1, [])

    def it_does_not_bring_back_what_was_cancelled_or_moved(self, db: Session, els: Els) -> None:
        first, second, _third = lay_out(db, els, weeks=3).made
        respijt_calendar.cancel(db, first, reason="not_needed", by=els.id, now=NOW)
        friday = second.starts_at + timedelta(days=1)
        respijt_calendar.swap(db, second, starts_at=friday, ends_at=friday + 3 * HOURS, by=els.id, now=NOW)
        assert lay_out(db, els, weeks=3).made == []

    def it_makes_the_others_when_some_are_refused(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=20, last_day=date(2026, 12, 10))
        laid = lay_out(db, els, weeks=5, payer="volunteer")
        assert [each.starts_at.date() for each in laid.made] == [
            date(2026, 11, 26),
            date(2026, 12, 3),
            date(2026, 12, 10),
        ]
        assert [(each.day, each.reason) for each in laid.refused] == [
            (date(2026, 12, 17), "no_entitlement"),
            (date(2026, 12, 24), "no_entitlement"),
        ]
        assert sums(db, els) == (3, 0, 17)
        assert len(booked(db)) == 3, "nothing half-made stays behind"

    def it_says_when_too_little_is_left(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=2)
        laid = lay_out(db, els, weeks=3, payer="volunteer")
        assert [each.reason for each in laid.refused] == ["too_little_left"]
        assert sums(db, els) == (2, 0, 0)

    def it_stops_at_the_last_day_of_the_relief(self, db: Session, els: Els) -> None:
        els.relief.last_day = date(2026, 12, 4)
        assert len(lay_out(db, els).made) == 2

    def it_begins_today_and_not_in_the_past(self, db: Session, els: Els) -> None:
        els.relief.first_day = date(2020, 1, 2)
        assert lay_out(db, els, weeks=1).made[0].starts_at == THURSDAY
        assert lay_out(db, els, weeks=1, now=THURSDAY + WEEK + HOURS).made[0].starts_at == THURSDAY + 2 * WEEK

    def it_refuses_nonsense_without_changing_anything(self, db: Session, els: Els) -> None:
        els.relief.rrule = "FREQ=SOMETIMES"
        with pytest.raises(Invalid, match="rrule"):
            lay_out(db, els)
        assert els.bram.series_payer is None

    def it_keeps_the_hour_when_the_clock_changes(self, db: Session, els: Els) -> None:
        laid = lay_out(db, els, weeks=20)
        assert {each.starts_at.astimezone(AMSTERDAM).hour for each in laid.made} == {13}
        assert {each.starts_at.hour for each in laid.made} == {11, 12}


class DescribeAfterwards:
    def it_counts_as_used_when_somebody_says_so(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=5)
        booking = book(db, els, payer="volunteer")
        with pytest.raises(IllegalMove):
            respijt_calendar.use(db, booking, by=els.id, now=NOW)
        respijt_calendar.use(db, booking, by=els.id, now=THURSDAY + 3 * HOURS)
        assert (booking.state, booking.ended_by_id) == (BookingState.USED, els.id)
        assert sums(db, els) == (0, 1, 4)
        assert els.relief.first_relief_on == THURSDAY.date()

    def it_can_be_put_right_when_it_was_counted_by_mistake(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=5)
        booking = book(db, els, payer="volunteer")
        respijt_calendar.use(db, booking, by=None, now=THURSDAY + 2 * WEEK)
        respijt_calendar.cancel(db, booking, reason="other", by=els.id, now=THURSDAY + 2 * WEEK)
        assert booking.state == BookingState.CANCELLED
        assert sums(db, els) == (0, 0, 5)
        assert els.relief.first_relief_on is None

    def it_tells_the_desk_that_nobody_came_also_when_it_was_counted(self, db: Session, cast: Cast, els: Els) -> None:
        booking = book(db, els)
        respijt_calendar.assume_used(db, booking.id or 0, now=THURSDAY + 2 * WEEK)
        respijt_calendar.cancel(db, booking, reason="no_show", by=els.id, now=THURSDAY + 2 * WEEK)
        (told,) = db.exec(select(OutboxMessage).where(OutboxMessage.account_id == cast.chantal.id))
        assert told.key == f"respijt_at_desk:no_show:{booking.id}:{cast.chantal.id}"

    def it_lets_the_stand_in_take_back_only_what_nobody_else_said(self, db: Session, els: Els) -> None:
        afterwards = THURSDAY + 2 * WEEK
        said_by_els, said_by_bram, assumed = (book(db, els, THURSDAY + n * timedelta(days=1)) for n in range(3))
        for booking, by in ((said_by_els, els.id), (said_by_bram, els.bram.volunteer_id), (assumed, None)):
            respijt_calendar.use(db, booking, by=by, now=afterwards)
        with pytest.raises(IllegalMove):
            respijt_calendar.cancel(db, said_by_els, reason="other", by=els.bram.volunteer_id, now=afterwards)
        for booking in (said_by_bram, assumed):
            respijt_calendar.cancel(db, booking, reason="other", by=els.bram.volunteer_id, now=afterwards)
        assert [each.state for each in (said_by_els, said_by_bram, assumed)] == ["used", "cancelled", "cancelled"]

    def it_ends_once(self, db: Session, els: Els) -> None:
        booking = book(db, els)
        respijt_calendar.cancel(db, booking, reason="other", by=els.id, now=NOW)
        for again in (
            lambda: respijt_calendar.cancel(db, booking, reason="other", by=els.id, now=NOW),
            lambda: respijt_calendar.use(db, booking, by=els.id, now=THURSDAY + WEEK),
            lambda: respijt_calendar.miss(db, booking, by=els.id, now=THURSDAY + WEEK),
        ):
            with pytest.raises(IllegalMove):
                again()

    def it_gives_units_back_when_the_carer_cancels_and_offers_nothing_anew(
        self, db: Session, cast: Cast, els: Els
    ) -> None:
        grant(db, els, cast, units=5)
        booking = book(db, els, payer="volunteer")
        respijt_calendar.cancel(db, booking, reason="not_needed", by=els.id, now=NOW)
        assert sums(db, els) == (0, 0, 5)
        assert els.relief.state == ReliefState.RUNNING
        assert respijt_calendar.coming(db, els.situation.id or 0, now=NOW) == []


class DescribeFallingThrough:
    def it_is_offered_to_somebody_else_at_once_when_the_stand_in_is_ill(
        self, db: Session, cast: Cast, els: Els
    ) -> None:
        grant(db, els, cast, units=5)
        booking = book(db, els, payer="volunteer")
        respijt_calendar.cancel(db, booking, reason="stand_in_ill", by=els.bram.volunteer_id, now=NOW)
        assert sums(db, els) == (0, 0, 5)
        (moment,) = respijt_calendar.coming(db, els.situation.id or 0, now=NOW)
        assert moment.needs_somebody
        assert len(db.exec(select(OutboxMessage).where(OutboxMessage.account_id == els.id)).all()) == 1

    def it_tells_the_carer_once_while_a_back_up_person_is_asked(self, db: Session, cast: Cast, els: Els) -> None:
        volunteer = db.get_one(Volunteer, cast.daan.id)
        volunteer.vog_seen_on = volunteer.introduced_on = volunteer.trained_on = date(2026, 1, 10)
        make_arrangement(db, els.relief, volunteer_id=cast.daan.id, is_backup=True)
        booking = book(db, els)
        respijt_calendar.cancel(db, booking, reason="stand_in_ill", by=els.bram.volunteer_id, now=NOW)
        (told,) = db.exec(select(OutboxMessage).where(OutboxMessage.account_id == els.id))
        assert (told.template, told.context["booking_id"]) == ("respijt_moment", booking.id)
        assert db.exec(select(OutboxMessage).where(OutboxMessage.account_id == cast.daan.id)).one()

    def it_is_offered_anew_too_when_the_desk_hears_it_first(self, db: Session, cast: Cast, els: Els) -> None:
        booking = book(db, els)
        respijt_calendar.cancel(db, booking, reason="stand_in_cannot", by=cast.chantal.id, now=NOW)
        kinds = [each.kind for each in respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)]
        assert Kind.NOBODY in kinds or Kind.NOT_LAID_OUT in kinds

    def it_tells_the_volunteer_when_the_carer_says_that_they_cannot(self, db: Session, els: Els) -> None:
        booking = make_booking(db, els.bram, els.situation, THURSDAY)
        respijt_calendar.cancel(db, booking, reason="stand_in_cannot", by=els.id, now=NOW)
        told = db.exec(select(OutboxMessage.key).where(OutboxMessage.account_id == els.bram.volunteer_id)).all()
        assert told == [f"respijt_moment:{booking.id}:cancelled:{els.bram.volunteer_id}"]

    def it_tells_the_volunteer_nothing_who_said_so(self, db: Session, els: Els) -> None:
        booking = make_booking(db, els.bram, els.situation, THURSDAY)
        respijt_calendar.cancel(db, booking, reason="stand_in_cannot", by=els.bram.volunteer_id, now=NOW)
        told = db.exec(select(OutboxMessage.key).where(OutboxMessage.account_id == els.bram.volunteer_id)).all()
        assert told == []

    def it_looks_for_nobody_once_it_is_closed(self, db: Session, cast: Cast, els: Els) -> None:
        booking = make_booking(db, els.bram, els.situation, THURSDAY)
        respijt_calendar.cancel(db, booking, reason="stand_in_ill", by=els.bram.volunteer_id, now=NOW)
        assert nobody_for(db, els) == [THURSDAY.date()]
        gap = db.exec(select(RespijtGap)).one()
        covering.close(db, gap.id or 0, els.situation, by=cast.chantal.id or 0, now=NOW)
        moment = respijt_calendar.of_booking(db, booking.id or 0)
        assert moment is not None and not moment.needs_somebody
        assert nobody_for(db, els) == []
        assert respijt_calendar.coming(db, els.situation.id or 0, now=NOW) == []

    def it_notes_a_no_show_and_gives_the_units_back(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=5)
        booking = book(db, els, payer="volunteer")
        with pytest.raises(IllegalMove):
            respijt_calendar.miss(db, booking, by=els.id, now=NOW)
        respijt_calendar.miss(db, booking, by=els.id, now=THURSDAY + HOURS)
        assert booking.state == BookingState.NO_SHOW
        assert sums(db, els) == (0, 0, 5)
        (told,) = db.exec(select(OutboxMessage).where(OutboxMessage.account_id == cast.chantal.id))
        assert told.template == "respijt_at_desk"


class DescribeMoving:
    def it_moves_in_one_go_and_tells_the_stand_in(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=1)
        booking = book(db, els, payer="volunteer")
        friday = THURSDAY + timedelta(days=1)
        moved = respijt_calendar.swap(db, booking, starts_at=friday, ends_at=friday + 3 * HOURS, by=els.id, now=NOW)
        assert (booking.state, booking.end_reason) == (BookingState.CANCELLED, "moved")
        assert (moved.starts_at, moved.payer) == (friday, "volunteer")
        assert sums(db, els) == (1, 0, 0)
        keys = [message.key for message in db.exec(select(OutboxMessage))]
        assert f"respijt_moment:{moved.id}:moved:{els.bram.volunteer_id}" in keys

    def it_can_be_made_longer_at_the_same_hour(self, db: Session, els: Els) -> None:
        booking = book(db, els)
        moved = respijt_calendar.swap(db, booking, starts_at=THURSDAY, ends_at=THURSDAY + 5 * HOURS, by=els.id, now=NOW)
        assert moved.ends_at - moved.starts_at == 5 * HOURS

    def it_stays_as_it_was_when_the_new_time_is_refused(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=1, last_day=date(2026, 12, 1))
        booking = book(db, els, payer="volunteer")
        late = THURSDAY + WEEK
        with pytest.raises(Invalid, match="no_entitlement"):
            respijt_calendar.swap(db, booking, starts_at=late, ends_at=late + 3 * HOURS, by=els.id, now=NOW)
        assert booked(db) == [(THURSDAY.date(), "planned")]
        assert sums(db, els) == (1, 0, 0)

    def it_moves_nothing_that_began(self, db: Session, els: Els) -> None:
        booking = book(db, els)
        late = THURSDAY + WEEK
        with pytest.raises(IllegalMove):
            respijt_calendar.swap(
                db, booking, starts_at=late, ends_at=late + 3 * HOURS, by=els.id, now=THURSDAY + HOURS
            )


class DescribeTheNightlyJob:
    def it_keeps_the_calendar_eight_weeks_ahead(
        self, db: Session, els: Els, session_of: Callable[..., Session]
    ) -> None:
        lay_out(db, els, weeks=1)
        db.commit()
        assert jobs.run("lay_out", session_of, now=NOW) == 7
        assert jobs.run("lay_out", session_of, now=NOW) == 0
        assert jobs.run("lay_out", session_of, now=NOW + timedelta(days=7)) == 1

    def it_leaves_a_rhythm_that_nobody_laid_out_yet(
        self, db: Session, els: Els, session_of: Callable[..., Session]
    ) -> None:
        assert jobs.run("lay_out", session_of, now=NOW) == 0

    def it_leaves_out_what_was_cancelled(self, db: Session, els: Els, session_of: Callable[..., Session]) -> None:
        first = lay_out(db, els, weeks=8).made[0]
        respijt_calendar.cancel(db, first, reason="not_needed", by=els.id, now=NOW)
        db.commit()
        assert jobs.run("lay_out", session_of, now=NOW) == 0

    def it_counts_as_used_what_nobody_spoke_of_for_a_week(
        self, db: Session, els: Els, session_of: Callable[..., Session]
    ) -> None:
        booking = book(db, els)
        db.commit()
        ended = THURSDAY + 3 * HOURS
        assert jobs.run("lay_out", session_of, now=ended + timedelta(days=6)) == 0
        assert jobs.run("lay_out", session_of, now=ended + timedelta(days=7)) == 1
        db.refresh(booking)
        moment = respijt_calendar.of_booking(db, booking.id or 0)
        assert moment is not None and moment.is_assumed

    def it_goes_on_when_one_arrangement_fails(self, db: Session, els: Els, session_of: Callable[..., Session]) -> None:
        wrong = make_relief(db, els.situation, rrule="FREQ=SOMETIMES", state=ReliefState.RUNNING)
        make_arrangement(db, wrong, volunteer_id=els.bram.volunteer_id, series_payer="")
        other = make_relief(db, els.situation, rrule="FREQ=WEEKLY;BYDAY=MO", state=ReliefState.RUNNING)
        make_arrangement(db, other, volunteer_id=els.bram.volunteer_id, series_payer="")
        db.commit()
        assert jobs.run("lay_out", session_of, now=NOW) == 9  # this Monday at one is still to come


@pytest.fixture
def session_of(app: object) -> Callable[..., Session]:
    return app.extensions["omzien.sessions"]  # type: ignore[attr-defined, no-any-return]


def nobody_for(db: Session, els: Els) -> list[date]:
    """The days for which nobody is found, in the warnings."""
    found = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
    return [day for each in found if each.kind == Kind.NOBODY for day in each.days]


class DescribeTwoAtTheSameMoment:
    def it_lets_the_carer_close_while_the_stand_in_calls_off(self, app: Flask, separate_database: str) -> None:
        """On PostgreSQL the one who comes second waits for the other, and never both for each other."""
        open_session, start = session_factory(open_engine(separate_database)), Barrier(2)
        with open_session(True) as session:
            cast = make_cast(session)
            situation = make_situation(session, cast.els)
            make_entitlement(session, situation, cast.chantal, units=12)
            bram = make_arrangement(
                session, make_relief(session, situation, state="running"), volunteer_id=cast.bram.id
            )
            moments = [THURSDAY + n * WEEK for n in range(6)]
            bookings = [make_booking(session, bram, situation, moment, payer="volunteer") for moment in moments]
            for booking in bookings:
                ledger.plan(session, booking, by=None, now=NOW)
            session.commit()
            keys, last = situation.id or 0, bookings[-1].id or 0
            els, stand_in = cast.els.id or 0, cast.bram.id or 0

        def close() -> str:
            with open_session(True) as session:
                start.wait()
                care.close(session, session.get_one(CareSituation, keys), reason="stopped", by=els, now=NOW)
                session.commit()
                return "closed"

        def call_off() -> str:
            with open_session(True) as session:
                start.wait()
                try:
                    found = session.get_one(RespijtBooking, last)
                    respijt_calendar.cancel(session, found, reason="stand_in_ill", by=stand_in, now=NOW)
                except IllegalMove:
                    return "too late"
                session.commit()
                return "called off"

        with ThreadPoolExecutor(2) as pool:
            done = [pool.submit(close), pool.submit(call_off)]
            assert done[0].result() == "closed" and done[1].result() in ("called off", "too late")
        with open_session(False) as session:
            assert {each.state for each in session.exec(select(RespijtBooking))} == {BookingState.CANCELLED}
            (balance,) = ledger.balances(session, keys, today=MONDAY)
            assert (balance.planned, balance.left) == (0, 12)

    def it_takes_the_situation_before_the_booking(
        self, app: Flask, hilversum_postgres: str, postgres_url: str, request: pytest.FixtureRequest
    ) -> None:
        """On PostgreSQL whoever ends a booking waits for the situation without holding the booking."""
        copy = new_postgres_database(postgres_url, f"copy_{abs(hash(request.node.nodeid))}", "template_hilversum")
        engine = open_engine(copy)
        with Session(engine) as session:
            cast = make_cast(session)
            situation = make_situation(session, cast.els)
            bram = make_arrangement(session, make_relief(session, situation), volunteer_id=cast.bram.id)
            booking = make_booking(session, bram, situation, THURSDAY)
            session.commit()
            keys = situation.id or 0, booking.id or 0

        def call_off() -> None:
            with Session(engine) as session:
                found = session.get_one(RespijtBooking, keys[1])
                respijt_calendar.cancel(session, found, reason="not_needed", by=None, now=NOW)
                session.commit()

        with ThreadPoolExecutor(1) as pool, Session(engine) as session:
            care.lock(session, session.get_one(CareSituation, keys[0]))
            waiting = pool.submit(call_off)
            with Session(engine) as watching:
                is_waiting = text("select count(*) from pg_locks where not granted")
                while not watching.connection().execute(is_waiting).scalar_one():
                    watching.rollback()
            session.exec(select(RespijtBooking).with_for_update(nowait=True)).all()
            session.commit()
            waiting.result()
        engine.dispose()


class DescribeWarnings:
    def kinds(self, db: Session, els: Els) -> list[Kind]:
        return [each.kind for each in respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)]

    def it_warns_of_nothing_when_all_is_well(self, db: Session, els: Els) -> None:
        lay_out(db, els)
        assert self.kinds(db, els) == []

    def it_warns_of_two_at_the_same_time(self, db: Session, els: Els) -> None:
        lay_out(db, els)
        stay = make_relief(db, els.situation, form="guest_house", rrule="", state=ReliefState.RUNNING)
        place = make_arrangement(db, stay, provider_id=make_provider(db).id)
        make_booking(db, place, els.situation, THURSDAY - 24 * HOURS, ends_at=THURSDAY + HOURS)
        (warning,) = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
        assert (warning.kind, warning.days) == (Kind.OVERLAP, (THURSDAY.date(),))
        assert set(warning.who) == {"Bram", "Logeerhuis Zonnestraal"}

    def it_warns_when_the_stand_in_is_somewhere_else_then(self, db: Session, cast: Cast, els: Els) -> None:
        lay_out(db, els)
        annas = make_situation(db, cast.anna, DRIFTBUURT)
        there = make_arrangement(db, make_relief(db, annas), volunteer_id=els.bram.volunteer_id)
        make_booking(db, there, annas, THURSDAY + HOURS)
        (warning,) = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
        assert (warning.kind, warning.who) == (Kind.DOUBLE_BOOKED, ("Bram",))

    def it_does_not_warn_of_one_after_the_other(self, db: Session, els: Els) -> None:
        lay_out(db, els)
        make_booking(db, els.bram, els.situation, THURSDAY + 3 * HOURS)
        assert self.kinds(db, els) == []

    def it_warns_when_the_stand_in_is_away(self, db: Session, els: Els) -> None:
        lay_out(db, els)
        day = THURSDAY.date() + WEEK
        db.add(Absence(volunteer_id=els.bram.volunteer_id or 0, first_day=day, last_day=day + timedelta(days=3)))
        db.flush()
        (warning,) = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
        assert (warning.kind, warning.days) == (Kind.AWAY, (day,))

    def it_warns_when_the_stand_in_is_on_pause(self, db: Session, els: Els) -> None:
        make_booking(db, els.bram, els.situation, THURSDAY)
        make_booking(db, els.bram, els.situation, THURSDAY + WEEK)
        volunteer = db.get_one(Volunteer, els.bram.volunteer_id)
        volunteer.is_paused, volunteer.paused_until = True, (THURSDAY + WEEK).date()
        db.add(volunteer)
        found = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
        assert [each.days for each in found if each.kind == Kind.AWAY] == [(THURSDAY.date(),)]

    def it_says_that_somebody_may_not_come_yet(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=50)
        volunteer = db.get_one(Volunteer, els.bram.volunteer_id)
        volunteer.vog_renew_by = (THURSDAY + 2 * WEEK).date()
        db.add(volunteer)
        assert lay_out(db, els, payer="volunteer").refused[0].reason == "no_vog"
        (found,) = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
        assert (found.kind, found.days[0], found.who) == (Kind.MAY_NOT, (THURSDAY + 2 * WEEK).date(), ("Bram",))

    def it_makes_one_warning_of_the_same_on_several_days(self, db: Session, els: Els) -> None:
        lay_out(db, els)
        first, last = THURSDAY.date(), THURSDAY.date() + 2 * WEEK
        db.add(Absence(volunteer_id=els.bram.volunteer_id or 0, first_day=first, last_day=last))
        db.flush()
        (warning,) = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
        assert (warning.kind, warning.days) == (Kind.AWAY, (first, first + WEEK, last))

    def it_warns_where_an_entitlement_ends_within_the_rhythm(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=20, last_day=date(2026, 12, 26))
        lay_out(db, els, payer="volunteer")
        (warning,) = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
        assert warning.kind == Kind.NOTHING_LEFT
        assert warning.days[0] == date(2026, 12, 31)
        assert len(warning.days) == 3

    def it_warns_where_too_little_is_left(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=6)
        lay_out(db, els, payer="volunteer")
        (warning,) = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
        assert (warning.kind, len(warning.days)) == (Kind.TOO_LITTLE, 2)

    def it_warns_of_a_rhythm_that_is_not_in_the_calendar(self, db: Session, els: Els) -> None:
        (warning,) = respijt_calendar.warnings(db, els.situation.id or 0, now=NOW)
        assert (warning.kind, len(warning.days)) == (Kind.NOT_LAID_OUT, 8)

    def it_takes_what_the_carer_called_off_for_no_hole(self, db: Session, els: Els) -> None:
        first = lay_out(db, els).made[0]
        respijt_calendar.cancel(db, first, reason="not_needed", by=els.id, now=NOW)
        assert self.kinds(db, els) == []


class DescribeLooking:
    def it_shows_a_month_in_whole_weeks(self, db: Session, els: Els) -> None:
        lay_out(db, els)
        month = respijt_calendar.month(db, els.situation.id or 0, 2026, 12)
        assert (month.weeks[0][0].day, month.weeks[-1][-1].day) == (date(2026, 11, 30), date(2027, 1, 3))
        assert [each.first_day.day for each in month.moments] == [3, 10, 17, 24, 31]
        assert (month.earlier, month.later) == (date(2026, 11, 1), date(2027, 1, 1))

    def it_shows_a_stay_on_each_of_its_days(self, db: Session, els: Els) -> None:
        make_booking(db, els.bram, els.situation, THURSDAY, ends_at=THURSDAY + 48 * HOURS)
        month = respijt_calendar.month(db, els.situation.id or 0, 2026, 11)
        assert [day.day.day for week in month.weeks for day in week if day.moments] == [26, 27, 28]

    def it_tells_the_carer_and_the_stand_in_who_and_when(self, db: Session, cast: Cast, els: Els) -> None:
        book(db, els)
        (mine,) = respijt_calendar.coming(db, els.situation.id or 0, now=NOW)
        (theirs,) = respijt_calendar.coming_for(db, cast.bram.id or 0, now=NOW)
        assert mine == theirs
        assert (mine.who, mine.form) == ("Bram", "home_volunteer")

    def it_gives_an_overview_of_what_comes_and_what_waits_for_an_answer(self, db: Session, els: Els) -> None:
        make_booking(db, els.bram, els.situation, THURSDAY - WEEK)
        make_booking(db, els.bram, els.situation, THURSDAY - 2 * WEEK, state=BookingState.USED)
        made = book(db, els)
        found, waiting = respijt_calendar.overview(db, els.situation.id or 0, now=NOW)
        assert ([moment.booking for moment in found], waiting) == ([made], 1)

    def it_hides_a_moment_from_strangers(self, db: Session, cast: Cast, els: Els) -> None:
        booking = book(db, els)
        assert respijt_calendar.my_moment(db, els.id, booking.id or 0)[1].booking == booking
        assert respijt_calendar.my_turn(db, cast.bram.id, booking.id or 0).booking == booking
        for stranger in (None, cast.anna.id, cast.chantal.id):
            with pytest.raises(NotFound):
                respijt_calendar.my_moment(db, stranger, booking.id or 0)
            with pytest.raises(NotFound):
                respijt_calendar.my_turn(db, stranger, booking.id or 0)

    def it_cancels_all_that_comes_without_telling_anybody(self, db: Session, cast: Cast, els: Els) -> None:
        grant(db, els, cast, units=10)
        lay_out(db, els, weeks=4, payer="volunteer")
        told = len(db.exec(select(OutboxMessage)).all())
        count = respijt_calendar.cancel_coming(db, situation_id=els.situation.id, reason="closed", by=els.id, now=NOW)
        assert (count, sums(db, els)) == (4, (0, 0, 10))
        assert len(db.exec(select(OutboxMessage)).all()) == told
