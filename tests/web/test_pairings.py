"""The asker's yes, the appointment, when it does not work out, and how it was."""

from datetime import date, time, timedelta
from typing import Any
from urllib.parse import quote

import icalendar
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from matching.models import (
    Account,
    ActionLink,
    Appointment,
    Event,
    Feedback,
    HelpRequest,
    OutboxMessage,
    Pairing,
    Proposal,
    Tag,
)
from matching.models.base import utcnow
from matching.services import links, pairing
from matching.workflow import AppointmentState, PairingState, ProposalState, RequestState
from tests.browse import Browser, Page
from tests.matching_up import SECRET, another_volunteer, link_of, propose, said_yes
from tests.people import Cast
from web.i18n import today
from web.links import path

YES, NO = {"antwoord": "ja"}, {"antwoord": "nee"}


def consent_address(app: Flask, db: Session, waiting: Pairing) -> str:
    with app.test_request_context():
        return path(links.CONSENT, link_of(db, f"asker_consent:{waiting.id}:"))


def press(client: Browser, where: str, **button: str) -> Page:
    return client.submit(client.get(where), where, **button)


def next_tuesday() -> date:
    return today() + timedelta(days=(1 - today().weekday()) % 7 or 7)


@pytest.fixture
def waiting(db: Session, cast: Cast) -> Pairing:
    """Bram said yes; Anna has not answered."""
    return said_yes(db, cast)


@pytest.fixture
def agreed(db: Session, cast: Cast) -> Pairing:
    """Both said yes, to something that happens once."""
    return said_yes(db, cast, welcomes_anyone=True)


@pytest.fixture
def weekly(db: Session, cast: Cast) -> Pairing:
    """Both said yes, every Tuesday morning."""
    return said_yes(db, cast, welcomes_anyone=True, frequency="weekly", slots=1 << 4)


def planned(db: Session, of: Pairing) -> Appointment:
    return db.exec(
        select(Appointment).where(Appointment.pairing_id == of.id, Appointment.state == AppointmentState.PLANNED)
    ).one()


def put_on(db: Session, of: Pairing, day: date) -> None:
    appointment = planned(db, of)
    appointment.day = day
    db.add(appointment)
    db.commit()


class DescribeTheAskersYes:
    def it_tells_who_without_naming_anybody(
        self, app: Flask, client: Browser, db: Session, waiting: Pairing, cast: Cast
    ) -> None:
        page = client.get(consent_address(app, db, waiting))
        assert page.h1 == "Iemand wil u helpen. Is dat goed?"
        for told in (
            "Een vrijwilliger uit Geuzenbuurt",
            "1,1 km bij u vandaan",
            "Nederlands",
            "De opbouwwerker van uw buurt",
        ):
            assert told in page.words
        for hidden in (cast.bram.first_name, str(cast.bram.phone), str(cast.bram.email), "06 12 34 00 02"):
            assert hidden not in page.text

    def it_shows_name_and_number_after_the_yes(
        self, app: Flask, client: Browser, db: Session, waiting: Pairing
    ) -> None:
        page = press(client, consent_address(app, db, waiting), **YES)
        assert page.h1 == "Bram helpt u"
        assert "06 12 34 00 02" in page.words
        assert "Anna" not in page.words
        assert client.get(f"/koppelingen/{waiting.id}").h1 == "Bram helpt u"
        assert db.get_one(HelpRequest, waiting.request_id).state == RequestState.PAIRED

    @pytest.mark.parametrize(
        ("button", "reason"),
        [(NO, ""), ({"nee": "hulp"}, "found"), ({"nee": "tijd"}, "time"), ({"nee": "ander"}, "other")],
    )
    def it_takes_a_no(
        self, app: Flask, client: Browser, db: Session, waiting: Pairing, button: dict[str, str], reason: str
    ) -> None:
        page = press(client, consent_address(app, db, waiting), **button)
        assert page.h1 == "Dank u wel voor uw antwoord"
        found = db.get_one(Pairing, waiting.id)
        assert (found.state, found.end_reason) == (PairingState.REFUSED, reason)
        assert db.get_one(HelpRequest, waiting.request_id).state == RequestState.OPEN
        assert db.get_one(Proposal, waiting.proposal_id).state == ProposalState.FELL_THROUGH
        assert db.exec(select(OutboxMessage.account_id).where(OutboxMessage.template == "refused")).all() == [
            waiting.volunteer_id
        ]

    @pytest.mark.parametrize("answer", [YES, NO])
    def it_shows_the_same_page_for_a_double_tap(
        self, app: Flask, client: Browser, db: Session, waiting: Pairing, answer: dict[str, str]
    ) -> None:
        where = consent_address(app, db, waiting)
        first = client.post(where, answer, follow=True)
        assert client.another().post(where, answer, follow=True).h1 == first.h1
        assert (
            len(db.exec(select(OutboxMessage).where(col(OutboxMessage.template).in_(("agreed", "refused")))).all()) <= 2
        )

    def it_does_not_take_another_answer(self, app: Flask, client: Browser, db: Session, waiting: Pairing) -> None:
        where = consent_address(app, db, waiting)
        client.post(where, YES)
        assert client.another().post(where, NO, status=410).h1 == "U hebt al ja gezegd"
        assert db.get_one(Pairing, waiting.id).state == PairingState.AGREED

    def it_asks_for_a_log_in_when_the_link_comes_back_later(
        self, app: Flask, client: Browser, db: Session, waiting: Pairing
    ) -> None:
        where = consent_address(app, db, waiting)
        client.post(where, YES)
        link = db.exec(select(ActionLink).where(ActionLink.purpose == links.CONSENT)).one()
        link.used_at = utcnow() - timedelta(minutes=2)
        db.add(link)
        db.commit()
        stranger = client.another()
        page = stranger.post(where, YES, follow=True)
        assert page.h1 == "Dank u wel voor uw ja"
        assert "Bram" not in page.text
        assert "/inloggen" in stranger.get(f"/koppelingen/{waiting.id}", status=302).location
        assert stranger.get(where, status=410).h1 == "U hebt al ja gezegd"

    def it_is_kind_when_it_is_over(self, app: Flask, client: Browser, db: Session, waiting: Pairing) -> None:
        where = consent_address(app, db, waiting)
        link = db.exec(select(ActionLink).where(ActionLink.purpose == links.CONSENT)).one()
        link.expires_at = utcnow() - timedelta(seconds=1)
        db.add(link)
        db.commit()
        assert client.get(where, status=410).h1 == "Deze link is te oud"
        pairing.fall_through(db, waiting, "ill", now=utcnow(), actor_id=waiting.volunteer_id)
        db.commit()
        assert client.get(where, status=410).h1 == "Dit gaat niet door"
        assert client.post(where, YES, status=410).h1 == "Dit gaat niet door"

    def it_hides_what_never_was(self, client: Browser) -> None:
        for where in ("/kennismaken/made-up", "/kennismaken/made-up/klaar"):
            client.get(where, status=404)
        client.post("/kennismaken/made-up", YES, status=404)

    def it_asks_again_when_nothing_was_chosen(self, app: Flask, client: Browser, db: Session, waiting: Pairing) -> None:
        assert "Kies een antwoord" in client.post(consent_address(app, db, waiting), {}, status=422).words
        client.sign_in(_asker(db, waiting))
        assert "Kies een antwoord" in client.post(f"/koppelingen/{waiting.id}/antwoord", {}, status=422).words

    def it_works_signed_in(self, client: Browser, db: Session, waiting: Pairing) -> None:
        client.sign_in(_asker(db, waiting))
        page = client.get(f"/koppelingen/{waiting.id}")
        assert page.h1 == "Iemand wil u helpen. Is dat goed?"
        assert "Bram" not in page.words
        page = client.submit(page, f"/koppelingen/{waiting.id}/antwoord", **YES)
        assert page.h1 == "Bram helpt u"
        assert client.post(f"/koppelingen/{waiting.id}/antwoord", NO, follow=True).h1 == "Bram helpt u"

    def it_is_not_the_volunteers_to_give(self, client: Browser, db: Session, waiting: Pairing, cast: Cast) -> None:
        client.sign_in(cast.bram).post(f"/koppelingen/{waiting.id}/antwoord", YES, status=404)
        client.another().sign_in(cast.chantal).post(f"/koppelingen/{waiting.id}/antwoord", YES, status=403)
        assert db.get_one(Pairing, waiting.id).state == PairingState.WAITING


def _asker(db: Session, of: Pairing) -> Account:
    return db.get_one(Account, db.get_one(HelpRequest, of.request_id).asker_id)


class DescribeWhoSeesIt:
    def it_shows_each_side_the_other(self, client: Browser, agreed: Pairing, cast: Cast) -> None:
        asker = client.sign_in(cast.anna).get(f"/koppelingen/{agreed.id}")
        assert (asker.h1, "06 12 34 00 02" in asker.words) == ("Bram helpt u", True)
        volunteer = client.another().sign_in(cast.bram).get(f"/koppelingen/{agreed.id}")
        assert (volunteer.h1, "06 12 34 00 01" in volunteer.words) == ("U helpt Anna", True)

    def it_names_who_is_helped_when_somebody_else_asked(self, client: Browser, db: Session, cast: Cast) -> None:
        made = said_yes(db, cast, welcomes_anyone=True, for_whom="other", other_name="Toos")
        page = client.sign_in(cast.bram).get(f"/koppelingen/{made.id}")
        assert page.h1 == "U helpt Toos"
        assert "Regelt dit voor Toos." in page.words

    def it_keeps_the_words_of_the_asker_from_the_volunteer(self, client: Browser, waiting: Pairing, cast: Cast) -> None:
        assert SECRET not in client.sign_in(cast.bram).get(f"/koppelingen/{waiting.id}").text

    def it_keeps_names_until_both_said_yes(self, client: Browser, waiting: Pairing, cast: Cast) -> None:
        for person, other in ((cast.anna, cast.bram), (cast.bram, cast.anna), (cast.chantal, cast.anna)):
            text = client.another().sign_in(person).get(f"/koppelingen/{waiting.id}").text
            assert str(other.phone) not in text
            assert other.first_name not in text

    def it_lets_the_desk_of_the_buurt_look_only(self, client: Browser, agreed: Pairing, cast: Cast) -> None:
        for person in (cast.chantal, cast.farid):
            desk = client.another().sign_in(person)
            page = desk.get(f"/koppelingen/{agreed.id}")
            assert page.h1 == "Bram helpt Anna"
            assert not [form for form in page.all("form") if form.get("action") != "/taal"]
            for step in ("afspreken", "lukt-niet", "gedaan", "niet-gekomen", "hoe-was-het"):
                desk.post(f"/koppelingen/{agreed.id}/{step}", {}, status=403)

    def it_hides_from_everybody_else(self, client: Browser, agreed: Pairing, cast: Cast, db: Session) -> None:
        steps = ("", "/afspreken", "/lukt-niet", "/niet-gekomen", "/hoe-was-het", "/afspraak.ics")
        for person in (cast.daan, cast.els, cast.greet, cast.saskia):
            visitor = client.another().sign_in(person)
            for step in steps:
                visitor.get(f"/koppelingen/{agreed.id}{step}", status=404)
            for step in (*steps[1:5], "/gedaan", "/antwoord"):
                visitor.post(f"/koppelingen/{agreed.id}{step}", {}, status=404)
        assert db.get_one(Pairing, agreed.id).state == PairingState.AGREED

    def it_sends_strangers_to_sign_in_whether_it_exists_or_not(self, client: Browser, agreed: Pairing) -> None:
        for key in (agreed.id, 999_999):
            assert client.get(f"/koppelingen/{key}", status=302).location == f"/inloggen?verder=/koppelingen/{key}"
            assert client.post(f"/koppelingen/{key}/gedaan", {}, status=302).location == "/inloggen"
        client.get("/koppelingen/99999999999", status=404)

    def it_ends_with_the_sessions_of_the_person(
        self, app: Flask, client: Browser, db: Session, waiting: Pairing
    ) -> None:
        press(client, consent_address(app, db, waiting), **YES)
        anna = _asker(db, waiting)
        anna.session_version += 1
        db.add(anna)
        db.commit()
        client.get(f"/koppelingen/{waiting.id}", status=404)

    def it_asks_few_queries(self, client: Browser, agreed: Pairing, cast: Cast) -> None:
        client.sign_in(cast.anna).get(f"/koppelingen/{agreed.id}")
        with client.count_queries() as queries:
            client.get(f"/koppelingen/{agreed.id}")
        assert len(queries) <= 5

    def it_speaks_english(self, client: Browser, agreed: Pairing, cast: Cast) -> None:
        page = client.sign_in(cast.anna)
        with page.client.session_transaction() as session:
            session["locale"] = "en"
        assert client.get(f"/koppelingen/{agreed.id}").h1 == "Bram helps you"


class DescribeTheAppointment:
    def it_notes_day_and_hour(self, client: Browser, agreed: Pairing, db: Session, cast: Cast) -> None:
        where, day = f"/koppelingen/{agreed.id}/afspreken", next_tuesday()
        page = client.submit(client.sign_in(cast.bram).get(where), where, dag=day.isoformat(), tijd="10:30")
        assert page.h1 == "U helpt Anna"
        assert "om 10.30 uur" in page.words
        assert planned(db, agreed).day == day

    @pytest.mark.parametrize("typed", ["10.30", "10:30", " 10:30:59 "])
    def it_takes_an_hour_as_people_write_it(
        self, client: Browser, agreed: Pairing, db: Session, cast: Cast, typed: str
    ) -> None:
        client.sign_in(cast.bram)
        client.post(f"/koppelingen/{agreed.id}/afspreken", {"dag": next_tuesday().strftime("%d-%m-%Y"), "tijd": typed})
        starts = planned(db, agreed).starts_at
        assert starts is not None
        assert starts.strftime("%M.%S") == "30.00"

    @pytest.mark.parametrize(
        ("day", "hour", "field"),
        [
            ("", "10:00", "dag"),
            ("2024-02-30", "10:00", "dag"),
            ("0001-01-01", "00:00", "dag"),
            ("9999-12-31", "23:59", "dag"),
            ("2020-02-29", "10:00", "dag"),
            ("morgen", "10:00", "dag"),
            ("", "", "tijd"),
            ("TUESDAY", "25:00", "tijd"),
            ("TUESDAY", "tien uur", "tijd"),
            ("TUESDAY", "‮10:00", "tijd"),
            ("TUESDAY", "9" * 500, "tijd"),
        ],
    )
    def it_says_at_the_field_what_is_wrong(
        self, client: Browser, agreed: Pairing, db: Session, cast: Cast, day: str, hour: str, field: str
    ) -> None:
        day = next_tuesday().isoformat() if day == "TUESDAY" else day
        client.sign_in(cast.anna)
        page = client.post(f"/koppelingen/{agreed.id}/afspreken", {"dag": day, "tijd": hour}, status=422)
        assert field in page.errors()
        assert planned(db, agreed).starts_at is None

    def it_gives_a_calendar_file(self, client: Browser, agreed: Pairing, db: Session, cast: Cast) -> None:
        where = f"/koppelingen/{agreed.id}/afspraak.ics"
        whole_day = calendar_event(client.sign_in(cast.bram), where)
        assert whole_day["dtstart"].dt == planned(db, agreed).day
        assert whole_day["sequence"] == 0
        day = next_tuesday()
        pairing.plan(db, agreed, day, time(10, 30), now=utcnow(), actor_id=agreed.volunteer_id)
        db.commit()
        at_hour = calendar_event(client, where)
        assert at_hour["uid"] == whole_day["uid"]
        assert at_hour["sequence"] == 1
        starts = at_hour["dtstart"].dt
        assert starts == planned(db, agreed).starts_at
        assert starts.utcoffset() == timedelta(0)
        assert at_hour["dtend"].dt - starts == timedelta(minutes=60)
        assert "rrule" not in at_hour

    def it_names_nobody_in_the_calendar_file(self, client: Browser, agreed: Pairing, cast: Cast) -> None:
        text = client.sign_in(cast.bram).get(f"/koppelingen/{agreed.id}/afspraak.ics").text
        for hidden in ("Anna", "Bram", SECRET, str(cast.anna.phone)):
            assert hidden not in text

    def it_repeats_a_weekly_one_on_the_dutch_clock(
        self, client: Browser, weekly: Pairing, db: Session, cast: Cast
    ) -> None:
        pairing.plan(db, weekly, next_tuesday(), time(10), now=utcnow(), actor_id=weekly.volunteer_id)
        db.commit()
        event = calendar_event(client.sign_in(cast.anna), f"/koppelingen/{weekly.id}/afspraak.ics")
        assert event["rrule"]["freq"] == ["WEEKLY"]
        assert event["dtstart"].params["TZID"] == "Europe/Amsterdam"
        assert event["dtstart"].dt.hour == 10

    def it_has_no_calendar_file_without_an_appointment(self, client: Browser, waiting: Pairing, cast: Cast) -> None:
        client.sign_in(cast.anna).get(f"/koppelingen/{waiting.id}/afspraak.ics", status=404)


def calendar_event(client: Browser, where: str) -> Any:
    page = client.get(where)
    assert page.headers["Content-Type"].startswith("text/calendar")
    calendar = icalendar.Calendar.from_ical(page.text)
    [event] = calendar.walk("VEVENT")
    return event


class DescribeWhenItDoesNotWorkOut:
    @pytest.mark.parametrize(("reason", "kept"), [("", ""), ("ziek", "ill"), ("onzin", ""), ("contact", "contact")])
    def it_looks_for_somebody_else_at_once(
        self, client: Browser, agreed: Pairing, db: Session, cast: Cast, reason: str, kept: str
    ) -> None:
        spare = propose(db, db.get_one(HelpRequest, agreed.request_id), another_volunteer(db, "Hans"), rank=2)
        where = f"/koppelingen/{agreed.id}/lukt-niet"
        page = client.submit(client.sign_in(cast.bram).get(where), where, reden=reason)
        assert page.h1 == "Dit gaat niet door"
        assert (db.get_one(Pairing, agreed.id).state, db.get_one(Pairing, agreed.id).end_reason) == (
            PairingState.FELL_THROUGH,
            kept,
        )
        assert db.get_one(HelpRequest, agreed.request_id).state == RequestState.OPEN
        assert db.get_one(Proposal, spare.id).state == ProposalState.PROPOSED
        assert db.exec(select(Appointment.state)).all() == [AppointmentState.CANCELLED]
        ended = db.exec(select(OutboxMessage.account_id).where(OutboxMessage.template == "pairing_ended")).all()
        assert ended == [cast.anna.id]

    def it_is_the_same_when_pressed_twice(self, client: Browser, agreed: Pairing, db: Session, cast: Cast) -> None:
        where = f"/koppelingen/{agreed.id}/lukt-niet"
        first = client.sign_in(cast.anna).post(where, {}, follow=True)
        assert first.h1 == "Wij zoeken iemand anders"
        assert client.post(where, {}, follow=True).h1 == first.h1
        assert client.get(where, follow=True).h1 == first.h1
        assert len(db.exec(select(OutboxMessage).where(OutboxMessage.template == "pairing_ended")).all()) == 1

    def it_may_be_the_volunteer_while_the_asker_still_thinks(
        self, client: Browser, waiting: Pairing, db: Session, cast: Cast
    ) -> None:
        client.sign_in(cast.bram).post(f"/koppelingen/{waiting.id}/lukt-niet", {})
        assert db.get_one(HelpRequest, waiting.request_id).state == RequestState.OPEN

    def it_hides_the_names_again(self, client: Browser, agreed: Pairing, cast: Cast) -> None:
        client.sign_in(cast.anna).post(f"/koppelingen/{agreed.id}/lukt-niet", {})
        for person, other in ((cast.anna, cast.bram), (cast.bram, cast.anna)):
            page = client.another().sign_in(person).get(f"/koppelingen/{agreed.id}")
            assert other.first_name not in page.words
            assert "06 12" not in page.words

    def it_notes_who_says_that_nobody_was_there(
        self, client: Browser, agreed: Pairing, db: Session, cast: Cast
    ) -> None:
        put_on(db, agreed, today() - timedelta(days=1))
        where = f"/koppelingen/{agreed.id}/niet-gekomen"
        page = client.submit(client.sign_in(cast.anna).get(where), where)
        assert "Er is nog niets afgesproken" in page.words
        missed = db.exec(select(Appointment)).one()
        assert (missed.state, missed.recorded_by_id) == (AppointmentState.NO_SHOW, cast.anna.id)
        event = db.exec(select(Event).where(Event.tag == Tag.APPOINTMENT_NO_SHOW)).one()
        assert event.actor_id == cast.anna.id
        assert client.post(where, {}, follow=True).h1 == "Bram helpt u"
        client.post(f"/koppelingen/{agreed.id}/afspreken", {"dag": next_tuesday().isoformat(), "tijd": "11:00"})
        assert planned(db, agreed).day == next_tuesday()

    def it_does_not_note_that_before_the_day(self, client: Browser, agreed: Pairing, db: Session, cast: Cast) -> None:
        put_on(db, agreed, today() + timedelta(days=1))
        assert "niemand" not in client.sign_in(cast.anna).get(f"/koppelingen/{agreed.id}").words
        client.post(f"/koppelingen/{agreed.id}/niet-gekomen", {}, follow=True)
        assert planned(db, agreed)


class DescribeAfterwards:
    def it_is_done_and_both_are_asked_how_it_was(
        self, client: Browser, agreed: Pairing, db: Session, cast: Cast
    ) -> None:
        page = client.sign_in(cast.anna).get(f"/koppelingen/{agreed.id}")
        page = client.submit(page, f"/koppelingen/{agreed.id}/gedaan")
        assert page.h1 == "Het is klaar"
        assert db.get_one(HelpRequest, agreed.request_id).state == RequestState.DONE
        asked = db.exec(select(OutboxMessage.account_id).where(OutboxMessage.template == "feedback_asked")).all()
        assert set(asked) == {cast.anna.id, cast.bram.id}
        assert client.post(f"/koppelingen/{agreed.id}/gedaan", {}, follow=True).h1 == "Het is klaar"

    def it_goes_on_next_week(self, client: Browser, weekly: Pairing, db: Session, cast: Cast) -> None:
        first = planned(db, weekly)
        page = client.sign_in(cast.bram).get(f"/koppelingen/{weekly.id}")
        page = client.submit(page, f"/koppelingen/{weekly.id}/gedaan", verder="ja")
        assert page.h1 == "U helpt Anna"
        assert planned(db, weekly).day == first.day + timedelta(days=7)
        assert client.post(f"/koppelingen/{weekly.id}/gedaan", {"verder": "nee"}, follow=True).h1 == "Het is klaar"

    def it_takes_two_answers_from_each_side_once(
        self, client: Browser, agreed: Pairing, db: Session, cast: Cast
    ) -> None:
        pairing.finish(db, agreed, now=utcnow(), actor_id=agreed.volunteer_id)
        db.commit()
        where = f"/koppelingen/{agreed.id}/hoe-was-het"
        for person, went in ((cast.anna, "good"), (cast.bram, "fair")):
            visitor = client.another().sign_in(person)
            form = visitor.get(where)
            page = visitor.submit(form, where, hoe=went, weer="yes", opmerking="Fijn 🌷")
            assert "U vertelde op" in page.words
            visitor.submit(form, where, hoe="bad", weer="no")
            visitor.get(where, status=302)
        kept = db.exec(select(Feedback.account_id, Feedback.went, Feedback.remark)).all()
        assert sorted(kept) == sorted([(cast.anna.id, "good", "Fijn 🌷"), (cast.bram.id, "fair", "Fijn 🌷")])

    def it_loses_nothing_that_was_typed(self, client: Browser, agreed: Pairing, db: Session, cast: Cast) -> None:
        pairing.finish(db, agreed, now=utcnow(), actor_id=agreed.volunteer_id)
        db.commit()
        where = f"/koppelingen/{agreed.id}/hoe-was-het"
        client.sign_in(cast.anna)
        page = client.post(where, {"weer": "yes", "opmerking": "Fijn"}, status=422)
        assert set(page.errors()) == {"hoe"}
        values = page.form_values()
        assert (values["weer"], values["opmerking"]) == (["yes"], ["Fijn"])
        page = client.post(where, {"hoe": "good", "weer": "yes", "opmerking": "x" * 1001}, status=422)
        assert set(page.errors()) == {"opmerking"}
        assert db.exec(select(Feedback)).all() == []

    def it_is_not_asked_before_the_end(self, client: Browser, agreed: Pairing, db: Session, cast: Cast) -> None:
        client.sign_in(cast.anna).post(f"/koppelingen/{agreed.id}/hoe-was-het", {"hoe": "good", "weer": "yes"})
        assert db.exec(select(Feedback)).all() == []


ODD = ["", "\0", "\u202e10:00", "2027-02-29", "29-02-2028", "24:00", "ja", "🌷" * 300, "9" * 4000, "-1", "x" * 1001]
ANYTHING = st.one_of(st.text(max_size=40), st.sampled_from(ODD))
ANSWERS = st.dictionaries(st.sampled_from(["antwoord", "nee"]), ANYTHING)
FIELDS = st.dictionaries(st.sampled_from(["dag", "tijd", "hoe", "weer", "opmerking", "reden"]), ANYTHING)


class DescribeBadInput:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(values=FIELDS)
    def it_is_never_a_bug_of_ours(
        self, client: Browser, agreed: Pairing, db: Session, cast: Cast, values: dict[str, str]
    ) -> None:
        client.sign_in(cast.anna)
        assert client.post(f"/koppelingen/{agreed.id}/afspreken", values, status=None).status in (302, 422)
        if db.get_one(Pairing, agreed.id).state != PairingState.DONE:
            pairing.finish(db, db.get_one(Pairing, agreed.id), now=utcnow(), actor_id=agreed.volunteer_id)
            db.commit()
        assert client.post(f"/koppelingen/{agreed.id}/hoe-was-het", values, status=None).status in (302, 422)
        assert client.post(f"/koppelingen/{agreed.id}/lukt-niet", values, status=None).status == 302

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        values=st.dictionaries(st.sampled_from(["antwoord", "nee"]), ANYTHING), token=st.text(min_size=1, max_size=60)
    )
    def it_is_never_an_answer(
        self, app: Flask, client: Browser, waiting: Pairing, db: Session, values: dict[str, str], token: str
    ) -> None:
        if values.get("antwoord") == "ja":
            values["antwoord"] = "JA"
        assert client.post(consent_address(app, db, waiting), values, status=None).status == 422
        for start in ("/voorstel/", "/kennismaken/"):
            assert client.post(start + quote(token, safe=""), values, status=None).status in (404, 308)
        assert db.get_one(Pairing, waiting.id).state == PairingState.WAITING
