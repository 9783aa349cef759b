"""The pages of the plan for when the carer drops out: writing, stand-ins, on paper, and "I drop out now"."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from matching.models import ActionLink, CareSituation, DataLook, OutboxMessage, StandIn
from matching.models.base import utcnow
from matching.services import drop_out, drop_out_call, links, stand_ins
from tests.browse import Browser
from tests.caring import make_arrangement, make_relief, make_situation
from tests.people import Cast
from web import plan_pdf
from web.links import token

WORDS = {
    "first_hours": "Eten om zes uur.\nNiet alleen laten.",
    "keys": "De buurvrouw heeft de sleutel.",
    "habits": "Na het eten een plaat van Toon Hermans.",
    "whom_to_call": "Huisarts De Wit",
}
JOKE = {"naam": "Joke", "relatie": "neighbour", "telefoon": "06 12345678", "email": "joke@example.org"}


@pytest.fixture
def situation(db: Session, cast: Cast) -> CareSituation:
    made = make_situation(db, cast.els)
    db.commit()
    return made


@pytest.fixture
def home(situation: CareSituation) -> str:
    return f"/mantelzorg/{situation.id}/noodplan"


def ask(db: Session, situation: CareSituation, name: str = "Joke", **changes: Any) -> StandIn:
    facts = {"name": name, "relation": "neighbour", "phone": "0612345678", "email": f"{name.lower()}@example.org",
             "locale": "nl", "by": situation.mantelzorger_id, "now": utcnow()}  # fmt: skip
    made = drop_out.add(db, situation, **(facts | changes))
    db.commit()
    return made


def agreed(db: Session, situation: CareSituation, name: str = "Joke", **changes: Any) -> StandIn:
    person = ask(db, situation, name, **changes)
    stand_ins.answer(db, stand_ins.about(db, person), yes=True, now=utcnow())
    db.commit()
    return person


def address(app: Flask, db: Session, person: StandIn, purpose: str) -> str:
    """The path of the newest link of this purpose in a message to them."""
    query = select(ActionLink).where(
        ActionLink.purpose == purpose, ActionLink.subject_id == person.id, col(ActionLink.revoked_at).is_(None)
    )
    found = db.exec(query.order_by(col(ActionLink.created_at).desc())).first()
    assert found is not None
    page = {links.STAND_IN: "vraag", links.STAND_IN_CALL: "nu", links.STAND_IN_LEAVE: "stoppen"}[purpose]
    with app.test_request_context():
        return f"/inspringen/{page}/{token(purpose, found.id)}"


class DescribeTheCarersPage:
    def it_keeps_what_the_carer_wrote(self, client: Browser, cast: Cast, home: str) -> None:
        client.sign_in(cast.els)
        page = client.submit(client.get(f"{home}/schrijven"), f"{home}/schrijven", **WORDS)
        assert "Toon Hermans" in page.words
        assert client.get(f"{home}/schrijven").form_values()["keys"] == [WORDS["keys"]]

    def it_asks_for_no_codes(self, client: Browser, cast: Cast, home: str) -> None:
        page = client.sign_in(cast.els).get(f"{home}/schrijven")
        assert "Schrijf geen codes op van deuren of alarmen." in page.words

    def it_refuses_with_a_sentence_and_loses_nothing(self, client: Browser, cast: Cast, home: str) -> None:
        client.sign_in(cast.els)
        page = client.post(f"{home}/schrijven", {**WORDS, "keys": "s" * 1501}, status=422)
        assert "keys" in page.errors()
        assert page.form_values()["habits"] == [WORDS["habits"]]
        assert "first_hours" in client.post(f"{home}/schrijven", {}, status=422).errors()

    def it_asks_somebody_and_shows_no_answer_yet(self, client: Browser, db: Session, cast: Cast, home: str) -> None:
        page = client.sign_in(cast.els).submit(client.get(f"{home}/invallers"), f"{home}/invallers", **JOKE)
        assert "1. Joke" in page.words
        assert "heeft nog niet geantwoord" in page.words
        message = db.exec(select(OutboxMessage).where(OutboxMessage.template == "stand_in_asked")).one()
        assert message.context == {"again": False}, "nothing about the care leaves the house"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"naam": " "}, "naam"),
            ({"relatie": "kat"}, "relatie"),
            ({"telefoon": "1"}, "telefoon"),
            ({"email": "joke"}, "email"),
            ({"email": "ELS@example.org"}, "email"),
            ({"bekend": "99999"}, None),
        ],
    )
    def it_refuses_to_ask(
        self, client: Browser, db: Session, cast: Cast, home: str, changes: dict[str, str], field: str | None
    ) -> None:
        client.sign_in(cast.els)
        page = client.post(f"{home}/invallers", {**JOKE, **changes}, status=422 if field else 404)
        assert field is None or field in page.errors()
        assert db.exec(select(StandIn)).all() == []

    def it_lets_the_carer_choose_a_volunteer_who_comes_already(
        self, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        make_arrangement(db, make_relief(db, situation), volunteer_id=cast.bram.id)
        db.commit()
        page = client.sign_in(cast.els).get(f"{home}/invallers")
        assert "Vraag Bram" in page.words
        page = client.post(f"{home}/invallers", {"bekend": str(cast.bram.id)}, follow=True)
        assert "1. Bram" in page.words

    def it_changes_the_order_and_takes_somebody_off(
        self, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        ans, bea = (ask(db, situation, name).id for name in ("Ans", "Bea"))
        client.sign_in(cast.els)
        page = client.post(f"{home}/invaller", {"inval": bea, "doe": "eerder"}, follow=True)
        assert "1. Bea" in page.words
        page = client.post(f"{home}/invaller", {"inval": ans, "doe": "weg"}, follow=True)
        assert "Ans" not in page.words
        assert client.post(f"{home}/invaller", {"inval": ans, "doe": "weg"}, follow=True).status == 200

    @pytest.mark.parametrize("nonsense", [{}, {"inval": "x"}, {"inval": "9" * 30, "doe": "weg"}, {"inval": "1"}])
    def it_shrugs_at_nonsense(self, client: Browser, cast: Cast, home: str, nonsense: dict[str, str]) -> None:
        assert client.sign_in(cast.els).post(f"{home}/invaller", nonsense).status == 302

    def it_asks_whether_it_still_holds_with_one_button(
        self, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        long_ago = utcnow() - timedelta(days=400)
        drop_out.write(db, situation, WORDS, by=cast.els.id or 0, now=long_ago)
        db.commit()
        client.sign_in(cast.els)
        assert "Klopt dit nog?" in client.get(home).words
        assert "Klopt dit nog?" not in client.post(f"{home}/geldt", follow=True).words

    def it_hides_the_plan_of_a_closed_situation(
        self, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        drop_out.write(db, situation, WORDS, by=cast.els.id or 0, now=utcnow())
        situation.state = "closed"
        db.commit()
        client.sign_in(cast.els)
        for path in ("", "/schrijven", "/invallers", "/afdrukken", "/noodplan.pdf", "/nu"):
            client.get(home + path, status=404)
        client.sign_in(cast.chantal).get(f"/werkplek{home}", status=404)


class DescribeTheStandIn:
    def it_answers_without_logging_in(
        self, app: Flask, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        path = address(app, db, ask(db, situation), links.STAND_IN)
        page = client.get(path)
        assert "Els" in page.h1
        assert "Truus" not in page.text, "who is cared for is nobody's business yet"
        assert "Dank u wel voor uw ja" in client.submit(page, path, antwoord="ja").words
        assert "Dank u wel voor uw ja" in client.get(path, status=200).words
        assert "heeft ja gezegd op" in client.another().sign_in(cast.els).get(home).words

    def it_finds_the_way_from_the_account_page(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        bram = client.sign_in(cast.bram)
        assert "/inspringen" not in {link.get("href") for link in bram.get("/ik").all("a")}
        person = ask(db, situation, "Bram")
        assert "/inspringen" in {link.get("href") for link in bram.get("/ik").all("a")}
        stand_ins.answer(db, stand_ins.about(db, person), yes=False, now=utcnow())
        db.commit()
        assert "/inspringen" not in {link.get("href") for link in bram.get("/ik").all("a")}

    def it_opens_as_often_as_wanted_and_asks_for_an_answer(
        self, app: Flask, client: Browser, db: Session, situation: CareSituation
    ) -> None:
        path = address(app, db, ask(db, situation), links.STAND_IN)
        client.get(path)
        assert "Kies een antwoord" in client.post(path, {}, status=422).words
        client.get(path)

    def it_says_no_and_is_not_asked_again(
        self, app: Flask, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        path = address(app, db, ask(db, situation), links.STAND_IN)
        assert "weet het nu" in client.post(path, {"antwoord": "nee"}, follow=True).words
        client.post(path, {"antwoord": "ja"})
        assert "heeft nee gezegd" in client.another().sign_in(cast.els).get(home).words

    def it_takes_a_yes_back_by_link_and_signed_in(
        self, app: Flask, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        path = address(app, db, agreed(db, situation), links.STAND_IN_LEAVE)
        client.post(path, {"antwoord": "ja"}, status=422)
        assert "weet het nu" in client.post(path, {"antwoord": "nee"}, follow=True).words
        bram = agreed(db, situation, "Bram")
        client.sign_in(cast.bram)
        assert "Els" in client.get("/inspringen").words
        client.post(f"/inspringen/{bram.id}", {"antwoord": "nee"})
        assert "Niemand vraagt u om in te springen" in client.get("/inspringen").words

    @pytest.mark.parametrize("page", ["vraag", "nu", "stoppen"])
    def it_says_so_for_a_broken_link(self, client: Browser, page: str) -> None:
        assert "werkt niet" in client.get(f"/inspringen/{page}/x.y", status=404).h1

    def it_takes_no_link_for_another_purpose(
        self, app: Flask, client: Browser, db: Session, situation: CareSituation
    ) -> None:
        path = address(app, db, ask(db, situation), links.STAND_IN)
        client.get(path.replace("/vraag/", "/nu/"), status=404)


class DescribeDroppingOut:
    @pytest.fixture(autouse=True)
    def plan(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        drop_out.write(db, situation, WORDS, by=cast.els.id or 0, now=utcnow())
        db.commit()

    def it_tells_everybody_with_one_button(
        self, app: Flask, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        joke = agreed(db, situation)
        ask(db, situation, "Kees")
        client.sign_in(cast.els)
        page = client.get(f"{home}/nu")
        assert "Kees" not in page.words
        assert "Joke" in page.words
        page = client.submit(page, f"{home}/nu")
        assert "heeft ons bericht, en heeft nog niet geantwoord" in page.words
        assert client.get(f"{home}/nu", status=302).location == home
        visitor = client.another()
        path = address(app, db, joke, links.STAND_IN_CALL)
        page = visitor.get(path)
        assert "Toon Hermans" in page.words
        assert "Kees" not in page.words, "who said no yes did not agree that others see their number"
        assert "U zei dat u komt" in visitor.post(path, {"kom": "ja"}, follow=True).words
        assert "komt (antwoord op" in client.get(home).words
        desk = client.another().sign_in(cast.chantal)
        assert "komt (antwoord op" in desk.get(f"/werkplek{home}").words
        look = db.exec(select(DataLook)).one()
        assert (look.viewer_id, look.activity) == (cast.chantal.id, "plan")
        assert "U zei dat u niet kunt komen" in visitor.post(path, {"kom": "nee"}, follow=True).words
        visitor.post(path, {"kom": "misschien"}, follow=True)
        client.post(f"{home}/opgelost", follow=True)
        visitor.get(path, status=404)

    def it_is_started_and_ended_at_the_desk(
        self, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        agreed(db, situation)
        ask(db, situation, "Kees")
        desk = client.sign_in(cast.chantal)
        page = desk.get(f"/werkplek{home}")
        assert f"/werkplek{home}/nu" in {link.get("href") for link in page.all("a")}
        page = desk.get(f"/werkplek{home}/nu")
        assert page.h1 == "Valt Els nu uit?"
        assert "Joke" in page.words
        assert "Kees" not in page.words
        page = desk.submit(page, f"/werkplek{home}/nu")
        assert "Chantal noteerde het hier." in page.words
        assert "heeft ons bericht, en heeft nog niet geantwoord" in page.words
        assert desk.get(f"/werkplek{home}/nu", status=302).location == f"/werkplek{home}"
        assert desk.post(f"/werkplek{home}/nu").status == 302, "pressed twice, it is done once"
        assert len(db.exec(select(OutboxMessage).where(OutboxMessage.template == "stand_in_called")).all()) == 1
        els = client.another().sign_in(cast.els)
        assert "Chantal heeft uw plan gestart op" in els.get(home).words
        assert "Noteerde dat u uitvalt, of dat u er weer bent" in els.get("/mantelzorg/wie-keek-mee").words
        page = desk.post(f"/werkplek{home}/opgelost", follow=True)
        assert "De mantelzorger valt nu uit" in page.words
        desk.post(f"/werkplek{home}/opgelost")
        told = db.exec(select(OutboxMessage.account_id).where(OutboxMessage.template == "plan_by_desk")).all()
        assert told == [cast.els.id, cast.els.id]

    def it_can_be_started_at_the_desk_without_a_plan(self, client: Browser, db: Session, cast: Cast) -> None:
        bare = make_situation(db, cast.daan)
        db.commit()
        desk = client.sign_in(cast.chantal)
        path = f"/werkplek/mantelzorg/{bare.id}/noodplan/nu"
        assert f"/werkplek/mantelzorg/{bare.id}/noodplan" in {
            link.get("href") for link in desk.get(f"/werkplek/mantelzorg/{bare.id}").all("a")
        }
        assert "Niemand in het plan heeft al ja gezegd." in desk.get(path).words
        assert "Daan viel uit op" in desk.submit(desk.get(path), path).words

    def it_starts_nothing_for_a_closed_situation(
        self, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        situation.state = "closed"
        db.commit()
        desk = client.sign_in(cast.chantal)
        desk.get(f"/werkplek{home}/nu", status=404)
        for path in ("nu", "opgelost"):
            desk.post(f"/werkplek{home}/{path}", status=404)
        assert db.exec(select(OutboxMessage)).all() == []

    def it_shows_the_plan_to_a_member_who_said_yes(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        bram = agreed(db, situation, "Bram")
        client.sign_in(cast.bram)
        assert "Toon Hermans" not in client.get(f"/inspringen/{bram.id}").words
        drop_out_call.call(db, situation, by=cast.els.id or 0, now=utcnow())
        db.commit()
        assert "Toon Hermans" in client.get(f"/inspringen/{bram.id}").words
        assert "U zei dat u komt" in client.post(f"/inspringen/{bram.id}", {"kom": "ja"}, follow=True).words
        client.another().sign_in(cast.daan).get(f"/inspringen/{bram.id}", status=404)

    def it_tells_the_desk_without_anybody_who_said_yes(
        self, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        ask(db, situation)
        client.sign_in(cast.els).post(f"{home}/nu", follow=True)
        told = db.exec(select(OutboxMessage.template, OutboxMessage.account_id)).all()
        assert ("plan_called", cast.chantal.id) in told
        assert "stand_in_called" not in {template for template, _who in told}


def pages_of(paper: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", paper))


class DescribeThePaper:
    def it_is_one_page_with_a_title_and_a_language(
        self, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation
    ) -> None:
        drop_out.write(db, situation, WORDS, by=cast.els.id or 0, now=utcnow())
        db.commit()
        response = client.sign_in(cast.els).client.get(f"{home}/noodplan.pdf")
        paper = response.data
        assert response.mimetype == "application/pdf"
        assert paper.startswith(b"%PDF")
        assert b"/Title" in paper
        assert b"/Lang (nl)" in paper
        assert pages_of(paper) == 1
        assert "Toon Hermans" in client.get(f"{home}/afdrukken").words

    @pytest.mark.parametrize("text", ["woord " * 250, "W" * 1500, "a\n" * 750, "漢字" * 700])
    def it_stays_one_page_at_the_most_that_fits_in_the_form(
        self, app: Flask, db: Session, cast: Cast, situation: CareSituation, text: str
    ) -> None:
        drop_out.write(db, situation, dict.fromkeys(WORDS, text), by=cast.els.id or 0, now=utcnow())
        for number in range(6):
            ask(db, situation, "W" * 79 + str(number), email=f"p{number}@example.org")
        with app.test_request_context():
            made = plan_pdf.sheet(db, situation, drop_out.of(db, situation.id or 0), name="W" * 80)
            assert pages_of(plan_pdf.make(made)) == 1
            pdf = plan_pdf.open_paper(made)
            fitted = plan_pdf.fit(pdf, made)
            assert plan_pdf.height(pdf, fitted.blocks, fitted.points) <= plan_pdf.ROOM
        assert fitted.is_shortened
        assert "Sommige teksten zijn langer" in fitted.blocks[-1].text

    def it_prints_large_where_there_is_little(
        self, app: Flask, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        drop_out.write(db, situation, WORDS, by=cast.els.id or 0, now=utcnow())
        agreed(db, situation)
        with app.test_request_context():
            made = plan_pdf.sheet(db, situation, drop_out.of(db, situation.id or 0), name="Els")
            fitted = plan_pdf.fit(plan_pdf.open_paper(made), made)
        said = "\n".join(block.text for block in fitted.blocks).replace("\u00a0", " ")
        assert fitted.points == plan_pdf.LARGEST
        assert not fitted.is_shortened
        for part in (*WORDS.values(), "1. Joke: 06 12 34 56 78", "heeft ja gezegd op", "112", "Chantal", "Truus"):
            assert part in said
        assert said.index("Eten om zes uur") < said.index("Joke") < said.index("sleutel") < said.index("112")

    @pytest.mark.parametrize("name", ["Jürgen", "Ayşe Gül", "Łukasz", "Олена", "محمد", "Zoë 😀", "李"])
    def it_writes_every_name(
        self, client: Browser, db: Session, cast: Cast, home: str, situation: CareSituation, name: str
    ) -> None:
        ask(db, situation, name, email="x@example.org")
        response = client.sign_in(cast.els).client.get(f"{home}/noodplan.pdf")
        assert response.status_code == 200
        assert pages_of(response.data) == 1
        assert name in client.get(f"{home}/afdrukken").words
        assert ("van rechts naar links" in client.get(home).words) == (name == "محمد")

    def it_leaves_out_who_said_no(self, app: Flask, db: Session, cast: Cast, situation: CareSituation) -> None:
        agreed(db, situation)
        person = agreed(db, situation, "Kees")
        stand_ins.answer(db, stand_ins.about(db, person), yes=False, now=utcnow())
        with app.test_request_context():
            made = plan_pdf.sheet(db, situation, drop_out.of(db, situation.id or 0), name="Els")
        said = "\n".join(block.text for block in made.blocks)
        assert "Joke" in said
        assert "Kees" not in said

    def it_is_not_there_for_an_empty_plan(self, client: Browser, cast: Cast, home: str) -> None:
        client.sign_in(cast.els)
        client.get(f"{home}/noodplan.pdf", status=404)
        client.get(f"{home}/afdrukken", status=404)
