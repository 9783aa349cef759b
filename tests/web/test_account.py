"""Getting in and out, joining, and what somebody sees and changes about themselves."""

import re
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from matching.models import Account, ActionLink, Event, HelpRequest, OutboxMessage
from matching.models.base import utcnow
from matching.models.help_requests import Frequency
from matching.services import accounts, links, passwords, volunteering
from matching.workflow import RequestState
from tests.browse import Browser, Page
from tests.people import ALL_SLOTS, BLOEMENKWARTIER, DRIFTBUURT, MONDAY, NOW, Cast
from web.links import path as link_path

PASSWORD = "vier woorden op rij"
SIGN_IN, NEW, MAILED = "/inloggen", "/account/nieuw", "/inloggen/kijk-in-uw-mail"
TRICKY = ["\0", "a\0b", "\ud800", "x" * 100_000, "\u202eenilno", "🙂", "<script>alert(1)</script>", "{{ 7*7 }}", "%s%n",
          "' OR 1=1 --", "\r\nSet-Cookie: a=b", "٠١٢", "\ufeff", " ", "-1", "29-02-2027"]  # fmt: skip


def address_of(app: Flask, link: ActionLink) -> str:
    with app.test_request_context():
        return link_path(links.SIGN_IN, link.id)


@pytest.fixture
def anna(db: Session, cast: Cast) -> Account:
    """Anna with a password."""
    passwords.set_password(db, cast.anna, PASSWORD, now=utcnow())
    db.commit()
    return cast.anna


def sent_link(app: Flask, db: Session) -> str:
    """The address in the only sign-in message."""
    return address_of(app, db.exec(select(ActionLink)).one())


def joining(**changes: Any) -> dict[str, Any]:
    facts = {
        "first_name": "Hanna",
        "email": "hanna@example.org",
        "phone": "06 12345678",
        "channel": "email",
        "locale": "nl",
        "buurt": DRIFTBUURT,
        "adult": "y",
    }
    return {name: value for name, value in (facts | changes).items() if value is not None}


def facts_of(account: Account) -> dict[str, Any]:
    """All that we keep of somebody, as it stands now."""
    return {name: getattr(account, name) for name in Account.model_fields}


def is_in(browser: Browser) -> bool:
    return browser.get("/ik", status=None).status == 200


def told(page: Page) -> tuple[int, str, str]:
    """All that an answer tells to whoever sent something."""
    return page.status, page.location, re.sub(r'"csrf_token" value="[^"]+"', "", page.text)


class DescribeSigningInWithALink:
    def it_works(self, app: Flask, client: Browser, db: Session) -> None:
        page = client.get(SIGN_IN)
        answer = client.submit(page, SIGN_IN, email=" Anna@Example.org ", follow=False)
        assert (answer.status, answer.location) == (302, MAILED)
        address = sent_link(app, db)
        opened = client.get(address)
        assert "Anna" in opened.h1
        entered = client.submit(opened, address, follow=False)
        assert (entered.status, entered.location) == (302, "/ik")
        assert is_in(client)

    def it_shows_a_button_to_programs_that_check_mail(self, app: Flask, client: Browser, db: Session) -> None:
        client.post(SIGN_IN, {"email": "anna@example.org"})
        for _ in range(3):
            client.another().get(sent_link(app, db))
        assert client.post(sent_link(app, db)).status == 302

    def it_goes_where_somebody_was_going(self, app: Flask, client: Browser, db: Session) -> None:
        refused = client.get("/ik/wijzigen", status=302)
        assert refused.location == "/inloggen?verder=/ik/wijzigen"
        client.submit(client.get(refused.location), SIGN_IN, email="anna@example.org")
        assert client.post(sent_link(app, db)).location == "/ik/wijzigen"

    def it_says_the_same_to_whoever_has_no_account(self, client: Browser, db: Session) -> None:
        known = told(client.another().post(SIGN_IN, {"email": "anna@example.org"}))
        unknown = told(client.another().post(SIGN_IN, {"email": "nobody@example.org"}))
        assert known == unknown
        assert client.get(MAILED).h1

    def it_does_about_as_much_work_for_whoever_has_no_account(self, client: Browser) -> None:
        work = []
        for who in ("anna", "nobody"):
            with client.count_queries() as seen:
                client.post(SIGN_IN, {"email": f"{who}@example.org"})
            work.append(len(seen))
        assert abs(work[0] - work[1]) <= 1

    def it_works_once(self, app: Flask, client: Browser, db: Session) -> None:
        client.post(SIGN_IN, {"email": "anna@example.org"})
        address = sent_link(app, db)
        assert client.another().post(address).status == 302
        for page in (client.another().get(address, status=410), client.another().post(address, status=410)):
            assert page.all("a", href=SIGN_IN)

    def it_forgives_whoever_presses_twice(self, app: Flask, client: Browser, db: Session) -> None:
        client.post(SIGN_IN, {"email": "anna@example.org"})
        address = sent_link(app, db)
        client.post(address)
        assert client.post(address).location == "/ik"
        assert client.get(address, status=302).location == "/ik"

    def it_expires(self, app: Flask, client: Browser, db: Session) -> None:
        client.post(SIGN_IN, {"email": "anna@example.org"})
        link = db.exec(select(ActionLink)).one()
        link.expires_at = utcnow()
        db.commit()
        page = client.get(address_of(app, link), status=410)
        assert page.all("a", href=SIGN_IN)
        assert not is_in(client)

    @pytest.mark.parametrize("token", ["x", "kijk", "a.b", "%00", "%ff", "x" * 3000, "é", ".", "%22%3E"])
    def it_refuses_a_token_that_we_did_not_make(self, client: Browser, token: str) -> None:
        assert client.get(f"/inloggen/{token}", status=None).status in (404, 410)
        assert client.post(f"/inloggen/{token}").status in (404, 410)

    def it_does_not_take_the_token_of_another_purpose(
        self, app: Flask, client: Browser, db: Session, cast: Cast
    ) -> None:
        from web.links import token

        accounts.send_sign_in_link(db, cast.anna, now=utcnow())
        db.commit()
        with app.test_request_context():
            wrong = token(links.ANSWER, db.exec(select(ActionLink)).one().id)
        client.get(f"/inloggen/{wrong}", status=404)

    def it_stops_after_five(self, client: Browser, db: Session) -> None:
        for who in ("anna", "nobody"):
            for _ in range(5):
                assert client.post(SIGN_IN, {"email": f"{who}@example.org"}).status == 302
            page = client.post(SIGN_IN, {"email": f"{who}@example.org"}, status=429)
            assert "15" in page.words
            assert page.form_values(SIGN_IN)["email"] == [f"{who}@example.org"]
        assert len(db.exec(select(OutboxMessage)).all()) == 5


class DescribeSigningInWithAPassword:
    def it_works(self, client: Browser, anna: Account) -> None:
        answer = client.post(SIGN_IN, {"email": "ANNA@example.org", "password": PASSWORD})
        assert (answer.status, answer.location) == (302, "/ik")
        assert is_in(client)

    def it_says_the_same_of_a_wrong_password_and_of_no_account(self, client: Browser, anna: Account) -> None:
        answers = [
            told(client.another().post(SIGN_IN, {"email": f"{who}@example.org", "password": "wrong"}, status=422))
            for who in ("anna", "bram", "nobd")
        ]
        same = {(status, location, text.replace(f"{who}@", "@")) for (status, location, text), who in
                zip(answers, ("anna", "bram", "nobd"), strict=True)}  # fmt: skip
        assert len(same) == 1

    def it_keeps_the_address_and_not_the_password(self, client: Browser, anna: Account) -> None:
        page = client.post(SIGN_IN, {"email": "anna@example.org", "password": "wrong-one"}, status=422)
        assert page.form_values(SIGN_IN)["email"] == ["anna@example.org"]
        assert "wrong-one" not in page.text
        assert page.errors()["password"]

    def it_counts_refused_guesses(self, client: Browser, anna: Account) -> None:
        for _ in range(5):
            client.post(SIGN_IN, {"email": "anna@example.org", "password": "wrong"}, status=422)
        page = client.post(SIGN_IN, {"email": "anna@example.org", "password": PASSWORD}, status=429)
        assert "15" in page.words
        assert not is_in(client)

    def it_begins_a_new_session(self, client: Browser, anna: Account) -> None:
        with client.client.session_transaction() as session:
            session["mine"] = {"requests": [1]}
            session["csrf_token"] = "known to somebody else"
            session["locale"] = "en"
        client.post(SIGN_IN, {"email": "anna@example.org", "password": PASSWORD})
        with client.client.session_transaction() as session:
            assert session["_user_id"] == f"{anna.id}.{anna.session_version}"
            assert "mine" not in session
            assert session.get("csrf_token") != "known to somebody else"
            assert session["locale"] == "en"
            assert session.permanent


class DescribeWhereTheDayBegins:
    @pytest.mark.parametrize(
        ("who", "start"),
        [("anna", "/ik"), ("chantal", "/werkplek"), ("farid", "/werkplek"), ("greet", "/beheer/medewerkers")],
    )
    def it_fits_the_person(self, client: Browser, db: Session, cast: Cast, who: str, start: str, app: Flask) -> None:
        accounts.send_sign_in_link(db, getattr(cast, who), now=utcnow())
        db.commit()
        assert client.post(sent_link(app, db)).location == start

    def it_is_the_requests_of_whoever_asked_before(self, client: Browser, anna: Account, db: Session) -> None:
        db.add(request_of(anna, is_verified=True))
        db.commit()
        assert client.post(SIGN_IN, {"email": anna.email, "password": PASSWORD}).location == "/hulpvragen"

    def it_sends_whoever_is_in_on(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.anna)
        assert client.get(SIGN_IN, status=302).location == "/ik"
        assert client.get(f"{SIGN_IN}?verder=/ik/wijzigen", status=302).location == "/ik/wijzigen"
        assert client.get(NEW, status=302).location == "/ik"


class DescribeSigningOut:
    def it_works(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.anna)
        assert client.post("/uitloggen").location == "/"
        assert not is_in(client)

    def it_keeps_the_language(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.anna).post("/taal", {"taal": "en"})
        client.post("/uitloggen")
        assert 'lang="en"' in client.get(SIGN_IN).text

    def it_does_not_mind_a_session_that_ended_already(self, client: Browser) -> None:
        assert client.post("/uitloggen").location == "/"

    def it_rejects_get(self, client: Browser) -> None:
        client.get("/uitloggen", status=405)


class DescribeJoining:
    def it_works(self, app: Flask, client: Browser, db: Session) -> None:
        page = client.get(NEW)
        answer = client.submit(page, NEW, follow=False, **joining())
        assert (answer.status, answer.location) == (302, MAILED)
        account = db.exec(select(Account).where(Account.email == "hanna@example.org")).one()
        assert (account.first_name, account.phone, account.buurt_code) == ("Hanna", "+31612345678", DRIFTBUURT)
        assert account.x is not None
        assert account.y is not None
        assert (account.x % 100, account.y % 100) == (0, 0)
        assert not is_in(client)
        client.post(sent_link(app, db))
        assert is_in(client)

    def it_says_the_same_of_a_known_address(self, client: Browser, db: Session, cast: Cast) -> None:
        before = facts_of(cast.anna)
        known = told(client.another().post(NEW, joining(email="anna@example.org")))
        unknown = told(client.another().post(NEW, joining()))
        assert known == unknown
        assert facts_of(cast.anna) == before
        assert len(db.exec(select(OutboxMessage)).all()) == 2  # both get a link

    def it_lets_whoever_has_a_telephone_only_in_at_once(self, client: Browser, db: Session) -> None:
        answer = client.post(NEW, joining(email="", channel="phone", phone="035 629 11 11"))
        assert answer.location == "/ik"
        page = client.get("/ik")
        assert "035 6291111" in page.words
        assert not db.exec(select(OutboxMessage)).all()

    def it_never_lets_a_telephone_number_open_an_account_that_was_there(self, client: Browser, cast: Cast) -> None:
        client.post(NEW, joining(email="", channel="phone", phone=cast.anna.phone))
        with client.client.session_transaction() as session:
            assert not session["_user_id"].startswith(f"{cast.anna.id}.")

    def it_goes_where_somebody_was_going(self, app: Flask, client: Browser, db: Session) -> None:
        page = client.get(f"{NEW}?verder=/ik/wijzigen")
        client.submit(page, NEW, **joining())
        assert client.post(sent_link(app, db)).location == "/ik/wijzigen"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"first_name": ""}, "first_name"),
            ({"first_name": "\u200b"}, "first_name"),
            ({"first_name": "x" * 81}, "first_name"),
            ({"email": "hanna"}, "email"),
            ({"email": ""}, "email"),
            ({"phone": "12"}, "phone"),
            ({"channel": "phone", "phone": ""}, "phone"),
            ({"channel": "pigeon"}, "channel"),
            ({"locale": "xx"}, "locale"),
            ({"buurt": ""}, "buurt"),
            ({"buurt": "BU99999999"}, "buurt"),
            ({"adult": None}, "adult"),
        ],
    )
    def it_says_what_to_do_at_the_right_field(
        self, client: Browser, db: Session, changes: dict[str, Any], field: str
    ) -> None:
        sent = joining(**changes)
        page = client.post(NEW, sent, status=422)
        assert set(page.errors()) == {field}
        values = page.form_values()
        for name in {"first_name", "email", "phone"} - {field}:
            assert values[name] == [sent[name]]
        assert not db.exec(select(OutboxMessage)).all()

    @pytest.mark.parametrize("name", ["Zoë", "عائشة", "🙂", "O'Neill <b>", "x" * 80])
    def it_takes_every_name(self, client: Browser, db: Session, name: str) -> None:
        client.post(NEW, joining(first_name=name), status=302)
        assert db.exec(select(Account).where(Account.email == "hanna@example.org")).one().first_name == name

    def it_makes_one_account_of_a_form_sent_twice(self, client: Browser, db: Session) -> None:
        for _ in range(2):
            client.post(NEW, joining(), status=302)
        assert len(db.exec(select(Account).where(Account.email == "hanna@example.org")).all()) == 1

    def it_comes_back_with_the_place_that_was_pressed(self, client: Browser, db: Session) -> None:
        page = client.post(NEW, joining(first_name="", **{"map.x": "100", "map.y": "100"}))
        assert page.status == 200
        assert page.form_values()["email"] == ["hanna@example.org"]
        assert not page.errors()
        assert not db.exec(select(Account).where(Account.email == "hanna@example.org")).all()

    def it_stops_after_five(self, client: Browser) -> None:
        for _ in range(5):
            client.post(NEW, joining(), status=302)
        page = client.post(NEW, joining(), status=429)
        assert page.form_values()["first_name"] == ["Hanna"]


class DescribeMe:
    def it_works(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.anna).get("/ik")
        for shown in ("Anna", "anna@example.org", "06 12 34 00 01", "Kleine Driftbuurt"):
            assert shown in page.text
        assert not page.all("a", href="/beheer/medewerkers")

    def it_requires_login(self, client: Browser) -> None:
        assert client.get("/ik", status=302).location == "/inloggen?verder=/ik"

    def it_shows_the_beheerder_the_staff(self, client: Browser, cast: Cast) -> None:
        assert client.sign_in(cast.greet).get("/ik").all("a", href="/beheer/medewerkers")

    def it_offers_the_profile_that_somebody_filled_in(self, client: Browser, db: Session, cast: Cast) -> None:
        profile = volunteering.Profile(("groceries",), ALL_SLOTS, 2000, ("nl",), 2, False)
        assert cast.anna.id
        volunteering.keep_for_later(db, cast.anna.id, profile, now=NOW)
        db.commit()
        assert client.sign_in(cast.anna).get("/ik").all("a", href="/helpen/profiel")
        assert not client.sign_in(cast.els).get("/ik").all("a", href="/helpen/profiel")

    def it_needs_few_queries(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.anna)
        with client.count_queries() as seen:
            client.get("/ik")
        assert len(seen) <= 8, seen


def request_of(account: Account, **changes: Any) -> HelpRequest:
    assert account.id
    facts = {
        "asker_id": account.id,
        "posted_by_id": account.id,
        "is_verified": False,
        "category": "groceries",
        "description": "Een keer per week melk.",
        "frequency": Frequency.FLEXIBLE,
        "buurt_code": DRIFTBUURT,
        "x": 141_500,
        "y": 470_600,
        "state": RequestState.HELD,
        "created_at": NOW,
        "updated_at": NOW,
        "contact_due": MONDAY,
    }
    return HelpRequest(**(facts | changes))


class DescribeARequestThatWaitsForItsOwner:
    @pytest.fixture
    def waiting(self, db: Session, cast: Cast) -> HelpRequest:
        request = request_of(cast.anna)
        db.add(request)
        db.commit()
        return request

    def it_is_shown_with_two_answers(self, client: Browser, cast: Cast, waiting: HelpRequest) -> None:
        page = client.sign_in(cast.anna).get("/ik")
        assert "Een keer per week melk." in page.words
        for answer in ("ja", "nee"):
            assert page.all("form", action=f"/ik/vragen/{waiting.id}/{answer}")

    def it_opens_when_its_owner_says_yes(self, client: Browser, cast: Cast, waiting: HelpRequest) -> None:
        answer = client.sign_in(cast.anna).post(f"/ik/vragen/{waiting.id}/ja")
        assert answer.location == f"/hulpvragen/{waiting.id}"
        assert (waiting.is_verified, waiting.state) == (True, RequestState.OPEN)

    @pytest.mark.parametrize("risky", [{"is_discreet": True}, {"risks": ["danger"]}])
    def it_stays_held_when_a_human_looks_first(
        self, client: Browser, db: Session, cast: Cast, waiting: HelpRequest, risky: dict[str, Any]
    ) -> None:
        for name, value in risky.items():
            setattr(waiting, name, value)
        db.commit()
        client.sign_in(cast.anna).post(f"/ik/vragen/{waiting.id}/ja", status=302)
        assert (waiting.is_verified, waiting.state) == (True, RequestState.HELD)

    def it_is_withdrawn_when_its_owner_says_no(self, client: Browser, cast: Cast, waiting: HelpRequest) -> None:
        assert client.sign_in(cast.anna).post(f"/ik/vragen/{waiting.id}/nee").location == "/ik"
        assert (waiting.is_verified, waiting.state) == (False, RequestState.WITHDRAWN)

    def it_is_answered_once(self, client: Browser, cast: Cast, waiting: HelpRequest) -> None:
        client.sign_in(cast.anna).post(f"/ik/vragen/{waiting.id}/nee", status=302)
        client.post(f"/ik/vragen/{waiting.id}/ja", status=404)

    @pytest.mark.parametrize("answer", ["ja", "nee"])
    def it_hides_from_others(self, client: Browser, cast: Cast, waiting: HelpRequest, answer: str) -> None:
        for other in (cast.bram, cast.chantal, cast.greet):
            client.sign_in(other).post(f"/ik/vragen/{waiting.id}/{answer}", status=404)
        assert client.another().post(f"/ik/vragen/{waiting.id}/{answer}").location.startswith(SIGN_IN)
        assert waiting.state == RequestState.HELD


class DescribeChanging:
    def it_works(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.anna).get("/ik/wijzigen")
        done = client.submit(page, "/ik/wijzigen", first_name="Annie", phone="+49 30 901820", buurt=BLOEMENKWARTIER)
        assert "Annie" in done.h1
        assert (cast.anna.phone, cast.anna.buurt_code) == ("+4930901820", BLOEMENKWARTIER)

    def it_changes_nothing_when_nothing_was_changed(self, client: Browser, db: Session, cast: Cast) -> None:
        before = facts_of(cast.anna)
        client.submit(client.sign_in(cast.anna).get("/ik/wijzigen"), "/ik/wijzigen")
        assert facts_of(cast.anna) == before
        assert not db.exec(select(Event).where(Event.tag == "account.changed")).all()

    def it_takes_the_language_at_once(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.anna).post("/taal", {"taal": "nl"})
        page = client.submit(client.get("/ik/wijzigen"), "/ik/wijzigen", locale="en")
        assert 'lang="en"' in page.text

    def it_cannot_change_the_address_or_the_age(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.anna).get("/ik/wijzigen")
        client.submit(page, "/ik/wijzigen", email="other@example.org", id="1", session_version="9", password_hash="x")
        assert (cast.anna.email, cast.anna.session_version, cast.anna.password_hash) == ("anna@example.org", 1, None)

    def it_keeps_what_was_typed(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.anna).get("/ik/wijzigen")
        back = client.submit(page, "/ik/wijzigen", first_name="Annie", phone="12")
        assert set(back.errors()) == {"phone"}
        assert back.form_values()["first_name"] == ["Annie"]
        assert cast.anna.first_name == "Anna"

    def it_asks_whoever_has_no_mail_for_a_number(self, client: Browser, db: Session, cast: Cast) -> None:
        cast.els.email = None
        db.commit()
        page = client.sign_in(cast.els).get("/ik/wijzigen")
        assert [option.get("value") for option in page.all("input", name="channel")] == ["phone"]
        assert set(client.submit(page, "/ik/wijzigen", phone="", channel="phone").errors()) == {"phone"}


class DescribeThePassword:
    def it_is_set(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.anna).get("/ik/wachtwoord")
        assert not page.all("input", name="current")
        client.submit(page, "/ik/wachtwoord", password=PASSWORD)
        assert is_in(client)
        assert client.another().post(SIGN_IN, {"email": cast.anna.email, "password": PASSWORD}).status == 302

    def it_ends_the_sessions_on_other_devices(self, client: Browser, cast: Cast) -> None:
        other = client.another().sign_in(cast.anna)
        client.sign_in(cast.anna).post("/ik/wachtwoord", {"password": PASSWORD}, status=302)
        assert is_in(client)
        assert not is_in(other)

    def it_needs_the_present_one(self, client: Browser, anna: Account) -> None:
        client.sign_in(anna)
        for current in ("", "wrong"):
            sent = {"current": current, "password": "een heel ander woord"}
            assert set(client.post("/ik/wachtwoord", sent, status=422).errors()) == {"current"}
        client.post("/ik/wachtwoord", {"current": PASSWORD, "password": "een heel ander woord"}, status=302)

    def it_counts_refused_guesses(self, client: Browser, anna: Account) -> None:
        client.sign_in(anna)
        for _ in range(5):
            client.post("/ik/wachtwoord", {"current": "wrong", "password": "een heel ander woord"}, status=422)
        client.post("/ik/wachtwoord", {"current": PASSWORD, "password": "een heel ander woord"}, status=429)

    @pytest.mark.parametrize("weak", ["", "kort", "aaaaaaaaaaaa", "x" * 201, "x" * 5000, "wachtwoord1"])
    def it_refuses_a_weak_one(self, client: Browser, cast: Cast, weak: str) -> None:
        page = client.sign_in(cast.anna).post("/ik/wachtwoord", {"password": weak}, status=422)
        assert set(page.errors()) == {"password"}
        assert cast.anna.password_hash is None

    def it_is_not_for_whoever_has_no_mail(self, client: Browser, db: Session, cast: Cast) -> None:
        cast.els.email = None
        db.commit()
        assert client.sign_in(cast.els).get("/ik/wachtwoord", status=302).location == "/ik"
        client.post("/ik/wachtwoord", {"password": PASSWORD}, status=302)
        assert cast.els.password_hash is None


class DescribeEndingAllSessions:
    def it_works(self, client: Browser, cast: Cast) -> None:
        other = client.another().sign_in(cast.anna)
        page = client.sign_in(cast.anna).get("/ik/overal-uitloggen")
        client.submit(page, "/ik/overal-uitloggen", action=None)
        assert not is_in(client)
        assert not is_in(other)

    def it_leaves_others_in(self, client: Browser, cast: Cast) -> None:
        bram = client.another().sign_in(cast.bram)
        client.sign_in(cast.anna).post("/ik/overal-uitloggen", status=302)
        assert is_in(bram)


FORMS = {
    SIGN_IN: ("email", "password", "verder"),
    NEW: ("first_name", "email", "phone", "channel", "locale", "buurt", "x", "y", "map.x", "map.y", "adult", "verder"),
    "/ik/wijzigen": ("first_name", "phone", "channel", "locale", "buurt", "x", "y", "map.x", "map.y"),
    "/ik/wachtwoord": ("current", "password"),
    "/ik/overal-uitloggen": ("x",),
}


class DescribeOddInput:
    """Whatever is sent: a page with a sentence, never a 500 (tests/browse.py refuses those)."""

    @pytest.mark.parametrize("path", FORMS)
    def it_survives_the_tricky_ones(self, client: Browser, cast: Cast, path: str) -> None:
        everywhere = [dict.fromkeys(FORMS[path], text) for text in TRICKY if len(text) < 10_000]
        somewhere = [joining(**{field: text}) for field in FORMS[path] for text in TRICKY[:4]]
        for sent in everywhere + somewhere:
            browser = client.another()
            if path.startswith("/ik"):
                browser.sign_in(cast.anna)
            data = {name: value.encode("utf-8", "surrogatepass") for name, value in sent.items()}
            assert browser.post(path, data).status in (200, 302, 422, 429)

    @pytest.mark.parametrize("path", FORMS)
    def it_survives_them_in_the_address(self, client: Browser, cast: Cast, path: str) -> None:
        if path.startswith("/ik"):
            client.sign_in(cast.anna)
        for text in TRICKY:
            value = text[:2000].encode("utf-8", "surrogatepass")
            client.get(path, query_string=dict.fromkeys(FORMS[path], value))

    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(data=st.data())
    @pytest.mark.parametrize("path", FORMS)
    def it_survives_anything(self, client: Browser, cast: Cast, path: str, data: st.DataObject) -> None:
        browser = client.another()
        if path.startswith("/ik"):
            browser.sign_in(cast.anna)
        value = st.text(max_size=300) | st.sampled_from(sorted(joining().values())) | st.integers().map(str)
        sent = data.draw(st.dictionaries(st.sampled_from(FORMS[path]), value))
        assert browser.post(path, sent).status in (200, 302, 422, 429)

    def it_reads_a_form_that_is_not_text(self, client: Browser) -> None:
        for kind in ("multipart/form-data; boundary=x", "application/json", "text/plain; charset=utf-7"):
            page = client._page(client.client.post(SIGN_IN, data=b"--x\r\n\xff\xfe\x00", content_type=kind), None)
            assert page.status in (400, 422)
