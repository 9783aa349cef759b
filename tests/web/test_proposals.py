"""A volunteer answers a question: by link without logging in, or signed in."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlmodel import Session, select

from matching.models import ActionLink, HelpRequest, Pairing, Proposal
from matching.models.base import utcnow
from matching.services import answering, judging, links, posting
from matching.workflow import PairingState, ProposalState, RequestState
from tests.browse import Browser, Page
from tests.matching_up import SECRET, another_volunteer, ask, make_request, propose
from tests.people import Cast
from web.links import path

YES, NO = {"antwoord": "ja"}, {"antwoord": "nee"}


def address(app: Flask, link: str) -> str:
    with app.test_request_context():
        return path(links.ANSWER, link)


@pytest.fixture
def request_(db: Session, cast: Cast) -> HelpRequest:
    return make_request(db, cast.anna)


@pytest.fixture
def question(app: Flask, db: Session, cast: Cast, request_: HelpRequest) -> tuple[Proposal, str]:
    """Bram was asked: the proposal and the address in his message."""
    proposal, link = ask(db, request_, cast.bram, cast.chantal)
    return proposal, address(app, link)


def press(client: Browser, where: str, **button: str) -> Page:
    return client.submit(client.get(where), where, **button)


class DescribeTheQuestion:
    def it_tells_what_when_where_and_why_without_logging_in(
        self, client: Browser, question: tuple[Proposal, str]
    ) -> None:
        page = client.get(question[1])
        assert page.h1 == "Wilt u boodschappen doen voor een buur?"
        for told in (
            "Kleine Driftbuurt, op 1,1 km van u",
            "Het duurt ongeveer een uur.",
            "U bent allebei vrij op dinsdagochtend.",
            "Als u ja zegt",
            "Deze link is alleen voor u.",
        ):
            assert told in page.words

    def it_shows_nothing_personal(self, client: Browser, question: tuple[Proposal, str], cast: Cast) -> None:
        text = client.get(question[1]).text
        assert SECRET not in text
        assert cast.anna.first_name not in text
        assert str(cast.anna.phone) not in text
        assert "verder weg" not in text

    def it_is_not_used_up_by_looking(self, client: Browser, question: tuple[Proposal, str], db: Session) -> None:
        for _time in range(3):
            client.get(question[1])
        assert db.exec(select(ActionLink.used_at)).all() == [None]
        assert press(client, question[1], **YES).h1

    def it_speaks_english(self, client: Browser, question: tuple[Proposal, str]) -> None:
        page = client.get(question[1], headers={"Accept-Language": "en"})
        assert page.h1 == "Would you do groceries for a neighbour?"
        assert "You are both free on Tuesday morning." in page.words

    def it_asks_few_queries(self, client: Browser, question: tuple[Proposal, str]) -> None:
        client.get(question[1])
        with client.count_queries() as queries:
            client.get(question[1])
        assert len(queries) <= 4

    def it_asks_again_when_nothing_was_chosen(
        self, client: Browser, question: tuple[Proposal, str], db: Session
    ) -> None:
        for answers in ({}, {"antwoord": "misschien"}, {"nee": "\0"}):
            page = client.post(question[1], answers, status=422)
            assert "Kies een antwoord" in page.words
        assert db.get_one(Proposal, question[0].id).state == ProposalState.ASKED


class DescribeSayingYes:
    def it_asks_the_asker_and_tells_what_comes(
        self, client: Browser, question: tuple[Proposal, str], db: Session, cast: Cast
    ) -> None:
        page = press(client, question[1], **YES)
        assert page.h1 == "Wij wachten op een antwoord"
        assert cast.anna.first_name not in page.words
        pairing = db.exec(select(Pairing)).one()
        assert (pairing.state, pairing.volunteer_id) == (PairingState.WAITING, cast.bram.id)
        assert db.get_one(HelpRequest, pairing.request_id).state == RequestState.CLAIMED

    def it_shows_name_and_number_at_once_when_anyone_is_welcome(
        self, app: Flask, client: Browser, db: Session, cast: Cast
    ) -> None:
        _, link = ask(db, make_request(db, cast.anna, welcomes_anyone=True), cast.bram, cast.chantal)
        page = press(client, address(app, link), **YES)
        assert page.h1 == "U helpt Anna"
        assert "06 12 34 00 01" in page.words
        assert client.get("/koppelingen/" + str(db.exec(select(Pairing.id)).one())).h1 == "U helpt Anna"

    def it_shows_the_same_page_for_a_double_tap(
        self, client: Browser, question: tuple[Proposal, str], db: Session
    ) -> None:
        values = client.get(question[1]).form_values() | YES
        first, second = client.another(), client.another()  # the first answer never reached the phone
        assert first.post(question[1], values, follow=True).h1 == second.post(question[1], values, follow=True).h1
        assert len(db.exec(select(Pairing)).all()) == 1

    def it_asks_for_a_log_in_when_the_link_comes_back_later(
        self, client: Browser, question: tuple[Proposal, str], db: Session, cast: Cast
    ) -> None:
        press(client, question[1], **YES)
        link = db.exec(select(ActionLink).where(ActionLink.purpose == links.ANSWER)).one()
        link.used_at = utcnow() - timedelta(minutes=2)
        db.add(link)
        db.commit()
        page = client.another().post(question[1], YES, follow=True)
        assert page.h1 == "Dank u wel voor uw ja"
        pairing = db.exec(select(Pairing.id)).one()
        assert "/inloggen" in client.another().get(f"/koppelingen/{pairing}", status=302).location
        assert client.get(f"/koppelingen/{pairing}").h1

    def it_reads_kindly_that_somebody_was_first(
        self,
        app: Flask,
        client: Browser,
        question: tuple[Proposal, str],
        request_: HelpRequest,
        db: Session,
        cast: Cast,
    ) -> None:
        hans = another_volunteer(db, "Hans")
        _, other = ask(db, request_, hans, cast.chantal)
        values = client.get(question[1]).form_values() | YES
        answering.accept(db, other, now=utcnow())
        db.commit()
        page = client.post(question[1], values, status=410)
        assert page.h1 == "Iemand anders was net iets eerder"
        assert "Dank u wel" in page.words
        assert client.get(question[1], status=410).h1 == page.h1
        assert len(db.exec(select(Pairing)).all()) == 1


class DescribeSayingNotNow:
    @pytest.mark.parametrize(
        ("button", "reason"),
        [
            (NO, ""),
            ({"nee": "tijd"}, "time"),
            ({"nee": "ver"}, "far"),
            ({"nee": "soort"}, "kind"),
            ({"nee": "weg"}, "away"),
        ],
    )
    def it_works_with_and_without_a_reason(
        self, client: Browser, question: tuple[Proposal, str], db: Session, button: dict[str, str], reason: str
    ) -> None:
        page = press(client, question[1], **button)
        assert page.h1 == "Dank u wel voor uw antwoord"
        proposal = db.get_one(Proposal, question[0].id)
        assert (proposal.state, proposal.answer_reason) == (ProposalState.DECLINED, reason)
        assert db.get_one(HelpRequest, proposal.request_id).state == RequestState.OPEN

    def it_shows_the_same_page_for_a_double_tap(self, client: Browser, question: tuple[Proposal, str]) -> None:
        values = client.get(question[1]).form_values() | NO
        first = client.post(question[1], values, follow=True)
        assert client.another().post(question[1], values, follow=True).words == first.words

    def it_does_not_take_a_yes_after_a_no(self, client: Browser, question: tuple[Proposal, str], db: Session) -> None:
        values = client.get(question[1]).form_values()
        client.post(question[1], values | NO)
        page = client.post(question[1], values | YES, status=410)
        assert page.h1 == "U hebt al geantwoord"
        assert db.exec(select(Pairing)).all() == []


class DescribeALinkThatIsOver:
    def it_says_so_after_use(self, client: Browser, question: tuple[Proposal, str]) -> None:
        press(client, question[1], **YES)
        page = client.another().get(question[1], status=410)
        assert page.h1 == "U hebt al ja gezegd"
        assert page.all("a", href="/inloggen?verder=/helpen")

    def it_says_so_when_it_is_too_old(self, client: Browser, question: tuple[Proposal, str], db: Session) -> None:
        link = db.exec(select(ActionLink)).one()
        link.expires_at = utcnow() - timedelta(seconds=1)
        db.add(link)
        db.commit()
        assert client.get(question[1], status=410).h1 == "Deze vraag is voorbij"
        assert client.post(question[1], YES, status=410).h1 == "Deze vraag is voorbij"
        assert db.exec(select(Pairing)).all() == []

    def it_says_so_when_the_help_is_no_longer_needed(
        self, client: Browser, question: tuple[Proposal, str], request_: HelpRequest, db: Session, cast: Cast
    ) -> None:
        posting.withdraw(db, request_, actor_id=cast.anna.id, now=utcnow(), reason="solved")
        db.commit()
        assert client.get(question[1], status=410).h1 == "Deze hulp is niet meer nodig"
        assert client.post(question[1], YES, status=410).h1 == "Deze hulp is niet meer nodig"

    def it_says_so_when_the_desk_took_it_back(
        self, client: Browser, question: tuple[Proposal, str], db: Session, cast: Cast
    ) -> None:
        judging.undo(db, question[0], by=cast.chantal.id or 0, now=utcnow())
        db.commit()
        assert client.post(question[1], YES, status=410).h1 == "Deze hulp is niet meer nodig"
        assert db.get_one(Proposal, question[0].id).state == ProposalState.PROPOSED

    def it_hides_what_never_was(self, app: Flask, client: Browser, question: tuple[Proposal, str]) -> None:
        made_up = [address(app, "made-up"), "/voorstel/made-up", question[1][:-1], "/voorstel/" + "a" * 5000]
        for where in made_up:
            assert client.get(where, status=404).h1
            assert client.post(where, YES, status=404).h1
            assert client.get(where + "/klaar", status=404).h1

    def it_leads_back_to_the_question_before_the_answer(self, client: Browser, question: tuple[Proposal, str]) -> None:
        assert client.get(question[1] + "/klaar", status=302).location == question[1]


class DescribeTheQuestionSignedIn:
    def it_works(self, client: Browser, question: tuple[Proposal, str], db: Session, cast: Cast) -> None:
        client.sign_in(cast.bram)
        assert press(client, f"/voorstellen/{question[0].id}", **YES).h1 == "Wij wachten op een antwoord"
        assert client.get(f"/voorstellen/{question[0].id}", follow=True).h1 == "Wij wachten op een antwoord"
        assert client.another().get(question[1], status=410).h1 == "U hebt al ja gezegd"

    def it_takes_a_no(self, client: Browser, question: tuple[Proposal, str], db: Session, cast: Cast) -> None:
        client.sign_in(cast.bram)
        page = press(client, f"/voorstellen/{question[0].id}", nee="weg")
        assert page.h1 == "Dank u wel voor uw antwoord"
        assert db.get_one(Proposal, question[0].id).answer_reason == "away"
        assert client.another().get(question[1], status=410).h1 == "U hebt al geantwoord"

    def it_is_kind_when_it_is_over(
        self, client: Browser, question: tuple[Proposal, str], request_: HelpRequest, db: Session, cast: Cast
    ) -> None:
        client.sign_in(cast.bram)
        posting.withdraw(db, request_, actor_id=cast.anna.id, now=utcnow(), reason="solved")
        db.commit()
        for page in (
            client.get(f"/voorstellen/{question[0].id}", status=410),
            client.post(f"/voorstellen/{question[0].id}", YES, status=410),
        ):
            assert page.h1 == "Deze hulp is niet meer nodig"

    def it_requires_login(self, client: Browser, question: tuple[Proposal, str]) -> None:
        assert "/inloggen" in client.get(f"/voorstellen/{question[0].id}", status=302).location

    def it_hides_from_others(self, client: Browser, question: tuple[Proposal, str], cast: Cast) -> None:
        for person in (cast.anna, cast.chantal, cast.daan, cast.els, cast.farid, cast.greet, cast.saskia):
            visitor = client.another().sign_in(person)
            visitor.get(f"/voorstellen/{question[0].id}", status=404)
            visitor.post(f"/voorstellen/{question[0].id}", YES, status=404)

    def it_hides_what_the_desk_has_not_asked(
        self, client: Browser, request_: HelpRequest, db: Session, cast: Cast
    ) -> None:
        spare = propose(db, request_, cast.bram)
        client.sign_in(cast.bram).get(f"/voorstellen/{spare.id}", status=404)
        client.post(f"/voorstellen/{spare.id}", YES, status=404)
        assert db.exec(select(Pairing)).all() == []
