"""A volunteer takes over at home: the pages of the mantelzorger, the volunteer and the desk."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from matching.models import (
    Account,
    Arrangement,
    CareSituation,
    Event,
    GapOffer,
    HelpRequest,
    OutboxMessage,
    Pairing,
    Proposal,
    ReliefRequest,
    RespijtBooking,
    RespijtEvaluation,
    RespijtGap,
    Volunteer,
)
from matching.models.base import utcnow
from matching.services import answering, arranging, covering, evaluating, judging, pairing, respijt_calendar
from matching.services import relief as reliefs
from matching.services.arrangement_steps import AGREEMENT
from matching.workflow import ArrangementState, BookingState, GapState, ProposalState, ReliefState
from tests.browse import Browser
from tests.caring import make_arrangement, make_booking, make_relief, make_situation
from tests.people import DRIFTBUURT, Cast, make_person, make_volunteer
from web import arranging_words, mail, relief_words
from web.i18n import local

CLEARED = {
    "skills": ["sitting"],
    "vog_seen_on": date(2026, 1, 5),
    "vog_renew_by": date(2999, 1, 5),
    "introduced_on": date(2026, 1, 6),
    "trained_on": date(2026, 2, 3),
}


def clear(db: Session, person: Account, **changes: object) -> None:
    volunteer = db.get(Volunteer, person.id) or make_volunteer(db, person)
    for name, value in (CLEARED | changes).items():
        setattr(volunteer, name, value)
    db.add(volunteer)
    db.commit()


@pytest.fixture
def relief(db: Session, cast: Cast) -> ReliefRequest:
    """Els asked half a day a week, and Chantal took it up."""
    clear(db, cast.bram)
    facts = {"state": ReliefState.ARRANGING, "taken_by_id": cast.chantal.id, "words": "Zij houdt van zingen."}
    made = make_relief(db, make_situation(db, cast.els), **facts)
    db.commit()
    return made


def arranged(db: Session, cast: Cast, relief: ReliefRequest, state: ArrangementState, **facts: object) -> Arrangement:
    made = make_arrangement(db, relief, volunteer_id=cast.bram.id, state=state, **facts)
    if state == ArrangementState.RUNNING:
        relief.state = ReliefState.RUNNING
    db.commit()
    return made


def fell_ill(db: Session, cast: Cast, arrangement: Arrangement) -> RespijtBooking:
    situation = db.get_one(CareSituation, db.get_one(ReliefRequest, arrangement.relief_id).situation_id)
    booking = make_booking(db, arrangement, situation, utcnow() + timedelta(days=4))
    respijt_calendar.cancel(db, booking, reason="ill", by=arrangement.volunteer_id, now=utcnow())
    db.commit()
    return booking


def desk(relief: ReliefRequest) -> str:
    return f"/werkplek/respijt/{relief.id}"


def step(arrangement: Arrangement, what: str) -> str:
    return f"/werkplek/respijt/vrijwilliger/{arrangement.id}/{what}"


def today() -> str:
    return local(utcnow()).date().isoformat()


class DescribeTheWholeWay:
    def it_goes_from_the_search_to_the_first_time(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        chantal, els, bram = (client.another().sign_in(each) for each in (cast.chantal, cast.els, cast.bram))
        chantal.post(desk(relief) + "/zoeken", follow=True, status=200)
        request = db.get_one(HelpRequest, relief.help_request_id)
        made = said_yes(db, cast, request)
        assert "Iemand wil het overnemen" in els.get("/mantelzorg").words
        els.post(f"/koppelingen/{made.id}/antwoord", {"antwoord": "ja"}, follow=True)
        arrangement = db.exec(select(Arrangement)).one()
        mine, theirs = f"/mantelzorg/afspraak/{arrangement.id}", f"/helpen/respijt/{arrangement.id}"

        chantal.post(step(arrangement, "kennisgemaakt"), {"dag": today()}, status=302)
        page = chantal.post(step(arrangement, "geprobeerd"), {"dag": today(), "ging": "goed"}, follow=True)
        assert "De mantelzorger gaf nog geen akkoord op de overeenkomst." in page.words

        assert els.get(mine).h1 == "Bram neemt het over"
        for browser, path in ((els, mine), (bram, theirs)):
            text = browser.get(f"{path}/overeenkomst")
            assert "Geen medische handelingen." in text.words
            browser.submit(text, f"{path}/overeenkomst", action=f"{path}/overeenkomst", akkoord="y")
        db.refresh(arrangement)
        assert arrangement.agreement_version == AGREEMENT
        assert arrangement.mantelzorger_agreed_at and arrangement.stand_in_agreed_at

        page = chantal.post(step(arrangement, "starten"), follow=True)
        assert "Het loopt. Zet nu de tijden in de agenda." in page.text
        db.refresh(arrangement)
        db.refresh(relief)
        assert (arrangement.state, relief.state) == (ArrangementState.RUNNING, ReliefState.RUNNING)


def said_yes(db: Session, cast: Cast, request: HelpRequest) -> Pairing:
    """The desk asks Bram and Bram says yes; Els still has to."""
    proposal = judging.choose(
        db, request, cast.bram.id or 0, by=cast.chantal.id or 0, reason="Past goed.", now=utcnow()
    )
    made = answering.accept_question(db, proposal, now=utcnow())
    db.commit()
    return made


class DescribeTheDesk:
    def it_asks_the_same_face_first(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        arranged(db, cast, relief, ArrangementState.ENDED, end_reason="done")
        again = make_relief(db, db.get_one(CareSituation, relief.situation_id), state=ReliefState.ARRANGING)
        db.commit()
        chantal = client.sign_in(cast.chantal)
        page = chantal.get(desk(again))
        assert "Zij kennen elkaar al" in page.words and "Vraag eerst Bram" in page.words
        page = chantal.post(desk(again) + "/bekend", {"wie": str(cast.bram.id)}, follow=True)
        assert "Onze vraag gaat over een minuut weg." in page.text
        assert db.exec(select(Proposal)).one().state == ProposalState.ASKED

    @pytest.mark.parametrize("who", ["", "x", "99999999999", "0", "-1"])
    def it_asks_nobody_it_does_not_know(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest, who: str
    ) -> None:
        page = client.sign_in(cast.chantal).post(desk(relief) + "/bekend", {"wie": who}, follow=True, status=200)
        assert "is intussen veranderd" in page.text or "Kijk hoe het ervoor staat" in page.text
        assert db.exec(select(Proposal)).all() == []

    def it_says_at_once_what_is_missing(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        signed = {"mantelzorger_agreed_at": utcnow(), "stand_in_agreed_at": utcnow(), "agreement_version": AGREEMENT}
        days = {"introduced_on": date(2026, 11, 1), "tried_on": date(2026, 11, 2)}
        arrangement = arranged(db, cast, relief, ArrangementState.AGREEING, **signed, **days)
        clear(db, cast.bram, trained_on=None)
        chantal = client.sign_in(cast.chantal)
        assert "deed de training zorg overnemen nog niet" in chantal.get(desk(relief)).words
        page = chantal.post(step(arrangement, "starten"), follow=True)
        assert "Deze vrijwilliger deed de training zorg overnemen nog niet." in page.text
        assert arrangement.state == ArrangementState.AGREEING

    @pytest.mark.parametrize(
        ("day", "sentence"),
        [
            ("", "Kies een dag."),
            ("31-02-2026", "Deze dag bestaat niet."),
            ("2999-01-01", "Deze dag moet nog komen."),
            ("1999-01-01", "meer dan een jaar terug"),
        ],
    )
    def it_refuses_days_with_a_sentence(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest, day: str, sentence: str
    ) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.INTRODUCING)
        page = client.sign_in(cast.chantal).post(step(arrangement, "kennisgemaakt"), {"dag": day}, follow=True)
        assert sentence in page.text
        assert arrangement.state == ArrangementState.INTRODUCING

    def it_warns_when_the_vog_of_who_comes_is_over(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        arranged(db, cast, relief, ArrangementState.RUNNING)
        clear(db, cast.bram, vog_renew_by=date(2026, 1, 7))
        words = client.sign_in(cast.chantal).get(desk(relief)).words
        assert "Deze vrijwilliger heeft geen geldige VOG." in words

    def it_stops_with_a_reason(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.RUNNING)
        chantal = client.sign_in(cast.chantal)
        chantal.post(step(arrangement, "stoppen"), {"reden": ""}, follow=True)
        assert arrangement.state == ArrangementState.RUNNING
        chantal.post(step(arrangement, "stoppen"), {"reden": "time"}, follow=True)
        assert (arrangement.state, arrangement.end_reason) == (ArrangementState.ENDED, "time")

    def it_shows_what_fell_through_and_takes_an_answer_on_the_telephone(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        first = arranged(db, cast, relief, ArrangementState.RUNNING)
        fatma = make_person(db, "Fatma", DRIFTBUURT, 20)
        clear(db, fatma)
        make_arrangement(db, relief, volunteer_id=fatma.id, is_backup=True)
        fell_ill(db, cast, first)
        chantal = client.sign_in(cast.chantal)
        assert "Voor één moment is er nog niemand" in chantal.get("/werkplek/respijt").words
        words = chantal.get(desk(relief)).words
        assert "er komt nog niemand" in words and "Fatma komt" in words
        offer = db.exec(select(GapOffer)).one()
        chantal.post(f"/werkplek/respijt/invallen/{offer.id}", {"antwoord": "ja"}, follow=True)
        assert db.exec(select(RespijtGap)).one().state == GapState.COVERED
        assert "er komt nog niemand" not in chantal.get(desk(relief)).words

    @pytest.mark.parametrize("said", [{}, {"antwoord": ""}, {"antwoord": "misschien"}])
    def it_notes_no_answer_that_nobody_gave(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest, said: dict[str, str]
    ) -> None:
        offer = offered(db, cast, relief)
        path = f"/werkplek/respijt/invallen/{offer.id}"
        page = client.sign_in(cast.chantal).post(path, said, follow=True)
        assert "Kies ja of nee." in page.text
        db.refresh(offer)
        assert offer.answer == ""

    @pytest.mark.parametrize("said", [{}, {"ging": ""}, {"ging": "best"}])
    def it_asks_how_the_trial_went(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest, said: dict[str, str]
    ) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.TRIAL, introduced_on=date(2026, 11, 1))
        page = client.sign_in(cast.chantal).post(step(arrangement, "geprobeerd"), {"dag": today()} | said, follow=True)
        assert "Kies hoe het ging." in page.text
        db.refresh(arrangement)
        assert (arrangement.state, arrangement.tried_on) == (ArrangementState.TRIAL, None)

    def it_closes_what_is_solved(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        fell_ill(db, cast, arranged(db, cast, relief, ArrangementState.RUNNING))
        gap = db.exec(select(RespijtGap)).one()
        client.sign_in(cast.chantal).post(f"/werkplek/respijt/gat/{gap.id}/sluiten", follow=True, status=200)
        assert gap.state == GapState.CLOSED

    def it_shows_what_they_said(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        arrangement = three_times(db, cast, relief)
        said = evaluating.Answers("bad", "no", "stop", "Het was te druk.")
        evaluating.evaluate(db, arrangement, said, by=cast.els.id or 0, now=utcnow())
        db.commit()
        words = client.sign_in(cast.chantal).get(desk(relief)).words
        assert "Graag bellen" in words and "Het gaf geen rust." in words and "Het was te druk." in words


def three_times(db: Session, cast: Cast, relief: ReliefRequest) -> Arrangement:
    arrangement = arranged(db, cast, relief, ArrangementState.RUNNING)
    situation = db.get_one(CareSituation, relief.situation_id)
    for week in (1, 2, 3):
        make_booking(db, arrangement, situation, utcnow() - timedelta(weeks=week), state=BookingState.USED)
    db.commit()
    return arrangement


class DescribeTheMantelzorger:
    def it_tells_honestly_that_nobody_is_found_yet(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.RUNNING)
        fell_ill(db, cast, arrangement)
        els = client.sign_in(cast.els)
        assert "Chantal zoekt vervanging." in els.get(f"/mantelzorg/afspraak/{arrangement.id}").words
        assert "Chantal zoekt vervanging." in els.get("/mantelzorg").words

    def it_needs_the_tick(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.AGREEING)
        path = f"/mantelzorg/afspraak/{arrangement.id}/overeenkomst"
        page = client.sign_in(cast.els).post(path, {"versie": AGREEMENT}, status=422)
        assert page.errors()["akkoord"].startswith("Zet een vinkje")
        assert arrangement.mantelzorger_agreed_at is None

    def it_asks_to_read_again_when_the_text_changed(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.AGREEING)
        path = f"/mantelzorg/afspraak/{arrangement.id}/overeenkomst"
        page = client.sign_in(cast.els).post(path, {"akkoord": "y", "versie": "2020-01"}, follow=True)
        assert "De tekst is veranderd." in page.text
        assert arrangement.mantelzorger_agreed_at is None

    def it_tells_what_the_volunteer_should_know(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.TRIAL)
        els = client.sign_in(cast.els)
        path = f"/mantelzorg/afspraak/{arrangement.id}/vertellen"
        els.post(path, {"woorden": "x" * 1001}, status=422)
        els.post(path, {"woorden": "Zij drinkt thee om drie uur."}, follow=True)
        assert "thee om drie uur" in client.another().sign_in(cast.bram).get(f"/helpen/respijt/{arrangement.id}").words

    def it_says_how_it_was_once(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        arrangement = three_times(db, cast, relief)
        els = client.sign_in(cast.els)
        here = f"/mantelzorg/afspraak/{arrangement.id}"
        assert "Bram kwam drie keer" in els.get(here).words
        page = els.post(f"{here}/terugkijken", {"hoe": "good"}, status=422)
        assert set(page.errors()) == {"rust", "verder"}
        answers = {"hoe": "good", "rust": "yes", "verder": "yes", "woorden": "Fijn."}
        els.post(f"{here}/terugkijken", answers, follow=True, status=200)
        els.post(f"{here}/terugkijken", answers | {"hoe": "bad"}, follow=True, status=200)
        assert db.exec(select(RespijtEvaluation)).one().answers["went"] == "good"

    def it_can_stop(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.RUNNING)
        els = client.sign_in(cast.els)
        here = f"/mantelzorg/afspraak/{arrangement.id}"
        els.post(f"{here}/stoppen", {}, status=422)
        page = els.post(f"{here}/stoppen", {"reden": "not_this_person"}, follow=True)
        assert page.h1 == "Bram komt niet meer"

    def it_is_sent_to_her_own_page_from_the_request(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        client.another().sign_in(cast.chantal).post(desk(relief) + "/zoeken", follow=True)
        page = client.sign_in(cast.els).get(f"/hulpvragen/{relief.help_request_id}", status=302)
        assert page.location == f"/mantelzorg/even-vrij/{relief.id}"


class DescribeTheVolunteer:
    def it_sees_first_names_times_and_what_was_told(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.INTRODUCING, words="Een ommetje is fijn.")
        page = client.sign_in(cast.bram).get(f"/helpen/respijt/{arrangement.id}")
        assert page.h1 == "U neemt het over van Els"
        assert "Truus" in page.words and "Een ommetje is fijn." in page.words
        for private in (cast.els.email, cast.els.phone, "zingen", "06 12"):
            assert str(private) not in page.text

    @pytest.mark.parametrize("state", [ArrangementState.ENDED, ArrangementState.REFUSED])
    def it_sees_nothing_any_more_afterwards(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest, state: ArrangementState
    ) -> None:
        arrangement = arranged(db, cast, relief, state, words="Een ommetje is fijn.", ended_at=utcnow())
        bram = client.sign_in(cast.bram)
        page = bram.get(f"/helpen/respijt/{arrangement.id}")
        assert page.h1 == "Dit loopt niet meer"
        for private in ("Els", "Truus", "ommetje"):
            assert private not in page.words
        for rest in ("overeenkomst", "stoppen", "terugkijken"):
            assert bram.get(f"/helpen/respijt/{arrangement.id}/{rest}", status=302).location.endswith(
                f"/helpen/respijt/{arrangement.id}"
            )

    def it_finds_the_way_from_the_page_of_who_helps(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        client.another().sign_in(cast.chantal).post(desk(relief) + "/zoeken", follow=True)
        bram = client.sign_in(cast.bram)
        assert "U neemt het over" not in bram.get("/helpen").words
        made = said_yes(db, cast, db.get_one(HelpRequest, relief.help_request_id))
        pairing.agree(db, made, now=utcnow(), actor_id=cast.els.id)
        db.commit()
        page = bram.get("/helpen")
        assert "Van Els" in page.words and "U leert elkaar nu kennen." in page.words
        arrangement = db.exec(select(Arrangement).where(Arrangement.volunteer_id == cast.bram.id)).one()
        assert page.one("a", href=f"/helpen/respijt/{arrangement.id}") is not None

    def it_sees_no_moment_of_what_is_over(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        arrangement = arranged(db, cast, relief, ArrangementState.RUNNING)
        situation = db.get_one(CareSituation, relief.situation_id)
        booking = make_booking(db, arrangement, situation, utcnow() - timedelta(hours=6))
        db.commit()
        bram, mine, moment = client.sign_in(cast.bram), "/helpen/respijt", f"/helpen/respijt/moment/{booking.id}"
        assert "Els" in bram.get(mine).words
        assert "Els" in bram.get(moment).words
        arranging.end(db, arrangement, reason="not_this_person", by=cast.els.id or 0, now=utcnow())
        db.commit()
        assert "Els" not in bram.get(mine).words
        bram.get(moment, status=404)

    def it_says_one_thing_when_the_time_off_has_ended(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        offer = offered(db, cast, relief)
        reliefs.withdraw(db, relief, by=cast.els.id or 0, now=utcnow())
        db.commit()
        fatma = client.sign_in(db.get_one(Account, db.get_one(Arrangement, offer.arrangement_id).volunteer_id))
        path = f"/helpen/respijt/invallen/{offer.id}"
        page = fatma.post(path, {"antwoord": "ja"}, follow=True)
        assert page.h1 == "Het is niet meer nodig"
        assert "Els" not in page.words
        assert offer.answer == ""

    def it_does_not_say_that_somebody_comes_when_that_was_called_off(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        offer = offered(db, cast, relief)
        who = db.get_one(Account, db.get_one(Arrangement, offer.arrangement_id).volunteer_id)
        made = covering.answer(db, offer, yes=True, by=who.id or 0, now=utcnow())
        assert made is not None
        db.commit()
        fatma, path = client.sign_in(who), f"/helpen/respijt/invallen/{offer.id}"
        assert fatma.get(path).h1 == "Dank u wel, u komt"
        respijt_calendar.cancel(db, made, reason="not_needed", by=cast.els.id, now=utcnow())
        db.commit()
        assert fatma.get(path).h1 == "Het is niet meer nodig"

    def it_goes_from_the_pairing_to_the_arrangement(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        client.another().sign_in(cast.chantal).post(desk(relief) + "/zoeken", follow=True)
        made = said_yes(db, cast, db.get_one(HelpRequest, relief.help_request_id))
        pairing.answer_waiting(db, made, yes=True, now=utcnow(), actor_id=cast.els.id or 0)
        db.commit()
        arrangement = db.exec(select(Arrangement)).one()
        for rest in ("", "/afspreken", "/lukt-niet"):
            page = client.sign_in(cast.bram).get(f"/koppelingen/{made.id}{rest}", status=302)
            assert page.location == f"/helpen/respijt/{arrangement.id}"
        assert (
            client.sign_in(cast.els)
            .get(f"/koppelingen/{made.id}", status=302)
            .location.endswith(f"/mantelzorg/afspraak/{arrangement.id}")
        )
        assert client.sign_in(cast.chantal).get(f"/koppelingen/{made.id}", status=302).location == desk(relief)

    def it_steps_in(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        fatma = make_person(db, "Fatma", DRIFTBUURT, 20)
        clear(db, fatma)
        regular = make_arrangement(db, relief, volunteer_id=fatma.id)
        arranged(db, cast, relief, ArrangementState.RUNNING, is_backup=True)
        fell_ill(db, cast, regular)
        offer = db.exec(select(GapOffer)).one()
        path = f"/helpen/respijt/invallen/{offer.id}"
        bram = client.sign_in(cast.bram)
        assert "Er viel iemand uit" in bram.get(path).h1
        bram.post(path, {}, status=200)
        assert offer.answer == ""
        page = bram.post(path, {"antwoord": "ja"}, follow=True)
        assert page.h1 == "Dank u wel, u komt"
        page = bram.post(path, {"antwoord": "nee"}, follow=True)
        assert page.h1 == "Dank u wel, u komt"
        planned = db.exec(select(RespijtBooking).where(RespijtBooking.state == BookingState.PLANNED)).all()
        assert len(planned) == 1

    def it_can_say_no(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> None:
        fatma = make_person(db, "Fatma", DRIFTBUURT, 20)
        clear(db, fatma)
        regular = make_arrangement(db, relief, volunteer_id=fatma.id)
        arranged(db, cast, relief, ArrangementState.RUNNING, is_backup=True)
        fell_ill(db, cast, regular)
        offer = db.exec(select(GapOffer)).one()
        page = client.sign_in(cast.bram).post(f"/helpen/respijt/invallen/{offer.id}", {"antwoord": "nee"}, follow=True)
        assert "U zei dat u niet kunt." in page.words


def offered(db: Session, cast: Cast, relief: ReliefRequest) -> GapOffer:
    """Bram fell ill, and Fatma was asked to step in."""
    fatma = make_person(db, "Fatma", DRIFTBUURT, 20)
    clear(db, fatma)
    first = arranged(db, cast, relief, ArrangementState.RUNNING)
    make_arrangement(db, relief, volunteer_id=fatma.id, is_backup=True)
    fell_ill(db, cast, first)
    return db.exec(select(GapOffer)).one()


class DescribeMessages:
    @pytest.fixture
    def waiting(self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest) -> Pairing:
        """Bram said yes, and Els is asked."""
        client.another().sign_in(cast.chantal).post(desk(relief) + "/zoeken", follow=True)
        return said_yes(db, cast, db.get_one(HelpRequest, relief.help_request_id))

    def it_leads_els_to_the_question_without_a_word_about_care(
        self, app: Flask, client: Browser, db: Session, cast: Cast, waiting: Pairing
    ) -> None:
        (mail,) = mails(app, db, cast.els)
        assert says_nothing_of_care(mail)
        (where,) = re.findall(r"/kennismaken/\S+", mail)
        page = client.get(where)
        assert page.h1 == "Iemand wil u helpen. Is dat goed?"
        assert "telefoonnummer" not in page.words and "herinnering" not in page.words
        assert "De opbouwwerker belt u om een dag af te spreken." in page.words

    def it_says_nothing_of_care_when_it_falls_through(
        self, app: Flask, db: Session, cast: Cast, relief: ReliefRequest, waiting: Pairing
    ) -> None:
        pairing.answer_waiting(db, waiting, yes=True, now=utcnow(), actor_id=cast.els.id or 0)
        pairing.fall_through(db, waiting, "ill", now=utcnow(), actor_id=cast.chantal.id or 0)
        db.commit()
        for who, where in (
            (cast.els, f"/mantelzorg/even-vrij/{relief.id}"),
            (cast.bram, f"/koppelingen/{waiting.id}"),
            (cast.chantal, f"/werkplek/respijt/{relief.id}"),
        ):
            last = mails(app, db, who)[-1]
            assert says_nothing_of_care(last)
            assert where in last

    def it_promises_no_telephone_number_to_whoever_is_asked(
        self, client: Browser, db: Session, cast: Cast, relief: ReliefRequest
    ) -> None:
        client.another().sign_in(cast.chantal).post(desk(relief) + "/zoeken", follow=True)
        request = db.get_one(HelpRequest, relief.help_request_id)
        asked = judging.choose(
            db, request, cast.bram.id or 0, by=cast.chantal.id or 0, reason="Past goed.", now=utcnow()
        )
        db.commit()
        bram = client.sign_in(cast.bram)
        page = bram.get(f"/voorstellen/{asked.id}")
        assert "telefoonnummer" not in page.words and "herinnering" not in page.words
        assert "Daarna probeert u het één keer." in page.words
        page = bram.post(f"/voorstellen/{asked.id}", {"antwoord": "ja"}, follow=True)
        assert page.h1 == "Wij wachten op een antwoord"
        assert "telefoonnummer" not in page.words
        assert "Daarna maakt u kennis." in page.words


def mails(app: Flask, db: Session, who: Account) -> list[str]:
    """What this person gets to read, subject and text, in order."""
    rows = db.exec(select(OutboxMessage).where(OutboxMessage.account_id == who.id).order_by(col(OutboxMessage.id)))
    with app.app_context():
        found = [mail.compose(db, each, who) for each in rows]
    return [f"{each['Subject']}\n{each.get_body(('plain',)).get_content()}" for each in found]  # type: ignore[union-attr]


def says_nothing_of_care(text: str) -> bool:
    """Neither what kind of help it is, nor when."""
    return not re.search(r"naaste|oppas|zorg(?!/)|elke week|ochtend|middag", text, re.IGNORECASE)


class DescribeSeveralOpbouwwerkers:
    def it_speaks_of_all_of_them(self, app: Flask) -> None:
        found = Arrangement(relief_id=1, state=ArrangementState.INTRODUCING)
        with app.test_request_context():
            one, both = (
                arranging_words.steps(found, names=names, is_carer=True)[0].text
                for names in (["Chantal"], ["Chantal", "Farid"])
            )
        assert one == "Chantal belt u om een dag af te spreken, en is er zelf ook bij."
        assert both == "Chantal en Farid bellen u om een dag af te spreken. Een van hen is er ook bij."

    def it_speaks_of_all_who_were_asked_and_of_all_who_look(self, app: Flask) -> None:
        gap = covering.GapRow(1, 1, 1, 1, "Els", DRIFTBUURT, utcnow(), utcnow(), ((1, "Fatma"), (2, "Mila")), ())
        with app.test_request_context():
            assert "of Fatma en Mila kunnen komen" in arranging_words.gap_text(gap, [])
            looked_for = arranging_words.gap_text(replace(gap, waiting=()), ["Chantal", "Farid"])
            assert looked_for == "Chantal en Farid zoeken vervanging."
            said_no = arranging_words.said_no(replace(gap, said_no=("Fatma", "Mila")))
            assert said_no == "Fatma en Mila kunnen niet komen."
            assert arranging_words.said_no(gap) == ""

    def it_says_who_reads_a_call_for_help(self, app: Flask) -> None:
        names = ["Chantal", "Farid"]
        with app.test_request_context():
            now = relief_words.reads_when(names, None)
            later = relief_words.reads_when(names, utcnow() + timedelta(days=3))
        assert now == "Chantal en Farid, van uw buurt, krijgen nu een bericht. Een van hen belt u vandaag."
        assert "Chantal en Farid lezen dit" in later and later.endswith("Een van hen belt u dan.")


class DescribeTraining:
    def it_is_noted_at_the_desk(self, client: Browser, db: Session, cast: Cast) -> None:
        path = f"/werkplek/mensen/{cast.bram.id}/training"
        page = client.sign_in(cast.chantal).post(path, {"training": "2026-03-02"}, follow=True)
        assert "Wij schreven op dat de training klaar is." in page.text
        volunteer = db.get_one(Volunteer, cast.bram.id)
        assert (volunteer.trained_on, volunteer.trained_by_id) == (date(2026, 3, 2), cast.chantal.id)
        assert db.exec(select(Event).where(Event.tag == "volunteer.trained")).one().actor_id == cast.chantal.id

    @pytest.mark.parametrize(
        ("day", "sentence"),
        [("", "Kies de dag"), ("2999-01-01", "Deze dag moet nog komen."), ("1999-01-01", "meer dan tien jaar terug")],
    )
    def it_asks_for_a_day_that_can_be(self, client: Browser, db: Session, cast: Cast, day: str, sentence: str) -> None:
        path = f"/werkplek/mensen/{cast.bram.id}/training"
        page = client.sign_in(cast.chantal).post(path, {"training": day}, status=422)
        assert sentence in page.errors()["training"]
        assert db.get_one(Volunteer, cast.bram.id).trained_on is None

    def it_is_not_for_oneself(self, client: Browser, db: Session, cast: Cast) -> None:
        make_volunteer(db, cast.chantal)
        db.commit()
        path = f"/werkplek/mensen/{cast.chantal.id}/training"
        assert client.sign_in(cast.chantal).post(path, {"training": "2026-03-02"}).status == 403


class DescribeTheOrdinaryForm:
    def it_does_not_offer_it(self, client: Browser, cast: Cast) -> None:
        page = client.get("/hulpvragen/nieuw")
        assert not [each for each in page.all("input") if each.get("value") == "sitting"]

    def it_shows_the_way_to_time_off(self, client: Browser, cast: Cast) -> None:
        page = client.post("/hulpvragen/nieuw", {"description": "Ik ben mantelzorger en wil er even uit"}, status=422)
        assert "Zorgt u voor iemand, en wilt u even vrij?" in page.words
        assert [link for link in page.all("a") if link.get("href") == "/mantelzorg"]

    def it_refuses_what_a_browser_made_up(self, client: Browser, db: Session, cast: Cast) -> None:
        page = client.sign_in(cast.anna).post("/hulpvragen/nieuw", {"suggested": "sitting"}, status=422)
        assert "category" in page.errors() or "Kies" in page.words

    def it_offers_it_to_volunteers(self, client: Browser, cast: Cast) -> None:
        words = client.sign_in(cast.bram).get("/helpen/profiel").words
        assert "Even bij iemand blijven, zodat een mantelzorger weg kan" in words
