"""Asking for help, and following, changing and taking back what was asked: through the pages."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from matching.models import (
    Account,
    ActionLink,
    Channel,
    Consent,
    Draft,
    Frequency,
    HelpRequest,
    OutboxMessage,
    Proposal,
)
from matching.models.base import utcnow
from matching.services import posting
from matching.services.wishes import Wish
from matching.workflow import ProposalState, RequestState
from tests.browse import Browser, Page
from tests.people import BLOEMENKWARTIER, DRIFTBUURT, GEUZENBUURT, Cast
from web.i18n import today

MINE = "/hulpvragen"
WHAT, WHEN, WHERE, WHO, CHECK = (f"{MINE}/nieuw{step}" for step in ("", "/wanneer", "/waar", "/wie", "/controleren"))
WHAT_ANSWERS = {"category": "groceries", "description": "Melk en brood graag"}
WHEN_ANSWERS = {"frequency": "weekly", "slots": ["tue-morning", "sun-night"], "minutes": "30"}
WHERE_ANSWERS = {"buurt": DRIFTBUURT}
WHO_ANSWERS = {"first_name": "Zoë", "email": "Zoe@Example.org", "adult": "y"}
OTHER_ANSWERS = {"other_name": "Henk", "consent_how": "phone", "consent": "y"}
TRICKY = [
    "",
    " ",
    "\0",
    "a\0b",
    "x" * 100_000,
    "<script>alert(1)</script>",
    "\u202eenilno",
    "مرحبا كيف الحال",
    "🙂👩‍👩‍👧",
    "{{ 7*7 }}",
    "%s%n%(x)s",
    "' OR 1=1 --",
    "\r\nSet-Cookie: a=b",
    "٠١٢",
    "-1",
    "29-02-2027",
]


def fill_in(client: Browser, steps: dict[str, dict[str, Any]] | None = None) -> Page:
    """Walk through the steps with these answers changed; the page after the last step."""
    changes = steps or {}
    page = client.get(WHAT, follow=True)
    for path, answers in ((WHAT, WHAT_ANSWERS), (WHEN, WHEN_ANSWERS), (WHERE, WHERE_ANSWERS)):
        page = client.submit(page, path, **(answers | changes.get(path, {})))
    return client.submit(page, WHO, **changes[WHO]) if WHO in changes else page


def ask(client: Browser, steps: dict[str, dict[str, Any]] | None = None) -> Page:
    """The same, and send it: the page that says so."""
    return client.submit(fill_in(client, steps), CHECK)


def the_request(db: Session) -> HelpRequest:
    return db.exec(select(HelpRequest)).one()


@pytest.fixture
def annas(db: Session, cast: Cast) -> HelpRequest:
    """A request of Anna's in the Kleine Driftbuurt, open."""
    assert cast.anna.id is not None
    wish = Wish("groceries", "Melk graag", Frequency.WEEKLY, None, 0b1, 60, DRIFTBUURT)
    made = posting.post(db, wish, asker_id=cast.anna.id, posted_by_id=cast.anna.id, now=utcnow())
    db.commit()
    return made


def address(request: HelpRequest, page: str = "") -> str:
    return f"{MINE}/{request.id}{page}"


class DescribeAskingAsAStranger:
    def it_works_and_asks_who_last(self, client: Browser, db: Session) -> None:
        page = fill_in(client, {WHO: WHO_ANSWERS})
        assert page.h1 == "Klopt dit?"
        for shown in ("Boodschappen", "Melk en brood graag", "Kleine Driftbuurt", "Zoë", "zoe@example.org".title()):
            assert shown.lower() in page.words.lower()
        page = client.submit(page, CHECK)
        assert "Wij hebben uw vraag" in page.words
        assert "Chantal" in page.words
        request = the_request(db)
        assert (request.category, request.minutes, request.buurt_code) == ("groceries", 30, DRIFTBUURT)
        assert request.slots == 1 << 4 | 1 << 27
        assert (request.state, request.is_verified) == (RequestState.OPEN, True)
        zoe = db.get_one(Account, request.asker_id)
        assert (zoe.first_name, zoe.email, zoe.buurt_code) == ("Zoë", "zoe@example.org", DRIFTBUURT)
        assert zoe.adult_declared_at is not None
        assert db.exec(select(Draft)).all() == []

    def it_sends_a_link_that_leads_back(self, client: Browser, db: Session) -> None:
        ask(client, {WHO: WHO_ANSWERS})
        assert db.exec(select(OutboxMessage.template)).all() == ["sign_in"]
        assert db.exec(select(ActionLink)).one().next_path == address(the_request(db))

    def it_lets_this_browser_come_back_and_no_other(self, client: Browser, db: Session) -> None:
        ask(client, {WHO: WHO_ANSWERS})
        request = the_request(db)
        assert "Melk en brood graag" in client.get(address(request)).words
        assert "Boodschappen" in client.get(MINE).words
        client.another().get(address(request), status=404)
        assert "Boodschappen" not in client.another().get(MINE).words

    def it_works_with_a_telephone_number_only(self, client: Browser, db: Session) -> None:
        call = {"first_name": "Zoë", "phone": "06 12 34 56 78", "channel": "phone", "adult": "y"}
        assert "Wij hebben uw vraag" in ask(client, {WHO: call}).words
        zoe = db.get_one(Account, the_request(db).asker_id)
        assert (zoe.phone, zoe.email, zoe.channel) == ("+31612345678", None, Channel.PHONE)
        assert db.exec(select(OutboxMessage)).all() == []

    def it_works_in_english(self, client: Browser, db: Session) -> None:
        client.post("/taal", {"taal": "en", "verder": "/"})
        page = fill_in(client, {WHO: WHO_ANSWERS})
        assert page.h1 == "Is this right?"
        assert "We have your request" in client.submit(page, CHECK).words
        assert db.get_one(Account, the_request(db).asker_id).locale == "en"

    def it_does_not_tell_whether_an_address_is_known(self, client: Browser, db: Session, cast: Cast) -> None:
        unknown = ask(client, {WHO: WHO_ANSWERS})
        known = ask(client.another(), {WHO: WHO_ANSWERS | {"email": " ANNA@example.org"}})
        assert known.words == unknown.words
        request = db.exec(select(HelpRequest).where(HelpRequest.asker_id == cast.anna.id)).one()
        assert (request.is_verified, request.state) == (False, RequestState.HELD)
        assert cast.anna.first_name == "Anna"
        assert len(db.exec(select(OutboxMessage)).all()) == 2

    def it_opens_when_the_owner_of_the_address_says_it_is_theirs(
        self, client: Browser, db: Session, cast: Cast
    ) -> None:
        ask(client, {WHO: WHO_ANSWERS | {"email": "anna@example.org"}})
        request = the_request(db)
        confirm = address(request, "/van-mij")
        client.post(confirm, status=302)  # the browser that asked is not signed in
        assert the_request(db).state == RequestState.HELD
        anna = client.another().sign_in(cast.anna)
        page = anna.get(address(request))
        assert "Hebt u dit gevraagd?" in page.words
        anna.submit(page, confirm, action=confirm)
        assert (the_request(db).state, the_request(db).is_verified) == (RequestState.OPEN, True)


class DescribeAskingSignedIn:
    def it_asks_nothing_twice(self, client: Browser, db: Session, cast: Cast) -> None:
        client.sign_in(cast.anna)
        page = fill_in(client)
        assert page.h1 == "Klopt dit?"
        client.submit(page, CHECK)
        request = the_request(db)
        assert (request.asker_id, request.posted_by_id) == (cast.anna.id, cast.anna.id)
        assert (request.x, request.y) == (cast.anna.x, cast.anna.y)
        assert db.exec(select(OutboxMessage)).all() == []

    def it_knows_the_buurt(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.anna)
        page = client.submit(client.get(WHAT), WHAT, **WHAT_ANSWERS)
        page = client.submit(page, WHEN, **WHEN_ANSWERS)
        assert page.form_values()["buurt"] == [DRIFTBUURT]

    def it_asks_on_behalf_of_someone_with_consent(self, client: Browser, db: Session, cast: Cast) -> None:
        client.sign_in(cast.anna)
        page = fill_in(client, {WHAT: {"for_whom": "other"}})
        assert page.h1 == "Voor wie vraagt u dit?"
        refused = client.submit(page, WHO, other_name="Henk", consent_how="phone")
        assert "Vraag het eerst aan de ander" in refused.errors()["consent"]
        page = client.submit(refused, WHO, **OTHER_ANSWERS)
        assert "Henk" in page.words
        page = client.submit(page, CHECK)
        request = the_request(db)
        assert (request.asker_id, request.for_whom, request.other_name) == (cast.anna.id, "other", "Henk")
        assert db.get_one(Consent, request.consent_id).note == "person/phone"
        sheet = client.get(address(request, "/afdrukken"))
        assert "de persoon zelf zei ja aan de telefoon" in sheet.words
        assert sheet.h1 == "Vraag voor Henk"

    def it_prints_only_what_was_asked_for_someone_else(self, client: Browser, cast: Cast, annas: HelpRequest) -> None:
        client.sign_in(cast.anna).get(address(annas, "/afdrukken"), status=404)

    def it_asks_discreetly(self, client: Browser, db: Session, cast: Cast) -> None:
        page = ask(client.sign_in(cast.anna), {WHAT: {"is_discreet": "y"}})
        assert "Alleen de opbouwwerker van uw buurt" in page.words
        request = the_request(db)
        assert (request.is_discreet, request.state) == (True, RequestState.HELD)
        assert not request.is_visible_to_volunteers

    def it_meets_risk_words_kindly_and_lets_no_volunteer_see_them(
        self, client: Browser, db: Session, cast: Cast
    ) -> None:
        page = ask(client.sign_in(cast.anna), {WHAT: {"description": "Ik wil niet meer leven"}})
        assert "U staat er niet alleen voor" in page.words
        assert page.all("a", href="tel:113")
        request = the_request(db)
        assert (request.risks, request.state) == (["suicide"], RequestState.HELD)
        assert not request.is_visible_to_volunteers
        assert db.exec(select(OutboxMessage.account_id)).all() == [cast.chantal.id]


class DescribeTheDeskOnTheTelephone:
    def it_makes_the_account_of_whoever_calls(self, client: Browser, db: Session, cast: Cast) -> None:
        client.sign_in(cast.chantal)
        page = fill_in(client, {WHAT: {"for_whom": "phone"}})
        assert "Voornaam van de persoon aan de telefoon" in page.words
        page = client.submit(page, WHO, other_name="Truus", phone="035 621 0000", consent="y", adult="y")
        client.submit(page, CHECK)
        request = the_request(db)
        truus = db.get_one(Account, request.asker_id)
        assert (truus.first_name, truus.phone, truus.email) == ("Truus", "+31356210000", None)
        assert request.posted_by_id == cast.chantal.id
        assert (request.is_verified, request.other_name) == (True, "Truus")
        assert db.get_one(Consent, request.consent_id).recorded_by_id == cast.chantal.id

    def it_is_offered_to_the_desk_only(self, client: Browser, cast: Cast) -> None:
        answers = WHAT_ANSWERS | {"for_whom": "phone"}
        refused = client.sign_in(cast.anna).post(WHAT, answers, status=422)
        assert refused.errors()["for_whom"] == "Kies voor wie u dit vraagt."


class DescribeTheFirstStep:
    def it_says_what_is_missing(self, client: Browser) -> None:
        page = client.post(WHAT, {"for_whom": "self"}, status=422)
        assert "Iets anders" in page.errors()["category"]
        assert page.one("title").text.startswith("Kijk nog even")

    def it_suggests_a_category_and_takes_it(self, client: Browser) -> None:
        page = client.post(WHAT, {"description": "Wie maait mijn gras in de tuin?", "for_whom": "self"}, status=422)
        assert "Gaat het om: Hulp in de tuin?" in page.words
        assert page.errors() == {}
        page = client.submit(page, WHAT, suggested="garden")
        assert page.h1 == "Wanneer komt het u uit?"
        assert client.get(WHAT).form_values()["category"] == ["garden"]

    def it_takes_no_for_an_answer(self, client: Browser) -> None:
        answers = {"category": "other", "description": "Wie maait mijn gras?", "for_whom": "self"}
        page = client.post(WHAT, answers, status=422)
        page = client.submit(page, WHAT, suggested="other")
        assert page.h1 == "Wanneer komt het u uit?"
        assert client.get(WHAT).form_values()["category"] == ["other"]

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("Bel mij op 06-12345678", "telefoonnummer: 06-12345678"),
            ("Ik woon op de Kerkstraat 12", "adres: Kerkstraat 12"),
            ("Mail mij: anna@example.org", "e-mailadres: anna@example.org"),
            ("Mijn bsn is 111222333", "BSN: 111222333"),
            ("Het is op 1211 AB", "postcode: 1211 AB"),
        ],
    )
    def it_explains_personal_details_and_keeps_the_text(self, client: Browser, text: str, kind: str) -> None:
        page = client.post(WHAT, {"category": "groceries", "description": text, "for_whom": "self"}, status=422)
        assert kind in page.errors()["description"]
        assert page.form_values()["description"] == [text]

    def it_explains_all_of_them_at_once(self, client: Browser) -> None:
        text = "Kerkstraat 12, bel 0612345678"
        page = client.post(WHAT, {"category": "groceries", "description": text, "for_whom": "self"}, status=422)
        assert "adres" in page.errors()["description"]
        assert "telefoonnummer" in page.errors()["description"]

    @pytest.mark.parametrize("category", ["gold", "", "\0", "x" * 100_000])
    def it_refuses_a_category_that_it_did_not_offer(self, client: Browser, category: str) -> None:
        page = client.post(WHAT, {"category": category, "for_whom": "self"}, status=422)
        assert page.errors()["category"].startswith("Kies")

    def it_refuses_a_huge_text_and_keeps_it(self, client: Browser) -> None:
        text = "lang " * 20_000
        page = client.post(WHAT, {"category": "groceries", "description": text, "for_whom": "self"}, status=422)
        assert "2000" in page.errors()["description"]
        assert page.form_values()["description"] == [text.strip()]

    @pytest.mark.parametrize("text", ["<script>alert(1)</script>", "مرحبا كيف الحال", "🙂👩‍👩‍👧", "{{ 7*7 }} %s"])
    def it_shows_any_text_as_text(self, client: Browser, db: Session, cast: Cast, text: str) -> None:
        page = ask(client.sign_in(cast.anna), {WHAT: {"description": text}})
        assert text in page.words
        assert the_request(db).description == text

    def it_drops_what_no_text_needs(self, client: Browser, db: Session, cast: Cast) -> None:
        ask(client.sign_in(cast.anna), {WHAT: {"description": "Melk\0 en\u202e brood\r\ngraag\x07 "}})
        assert the_request(db).description == "Melk en brood\ngraag"


class DescribeTheSecondStep:
    @pytest.fixture
    def page(self, client: Browser) -> Page:
        return client.submit(client.get(WHAT), WHAT, **WHAT_ANSWERS)

    def it_proposes_the_usual_length(self, client: Browser) -> None:
        page = client.submit(client.get(WHAT), WHAT, category="garden")
        assert page.form_values()["minutes"] == ["120"]

    @pytest.mark.parametrize(
        ("answers", "field", "sentence"),
        [
            ({}, "frequency", "Kies hoe vaak"),
            ({"frequency": "daily"}, "frequency", "Kies hoe vaak"),
            ({"frequency": "once", "parts": "morning"}, "day", "Kies de dag"),
            ({"frequency": "once", "day": "2026-02-31"}, "day", "Deze dag bestaat niet"),
            ({"frequency": "once", "day": "31-02-2027", "parts": "morning"}, "day", "Deze dag bestaat niet"),
            ({"frequency": "once", "day": "29-02-2027", "parts": "morning"}, "day", "Deze dag bestaat niet"),
            ({"frequency": "once", "day": "morgen", "parts": "morning"}, "day", "Deze dag bestaat niet"),
            ({"frequency": "once", "day": "2020-02-29", "parts": "morning"}, "day", "al voorbij"),
            ({"frequency": "once", "day": "0001-01-01", "parts": "morning"}, "day", "al voorbij"),
            ({"frequency": "once", "day": "9999-12-31", "parts": "morning"}, "day", "te ver weg"),
            ({"frequency": "weekly"}, "slots", "een of meer momenten"),
            ({"frequency": "weekly", "slots": "sunday-noon"}, "slots", "Kies uit deze antwoorden"),
            ({"frequency": "flexible", "minutes": "7"}, "minutes", "Kies hoe lang"),
        ],
    )
    def it_refuses(self, client: Browser, page: Page, answers: dict[str, Any], field: str, sentence: str) -> None:
        refused = client.submit(page, WHEN, **answers)
        assert refused.status == 422
        assert sentence in refused.errors()[field]

    def it_refuses_yesterday_and_keeps_what_was_typed(self, client: Browser, page: Page) -> None:
        yesterday = (today() - timedelta(days=1)).isoformat()
        refused = client.submit(page, WHEN, frequency="once", day=yesterday, parts=["morning", "evening"])
        assert "al voorbij" in refused.errors()["day"]
        assert refused.form_values()["day"] == [yesterday]
        assert refused.form_values()["parts"] == ["morning", "evening"]

    def it_asks_when_on_the_day(self, client: Browser, page: Page) -> None:
        tomorrow = today() + timedelta(days=1)
        refused = client.submit(page, WHEN, frequency="once", day=tomorrow.isoformat())
        assert "Kies wanneer het u die dag uitkomt" in refused.errors()["parts"]

    def it_takes_a_day_as_people_write_it(self, client: Browser, db: Session, cast: Cast) -> None:
        day = today() + timedelta(days=7)
        once = {"frequency": "once", "day": f"{day:%d-%m-%Y}", "parts": ["afternoon"]}
        ask(client.sign_in(cast.anna), {WHEN: once})
        assert the_request(db).day == day
        assert the_request(db).slots == 1 << day.weekday() * 4 + 1

    def it_ignores_a_half_filled_day_that_belongs_to_another_answer(self, client: Browser, page: Page) -> None:
        assert client.submit(page, WHEN, frequency="flexible", day="31-02-2027").h1 == "Waar ongeveer?"


class DescribeTheThirdStep:
    @pytest.fixture
    def page(self, client: Browser) -> Page:
        page = client.submit(client.get(WHAT), WHAT, **WHAT_ANSWERS)
        return client.submit(page, WHEN, **WHEN_ANSWERS)

    @pytest.mark.parametrize("buurt", ["", "BU00000000", "\0", "GM0402", "x" * 100_000])
    def it_refuses_a_buurt_that_does_not_exist(self, client: Browser, page: Page, buurt: str) -> None:
        refused = client.submit(page, WHERE, buurt=buurt)
        assert refused.status == 422
        assert "Kies uw buurt" in refused.errors()["buurt"]

    def it_takes_a_tap_on_the_map_closer_and_keeps_it_rough(self, client: Browser, db: Session, page: Page) -> None:
        image = page.one("input", type="image")
        middle = {"map.x": int(image.get("width")) // 2, "map.y": int(image.get("height")) // 2}
        tapped = client.submit(page, WHERE, **middle)
        assert "Klopt dat?" in tapped.words
        assert "Laat de hele kaart zien" in tapped.words
        buurt = tapped.form_values()["buurt"]
        again = client.submit(tapped, WHERE, **middle)  # the middle of what came closer is the same place
        assert again.form_values()["buurt"] == buurt
        client.submit(client.submit(again, WHERE), WHO, **WHO_ANSWERS)
        client.submit(client.get(CHECK), CHECK)
        request = the_request(db)
        assert [request.buurt_code] == buurt
        assert (request.x % 100, request.y % 100) == (0, 0)
        assert str(request.x) == again.form_values()["x"][0]

    def it_shows_the_whole_map_again(self, client: Browser, page: Page) -> None:
        tapped = client.submit(page, WHERE, **{"map.x": 144, "map.y": 200})
        whole = client.submit(tapped, WHERE, whole="1")
        assert "Laat de hele kaart zien" not in whole.words
        assert whole.form_values()["buurt"] == tapped.form_values()["buurt"]

    def it_says_so_when_the_tap_is_outside(self, client: Browser, page: Page) -> None:
        missed = client.submit(page, WHERE, **{"map.x": 1, "map.y": 1})
        assert "buiten onze kaart" in missed.words
        assert missed.form_values()["buurt"] == [""]

    def it_reads_the_enter_key_on_the_map_as_going_on(self, client: Browser, page: Page) -> None:
        assert client.submit(page, WHERE, buurt=DRIFTBUURT, **{"map.x": 0, "map.y": 0}).h1 == "Wie bent u?"

    def it_forgets_a_point_in_another_buurt_than_the_one_chosen_after_it(
        self, client: Browser, db: Session, cast: Cast
    ) -> None:
        far = {"buurt": BLOEMENKWARTIER, "x": str(cast.anna.x), "y": str(cast.anna.y)}
        ask(client.sign_in(cast.anna), {WHERE: far})
        assert (the_request(db).x, the_request(db).y) == (cast.daan.x, cast.daan.y)

    @pytest.mark.parametrize("junk", ["-5", "1e9", "99999999999999999999", "٣", "NaN", "a,b", ","])
    def it_ignores_numbers_that_no_browser_sends(self, client: Browser, page: Page, junk: str) -> None:
        sent = {"map.x": junk, "map.y": junk, "x": junk, "y": junk, "near": junk}
        assert client.submit(page, WHERE, buurt=DRIFTBUURT, **sent).h1 == "Wie bent u?"

    def it_keeps_wishes(self, client: Browser, db: Session, cast: Cast) -> None:
        ask(client.sign_in(cast.anna), {WHERE: {"language": "tr", "welcomes_anyone": "y"}})
        assert (the_request(db).languages, the_request(db).welcomes_anyone) == (["tr"], True)


class DescribeWhoAsks:
    @pytest.fixture
    def page(self, client: Browser) -> Page:
        return fill_in(client)

    @pytest.mark.parametrize(
        ("answers", "field", "sentence"),
        [
            ({"first_name": " \0 "}, "first_name", "voornaam"),
            ({"first_name": "x" * 81}, "first_name", "te lang"),
            ({"email": ""}, "email", "Vul een e-mailadres in"),
            ({"email": "anna@"}, "email", "klopt nog niet"),
            ({"email": "x" * 100_000 + "@example.org"}, "email", "klopt nog niet"),
            ({"phone": "12"}, "phone", "klopt nog niet"),
            ({"channel": "phone", "email": ""}, "phone", "Vul een telefoonnummer in"),
            ({"channel": "pigeon"}, "channel", "Kies hoe"),
            ({"locale": "xx"}, "locale", "Kies een taal"),
            ({"adult": None}, "adult", "18 jaar"),
        ],
    )
    def it_refuses(self, client: Browser, page: Page, answers: dict[str, Any], field: str, sentence: str) -> None:
        refused = client.submit(page, WHO, **(WHO_ANSWERS | answers))
        assert refused.status == 422
        assert sentence in refused.errors()[field]


class DescribeGoingBackAndForth:
    def it_returns_to_the_check_after_a_change(self, client: Browser, cast: Cast) -> None:
        page = fill_in(client.sign_in(cast.anna))
        change = page.all("a", href=f"{WHEN}?terug=1")
        assert change
        page = client.submit(client.get(f"{WHEN}?terug=1"), WHEN, frequency="flexible")
        assert page.h1 == "Klopt dit?"

    @pytest.mark.parametrize("path", [WHEN, WHERE, WHO, CHECK])
    def it_starts_at_the_first_step_that_is_missing(self, client: Browser, path: str) -> None:
        assert client.get(path, follow=True).h1 == "Waar kunnen wij u mee helpen?"

    def it_keeps_what_was_sent_out_of_order(self, client: Browser) -> None:
        page = client.post(WHEN, WHEN_ANSWERS, follow=True)
        assert page.h1 == "Waar kunnen wij u mee helpen?"
        assert "Hier mist nog iets" in page.words
        client.submit(page, WHAT, **WHAT_ANSWERS)
        assert client.get(WHEN).form_values()["slots"] == WHEN_ANSWERS["slots"]

    def it_makes_one_request_of_a_form_posted_twice(self, client: Browser, db: Session) -> None:
        page = fill_in(client, {WHO: WHO_ANSWERS})
        client.submit(page, CHECK)
        again = client.submit(page, CHECK)
        assert "U hebt deze vraag al gesteld" in again.words
        assert len(db.exec(select(HelpRequest)).all()) == 1

    def it_survives_the_back_button_after_posting(self, client: Browser, db: Session) -> None:
        page = fill_in(client, {WHO: WHO_ANSWERS})
        earlier = client.get(WHEN)
        client.submit(page, CHECK)
        assert "U hebt deze vraag al gesteld" in client.submit(earlier, WHEN, frequency="flexible").words
        assert client.get(CHECK, follow=True).h1 == "Waar kunnen wij u mee helpen?"
        assert len(db.exec(select(HelpRequest)).all()) == 1

    def it_sends_somebody_back_when_the_day_has_passed_meanwhile(
        self, client: Browser, db: Session, cast: Cast
    ) -> None:
        day = today() + timedelta(days=3)
        fill_in(client.sign_in(cast.anna), {WHEN: {"frequency": "once", "day": day.isoformat(), "parts": ["evening"]}})
        draft = db.exec(select(Draft)).one()
        old = {**draft.data["when"]["values"], "day": [(today() - timedelta(days=1)).isoformat()]}
        draft.data = {**draft.data, "when": {"values": old, "done": True}}
        db.commit()
        page = client.get(CHECK, follow=True)
        assert page.h1 == "Wanneer komt het u uit?"
        assert "al voorbij" in page.errors()["day"]
        assert "al voorbij" in client.post(CHECK, follow=True).errors()["day"]
        assert db.exec(select(HelpRequest)).all() == []

    @pytest.mark.parametrize("key", ["", "nonsense", "\0", "x" * 5000])
    def it_takes_no_harm_from_an_unknown_draft(self, client: Browser, db: Session, key: str) -> None:
        assert client.post(CHECK, {"draft_key": key}, follow=True).h1 == "Waar kunnen wij u mee helpen?"
        assert client.post(WHAT, WHAT_ANSWERS | {"for_whom": "self", "draft_key": key}, follow=True).status == 200


class DescribeSavingForLater:
    def it_keeps_half_a_form_in_this_browser(self, client: Browser) -> None:
        page = client.submit(client.get(WHAT), WHAT, description="Ik weet het nog niet", later="1")
        assert page.h1 == "Wij hebben uw vraag bewaard"
        assert client.get(WHAT).form_values()["description"] == ["Ik weet het nog niet"]
        assert client.another().get(WHAT).form_values()["description"] == [""]

    def it_is_there_again_on_another_device_after_signing_in(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.anna)
        client.submit(client.submit(client.get(WHAT), WHAT, **WHAT_ANSWERS), WHEN, later="1", frequency="weekly")
        elsewhere = client.another().sign_in(cast.anna)
        assert "U was bezig met een vraag" in elsewhere.get(MINE).words
        assert elsewhere.get(CHECK, follow=True).form_values()["frequency"] == ["weekly"]

    def it_survives_a_session_that_ended_and_shows_nothing_to_whoever_comes_next(
        self, client: Browser, cast: Cast, db: Session
    ) -> None:
        client.sign_in(cast.anna)
        client.submit(client.get(WHAT), WHAT, **WHAT_ANSWERS)
        cast.anna.session_version += 1  # "log out everywhere"
        db.add(cast.anna)
        db.commit()
        assert client.get(WHAT).form_values()["description"] == [""]
        assert client.sign_in(cast.anna).get(WHAT).form_values()["description"] == [WHAT_ANSWERS["description"]]

    def it_keeps_the_draft_of_a_stranger_who_signs_in(self, client: Browser, db: Session, cast: Cast) -> None:
        page = client.submit(client.get(WHAT), WHAT, **WHAT_ANSWERS)
        client.sign_in(cast.anna)
        client.submit(page, WHEN, **WHEN_ANSWERS)
        assert db.exec(select(Draft)).one().account_id == cast.anna.id

    def it_throws_away_on_request(self, client: Browser, db: Session, cast: Cast) -> None:
        client.sign_in(cast.anna)
        client.submit(client.get(WHAT), WHAT, **WHAT_ANSWERS)
        discard = f"{WHAT}/weg"
        client.submit(client.get(MINE), discard, action=discard)
        assert db.exec(select(Draft)).all() == []

    def it_does_not_lose_what_was_typed_when_the_session_is_gone(self, app: Flask, client: Browser) -> None:
        app.config["WTF_CSRF_ENABLED"] = True
        try:
            page = client.submit(client.get(WHAT), WHAT, **WHAT_ANSWERS)
            client.client.delete_cookie("omzien")
            again = client.submit(page, WHEN, **WHEN_ANSWERS)
            assert again.status == 400
            assert "stond te lang open" in again.words
            assert again.form_values()["slots"] == WHEN_ANSWERS["slots"]
            page = client.submit(again, WHEN)
            assert page.h1 == "Waar kunnen wij u mee helpen?"
            page = client.submit(page, WHAT, **WHAT_ANSWERS)
            assert page.form_values()["slots"] == WHEN_ANSWERS["slots"]
        finally:
            app.config["WTF_CSRF_ENABLED"] = False


class DescribeFollowing:
    def it_invites_whoever_asked_nothing_yet(self, client: Browser, cast: Cast) -> None:
        assert "U hebt nog niets gevraagd" in client.get(MINE).words
        assert "U hebt nog niets gevraagd" in client.sign_in(cast.bram).get(MINE).words

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (RequestState.HELD, "Wij lezen eerst uw vraag"),
            (RequestState.OPEN, "Wij zoeken iemand die past"),
            (RequestState.ASKED, "Wij wachten op het antwoord"),
            (RequestState.CLAIMED, "Iemand wil u helpen"),
            (RequestState.PAIRED, "U kunt elkaar nu bellen"),
            (RequestState.DONE, "U bent geholpen"),
            (RequestState.WITHDRAWN, "U trok deze vraag in"),
            (RequestState.CLOSED, "Wij sloten deze vraag"),
        ],
    )
    def it_says_where_it_stands(
        self, client: Browser, db: Session, cast: Cast, annas: HelpRequest, state: RequestState, words: str
    ) -> None:
        annas.state, annas.closed_at, annas.closed_reason = state, utcnow(), "Dat kan het Sociaal Plein beter."
        db.commit()
        page = client.sign_in(cast.anna).get(address(annas))
        assert words in page.words
        assert ("Dat kan het Sociaal Plein beter." in page.words) == (state == RequestState.CLOSED)
        assert client.get(MINE).status == 200

    def it_says_who_looks_and_when_one_hears(self, client: Browser, cast: Cast, annas: HelpRequest) -> None:
        page = client.sign_in(cast.anna).get(address(annas))
        assert "Chantal, de opbouwwerker van uw buurt, kijkt mee." in page.words
        assert "U hoort uiterlijk op" in page.words

    @pytest.mark.parametrize("page", ["", "/wijzig", "/wijzig/wanneer", "/wijzig/waar", "/intrekken"])
    def it_hides_from_strangers(self, client: Browser, cast: Cast, annas: HelpRequest, page: str) -> None:
        path = address(annas, page)
        for name in (None, "bram", "daan", "els", "greet", "saskia"):
            browser = client.another()
            if name:
                browser.sign_in(getattr(cast, name))
            browser.get(path, status=404)
            browser.post(path, {"description": "van een ander"}, status=404 if page else 405)
        for name in ("anna", "chantal", "farid"):
            client.another().sign_in(getattr(cast, name)).get(path)

    @pytest.mark.parametrize("number", ["0", "999999", "2147483648", "99999999999999999999", "-1", "a"])
    def it_says_404_for_what_is_not_there(self, client: Browser, cast: Cast, number: str) -> None:
        client.sign_in(cast.anna).get(f"{MINE}/{number}", status=404)

    def it_lets_nobody_but_the_asker_confirm(self, client: Browser, cast: Cast, annas: HelpRequest) -> None:
        client.sign_in(cast.chantal).post(address(annas, "/van-mij"), status=404)

    def it_turns_pages_whatever_the_number(self, client: Browser, cast: Cast, annas: HelpRequest) -> None:
        client.sign_in(cast.anna)
        for number in ("0", "-1", "2", "99999999999999999999", "a"):
            client.get(f"{MINE}?pagina={number}")


class DescribeChanging:
    def it_changes_the_words(self, client: Browser, db: Session, cast: Cast, annas: HelpRequest) -> None:
        path = address(annas, "/wijzig")
        page = client.sign_in(cast.anna).get(path)
        assert page.form_values()["description"] == ["Melk graag"]
        refused = client.submit(page, path, description="Bel 0612345678")
        assert "telefoonnummer" in refused.errors()["description"]
        assert "U hebt uw vraag veranderd" in client.submit(refused, path, description="Kaas graag").words
        assert the_request(db).description == "Kaas graag"

    def it_changes_when_and_asks_nobody_for_the_old_day(
        self, client: Browser, db: Session, cast: Cast, annas: HelpRequest
    ) -> None:
        assert annas.id is not None
        assert cast.bram.id is not None
        asked = Proposal(request_id=annas.id, volunteer_id=cast.bram.id, state=ProposalState.ASKED, created_at=utcnow())
        annas.state = RequestState.ASKED
        db.add_all([asked, annas])
        db.commit()
        path = address(annas, "/wijzig/wanneer")
        page = client.sign_in(cast.anna).get(path)
        assert page.form_values()["slots"] == ["mon-morning"]
        assert "Wij hebben al een vrijwilliger gevraagd" in page.words
        client.submit(page, path, slots=["fri-evening"])
        assert the_request(db).state == RequestState.OPEN
        assert db.exec(select(Proposal)).one().state == ProposalState.WITHDRAWN

    def it_changes_where(self, client: Browser, db: Session, cast: Cast, annas: HelpRequest) -> None:
        path = address(annas, "/wijzig/waar")
        page = client.sign_in(cast.anna).get(path)
        assert page.form_values()["buurt"] == [DRIFTBUURT]
        tapped = client.submit(page, path, **{"map.x": 144, "map.y": 200})
        assert "Klopt dat?" in tapped.words
        client.submit(tapped, path, buurt=GEUZENBUURT, language="tr")
        assert (the_request(db).buurt_code, the_request(db).languages) == (GEUZENBUURT, ["tr"])

    def it_works_in_the_browser_that_asked(self, client: Browser, db: Session) -> None:
        ask(client, {WHO: WHO_ANSWERS})
        path = address(the_request(db), "/wijzig")
        client.submit(client.get(path), path, description="Toch maar kaas")
        assert the_request(db).description == "Toch maar kaas"

    def it_leaves_alone_what_somebody_said_yes_to(
        self, client: Browser, db: Session, cast: Cast, annas: HelpRequest
    ) -> None:
        annas.state = RequestState.CLAIMED
        db.commit()
        page = client.sign_in(cast.anna).post(address(annas, "/wijzig"), {"description": "Kaas"}, follow=True)
        assert "Bel ons als u iets wilt veranderen" in page.words
        assert the_request(db).description == "Melk graag"


class DescribeTakingBack:
    def it_asks_why_without_insisting(self, client: Browser, db: Session, cast: Cast, annas: HelpRequest) -> None:
        path = address(annas, "/intrekken")
        page = client.submit(client.sign_in(cast.anna).get(path), path)
        assert "U hebt uw vraag ingetrokken" in page.words
        assert (the_request(db).state, the_request(db).closed_reason) == (RequestState.WITHDRAWN, "")
        assert client.get(path, status=302).location == address(annas)
        client.post(path, status=302)

    def it_keeps_the_reason(self, client: Browser, db: Session, cast: Cast, annas: HelpRequest) -> None:
        path = address(annas, "/intrekken")
        refused = client.sign_in(cast.anna).post(path, {"reason": "gold"}, status=422)
        assert refused.errors()["reason"]
        client.submit(refused, path, reason="solved")
        assert the_request(db).closed_reason == "solved"


class DescribeWeightAndSpeed:
    @pytest.mark.parametrize("page", ["", "/wijzig", "/wijzig/wanneer", "/wijzig/waar", "/intrekken"])
    def it_takes_few_queries(self, client: Browser, cast: Cast, annas: HelpRequest, page: str) -> None:
        client.sign_in(cast.anna)
        with client.count_queries() as seen:
            client.get(address(annas, page))
        assert len(seen) <= 8, seen

    def it_posts_with_few_queries(self, client: Browser, cast: Cast) -> None:
        page = fill_in(client.sign_in(cast.anna))
        with client.count_queries() as seen:
            client.submit(page, CHECK, follow=False)
        assert len(seen) <= 7, seen

    def it_lists_many_requests_with_few_queries(self, client: Browser, db: Session, cast: Cast) -> None:
        assert cast.anna.id is not None
        wish = Wish("groceries", "", Frequency.WEEKLY, None, 0b1, 60, DRIFTBUURT)
        for _number in range(25):
            posting.post(db, wish, asker_id=cast.anna.id, posted_by_id=cast.anna.id, now=utcnow())
        db.commit()
        client.sign_in(cast.anna)
        with client.count_queries() as seen:
            page = client.get(MINE)
        assert len(seen) <= 4, seen
        assert len(page.all("h2")) == 21  # twenty requests and the safety net
        assert "Volgende pagina" in page.words

    @pytest.mark.parametrize("path", [WHAT, MINE])
    def it_stays_light(self, client: Browser, path: str) -> None:
        assert len(client.get(path).text.encode()) < 40_000


ANY_TEXT = st.one_of(st.text(max_size=200), st.sampled_from(TRICKY))
FIELDS = [
    "category",
    "description",
    "suggested",
    "is_discreet",
    "for_whom",
    "frequency",
    "day",
    "parts",
    "slots",
    "minutes",
    "buurt",
    "x",
    "y",
    "near",
    "map.x",
    "map.y",
    "whole",
    "language",
    "welcomes_anyone",
    "first_name",
    "email",
    "phone",
    "channel",
    "locale",
    "adult",
    "other_name",
    "consent_by",
    "consent_how",
    "consent",
    "draft_key",
    "later",
    "terug",
    "reason",
]
GOOD = WHAT_ANSWERS | WHEN_ANSWERS | WHERE_ANSWERS | WHO_ANSWERS | OTHER_ANSWERS | {"for_whom": "other"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from([WHAT, WHEN, WHERE, WHO, CHECK, "wijzig", "wijzig/wanneer", "wijzig/waar", "intrekken"]),
    changes=st.dictionaries(st.sampled_from(FIELDS), st.lists(ANY_TEXT, min_size=1, max_size=3), max_size=6),
)
def it_answers_any_text_in_any_field(
    client: Browser, db: Session, cast: Cast, path: str, changes: dict[str, list[str]]
) -> None:
    """The browser fails a test on a 500. What was sent is followed to where it leads, and sent on from there."""
    browser = client.another()
    if path.startswith("/"):
        page = browser.post(path, GOOD | changes, follow=True)
        assert page.status in (200, 400, 413, 422)
        browser.post(CHECK, GOOD | changes, follow=True)
        return
    made = db.exec(select(HelpRequest).where(HelpRequest.asker_id == cast.anna.id)).first()
    if made is None or made.state != RequestState.OPEN:
        assert cast.anna.id is not None
        wish = Wish("groceries", "", Frequency.WEEKLY, None, 0b1, 60, DRIFTBUURT)
        made = posting.post(db, wish, asker_id=cast.anna.id, posted_by_id=cast.anna.id, now=utcnow())
        db.commit()
    page = browser.sign_in(cast.anna).post(address(made, f"/{path}"), GOOD | changes, follow=True)
    assert page.status in (200, 400, 413, 422)
