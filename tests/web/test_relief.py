"""Even vrij: Els asks, calls for help, reads where it stands; Chantal takes it up and refers it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from matching.models import Arrangement, CareSituation, DataLook, OutboxMessage, ReliefRequest, RespijtProvider
from matching.models.base import utcnow
from matching.respijt_catalogue import FORMS
from matching.services import relief
from matching.services import relief_rules as rules
from matching.workflow import ArrangementState, CareState, ReliefState
from tests.browse import Browser, Page
from tests.caring import make_arrangement, make_provider, make_relief, make_situation
from tests.people import BLOEMENKWARTIER, Cast
from web import relief_words
from web.forms.fields import plain
from web.i18n import day_text, today

DESK = "/werkplek/respijt"
WORDS = "Dinsdag zing ik in een koor."


@pytest.fixture
def situation(db: Session, cast: Cast) -> CareSituation:
    made = make_situation(db, cast.els)
    db.commit()
    return made


@pytest.fixture
def provider(db: Session) -> RespijtProvider:
    made = make_provider(db, last_checked_on=today())
    db.commit()
    return made


@pytest.fixture
def els(client: Browser, cast: Cast) -> Browser:
    return client.sign_in(cast.els)


@pytest.fixture
def chantal(client: Browser, cast: Cast) -> Browser:
    return client.another().sign_in(cast.chantal)


def ask_path(situation: CareSituation) -> str:
    return f"/mantelzorg/{situation.id}/even-vrij"


def now_path(situation: CareSituation) -> str:
    return f"/mantelzorg/{situation.id}/nu-hulp"


def asked(**changes: Any) -> dict[str, Any]:
    """Every Tuesday afternoon by a volunteer, from next week on."""
    usual = {
        "form": "home_volunteer",
        "rhythm": "weekly",
        "nth": "1",
        "slots": ["tue-afternoon"],
        "minutes": "0",
        "first_day": (today() + timedelta(days=7)).isoformat(),
        "last_day": "",
        "urgency": "normal",
        "words": WORDS,
    }
    return usual | changes


def waiting(db: Session, situation: CareSituation, **facts: Any) -> ReliefRequest:
    usual = {"first_day": today() + timedelta(days=7), "created_at": utcnow(), "updated_at": utcnow()}
    made = make_relief(db, situation, **(usual | facts))
    db.commit()
    return made


def requests(db: Session) -> list[ReliefRequest]:
    return list(db.exec(select(ReliefRequest).order_by(ReliefRequest.id)).all())  # type: ignore[arg-type]  # a column


def link(page: Page, href: str) -> bool:
    return any(each.get("href") == href for each in page.all("a"))


class DescribeAsking:
    def it_works(self, els: Browser, db: Session, situation: CareSituation) -> None:
        page = els.get(ask_path(situation))
        assert page.h1 == "Even vrij"
        page = els.post(ask_path(situation), asked(), follow=True)
        (made,) = requests(db)
        assert (made.rrule, made.minutes, made.words) == ("FREQ=WEEKLY;BYDAY=TU", 180, WORDS)
        assert page.h1 == "Thuis, door een vrijwilliger"
        assert "Wij hebben uw vraag" in page.words
        assert "Elke week, dinsdagmiddag" in page.words
        assert "Chantal kijkt ernaar. U hoort van ons binnen vijf werkdagen." in page.words

    def it_requires_login(self, client: Browser, situation: CareSituation) -> None:
        assert "/inloggen" in client.get(ask_path(situation), status=302).location

    def it_hides_from_strangers(self, chantal: Browser, db: Session, situation: CareSituation) -> None:
        made = waiting(db, situation)
        for path in (ask_path(situation), now_path(situation), f"/mantelzorg/even-vrij/{made.id}"):
            chantal.get(path, status=404)
        chantal.post(f"/mantelzorg/even-vrij/{made.id}/intrekken", status=404)
        assert db.get_one(ReliefRequest, made.id).state == ReliefState.ASKED

    @pytest.mark.parametrize("form", FORMS)
    def it_takes_every_form_there_is(self, els: Browser, db: Session, situation: CareSituation, form: str) -> None:
        until = (today() + timedelta(days=10)).isoformat()
        els.post(ask_path(situation), asked(form=form, rhythm="once", slots=[], last_day=until), status=302)
        assert [row.form for row in requests(db)] == [form]

    def it_thinks_along_with_whoever_does_not_know(self, els: Browser, db: Session, situation: CareSituation) -> None:
        page = els.post(ask_path(situation), asked(form="unsure"), follow=True)
        assert requests(db)[0].form == ""
        assert page.h1 == "Wij denken mee over wat past"

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"rhythm": "fortnightly"}, "Elke twee weken, dinsdagmiddag"),
            ({"rhythm": "weekend", "nth": "-1", "slots": []}, "Elk laatste weekend van de maand"),
            ({"rhythm": "monthly", "nth": "2"}, "Elke tweede dinsdagmiddag van de maand"),
        ],
    )
    def it_says_each_rhythm_back_in_words(
        self, els: Browser, situation: CareSituation, changes: dict[str, Any], words: str
    ) -> None:
        assert words in els.post(ask_path(situation), asked(form="guest_house", **changes), follow=True).words

    @pytest.mark.parametrize(
        ("changes", "field", "sentence"),
        [
            ({"form": None}, "form", "Kies wat u zou helpen."),
            ({"rhythm": None}, "rhythm", "Kies hoe vaak u het wilt."),
            ({"slots": []}, "slots", "Kies een of meer momenten"),
            ({"first_day": ""}, "first_day", "Kies de eerste dag."),
            ({"first_day": "2020-01-01"}, "first_day", "Deze dag is al voorbij."),
            ({"first_day": "31-02-2027"}, "first_day", "Deze dag bestaat niet."),
            ({"last_day": "2020-01-01"}, "last_day", "De laatste dag komt voor de eerste."),
            ({"form": "holiday"}, "rhythm", "Dit is voor een paar dagen achter elkaar."),
            ({"form": "holiday", "rhythm": "once", "slots": []}, "last_day", "Dit duurt minstens 3 dagen."),
            ({"words": "Bel 06 12 34 56 78"}, "words", "telefoonnummer: 06 12 34 56 78"),
            ({"words": "BSN 111222333"}, "words", "BSN"),
            ({"urgency": "ooit"}, "urgency", "Kies hoeveel haast erbij is."),
        ],
    )
    def it_says_at_the_field_what_to_do_and_loses_nothing(
        self, els: Browser, db: Session, situation: CareSituation, changes: dict[str, Any], field: str, sentence: str
    ) -> None:
        data = {name: value for name, value in asked(**changes).items() if value is not None}
        page = els.post(ask_path(situation), data, status=422)
        assert sentence in page.errors()[field]
        kept = page.form_values(None)
        assert kept["words"] == [data["words"]]
        assert kept["first_day"] == [data["first_day"]]
        assert kept.get("slots", []) == data["slots"]
        assert requests(db) == []

    def it_sends_nobody_home_without_the_second_yes(self, els: Browser, db: Session, cast: Cast) -> None:
        alone = make_situation(db, cast.els, cared_for_consent_id=None)
        db.commit()
        page = els.post(ask_path(alone), asked(), status=422)
        assert "moet uw naaste het eerst goed vinden" in page.errors()["form"]
        els.post(ask_path(alone), asked(form="unsure"), status=302)

    def it_is_one_request_when_sent_twice(self, els: Browser, db: Session, situation: CareSituation) -> None:
        first = els.post(ask_path(situation), asked(), status=302)
        page = els.post(ask_path(situation), asked(), follow=True)
        assert len(requests(db)) == 1
        assert first.location.startswith(f"/mantelzorg/even-vrij/{requests(db)[0].id}")
        assert "U hebt deze vraag al gesteld." in page.text

    def it_tells_the_desk_at_once_when_words_worry_us(
        self, els: Browser, db: Session, situation: CareSituation
    ) -> None:
        page = els.post(ask_path(situation), asked(words="Ik wil niet meer leven."), follow=True)
        assert "Bel 113" in page.words
        assert db.exec(select(OutboxMessage).where(OutboxMessage.template == "relief_now")).one()

    def it_arranges_nothing_for_a_closed_situation(self, els: Browser, db: Session, cast: Cast) -> None:
        closed = make_situation(db, cast.els, state=CareState.CLOSED, closed_at=utcnow(), closed_reason="recovered")
        db.commit()
        for path in (ask_path(closed), now_path(closed)):
            assert els.get(path, status=302).location.endswith(f"/{closed.id}/gegevens")
            els.post(path, asked(need="here"), status=302)
        assert requests(db) == []


VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "-1", "0", "9" * 30, "2026-13-01", "0001-01-01", "9999-12-31", "\0", "٣", "tue-afternoon"]),
    st.sampled_from([*FORMS, *rules.RHYTHMS, *rules.URGENCIES, *rules.NEEDS]),
)
NAMES = ("form", "rhythm", "nth", "slots", "minutes", "first_day", "last_day", "urgency", "words", "need")
FUZZED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class DescribeAnythingSent:
    @FUZZED
    @given(data=st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, max_size=3)))
    def it_never_breaks_and_shows_back_what_was_typed(
        self, els: Browser, situation: CareSituation, data: dict[str, list[str]]
    ) -> None:
        page = els.post(ask_path(situation), asked() | data)
        assert page.status in (200, 302) or 400 <= page.status < 500
        if page.status == 422:
            typed = plain(next(iter(data.get("words", [WORDS])), "")) or ""
            assert page.form_values()["words"] == [typed]

    @FUZZED
    @given(data=st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, max_size=2)))
    def it_takes_any_call_for_help(self, els: Browser, situation: CareSituation, data: dict[str, list[str]]) -> None:
        page = els.post(now_path(situation), {"need": "here"} | data)
        assert page.status in (302, 422)


class DescribeHelpNow:
    def it_reaches_a_human_with_one_choice(
        self, els: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        page = els.get(now_path(situation))
        assert page.h1 == "Ik heb nu hulp nodig"
        assert "Chantal" in page.text
        page = els.post(now_path(situation), {"need": "here", "words": "Bel 06 12 34 56 78"}, follow=True)
        (made,) = requests(db)
        assert (made.urgency, made.need, made.words) == ("now", "here", "Bel 06 12 34 56 78")
        assert page.h1 == "Nu hulp"
        assert "Iemand moet het thuis overnemen" in page.words
        sent = db.exec(select(OutboxMessage).where(OutboxMessage.template == "relief_now")).one()
        assert sent.account_id == cast.chantal.id

    def it_asks_for_a_choice_and_keeps_the_line(self, els: Browser, db: Session, situation: CareSituation) -> None:
        page = els.post(now_path(situation), {"words": "Ik val om."}, status=422)
        assert page.errors()["need"] == "Kies wat u nu het meest nodig hebt."
        assert page.form_values(None)["words"] == ["Ik val om."]
        assert requests(db) == []

    def it_says_by_day_who_calls_today(self, app: Flask) -> None:
        with app.test_request_context(headers={"Accept-Language": "nl"}):
            said = relief_words.reads_when(["Chantal"], rules.desk_opens(datetime(2026, 11, 23, 9, 0, tzinfo=UTC)))
            assert said == "Chantal, van uw buurt, krijgt nu een bericht en belt u vandaag."

    def it_says_by_night_that_nobody_is_at_work(self, app: Flask) -> None:
        monday = datetime(2030, 6, 3, 7, 0, tzinfo=UTC)
        with app.test_request_context(headers={"Accept-Language": "nl"}):
            said = relief_words.reads_when(["Chantal"], monday)
            assert said.startswith("Er is nu niemand aan het werk. Chantal leest dit op maandag 3 juni")
            assert said.endswith("vanaf 9.00 uur, en belt u dan.")

    @pytest.mark.parametrize(
        ("now", "there", "not_there"),
        [
            (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), "Bel uw huisarts.", "huisartsenpost"),
            (datetime(2026, 11, 22, 2, 0, tzinfo=UTC), "huisartsenpost", "Bel uw huisarts."),
        ],
    )
    def it_says_something_else_by_day_and_by_night(
        self,
        els: Browser,
        situation: CareSituation,
        monkeypatch: pytest.MonkeyPatch,
        now: datetime,
        there: str,
        not_there: str,
    ) -> None:
        monkeypatch.setattr("web.views.care.relief.utcnow", lambda: now)
        words = els.get(now_path(situation)).words
        assert there in words
        assert not_there not in words
        assert "112" in words


class DescribeWhereItStands:
    def it_says_who_looks_and_what_comes(
        self, els: Browser, db: Session, cast: Cast, situation: CareSituation, provider: RespijtProvider
    ) -> None:
        made = waiting(
            db,
            situation,
            form="guest_house",
            state=ReliefState.ARRANGING,
            taken_by_id=cast.chantal.id,
            taken_at=utcnow(),
        )
        make_arrangement(db, made, provider_id=provider.id, state=ArrangementState.WAITING, created_at=utcnow())
        db.commit()
        page = els.get(f"/mantelzorg/even-vrij/{made.id}")
        assert "Chantal regelt het met u" in page.words
        assert f"U staat op de wachtlijst van {provider.name}." in page.words
        assert day_text(today()) in page.words

    def it_is_taken_back_after_one_question(self, els: Browser, db: Session, situation: CareSituation) -> None:
        made = waiting(db, situation)
        path = f"/mantelzorg/even-vrij/{made.id}/intrekken"
        assert "Wilt u dit intrekken?" in els.get(path).h1
        assert db.get_one(ReliefRequest, made.id).state == ReliefState.ASKED
        page = els.post(path, follow=True)
        assert "U trok dit in" in page.words
        assert db.get_one(ReliefRequest, made.id).state == ReliefState.WITHDRAWN
        assert els.post(path, status=302).location == f"/mantelzorg/even-vrij/{made.id}"
        assert els.get(path, status=302).location == f"/mantelzorg/even-vrij/{made.id}"

    def it_says_why_it_was_closed(self, els: Browser, db: Session, situation: CareSituation) -> None:
        made = waiting(db, situation, state=ReliefState.CLOSED, ended_at=utcnow(), end_reason="solved")
        assert "Het lukte op een andere manier." in els.get(f"/mantelzorg/even-vrij/{made.id}").words


class DescribeTheDesk:
    def it_shows_who_needs_help_now_first_and_logs_each_look(
        self, chantal: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        waiting(db, situation, created_at=utcnow() - timedelta(weeks=3))
        relief.ask_now(db, situation, need="here", words="", by=cast.els.id or 0, now=utcnow())
        db.commit()
        page = chantal.get(DESK)
        first, second = (each for each in page.all("tr") if "Els" in "".join(each.itertext()))
        assert "Iemand moet het thuis overnemen." in "".join(first.itertext())
        assert "Al 3 weken" in "".join(second.itertext())
        looked = db.exec(select(DataLook)).all()
        assert {(look.activity, look.subject_id) for look in looked} == {("relief.list", cast.els.id)}

    def it_asks_few_questions_of_the_database(
        self, chantal: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        for weeks in range(12):
            waiting(db, situation, form="day_care", created_at=utcnow() - timedelta(weeks=weeks))
        chantal.get(DESK)
        with chantal.count_queries() as seen:
            chantal.get(DESK)
        assert len(seen) <= 10, seen

    def it_shows_nothing_of_another_buurt(self, chantal: Browser, db: Session, cast: Cast) -> None:
        elsewhere = waiting(db, make_situation(db, cast.daan, BLOEMENKWARTIER))
        assert "Niemand wacht op even vrij" in chantal.get(DESK).words
        chantal.get(f"{DESK}/{elsewhere.id}", status=404)
        chantal.post(f"{DESK}/{elsewhere.id}/oppakken", status=404)

    def it_shows_one_request_with_its_words_and_logs_the_look(
        self, chantal: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        made = waiting(db, situation, words=WORDS)
        page = chantal.get(f"{DESK}/{made.id}")
        assert WORDS in page.words
        looked = db.exec(select(DataLook)).one()
        assert (looked.activity, looked.viewer_id, looked.situation_id) == ("relief.one", cast.chantal.id, situation.id)

    def it_is_taken_up_by_one_and_the_other_hears_who(
        self, chantal: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        made = waiting(db, situation)
        chantal.post(f"{DESK}/{made.id}/oppakken", status=302)
        assert db.get_one(ReliefRequest, made.id).taken_by_id == cast.chantal.id
        farid = chantal.another().sign_in(cast.farid)
        assert "Chantal pakte dit net iets eerder op" in farid.post(f"{DESK}/{made.id}/oppakken", follow=True).text
        assert db.get_one(ReliefRequest, made.id).taken_by_id == cast.chantal.id

    def it_chooses_a_form_and_settles_on_a_moment(
        self, chantal: Browser, db: Session, situation: CareSituation
    ) -> None:
        made = waiting(db, situation, form="", rrule="FREQ=WEEKLY", slots=1 << 5 | 1 << 13, state="arranging")
        path = f"{DESK}/{made.id}"
        page = chantal.get(path)
        assert "Kies het samen met de mantelzorger." in page.words
        chantal.post(f"{path}/vorm", {"form": "sauna"}, status=422)
        chantal.post(f"{path}/vorm", {"form": "day_care"}, status=302)
        chantal.post(f"{path}/moment", {"slot": "mon-morning"}, status=422)
        chantal.post(f"{path}/moment", {"slot": "thu-afternoon"}, status=302)
        found = db.get_one(ReliefRequest, made.id)
        assert (found.form, found.rrule, found.slots) == ("day_care", "FREQ=WEEKLY;BYDAY=TH", 1 << 13)

    def it_looks_for_a_volunteer_where_that_was_asked(
        self, chantal: Browser, db: Session, situation: CareSituation
    ) -> None:
        made = waiting(db, situation, state=ReliefState.ARRANGING)
        assert "Een vrijwilliger aan huis" in chantal.get(f"{DESK}/{made.id}").words

    def it_closes_with_a_reason(self, chantal: Browser, db: Session, situation: CareSituation) -> None:
        made = waiting(db, situation)
        chantal.post(f"{DESK}/{made.id}/sluiten", {"reason": "zomaar"}, status=422)
        chantal.post(f"{DESK}/{made.id}/sluiten", {"reason": "solved"}, status=302)
        assert db.get_one(ReliefRequest, made.id).state == ReliefState.CLOSED
        page = chantal.post(f"{DESK}/{made.id}/sluiten", {"reason": "solved"}, follow=True)
        assert "veranderd" in page.text

    def it_rejects_get(self, chantal: Browser, db: Session, situation: CareSituation) -> None:
        made = waiting(db, situation)
        for step in ("oppakken", "vorm", "moment", "verwijzen", "sluiten"):
            chantal.get(f"{DESK}/{made.id}/{step}", status=405)


class DescribeReferring:
    def it_goes_from_a_question_to_a_place(
        self, chantal: Browser, db: Session, situation: CareSituation, provider: RespijtProvider
    ) -> None:
        made = waiting(db, situation, form="guest_house", rrule="", state=ReliefState.ARRANGING)
        path = f"{DESK}/{made.id}"
        page = chantal.get(path)
        assert f"{provider.name} Voorbeeld, bestaat niet echt" in page.words
        page = chantal.submit(page, f"{path}/verwijzen", action=f"{path}/verwijzen", words="Belt terug.")
        (referral,) = db.exec(select(Arrangement)).all()
        assert (referral.state, referral.words) == (ArrangementState.PROPOSED, "Belt terug.")
        assert referral.follow_up_on is not None
        assert referral.follow_up_on > today()
        steps = f"{DESK}/verwijzing/{referral.id}"
        later = (today() + timedelta(days=30)).isoformat()
        page = chantal.post(f"{steps}/wachtlijst", {"follow_up_on": later}, follow=True)
        assert "Op de wachtlijst" in page.words
        page = chantal.post(f"{steps}/plek", follow=True)
        assert "Er is plek" in page.words
        assert db.get_one(ReliefRequest, made.id).state == ReliefState.RUNNING
        page = chantal.post(f"{steps}/stopt", {"reason": "stopped"}, follow=True)
        assert db.get_one(ReliefRequest, made.id).state == ReliefState.ARRANGING
        assert "De organisatie stopt" in page.words

    @pytest.mark.parametrize(
        ("step", "data", "sentence"),
        [
            ("wachtlijst", {"follow_up_on": "gisteren"}, "Deze dag bestaat niet."),
            ("later", {"follow_up_on": "2020-01-01"}, "Deze dag is al voorbij."),
            ("nee", {"reason": "zomaar"}, "Kies uit de lijst."),
            ("stopt", {"reason": "other"}, "veranderd"),
        ],
    )
    def it_says_what_to_do_and_changes_nothing(
        self,
        chantal: Browser,
        db: Session,
        situation: CareSituation,
        provider: RespijtProvider,
        step: str,
        data: dict[str, str],
        sentence: str,
    ) -> None:
        made = waiting(db, situation, form="guest_house", state=ReliefState.ARRANGING)
        referral = make_arrangement(db, made, provider_id=provider.id, state=ArrangementState.PROPOSED)
        db.commit()
        page = chantal.post(f"{DESK}/verwijzing/{referral.id}/{step}", data, follow=True)
        assert sentence in page.text
        assert db.get_one(Arrangement, referral.id).state == ArrangementState.PROPOSED

    def it_shows_at_the_top_of_the_list_that_it_is_time_to_ask(
        self, chantal: Browser, db: Session, situation: CareSituation, provider: RespijtProvider
    ) -> None:
        made = waiting(db, situation, form="guest_house", state=ReliefState.ARRANGING)
        make_arrangement(db, made, provider_id=provider.id, state="proposed", follow_up_on=today())
        db.commit()
        assert "Vraag hoe het ervoor staat" in chantal.get(DESK).words

    def it_refuses_a_day_that_is_over_and_keeps_what_was_typed(
        self, chantal: Browser, db: Session, situation: CareSituation, provider: RespijtProvider
    ) -> None:
        made = waiting(db, situation, form="guest_house", state=ReliefState.ARRANGING)
        data = {"provider": str(provider.id), "follow_up_on": date(2020, 1, 1).isoformat(), "words": "Belt terug."}
        page = chantal.post(f"{DESK}/{made.id}/verwijzen", data, status=422)
        assert "Deze dag is al voorbij." in page.errors()["follow_up_on"]
        assert page.form_values(f"{DESK}/{made.id}/verwijzen")["words"] == ["Belt terug."]
        assert db.exec(select(Arrangement)).all() == []
