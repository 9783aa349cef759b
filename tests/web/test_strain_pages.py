"""The six questions, the plain answer with one next step, the rhythm, the mail, the score and the picture."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from matching import jobs
from matching.models import Account, CareSituation, OutboxMessage, StrainCheck
from matching.models.base import utcnow
from matching.services import strain
from matching.services.strain import QUESTIONS, Check, Week
from tests.browse import Browser, Page
from tests.caring import make_arrangement, make_booking, make_relief, make_situation
from tests.people import MONDAY, Cast
from web import strain_words
from web.care_parts.strain import draw
from web.i18n import today
from web.mail import compose


@pytest.fixture
def els(client: Browser, cast: Cast) -> Browser:
    return client.sign_in(cast.els)


@pytest.fixture
def situation(db: Session, cast: Cast) -> CareSituation:
    made = make_situation(db, cast.els, next_check_on=today())
    db.commit()
    return made


def path(situation: CareSituation, rest: str) -> str:
    return f"/mantelzorg/{situation.id}{rest}"


def all_of(points: int, **others: str) -> dict[str, str]:
    return dict.fromkeys(QUESTIONS, str(points)) | others


class DescribeTheQuestions:
    def it_asks_six_with_three_answers_and_says_that_it_is_no_diagnosis(
        self, els: Browser, situation: CareSituation
    ) -> None:
        page = els.get(path(situation, "/hoe-gaat-het"))
        assert len(page.all("fieldset")) == 6
        assert len(page.all("input", type="radio")) == 18
        assert "Dit is geen diagnose." in page.words

    def it_begins_on_the_home_page(self, els: Browser, situation: CareSituation) -> None:
        page = els.get("/mantelzorg")
        page = els.submit(page, path(situation, "/hoe-gaat-het"), action=path(situation, "/hoe-gaat-het"), sleep="2")
        assert (page.status, page.errors()) == (200, {})
        assert page.form_values(path(situation, "/hoe-gaat-het"))["sleep"] == ["2"]

    @pytest.mark.parametrize("missing", QUESTIONS)
    def it_says_which_one_is_missing_and_keeps_the_others(
        self, els: Browser, db: Session, situation: CareSituation, missing: str
    ) -> None:
        answers = {key: value for key, value in all_of(1).items() if key != missing}
        page = els.post(path(situation, "/hoe-gaat-het"), answers, status=422)
        assert page.errors() == {missing: "Kies het antwoord dat het best past."}
        kept = page.form_values(path(situation, "/hoe-gaat-het"))
        assert {key: kept[key] for key in answers} == {key: ["1"] for key in answers}
        assert db.exec(select(StrainCheck)).all() == []

    @pytest.mark.parametrize("nonsense", ["3", "-1", "goed", "", "1.0"])
    def it_refuses_an_answer_that_is_none(self, els: Browser, situation: CareSituation, nonsense: str) -> None:
        page = els.post(path(situation, "/hoe-gaat-het"), all_of(1, body=nonsense), status=422)
        assert list(page.errors()) == ["body"]

    def it_replaces_the_answers_of_today(self, els: Browser, db: Session, situation: CareSituation) -> None:
        els.post(path(situation, "/hoe-gaat-het"), all_of(2), status=302)
        page = els.get(path(situation, "/hoe-gaat-het"))
        assert "U hebt vandaag al antwoord gegeven" in page.words
        els.submit(page, path(situation, "/hoe-gaat-het"), go_on="0")
        (row,) = db.exec(select(StrainCheck)).all()
        assert row.result == {"answers": [2, 2, 2, 2, 2, 0], "score": 10}


class DescribeTheAnswer:
    @pytest.mark.parametrize(
        ("answers", "says", "leads_to"),
        [
            (all_of(0), "Het gaat goed", None),
            (all_of(1), "Het gaat wel", "/even-vrij"),
            (all_of(1, sleep="2", body="2"), "Het is zwaar", "/even-vrij"),
            (all_of(2), "Het is te veel", "/nu-hulp"),
            (all_of(0, go_on="2"), "Het is te veel", "/nu-hulp"),
        ],
    )
    def it_is_plain_and_offers_one_step(
        self, els: Browser, situation: CareSituation, answers: dict[str, str], says: str, leads_to: str | None
    ) -> None:
        page = els.post(path(situation, "/hoe-gaat-het"), answers, follow=True)
        assert page.h1 == says
        primary = [link.get("href") for link in page.all("a") if "primary-action" in (link.get("class") or "")]
        assert primary == ([path(situation, leads_to)] if leads_to else [])

    def it_names_the_opbouwwerker_where_it_is_heavy(self, els: Browser, situation: CareSituation) -> None:
        page = els.post(path(situation, "/hoe-gaat-het"), all_of(1, sleep="2"), follow=True)
        assert "Chantal is uw opbouwwerker." in page.words

    def it_shows_the_numbers_that_answer_day_and_night_where_it_is_too_much(
        self, els: Browser, situation: CareSituation
    ) -> None:
        page = els.post(path(situation, "/hoe-gaat-het"), all_of(2), follow=True)
        assert page.all("a", href="#vangnet") and page.all("a", href="tel:113")

    def it_goes_to_the_questions_before_the_first_time(self, els: Browser, situation: CareSituation) -> None:
        assert els.get(path(situation, "/antwoord"), status=302).location == path(situation, "/hoe-gaat-het")


class DescribeTheRhythm:
    def it_is_chosen_by_the_mantelzorger(self, els: Browser, situation: CareSituation) -> None:
        page = els.submit(els.get(path(situation, "/hoe-vaak")), path(situation, "/hoe-vaak"), weeks="2")
        assert situation.next_check_on == today() + timedelta(weeks=2)
        assert "Wij vragen het weer op" in page.text
        page = els.post(path(situation, "/hoe-vaak"), {"weeks": "0"}, follow=True)
        assert situation.next_check_on is None
        assert "Wij vragen het niet uit onszelf." in page.words

    @pytest.mark.parametrize("wrong", ["3", "", "nooit"])
    def it_is_one_of_a_few(self, els: Browser, situation: CareSituation, wrong: str) -> None:
        page = els.post(path(situation, "/hoe-vaak"), {"weeks": wrong}, status=422)
        assert list(page.errors()) == ["weeks"]

    def it_is_asked_by_a_mail_that_says_nothing_of_care(
        self, els: Browser, db: Session, situation: CareSituation
    ) -> None:
        jobs.run("check_in", els.app.extensions["omzien.sessions"], now=utcnow())
        (message,) = db.exec(select(OutboxMessage).where(OutboxMessage.template == "check_in")).all()
        with els.app.app_context():
            mail = compose(db, message, db.get_one(Account, situation.mantelzorger_id))
        assert mail["Subject"] == "Hoe gaat het met u?"
        text = mail.get_body(("plain",))
        assert text is not None
        assert "/mantelzorg" in text.get_content()
        said = text.get_content().replace("/mantelzorg", "").lower()
        assert [word for word in ("zorg", "truus", "zwaar", "naaste") if word in said] == []


SCORE = {"instrument": "ediz_plus", "score": "9"}


class DescribeScores:
    def desk(self, situation: CareSituation, rest: str = "") -> str:
        return f"/werkplek/mantelzorg/{situation.id}{rest}"

    def it_notes_what_a_professional_took(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        page = client.sign_in(cast.chantal).get(self.desk(situation))
        page = client.submit(page, self.desk(situation, "/score"), action=self.desk(situation, "/score"), **SCORE)
        assert "EDIZ-plus: 9 van 15, zware belasting" in page.words
        (row,) = db.exec(select(StrainCheck)).all()
        assert (row.result, row.recorded_by_id, row.day) == ({"score": 9}, cast.chantal.id, today())

    @pytest.mark.parametrize(
        ("wrong", "field", "says"),
        [
            ({"instrument": "own"}, "instrument", "Kies welke lijst het was."),
            ({"score": "16"}, "score", "Deze lijst geeft een score van 0 tot en met 15."),
            ({"instrument": "csi", "score": "14"}, "score", "Deze lijst geeft een score van 0 tot en met 13."),
            ({"score": "negen"}, "score", "Schrijf een heel getal."),
            ({"score": ""}, "score", "Vul de score in."),
            ({"day": "2999-01-01"}, "day", "Deze dag moet nog komen. Kies vandaag of een eerdere dag."),
            ({"day": "2019-01-01"}, "day", "Die dag ligt meer dan drie jaar terug. Kies een latere dag."),
        ],
    )
    def it_says_what_is_wrong(
        self,
        client: Browser,
        db: Session,
        cast: Cast,
        situation: CareSituation,
        wrong: dict[str, str],
        field: str,
        says: str,
    ) -> None:
        answers = SCORE | {"day": today().isoformat()} | wrong
        page = client.sign_in(cast.chantal).post(self.desk(situation, "/score"), answers, status=422)
        assert page.errors() == {field: says}
        assert db.exec(select(StrainCheck)).all() == []

    def it_shows_the_desk_how_heavy_it_is_and_not_the_answers(
        self, els: Browser, cast: Cast, situation: CareSituation
    ) -> None:
        els.post(path(situation, "/hoe-gaat-het"), all_of(2))
        page = els.another().sign_in(cast.chantal).get(self.desk(situation))
        assert "Het is te veel" in page.words
        answers = [str(words[2]) for _question, words in strain_words.QUESTIONS.values()]
        with els.app.test_request_context():
            assert [words for words in answers if words in page.words] == []


class DescribeThePicture:
    def weeks(self) -> list[Week]:
        bands = (("good", 0), ("too_much", 0), None, ("fair", 3))
        made = []
        for n, found in enumerate(bands):
            monday = MONDAY - timedelta(weeks=len(bands) - 1 - n)
            check = Check(monday, "own", 0, 0.0, found[0]) if found else None
            made.append(Week(monday, check, found[1] if found else 0))
        return made

    def pictures(self, page: Page) -> list[Any]:
        return [element for element in page.root.iter() if element.get("role") == "img"]

    def it_draws_a_level_for_each_answer_and_a_brick_for_each_rest(self, els: Browser) -> None:
        with els.app.test_request_context():
            picture = draw(self.weeks())
            rows = [(row.week, str(row.how), row.relief) for row in picture.rows]
        assert [float(point.split()[1]) for point in picture.line[1:].split("L")] == [14, 104, 44]
        assert picture.dots.count("z") == 3 and picture.bricks.count("z") == 3
        assert rows == [
            (45, "Het gaat goed", 0),
            (46, "Het is te veel", 0),
            (47, "geen antwoord", 0),
            (48, "Het gaat wel", 3),
        ]

    def it_says_what_happened_in_words(self, els: Browser) -> None:
        with els.app.test_request_context():
            said = [str(sentence) for sentence in draw(self.weeks()).words]
        assert said == [
            "Op maandag 23 november zei u: het gaat wel.",
            "Week 46 was het zwaarst: het is te veel.",
            "In deze weken had u 3 dagdelen en nachten rust.",
        ]

    def it_stands_on_the_home_page_with_its_text_and_table(
        self, els: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        assert self.pictures(els.get("/mantelzorg")) == []
        running = make_arrangement(db, make_relief(db, situation), volunteer_id=cast.bram.id)
        make_booking(db, running, situation, utcnow() - timedelta(hours=5), state="used")
        strain.answer(db, situation, dict.fromkeys(QUESTIONS, 1), now=utcnow())
        db.commit()
        page = els.get("/mantelzorg")
        (picture,) = self.pictures(page)
        ids = {element.get("id") for element in page.root.iter()}
        assert set(picture.get("aria-labelledby").split()) <= ids
        assert "zei u: het gaat wel." in page.words and "Bekijk als tabel" in page.words
