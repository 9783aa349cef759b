"""A mantelzorger tells, agrees, changes and stops; the desk of that buurt sees it, and each look is shown."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from matching.models import (
    Account,
    CareSituation,
    Consent,
    DataLook,
    DropOutPlan,
    Entitlement,
    HelpRequest,
    OutboxMessage,
    Pairing,
    StandIn,
    StrainCheck,
)
from matching.models.base import utcnow
from matching.services import care, strain
from matching.workflow import CareState, ReliefState
from tests.browse import Browser
from tests.caring import make_arrangement, make_booking, make_relief, make_situation
from tests.matching_up import make_request, propose
from tests.people import BLOEMENKWARTIER, DRIFTBUURT, Cast
from web.i18n import today

HOME, NEW, LOOKS, LIST = "/mantelzorg", "/mantelzorg/nieuw", "/mantelzorg/wie-keek-mee", "/werkplek/mantelzorg"
TOLD = {
    "relation": "parent",
    "since_year": "2021",
    "hours_a_week": "25",
    "lives": "together",
    "buurt": DRIFTBUURT,
    "words": "Zij belt vaak.",
    "consent": "y",
}
AGREED = {"cared_for_name": "Truus", "given_by": "person", "asked_by": "mantelzorger"}


@pytest.fixture
def els(client: Browser, cast: Cast) -> Browser:
    return client.sign_in(cast.els)


@pytest.fixture
def situation(db: Session, cast: Cast) -> CareSituation:
    made = make_situation(db, cast.els, next_check_on=today() + timedelta(days=7))
    db.commit()
    return made


def path(situation: CareSituation, rest: str = "") -> str:
    return f"/mantelzorg/{situation.id}{rest}"


def desk(situation: CareSituation, rest: str = "") -> str:
    return f"/werkplek/mantelzorg/{situation.id}{rest}"


def respijt_request(db: Session, cast: Cast, situation: CareSituation, **facts: Any) -> HelpRequest:
    """What the matcher looks for on behalf of Els, in the list of the desk."""
    request = make_request(db, cast.els, category="sitting", description="", **facts)
    taken = {"taken_by_id": cast.chantal.id, "taken_at": utcnow()}
    make_relief(db, situation, help_request_id=request.id, state="arranging", **taken)
    db.commit()
    return request


def looks_at(db: Session, account: Account) -> int:
    return len(db.exec(select(DataLook).where(DataLook.subject_id == account.id)).all())


def notices_to(db: Session, account: Account) -> list[OutboxMessage]:
    return list(db.exec(select(OutboxMessage).where(OutboxMessage.account_id == account.id)))


class DescribeTheDoor:
    def it_tells_strangers_what_can_be_arranged(self, client: Browser) -> None:
        page = client.get(HOME)
        assert "Wie zorgt er voor u?" in page.h1 or "zorgt" in page.h1
        assert page.all("a", href=NEW)

    def it_sends_strangers_to_sign_in_and_back(self, client: Browser) -> None:
        page = client.get(NEW, status=302)
        assert page.location == "/inloggen?verder=/mantelzorg/nieuw"

    def it_shows_a_mantelzorger_their_own_page(self, els: Browser, situation: CareSituation) -> None:
        page = els.get(HOME)
        assert page.h1 == "Hoe gaat het met u, Els?"
        assert page.all("a", href=path(situation, "/nu-hulp"))


class DescribeTelling:
    def it_keeps_it_and_asks_for_the_second_consent(self, els: Browser, db: Session, cast: Cast) -> None:
        page = els.post(NEW, TOLD, follow=True)
        (made,) = db.exec(select(CareSituation)).all()
        assert (made.mantelzorger_id, made.buurt_code) == (cast.els.id, DRIFTBUURT)
        assert made.details == {
            "relation": "parent",
            "since_year": 2021,
            "hours_a_week": 25,
            "lives": "together",
            "words": "Zij belt vaak.",
        }
        assert page.h1 == "Vindt uw naaste het goed?"
        page = els.submit(page, path(made, "/naaste"), **AGREED)
        assert made.details["cared_for_name"] == "Truus"
        consent = db.get_one(Consent, made.cared_for_consent_id)
        assert consent.note == f"person/mantelzorger/{today().isoformat()}"
        assert page.h1 == "Hoe gaat het met u, Els?"

    def it_needs_no_second_consent_to_begin(self, els: Browser, db: Session) -> None:
        els.post(NEW, TOLD)
        page = els.get(HOME)
        assert "Weet uw naaste ervan?" in page.words
        (made,) = db.exec(select(CareSituation)).all()
        assert made.cared_for_consent_id is None

    def it_has_no_place_for_an_illness(self, els: Browser) -> None:
        page = els.get(NEW)
        assert "Schrijf geen ziekte op." in page.words
        names = {control.get("name") for tag in ("input", "select", "textarea") for control in page.all(tag)}
        assert names & {"diagnosis", "illness", "ziekte", "bsn", "birth_date"} == set()

    def it_starts_with_the_own_buurt(self, els: Browser) -> None:
        assert els.get(NEW).form_values(action=None)["buurt"] == [DRIFTBUURT]

    @pytest.mark.parametrize(
        ("wrong", "field", "says"),
        [
            ({"relation": None}, "relation", "Kies voor wie u zorgt."),
            ({"since_year": "vorig jaar"}, "since_year", "Schrijf een jaar met vier cijfers, zoals 2021."),
            ({"since_year": "2999"}, "since_year", "Dit jaar moet nog komen."),
            ({"hours_a_week": ""}, "hours_a_week", "Vul in hoeveel uur per week"),
            ({"hours_a_week": "12,5"}, "hours_a_week", "Schrijf een heel getal"),
            ({"hours_a_week": "999"}, "hours_a_week", "Een week heeft 168 uur."),
            ({"lives": "moon"}, "lives", "Kies waar uw naaste woont."),
            ({"buurt": "BU00000000"}, "buurt", "Kies uw buurt"),
            ({"words": "x" * 1001}, "words", "Maak het korter"),
            ({"consent": None}, "consent", "Vindt u het goed?"),
        ],
    )
    def it_says_what_is_wrong_at_the_field_and_keeps_the_rest(
        self, els: Browser, db: Session, wrong: dict[str, str | None], field: str, says: str
    ) -> None:
        answers = {key: value for key, value in (TOLD | wrong).items() if value is not None}
        page = els.post(NEW, answers, status=422)
        assert says in page.errors()[field]
        kept = page.form_values()
        others = {key for key in TOLD if key not in (field, "consent")}
        assert {key: kept[key] for key in others} == {key: [TOLD[key]] for key in others}
        assert db.exec(select(CareSituation)).all() == []

    def it_takes_a_tap_on_the_map_as_no_answer_yet(self, els: Browser, db: Session) -> None:
        page = els.post(NEW, TOLD | {"map.x": "200", "map.y": "200"}, status=200)
        assert page.errors() == {}
        assert page.form_values()["words"] == ["Zij belt vaak."]
        assert db.exec(select(CareSituation)).all() == []


class DescribeChanging:
    def it_shows_what_is_kept(self, els: Browser, situation: CareSituation) -> None:
        page = els.get(path(situation, "/gegevens"))
        assert "Truus" in page.words and "25 uur per week" in page.words and "Kleine Driftbuurt" in page.words

    def it_moves_to_another_desk(self, els: Browser, db: Session, cast: Cast, situation: CareSituation) -> None:
        page = els.get(path(situation, "/veranderen"))
        els.submit(page, path(situation, "/veranderen"), buurt=BLOEMENKWARTIER)
        assert situation.buurt_code == BLOEMENKWARTIER
        chantal, saskia = (els.another().sign_in(who) for who in (cast.chantal, cast.saskia))
        chantal.get(desk(situation), status=404)
        assert saskia.get(desk(situation)).h1 == "Els"

    def it_says_what_is_wrong(self, els: Browser, situation: CareSituation) -> None:
        page = els.post(path(situation, "/veranderen"), TOLD | {"since_year": "1900"}, status=422)
        assert page.errors() == {"since_year": "Vul een jaar na 1940 in."}


class DescribeConsent:
    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"cared_for_name": " "}, "cared_for_name"),
            ({"cared_for_name": "T" * 81}, "cared_for_name"),
            ({"given_by": ""}, "given_by"),
            ({"asked_by": "nobody"}, "asked_by"),
            ({"asked_on": "2999-01-01"}, "asked_on"),
            ({"asked_on": "31-02-2026"}, "asked_on"),
            ({"asked_on": ""}, "asked_on"),
        ],
    )
    def it_says_what_is_wrong(self, els: Browser, situation: CareSituation, wrong: dict[str, str], field: str) -> None:
        answers = AGREED | {"asked_on": today().isoformat()} | wrong
        page = els.post(path(situation, "/naaste"), answers, status=422)
        assert list(page.errors()) == [field]

    def it_removes_the_name_when_the_loved_one_no_longer_agrees(self, els: Browser, situation: CareSituation) -> None:
        for _twice in range(2):
            els.post(path(situation, "/naaste/intrekken"), status=302)
        assert "cared_for_name" not in situation.details
        assert "Truus" not in els.get(path(situation, "/gegevens")).words

    def it_removes_everything_when_the_mantelzorger_no_longer_agrees(
        self, els: Browser, situation: CareSituation
    ) -> None:
        assert "U kunt dit niet terugdraaien." in els.get(path(situation, "/toestemming")).words
        for _twice in range(2):
            page = els.post(path(situation, "/toestemming"), follow=True)
        assert (situation.details, situation.state) == ({}, CareState.CLOSED)
        assert page.all("a", href=NEW)
        assert "Begin opnieuw" in els.get(path(situation, "/gegevens")).words


class DescribeStopping:
    @pytest.mark.parametrize("reason", care.CLOSE_REASONS)
    def it_closes_and_goes_on_when_asked(
        self, els: Browser, db: Session, situation: CareSituation, reason: str
    ) -> None:
        relief = make_relief(db, situation)
        db.commit()
        page = els.submit(els.get(path(situation, "/stoppen")), path(situation, "/stoppen"), reason=reason)
        assert (situation.state, relief.state) == (CareState.CLOSED, ReliefState.CLOSED)
        assert ("Wij leven met u mee." in page.words) == (reason == "died")
        els.get(path(situation))
        els.post(path(situation, "/verder"), follow=True)
        assert situation.state == CareState.OPEN

    def it_asks_why(self, els: Browser, situation: CareSituation) -> None:
        page = els.post(path(situation, "/stoppen"), {"reason": "bored"}, status=422)
        assert list(page.errors()) == ["reason"]

    def it_sends_no_message_about_what_the_mantelzorger_closed(
        self, els: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        els.post(path(situation, "/stoppen"), {"reason": "recovered"}, status=302)
        assert situation.state == CareState.CLOSED
        assert notices_to(db, cast.els) == []
        assert els.get(HOME).all("a", href=NEW)

    @pytest.mark.parametrize("rest", ["/veranderen", "/naaste", "/stoppen", "/hoe-gaat-het", "/hoe-vaak"])
    def it_has_nothing_to_change_when_closed(
        self, els: Browser, db: Session, cast: Cast, situation: CareSituation, rest: str
    ) -> None:
        care.close(db, situation, reason="stopped", by=cast.els.id or 0, now=utcnow())
        db.commit()
        assert els.get(path(situation, rest), status=302).location == path(situation, "/gegevens")
        els.post(path(situation, rest), {}, status=302)
        assert situation.state == CareState.CLOSED


class DescribeWhoLooked:
    def it_says_that_nobody_did(self, els: Browser, situation: CareSituation) -> None:
        els.get(HOME)
        assert "Er keek nog niemand mee" in els.get(LOOKS).words

    def it_shows_every_look_of_the_desk(self, els: Browser, cast: Cast, situation: CareSituation) -> None:
        chantal, farid = (els.another().sign_in(who) for who in (cast.chantal, cast.farid))
        chantal.get(LIST)
        farid.get(desk(situation))
        shown = els.get(LOOKS).words
        assert "Chantal, opbouwwerker" in shown and "Zag uw naam in de lijst van mantelzorgers" in shown
        assert "Farid, coördinator" in shown and "Keek hoe het met u gaat" in shown

    def it_has_words_for_whatever_the_desk_looked_for(self, els: Browser, cast: Cast, situation: CareSituation) -> None:
        chantal = els.another().sign_in(cast.chantal)
        pages = [rule for rule in els.app.url_map.iter_rules() if rule.arguments == {"situation_id"}]
        for rule in pages:
            if rule.endpoint.startswith("desk.") and "GET" in (rule.methods or ()):
                chantal.client.get(rule.rule.replace("<int(max=2147483647):situation_id>", str(situation.id)))
        shown = els.get(LOOKS).words
        assert shown.count("Chantal, opbouwwerker") >= 3
        assert "Keek op uw pagina" not in shown

    def it_notes_no_look_of_who_may_not(self, els: Browser, db: Session, cast: Cast, situation: CareSituation) -> None:
        for who in (cast.saskia, cast.greet, cast.anna, cast.els):
            els.another().sign_in(who).get(desk(situation), status=None)
        assert db.exec(select(DataLook)).all() == []

    def it_shows_the_looks_at_a_request_that_was_made_for_a_mantelzorger(
        self, els: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        request = respijt_request(db, cast, situation)
        chantal = els.another().sign_in(cast.chantal)
        one = f"/werkplek/vragen/{request.id}"
        for address in ("/werkplek", "/werkplek/vragen", one, f"{one}/iemand-anders"):
            before = looks_at(db, cast.els)
            assert "Els" in chantal.get(address).words, address
            assert looks_at(db, cast.els) == before + 1, address
        shown = els.get(LOOKS).words
        assert "Zag uw vraag om vrije tijd in een lijst" in shown and "Keek naar uw vraag om vrije tijd" in shown
        assert {look.situation_id for look in db.exec(select(DataLook))} == {situation.id}

    def it_shows_the_look_of_whoever_has_to_call_about_it(
        self, els: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        request = respijt_request(db, cast, situation, state="claimed", contacted_at=utcnow())
        said_yes = propose(db, request, cast.bram, state="accepted")
        db.add(Pairing(request_id=request.id, volunteer_id=cast.bram.id, proposal_id=said_yes.id, created_at=utcnow()))
        db.commit()
        assert "Bel Els over" in els.another().sign_in(cast.chantal).get("/werkplek").words
        assert looks_at(db, cast.els) == 1

    def it_notes_no_look_at_what_was_asked_without_mantelzorg(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        request = make_request(db, cast.els, description="")
        db.commit()
        client.sign_in(cast.chantal)
        for address in ("/werkplek", "/werkplek/vragen", f"/werkplek/vragen/{request.id}"):
            with client.count_queries() as seen:
                assert "Els" in client.get(address).words
            assert not [line for line in seen if "relief_request" in line], address
        assert looks_at(db, cast.els) == 0

    def it_asks_the_database_once_for_a_whole_list(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        for _more in range(20):
            respijt_request(db, cast, situation)
        client.sign_in(cast.chantal)
        for address in ("/werkplek", "/werkplek/vragen"):
            with client.count_queries() as seen:
                client.get(address)
            assert len([line for line in seen if "JOIN relief_request" in line]) == 1, seen
            assert len(seen) <= 10, seen

    def it_shows_nobody_elses(self, client: Browser, cast: Cast, situation: CareSituation) -> None:
        client.another().sign_in(cast.chantal).get(desk(situation))
        assert "Er keek nog niemand mee" in client.sign_in(cast.anna).get(LOOKS).words


class DescribeTheDesk:
    def it_lists_who_it_knows_in_its_own_buurten(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        make_situation(db, cast.daan, BLOEMENKWARTIER)
        late = make_situation(db, cast.anna, next_check_on=today() - timedelta(days=8))
        db.commit()
        page = client.sign_in(cast.chantal).get(LIST)
        rows = [row for row in page.all("tr") if row.find("{*}th[@scope='row']") is not None]
        assert [link.get("href") for row in rows for link in row.iter("{http://www.w3.org/1999/xhtml}a")] == [
            desk(late),
            desk(situation),
        ]
        assert "2 mantelzorgers" in page.words and "Nog geen antwoord" in page.words and "Daan" not in page.words

    def it_is_divided_into_pages(self, client: Browser, db: Session, cast: Cast, situation: CareSituation) -> None:
        make_situation(db, cast.anna)
        db.commit()
        page = client.sign_in(cast.chantal).get(f"{LIST}?aantal=1&pagina=2")
        assert page.all("a", rel="prev") and not page.all("a", rel="next")
        client.get(f"{LIST}?aantal=nonsense&pagina=-3")

    def it_invites_when_nobody_is_known(self, client: Browser, cast: Cast) -> None:
        assert "Nog geen mantelzorger" in client.sign_in(cast.chantal).get(LIST).words

    def it_asks_few_questions_of_the_database(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        for _more in range(30):
            make_situation(db, cast.els)
        db.commit()
        client.sign_in(cast.chantal).get(LIST)
        with client.count_queries() as seen:
            client.get(LIST)
        assert len(seen) <= 8, seen
        assert not [line for line in seen if "details" in line]

    def it_shows_one_situation(self, client: Browser, cast: Cast, situation: CareSituation) -> None:
        page = client.sign_in(cast.chantal).get(desk(situation))
        assert page.h1 == "Els"
        assert "Truus" in page.words and "06 12 34 00 05" in page.words

    def it_closes_when_the_mantelzorger_called(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        client.sign_in(cast.chantal)
        client.post(desk(situation, "/sluiten"), {"reden": ""}, status=302)
        assert situation.state == CareState.OPEN
        for _twice in range(2):
            client.post(desk(situation, "/sluiten"), {"reden": "died"}, status=302)
        assert (situation.state, situation.closed_reason) == (CareState.CLOSED, "died")
        assert "De naaste is overleden." in client.get(desk(situation)).words

    def it_notes_the_closing_only_when_it_closes(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        client.sign_in(cast.chantal).post(desk(situation, "/sluiten"), {"reden": ""}, status=302)
        assert "care.closed" not in [look.activity for look in db.exec(select(DataLook))]
        for _twice in range(2):
            client.post(desk(situation, "/sluiten"), {"reden": "died"}, status=302)
        assert [look.activity for look in db.exec(select(DataLook))].count("care.closed") == 1

    def it_tells_the_mantelzorger_gently_that_it_closed(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        client.sign_in(cast.chantal).post(desk(situation, "/sluiten"), {"reden": "died"})
        assert [each.template for each in notices_to(db, cast.els)] == ["care_closed"]
        els = client.another().sign_in(cast.els)
        for address in (HOME, path(situation), path(situation, "/gegevens")):
            page = els.get(address)
            assert "Wij leven met u mee." in page.words and "Dit is gesloten op" in page.words, address
            for never in ("Hoe gaat het met u", "U hebt dit", "wat is er over", "Vul af en toe in", "Nu hulp"):
                assert never not in page.words, (address, never)

    def it_says_that_it_closed_in_between_when_a_score_comes_late(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        care.close(db, situation, reason="stopped", by=cast.els.id or 0, now=utcnow())
        db.commit()
        late = {"instrument": "csi", "score": "7", "day": today().isoformat()}
        page = client.sign_in(cast.chantal).post(desk(situation, "/score"), late, follow=True)
        assert "Dit staat niet meer open." in page.text
        assert db.exec(select(StrainCheck)).all() == []


def it_composes_the_home_page_with_few_queries(els: Browser, db: Session, cast: Cast, situation: CareSituation) -> None:
    """Two people take over, five years of weekly answers and rest, a plan, an entitlement: as many questions."""
    for volunteer in (cast.bram, cast.daan):
        running = make_arrangement(db, make_relief(db, situation), volunteer_id=volunteer.id)
        for week in range(260):
            make_booking(db, running, situation, utcnow() - timedelta(weeks=week, hours=5), state="used")
    for week in range(260):
        strain.answer(db, situation, dict.fromkeys(strain.QUESTIONS, 1), now=utcnow() - timedelta(weeks=week))
    plan = DropOutPlan(situation_id=situation.id, words={"keys": "Bij Toos"}, updated_at=utcnow())
    db.add(plan)
    db.flush()
    db.add(StandIn(plan_id=plan.id, position=1, details={"name": "Karin"}, asked_at=utcnow()))
    first, last = today() - timedelta(days=30), today() + timedelta(days=30)
    facts = {"payer": "volunteer", "unit": "half_day", "first_day": first, "last_day": last, "created_at": utcnow()}
    db.add(Entitlement(situation_id=situation.id, created_by_id=cast.els.id, **facts))
    db.commit()
    els.get(HOME)
    with els.count_queries() as seen:
        page = els.get(HOME)
    assert "Bram kwam drie keer" in page.words
    assert len(seen) <= 14, seen
