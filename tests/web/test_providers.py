"""The directory of organisations: for everybody to read, for the desk to keep."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from matching.models import RespijtProvider
from tests.browse import Browser
from tests.caring import make_provider
from tests.people import BLOEMENKWARTIER, DRIFTBUURT, HILVERSUM, OOST, ZUID, Cast
from web.i18n import today

DESK, HERE = "/werkplek/aanbieders", "/mantelzorg/aanbieders"
FILLED: dict[str, Any] = {
    "gemeente": HILVERSUM,
    "name": "Dagcentrum De Egelantier",
    "forms": ["day_care", "meeting_centre"],
    "payers": ["wmo"],
    "buurt": DRIFTBUURT,
    "capacity": "12",
    "phone": "035 201 02 03",
    "url": "https://www.example.nl",
    "note": "Vervoer in overleg.",
}


@pytest.fixture
def chantal(client: Browser, cast: Cast) -> Browser:
    return client.sign_in(cast.chantal)


def kept(db: Session, name: str = FILLED["name"]) -> RespijtProvider:
    return db.exec(select(RespijtProvider).where(RespijtProvider.name == name)).one()


class DescribeReading:
    def it_is_there_for_everybody(self, client: Browser, db: Session) -> None:
        make_provider(db, note="Ook in het weekend.")
        db.commit()
        page = client.get(HERE)
        assert page.h1 == "Wat is er in Hilversum?"
        assert "Logeerhuis Zonnestraal Voorbeeld, bestaat niet echt" in page.words
        assert "Wie kan betalen: De gemeente (Wmo), Uw aanvullende verzekering." in page.words
        assert page.all("a", href="tel:0352010203")

    def it_shows_what_fits(self, client: Browser, db: Session) -> None:
        make_provider(db, "Logeerhuis")
        make_provider(db, "Boerderij", forms=["care_farm"], payers=["own"], buurt_code=BLOEMENKWARTIER)
        db.commit()
        assert "Boerderij" in client.get(f"{HERE}?vorm=care_farm").words
        assert "Logeerhuis Voorbeeld" not in client.get(f"{HERE}?vorm=care_farm").words
        assert "Boerderij Voorbeeld" not in client.get(f"{HERE}?wijk={OOST}").words
        assert "Boerderij Voorbeeld" in client.get(f"{HERE}?wijk={ZUID}").words
        assert "Zoiets kennen wij nog niet" in client.get(f"{HERE}?betaler=jeugdwet").words

    def it_shows_everything_for_what_cannot_be_chosen(self, client: Browser, db: Session) -> None:
        make_provider(db)
        db.commit()
        for query in ("vorm=sauna", "betaler=%00", "wijk=WK999999", "vorm=" + "x" * 500):
            assert "1 organisatie." in client.get(f"{HERE}?{query}").words


class DescribeKeeping:
    def it_works(self, chantal: Browser, db: Session) -> None:
        page = chantal.post(f"{DESK}/nieuw", FILLED, follow=True)
        made = kept(db)
        assert (made.phone, made.capacity, made.buurt_code) == ("+31352010203", 12, DRIFTBUURT)
        assert (made.last_checked_on, made.is_example) == (today(), False)
        assert "Dagopvang, Ontmoetingsplek" in page.words
        assert "12 plekken per dag" in page.words
        assert "Voorbeeld" not in page.words

    @pytest.mark.parametrize(
        ("change", "field", "sentence"),
        [
            ({"name": ""}, "name", "Vul de naam van de organisatie in."),
            ({"forms": []}, "forms", "Kies minstens één ding dat zij doen."),
            ({"payers": []}, "payers", "Kies minstens één die kan betalen."),
            ({"capacity": "-3"}, "capacity", "Vul een heel getal in tussen 1 en 999."),
            ({"capacity": "2,5"}, "capacity", "Vul een heel getal in tussen 1 en 999."),
            ({"phone": "12"}, "phone", "Dit telefoonnummer klopt nog niet."),
            ({"url": "javascript:alert(1)"}, "url", "Dit is geen heel webadres."),
            ({"note": "x" * 301}, "note", "Maak het korter"),
        ],
    )
    def it_says_at_the_field_what_to_do_and_loses_nothing(
        self, chantal: Browser, db: Session, change: dict[str, object], field: str, sentence: str
    ) -> None:
        data = FILLED | change
        page = chantal.post(f"{DESK}/nieuw", data, status=422)
        assert sentence in page.errors()[field]
        shown = page.form_values()
        assert all(shown[name] == [data[name]] for name in ("name", "capacity", "phone", "url", "note"))
        assert db.exec(select(RespijtProvider)).all() == []

    def it_changes_one_and_that_counts_as_checked(self, chantal: Browser, db: Session) -> None:
        made = make_provider(db, last_checked_on=today() - timedelta(days=200))
        db.commit()
        assert chantal.get(f"{DESK}/{made.id}").h1 == made.name
        chantal.post(f"{DESK}/{made.id}", FILLED | {"name": made.name}, status=302)
        found = kept(db, made.name)
        assert (found.note, found.forms, found.last_checked_on) == ("Vervoer in overleg.", FILLED["forms"], today())
        page = chantal.post(f"{DESK}/{made.id}", FILLED | {"name": ""}, status=422)
        assert page.errors()["name"] == "Vul de naam van de organisatie in."

    def it_marks_what_nobody_checked_for_half_a_year(self, chantal: Browser, db: Session) -> None:
        made = make_provider(db, last_checked_on=today() - timedelta(days=181))
        db.commit()
        page = chantal.get(DESK)
        assert "Bij 1 keek een half jaar niemand of het klopt." in page.words
        assert "Vraag of dit nog klopt" in page.words
        page = chantal.post(f"{DESK}/{made.id}/klopt", follow=True)
        assert "Vraag of dit nog klopt" not in page.words
        assert kept(db, made.name).last_checked_on == today()

    def it_leaves_the_directory(self, chantal: Browser, db: Session) -> None:
        made = make_provider(db)
        db.commit()
        page = chantal.post(f"{DESK}/{made.id}/weg", follow=True)
        assert "Hier staat nog niets" in page.words
        assert kept(db, made.name).retired_at is not None
        chantal.get(f"{DESK}/{made.id}", status=404)
        chantal.post(f"{DESK}/{made.id}/klopt", status=404)

    def it_requires_the_desk(self, client: Browser, cast: Cast) -> None:
        assert "/inloggen" in client.get(DESK, status=302).location
        els = client.another().sign_in(cast.els)
        els.get(DESK, status=403)
        els.post(f"{DESK}/nieuw", FILLED, status=403)

    def it_rejects_get(self, chantal: Browser, db: Session) -> None:
        made = make_provider(db)
        db.commit()
        for step in ("klopt", "weg"):
            chantal.get(f"{DESK}/{made.id}/{step}", status=405)

    @settings(
        max_examples=50,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        data=st.dictionaries(
            st.sampled_from(sorted(FILLED)),
            st.lists(
                st.one_of(st.text(max_size=30), st.sampled_from(["\0", "9" * 25, "٣", "https://[", HILVERSUM, "own"])),
                max_size=3,
            ),
        )
    )
    def it_never_breaks_on_anything_sent(self, chantal: Browser, data: dict[str, list[str]]) -> None:
        assert chantal.post(f"{DESK}/nieuw", FILLED | data).status in (302, 422)
