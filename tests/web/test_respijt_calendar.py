"""The calendar of respijtzorg, for all three sides, and as a feed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from flask import Flask
from sqlmodel import Session, select

from matching.models import (
    Arrangement,
    CareSituation,
    DataLook,
    ReliefRequest,
    RespijtBooking,
    RespijtGap,
    Volunteer,
)
from matching.models.base import utcnow
from matching.services import ledger, respijt_calendar
from matching.services.ledger_rules import TooLittleLeft
from matching.workflow import BookingState, CareState, GapState, ReliefState
from tests.browse import Browser, Page
from tests.caring import make_arrangement, make_booking, make_entitlement, make_provider, make_relief, make_situation
from tests.people import Cast
from web import calendar_words

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HOURS = timedelta(hours=1)


def thursday(weeks: int = 1) -> datetime:
    """One o'clock on a Thursday so many weeks from now: the pages know the real time."""
    today = utcnow().astimezone(AMSTERDAM).date()
    day = today + timedelta(days=(3 - today.weekday()) % 7 + 7 * weeks)
    return datetime(day.year, day.month, day.day, 13, tzinfo=AMSTERDAM).astimezone(UTC)


@dataclass
class Els:
    """Els cares for her mother, and Bram stays with her on Thursday afternoons."""

    situation: CareSituation
    relief: ReliefRequest
    bram: Arrangement

    @property
    def calendar(self) -> str:
        return f"/mantelzorg/{self.situation.id}/agenda"

    @property
    def at_desk(self) -> str:
        return f"/werkplek/mantelzorg/{self.situation.id}/agenda"


@pytest.fixture
def els(db: Session, cast: Cast) -> Els:
    volunteer = db.get_one(Volunteer, cast.bram.id)
    volunteer.vog_seen_on = volunteer.introduced_on = volunteer.trained_on = date(2026, 1, 10)
    situation = make_situation(db, cast.els)
    relief = make_relief(db, situation, state=ReliefState.RUNNING, first_day=date(2026, 1, 1))
    made = Els(situation, relief, make_arrangement(db, relief, volunteer_id=cast.bram.id))
    db.commit()
    return made


@pytest.fixture
def booking(db: Session, els: Els) -> RespijtBooking:
    made = make_booking(db, els.bram, els.situation, thursday())
    db.commit()
    return made


@pytest.fixture
def over(db: Session, els: Els) -> RespijtBooking:
    """One that ended, and of which nobody said anything."""
    made = make_booking(db, els.bram, els.situation, thursday(-2))
    db.commit()
    return made


def month_of(booking: RespijtBooking) -> str:
    return f"{booking.starts_at.astimezone(AMSTERDAM):%Y-%m}"


def state(db: Session, booking: RespijtBooking) -> tuple[str, str]:
    db.refresh(booking)
    return str(booking.state), booking.end_reason


class DescribeTheCalendarOfTheCarer:
    def it_works(self, client: Browser, cast: Cast, els: Els, booking: RespijtBooking) -> None:
        page = client.sign_in(cast.els).get(f"{els.calendar}?maand={month_of(booking)}")
        assert "Bram neemt het over" in page.words
        assert "Van 13.00 tot 16.00 uur" in page.words
        assert "Staat vast" in page.words
        table = page.one("table")
        assert len(page.all("th")) == 7
        assert table.find("{http://www.w3.org/1999/xhtml}caption") is not None

    def it_requires_login(self, client: Browser, els: Els) -> None:
        assert "/inloggen" in client.get(els.calendar, status=302).location

    def it_hides_from_strangers(self, client: Browser, cast: Cast, els: Els, booking: RespijtBooking) -> None:
        for who in (cast.anna, cast.bram, cast.chantal, cast.farid):
            client.sign_in(who).get(els.calendar, status=404)
            for step in ("", "/niet-door", "/verzetten"):
                client.get(f"/mantelzorg/moment/{booking.id}{step}", status=404)
            client.post(f"/mantelzorg/moment/{booking.id}/ging-door", status=404)

    @pytest.mark.parametrize("month", ["2026-13", "0000-00", "9999-12", "2026", "x", "2026-1", "²⁰²⁶-01", "2026-11-"])
    def it_shows_this_month_for_one_that_is_none(self, client: Browser, cast: Cast, els: Els, month: str) -> None:
        usual = client.sign_in(cast.els).get(els.calendar).words
        assert client.get(f"{els.calendar}?maand={month}").words == usual

    def it_leads_to_the_months_around_it(self, client: Browser, cast: Cast, els: Els) -> None:
        page = client.sign_in(cast.els).get(f"{els.calendar}?maand=2027-01")
        assert [page.one("a", rel=rel).get("href").rpartition("=")[2] for rel in ("prev", "next")] == [
            "2026-12",
            "2027-02",
        ]
        assert "In deze maand staat nog niets gepland." in page.words

    def it_stays_quick_after_five_years_of_weeks(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        for week in range(-260, 9):
            usual = BookingState.USED if week < 0 else BookingState.PLANNED
            make_booking(db, els.bram, els.situation, thursday(week), state=usual)
        db.commit()
        client.sign_in(cast.els)
        with client.count_queries() as seen:
            page = client.get(els.calendar)
        assert len(page.all("time")) > 28
        assert len(seen) < 12, seen

    def it_asks_whether_it_went_ahead(
        self, client: Browser, db: Session, cast: Cast, els: Els, over: RespijtBooking
    ) -> None:
        page = client.sign_in(cast.els).get(els.calendar)
        assert "Is dit doorgegaan?" in page.words
        client.post(f"/mantelzorg/moment/{over.id}/ging-door", status=302)
        assert state(db, over) == ("used", "")
        assert "Is dit doorgegaan?" not in client.get(els.calendar).words

    def it_says_what_does_not_fit(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        stay = make_relief(db, els.situation, form="guest_house", rrule="", state=ReliefState.RUNNING)
        place = make_arrangement(db, stay, provider_id=make_provider(db).id)
        make_booking(db, els.bram, els.situation, thursday())
        make_booking(db, place, els.situation, thursday() - 24 * HOURS, ends_at=thursday() + 24 * HOURS)
        db.commit()
        page = client.sign_in(cast.els).get(els.calendar)
        assert "nemen Logeerhuis Zonnestraal en Bram het tegelijk over" in page.words

    def it_says_from_when_nothing_is_granted(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        last = thursday(4).date()
        ledger.add_entitlement(
            db,
            els.situation,
            payer="volunteer",
            form="home_volunteer",
            unit="half_day",
            units=50,
            first_day=date(2026, 1, 1),
            last_day=last,
            indication_ends=None,
            by=cast.chantal.id or 0,
            now=utcnow(),
        )
        db.commit()
        values = {
            "ritme_wie": str(els.bram.id),
            "ritme_betaler": "volunteer",
            "ritme_tot_dag": f"{thursday(7).date() - timedelta(days=1)}",
        }
        page = client.sign_in(cast.chantal).post(f"{els.at_desk}/ritme", values, follow=True)
        assert "er geen recht meer. 2 keren staan niet in de agenda." in page.text
        assert "er geen recht meer" in client.sign_in(cast.els).get(els.calendar).words


class DescribeAMomentOfTheCarer:
    def it_works(self, client: Browser, cast: Cast, booking: RespijtBooking) -> None:
        page = client.sign_in(cast.els).get(f"/mantelzorg/moment/{booking.id}")
        assert page.h1 == "Bram neemt het over"
        assert "Verzetten" in page.words

    def it_calls_one_off_with_a_reason(
        self, client: Browser, db: Session, cast: Cast, els: Els, booking: RespijtBooking
    ) -> None:
        where = f"/mantelzorg/moment/{booking.id}/niet-door"
        page = client.sign_in(cast.els).get(where)
        assert client.submit(page, where).errors() == {"reden": "Kies waarom."}
        assert state(db, booking) == ("planned", "")
        done = client.submit(page, where, reden="not_needed")
        assert state(db, booking) == ("cancelled", "not_needed")
        assert "Gaat niet door" in done.words

    @pytest.mark.parametrize("reason", ["no_show", "moved", "stand_in_ill", "x" * 500, "\x00", ""])
    def it_takes_no_reason_that_was_not_offered(
        self, client: Browser, db: Session, cast: Cast, booking: RespijtBooking, reason: str
    ) -> None:
        client.sign_in(cast.els).post(f"/mantelzorg/moment/{booking.id}/niet-door", {"reden": reason}, status=422)
        assert state(db, booking) == ("planned", "")

    def it_says_that_nobody_came(self, client: Browser, db: Session, cast: Cast, over: RespijtBooking) -> None:
        where = f"/mantelzorg/moment/{over.id}/niet-door"
        client.submit(client.sign_in(cast.els).get(where), where, reden="no_show")
        assert state(db, over) == ("no_show", "no_show")

    def it_puts_right_what_was_assumed(self, client: Browser, db: Session, cast: Cast, over: RespijtBooking) -> None:
        respijt_calendar.use(db, over, by=None, now=utcnow())
        db.commit()
        page = client.sign_in(cast.els).get(f"/mantelzorg/moment/{over.id}")
        assert "Aangenomen" in page.words
        where = f"/mantelzorg/moment/{over.id}/niet-door"
        client.submit(client.get(where), where, reden="other")
        assert state(db, over) == ("cancelled", "other")

    def it_says_that_nobody_has_to_come_any_more(
        self, client: Browser, db: Session, cast: Cast, els: Els, booking: RespijtBooking
    ) -> None:
        respijt_calendar.cancel(db, booking, reason="stand_in_ill", by=cast.bram.id, now=utcnow())
        db.commit()
        here = f"/mantelzorg/moment/{booking.id}"
        browser = client.sign_in(cast.els)
        page = browser.get(here)
        assert "Wij zoeken iemand anders." in page.words
        browser.submit(page, f"{here}/niet-nodig", action=f"{here}/niet-nodig")
        assert db.exec(select(RespijtGap)).one().state == GapState.CLOSED
        page = browser.get(here)
        assert "Wij zoeken" not in page.words and "niet-nodig" not in page.text
        assert browser.post(f"{here}/niet-nodig", follow=True, status=200).h1 == page.h1
        assert "Wij zoeken" not in browser.get(f"{els.calendar}?maand={month_of(booking)}").words

    def it_moves_one(self, client: Browser, db: Session, cast: Cast, els: Els, booking: RespijtBooking) -> None:
        where = f"/mantelzorg/moment/{booking.id}/verzetten"
        page = client.sign_in(cast.els).get(where)
        assert page.form_values()["van"] == ["13:00"]
        friday = thursday() + timedelta(days=1)
        client.submit(page, where, dag=f"{friday:%d-%m-%Y}", van="14.30", tot="17.00")
        assert state(db, booking) == ("cancelled", "moved")
        moved = db.exec(select(RespijtBooking).where(RespijtBooking.state == BookingState.PLANNED)).one()
        assert f"{moved.starts_at.astimezone(AMSTERDAM):%H:%M}" == "14:30"
        assert moved.ends_at - moved.starts_at == timedelta(hours=2, minutes=30)

    @pytest.mark.parametrize(
        ("field", "value", "at"),
        [
            ("dag", "", "dag"),
            ("dag", "31-02-2027", "dag"),
            ("dag", "2020-01-01", "dag"),
            ("dag", "0001-01-01", "dag"),
            ("dag", "9999-12-31", "dag"),
            ("dag", "morgen", "dag"),
            ("van", "25:00", "van"),
            ("van", "\x00", "van"),
            ("tot", "", "tot"),
            ("tot", "12:00", "tot"),
            ("tot_dag", "2020-01-01", "tot"),
            ("tot_dag", "9999-12-31", "tot"),
            ("tot_dag", "nooit", "tot_dag"),
        ],
    )
    def it_keeps_what_was_typed_when_it_makes_no_sense(
        self, client: Browser, db: Session, cast: Cast, booking: RespijtBooking, field: str, value: str, at: str
    ) -> None:
        where = f"/mantelzorg/moment/{booking.id}/verzetten"
        page = client.submit(client.sign_in(cast.els).get(where), where, **{field: value})
        assert page.status == 422
        assert at in page.errors()
        assert state(db, booking) == ("planned", "")

    def it_moves_nothing_that_is_over(self, client: Browser, db: Session, cast: Cast, over: RespijtBooking) -> None:
        page = client.sign_in(cast.els).get(f"/mantelzorg/moment/{over.id}/verzetten", status=302)
        assert page.location == f"/mantelzorg/moment/{over.id}"
        client.post(f"/mantelzorg/moment/{over.id}/verzetten", {"dag": "2027-01-01", "van": "13", "tot": "15"})
        assert state(db, over) == ("planned", "")

    def it_says_so_when_somebody_was_first(
        self, client: Browser, db: Session, cast: Cast, booking: RespijtBooking
    ) -> None:
        respijt_calendar.cancel(db, booking, reason="stand_in_ill", by=cast.bram.id, now=utcnow())
        db.commit()
        page = client.sign_in(cast.els).post(
            f"/mantelzorg/moment/{booking.id}/niet-door", {"reden": "not_needed"}, follow=True
        )
        assert "intussen iets veranderd" in page.text
        assert state(db, booking) == ("cancelled", "stand_in_ill")

    def it_rejects_get(self, client: Browser, cast: Cast, booking: RespijtBooking) -> None:
        client.sign_in(cast.els).get(f"/mantelzorg/moment/{booking.id}/ging-door", status=405)


class DescribeTheStandIn:
    def it_works(self, client: Browser, cast: Cast, booking: RespijtBooking) -> None:
        page = client.sign_in(cast.bram).get(f"/helpen/respijt?maand={month_of(booking)}")
        assert "U neemt het over van Els" in page.words

    def it_hides_from_strangers(self, client: Browser, cast: Cast, booking: RespijtBooking) -> None:
        for who in (cast.els, cast.daan, cast.chantal):
            client.sign_in(who).get(f"/helpen/respijt/moment/{booking.id}", status=404)
            client.get(f"/helpen/respijt/moment/{booking.id}/lukt-niet", status=404)
            client.post(f"/helpen/respijt/moment/{booking.id}/ging-door", status=404)
        client.sign_in(cast.anna).get("/helpen/respijt", status=404)

    def it_is_offered_to_somebody_else_at_once_when_they_are_ill(
        self, client: Browser, db: Session, cast: Cast, els: Els, booking: RespijtBooking
    ) -> None:
        where = f"/helpen/respijt/moment/{booking.id}/lukt-niet"
        page = client.submit(client.sign_in(cast.bram).get(where), where, reden="stand_in_ill")
        assert "Wij zoeken meteen iemand anders." in page.text
        assert state(db, booking) == ("cancelled", "stand_in_ill")
        assert db.exec(select(RespijtGap)).one().booking_id == booking.id
        carers = client.sign_in(cast.els).get(f"{els.calendar}?maand={month_of(booking)}")
        assert "Wij zoeken" in carers.words

    def it_says_that_it_went_ahead(self, client: Browser, db: Session, cast: Cast, over: RespijtBooking) -> None:
        client.sign_in(cast.bram).post(f"/helpen/respijt/moment/{over.id}/ging-door", status=302)
        assert (over.state, over.ended_by_id) == (BookingState.USED, cast.bram.id)

    def it_says_nothing_of_one_that_has_yet_to_begin(
        self, client: Browser, db: Session, cast: Cast, booking: RespijtBooking
    ) -> None:
        client.sign_in(cast.bram).post(f"/helpen/respijt/moment/{booking.id}/ging-door", status=302)
        assert state(db, booking) == ("planned", "")

    def it_cannot_move_or_undo(self, client: Browser, db: Session, cast: Cast, over: RespijtBooking) -> None:
        respijt_calendar.use(db, over, by=None, now=utcnow())
        db.commit()
        where = f"/helpen/respijt/moment/{over.id}/lukt-niet"
        client.sign_in(cast.bram).post(where, {"reden": "other"}, status=302)
        assert state(db, over) == ("used", "")


class DescribeTheDesk:
    def it_works_and_the_look_is_noted(
        self, client: Browser, db: Session, cast: Cast, els: Els, booking: RespijtBooking
    ) -> None:
        page = client.sign_in(cast.chantal).get(els.at_desk)
        assert page.h1 == "Agenda van Els"
        client.get(f"/werkplek/mantelzorg/moment/{booking.id}")
        looks = db.exec(select(DataLook)).all()
        assert [(look.viewer_id, look.subject_id, look.activity) for look in looks] == [
            (cast.chantal.id, cast.els.id, "calendar")
        ] * 2

    def it_hides_from_strangers(self, client: Browser, cast: Cast, els: Els, booking: RespijtBooking) -> None:
        client.sign_in(cast.saskia).get(els.at_desk, status=404)
        client.get(f"/werkplek/mantelzorg/moment/{booking.id}", status=404)
        client.post(f"{els.at_desk}/moment", {}, status=404)
        client.post(f"{els.at_desk}/ritme", {}, status=404)
        client.sign_in(cast.els).get(els.at_desk, status=403)

    def it_puts_a_rhythm_in_the_calendar(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        page = client.sign_in(cast.chantal).get(els.at_desk)
        done = client.submit(
            page, f"{els.at_desk}/ritme", action=f"{els.at_desk}/ritme", ritme_betaler="", ritme_van="14:00"
        )
        assert "keren staan nu in de agenda" in done.text
        found = db.exec(select(RespijtBooking)).all()
        assert 7 <= len(found) <= 9
        assert {each.starts_at.astimezone(AMSTERDAM).hour for each in found} == {14}

    def it_plans_one_moment(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        page = client.sign_in(cast.chantal).get(els.at_desk)
        here = f"{els.at_desk}/moment"
        day = thursday().date().isoformat()
        done = client.submit(page, here, action=here, betaler="", dag=day, van="13", tot="16")
        assert "Het staat in de agenda." in done.text
        assert db.exec(select(RespijtBooking)).one().starts_at == thursday()
        again = client.submit(page, here, action=here, betaler="", dag=day, van="13", tot="16")
        assert again.errors() == {"van": "Op dit moment staat er al iets."}

    def it_takes_the_next_morning_for_the_end_of_a_night(
        self, client: Browser, db: Session, cast: Cast, els: Els
    ) -> None:
        page = client.sign_in(cast.chantal).get(els.at_desk)
        here = f"{els.at_desk}/moment"
        client.submit(page, here, action=here, betaler="", dag=thursday().date().isoformat(), van="22:00", tot="06:00")
        made = db.exec(select(RespijtBooking)).one()
        assert made.ends_at.astimezone(AMSTERDAM).date() - made.starts_at.astimezone(AMSTERDAM).date() == timedelta(1)

    def it_says_what_the_ledger_refuses(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        here = f"{els.at_desk}/moment"
        values = {"wie": str(els.bram.id), "betaler": "wmo", "dag": f"{thursday().date()}", "van": "13", "tot": "16"}
        page = client.sign_in(cast.chantal).post(here, values, status=422)
        assert list(page.errors()) == ["betaler"]
        assert "is er geen recht bij: De gemeente (Wmo)" in page.errors()["betaler"]
        assert db.exec(select(RespijtBooking)).all() == []

    def it_says_how_much_is_left_to_the_carer_and_the_desk(
        self, client: Browser, db: Session, cast: Cast, els: Els
    ) -> None:
        make_entitlement(
            db, els.situation, cast.chantal, units=2, first_day=date(2026, 1, 1), last_day=thursday(9).date()
        )
        booking = make_booking(db, els.bram, els.situation, thursday(), payer="volunteer")
        ledger.plan(db, booking, by=cast.chantal.id, now=utcnow())
        db.commit()
        longer = {"dag": f"{thursday(3).date()}", "van": "06:00", "tot": "22:00"}
        for who, path in ((cast.els, "/mantelzorg"), (cast.chantal, "/werkplek/mantelzorg")):
            page = client.sign_in(who).post(f"{path}/moment/{booking.id}/verzetten", longer, status=422)
            assert "2 dagdelen. Hiervoor is nodig: 4 dagdelen." in page.errors()["dag"]
        assert state(db, booking) == ("planned", "")

    def it_says_no_numbers_to_a_stand_in(self, app: Flask) -> None:
        with app.test_request_context(headers={"Accept-Language": "nl"}):
            said = calendar_words.refusal(TooLittleLeft("half_day", 2, 4, date(2026, 12, 31)), calendar_words.STAND_IN)
        assert said == "Hiervoor is te weinig over."

    @pytest.mark.parametrize(
        "changes",
        [{"ritme_wie": "999"}, {"ritme_wie": "x"}, {"ritme_betaler": "oom"}, {"ritme_tot_dag": ""},
         {"ritme_tot_dag": "0001-01-01"}, {"ritme_van": "99"}],
    )  # fmt: skip
    def it_refuses_a_rhythm_that_makes_no_sense(
        self, client: Browser, db: Session, cast: Cast, els: Els, changes: dict[str, str]
    ) -> None:
        usual = {"ritme_wie": str(els.bram.id), "ritme_betaler": "", "ritme_tot_dag": f"{thursday(3).date()}"}
        page = client.sign_in(cast.chantal).post(f"{els.at_desk}/ritme", usual | changes, status=422)
        assert set(page.errors()) == set(changes)
        assert db.exec(select(RespijtBooking)).all() == []

    def it_plans_nobody_of_another_situation(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        other = make_situation(db, cast.anna)
        theirs = make_arrangement(db, make_relief(db, other), volunteer_id=cast.bram.id)
        db.commit()
        values = {"wie": str(theirs.id), "betaler": "", "dag": f"{thursday().date()}", "van": "13", "tot": "16"}
        client.sign_in(cast.chantal).post(f"{els.at_desk}/moment", values, status=422)
        assert db.exec(select(RespijtBooking)).all() == []

    def it_calls_off_and_moves_for_whoever_phones(
        self, client: Browser, db: Session, cast: Cast, els: Els, booking: RespijtBooking
    ) -> None:
        where = f"/werkplek/mantelzorg/moment/{booking.id}"
        page = client.sign_in(cast.chantal).get(f"{where}/verzetten")
        client.submit(page, f"{where}/verzetten", van="14:00", tot="17:00")
        assert state(db, booking) == ("cancelled", "moved")
        moved = db.exec(select(RespijtBooking).where(RespijtBooking.state == BookingState.PLANNED)).one()
        where = f"/werkplek/mantelzorg/moment/{moved.id}"
        client.submit(client.get(f"{where}/niet-door"), f"{where}/niet-door", reden="stand_in_ill")
        assert state(db, moved) == ("cancelled", "stand_in_ill")
        assert db.exec(select(RespijtGap)).one().booking_id == moved.id

    def it_plans_nothing_once_the_situation_is_closed(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        els.situation.state, els.situation.closed_at = CareState.CLOSED, utcnow()
        db.commit()
        values = {"wie": str(els.bram.id), "betaler": "", "dag": f"{thursday().date()}", "van": "13", "tot": "16"}
        client.sign_in(cast.chantal).post(f"{els.at_desk}/moment", values, status=422)
        assert db.exec(select(RespijtBooking)).all() == []


class DescribeTheFeed:
    def address(self, client: Browser) -> str:
        page = client.submit(client.get("/agenda"), "/agenda/adres", action="/agenda/adres")
        found: str = page.one("input", id="adres").get("value")
        assert found.endswith(".ics")
        return found.partition("localhost")[2]

    def events(self, page: Page) -> list[Any]:
        return list(icalendar.Calendar.from_ical(page.text).walk("VEVENT"))

    def it_works_without_logging_in(
        self, client: Browser, db: Session, cast: Cast, els: Els, booking: RespijtBooking
    ) -> None:
        path = self.address(client.sign_in(cast.els))
        page = client.another().get(path)
        assert page.headers["Content-Type"].startswith("text/calendar")
        (event,) = self.events(page)
        assert event["uid"] == f"moment-{booking.id}@omzien"
        assert str(event["summary"]) == "Even vrij"
        assert event.decoded("dtstart") == booking.starts_at
        assert event["dtstart"].params["TZID"] == "Europe/Amsterdam"
        assert "BEGIN:VTIMEZONE" in page.text

    def it_names_nobody_and_says_nothing_of_care(
        self, client: Browser, cast: Cast, els: Els, booking: RespijtBooking
    ) -> None:
        for who, summary in ((cast.els, "Even vrij"), (cast.bram, "Omzien: bij iemand blijven")):
            page = client.another().get(self.address(client.sign_in(who)))
            (event,) = self.events(page)
            assert str(event["summary"]) == summary
            for word in ("Els", "Bram", "Truus", "zorg:", "mantelzorger", "vrijwilliger", "@example"):
                assert word not in page.text

    def it_says_what_was_called_off(self, client: Browser, db: Session, cast: Cast, booking: RespijtBooking) -> None:
        path = self.address(client.sign_in(cast.els))
        respijt_calendar.cancel(db, booking, reason="not_needed", by=cast.els.id, now=utcnow())
        db.commit()
        (event,) = self.events(client.another().get(path))
        assert (str(event["status"]), int(event["sequence"])) == ("CANCELLED", 1)

    def it_sends_nothing_when_nothing_changed(
        self, client: Browser, db: Session, cast: Cast, booking: RespijtBooking
    ) -> None:
        path = self.address(client.sign_in(cast.els))
        reader = client.another()
        tag = reader.get(path).headers["ETag"]
        assert reader.get(path, headers={"If-None-Match": tag}, status=304).text == ""
        respijt_calendar.cancel(db, booking, reason="not_needed", by=cast.els.id, now=utcnow())
        db.commit()
        reader.get(path, headers={"If-None-Match": tag}, status=200)

    def it_goes_ninety_days_back_and_a_year_ahead(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        for weeks in (-20, -10, 10, 60):
            make_booking(db, els.bram, els.situation, thursday(weeks))
        db.commit()
        page = client.another().get(self.address(client.sign_in(cast.els)))
        assert [event.decoded("dtstart") for event in self.events(page)] == [thursday(-10), thursday(10)]

    def it_can_be_taken_back(self, client: Browser, cast: Cast, booking: RespijtBooking) -> None:
        first = self.address(client.sign_in(cast.els))
        second = self.address(client)
        assert first != second
        client.another().get(first, status=404)
        client.another().get(second)
        client.post("/agenda/stoppen", status=302)
        client.another().get(second, status=404)

    def it_takes_no_address_that_we_did_not_make(self, client: Browser, cast: Cast, els: Els) -> None:
        path = self.address(client.sign_in(cast.els))
        for wrong in (
            "/agenda/x.ics",
            path.replace(".ics", "x.ics"),
            "/agenda/%00.ics",
            "/agenda/" + "a" * 3000 + ".ics",
        ):
            client.another().get(wrong, status=404)

    def it_stops_when_the_account_is_closed(self, client: Browser, db: Session, cast: Cast, els: Els) -> None:
        path = self.address(client.sign_in(cast.els))
        cast.els.deactivated_at = utcnow()
        db.commit()
        client.another().get(path, status=404)

    def it_requires_login_to_make_one(self, client: Browser) -> None:
        client.get("/agenda", status=302)
        client.post("/agenda/adres", status=302)
