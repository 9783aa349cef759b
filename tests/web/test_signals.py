"""Signals and figures at the desk: why, what next, done; and who sees what."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from matching.models import CareSituation, DataLook, RespijtFigures, RespijtSignal, StrainCheck
from matching.models.base import utcnow
from matching.services import respijt_figures, signals
from matching.services.signal_rules import KINDS
from matching.workflow import CareState
from tests.browse import Browser, Page
from tests.caring import make_relief, make_situation
from tests.matching.test_respijt_figures import carers as make_carers
from tests.matching.test_respijt_figures import entitle, give_relief
from tests.people import BLOEMENKWARTIER, HILVERSUM, MONDAY, Cast, make_person
from web import signal_words
from web.i18n import today

TODAY, PAGE, FIGURES = "/werkplek", "/werkplek/signalen", "/werkplek/respijtcijfers"


def links(page: Page) -> list[str]:
    return [str(a.get("href")) for a in page.all("a")]


def raise_all(db: Session) -> None:
    signals.run(db, today=today(), now=utcnow())
    db.commit()


@pytest.fixture
def late(db: Session, cast: Cast) -> CareSituation:
    """Els was asked three weeks ago how she is, and said nothing."""
    found = make_situation(db, cast.els, next_check_on=today() - timedelta(weeks=3))
    raise_all(db)
    return found


@pytest.fixture
def chantal(client: Browser, cast: Cast) -> Browser:
    return client.sign_in(cast.chantal)


class DescribeTheList:
    def it_says_why_and_what_to_do(self, chantal: Browser, late: CareSituation) -> None:
        page = chantal.get(PAGE)
        assert "Hoe gaat het met Els?" in page.words
        assert "3 weken terug. Wij kregen nog geen antwoord." in page.words
        assert "tel:+31612340005" in links(page)
        assert f"/werkplek/mantelzorg/{late.id}" in links(page)

    def it_reads_the_score_only_to_show_it(self, chantal: Browser, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        assert situation.id is not None and cast.els.id is not None
        db.add(
            StrainCheck(situation_id=situation.id, day=today(), instrument="own", recorded_by_id=cast.els.id,
                        result={"score": 10, "answers": [2, 2, 2, 2, 2, 0]}, at=utcnow())
        )  # fmt: skip
        raise_all(db)
        assert "10 van de 12 punten" in chantal.get(PAGE).words
        assert all(
            set(data) <= {"check", "day", "since", "had", "about"} for data in db.exec(select(RespijtSignal.data))
        )

    def it_opens_what_was_asked(self, chantal: Browser, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        weeks = timedelta(weeks=6)
        relief = make_relief(db, situation, created_at=utcnow() - weeks, first_day=today() - weeks)
        raise_all(db)
        page = chantal.get(PAGE)
        assert "Els was 6 weken niet vrij" in page.words
        assert f"/werkplek/respijt/{relief.id}" in links(page)

    def it_notes_every_name_as_a_look(self, chantal: Browser, db: Session, cast: Cast, late: CareSituation) -> None:
        chantal.get(PAGE)
        look = db.exec(select(DataLook)).one()
        assert (look.subject_id, look.viewer_id, look.activity) == (cast.els.id, cast.chantal.id, "signals")

    def it_hides_from_another_desk(self, client: Browser, cast: Cast, late: CareSituation) -> None:
        page = client.sign_in(cast.saskia).get(PAGE)
        assert "Els" not in page.words
        assert "Geen signalen" in page.words

    def it_filters_by_kind(self, chantal: Browser, late: CareSituation) -> None:
        assert "Hoe gaat het met Els?" in chantal.get(f"{PAGE}?soort=check_overdue").words
        assert "Hoe gaat het met Els?" not in chantal.get(f"{PAGE}?soort=no_relief").words
        assert "Hoe gaat het met Els?" in chantal.get(f"{PAGE}?soort=verzonnen&pagina=999&aantal=-3").words

    def it_asks_little_of_the_database_over_1400_known_carers(self, chantal: Browser, db: Session, cast: Cast) -> None:
        now = utcnow()
        for number in range(1400):
            carer = make_person(db, f"M{number}", "BU04020603", 3000 + number) if number < 40 else cast.els
            db.add(
                CareSituation(mantelzorger_id=carer.id, buurt_code="BU04020603", details={}, state=CareState.OPEN,
                              next_check_on=today() - timedelta(weeks=3), created_at=now, updated_at=now)
            )  # fmt: skip
        db.flush()
        raise_all(db)
        chantal.get(PAGE)
        with chantal.count_queries() as queries:
            page = chantal.get(PAGE)
        assert "1400 signalen" in page.words.replace(".", "")
        assert len(queries) < 12


class DescribeDone:
    def it_goes_from_the_list_and_stays_away(self, chantal: Browser, db: Session, late: CareSituation) -> None:
        key = db.exec(select(RespijtSignal.id)).one()
        page = chantal.post(f"{PAGE}/{key}/gedaan", follow=True)
        assert "Genoteerd." in page.text
        assert "Hoe gaat het met Els?" not in page.words
        raise_all(db)
        assert "Hoe gaat het met Els?" not in chantal.get(PAGE).words

    def it_says_when_a_colleague_was_before(self, chantal: Browser, db: Session, late: CareSituation) -> None:
        key = db.exec(select(RespijtSignal.id)).one()
        chantal.post(f"{PAGE}/{key}/gedaan")
        assert "Een collega was u net voor" in chantal.post(f"{PAGE}/{key}/gedaan", follow=True).text

    def it_goes_back_to_where_it_was_pressed(self, chantal: Browser, db: Session, late: CareSituation) -> None:
        key = db.exec(select(RespijtSignal.id)).one()
        page = chantal.post(f"{PAGE}/{key}/gedaan", {"terug": str(late.id)})
        assert page.location == f"/werkplek/mantelzorg/{late.id}#signalen"
        assert chantal.post(f"{PAGE}/{key}/gedaan", {"terug": "//boos.example"}).location == PAGE

    def it_rejects_get(self, chantal: Browser, db: Session, late: CareSituation) -> None:
        key = db.exec(select(RespijtSignal.id)).one()
        chantal.get(f"{PAGE}/{key}/gedaan", status=405)


def it_counts_on_the_page_of_today_without_names(client: Browser, db: Session, cast: Cast, late: CareSituation) -> None:
    page = client.sign_in(cast.chantal).get(TODAY)
    assert "Signalen over mantelzorgers" in page.words
    assert f"{PAGE}?soort=check_overdue" in links(page)
    assert db.exec(select(DataLook)).all() == []
    assert PAGE not in links(client.sign_in(cast.saskia).get(TODAY))


ROWS: list[tuple[str, dict[str, Any], str]] = [
    ("strain_rising", {"check": 0, "day": "2026-11-20"}, "heeft het zwaarder"),
    ("no_relief", {"since": "2026-01-01", "had": 1, "planned": "2027-01-01"}, "De volgende keer is op"),
    ("no_relief", {"since": "2026-01-01", "had": 0}, "De agenda is nog leeg."),
    ("cancelled_twice", {"first": "2026-11-02", "last": "2026-11-09"}, "Het ging niet door op"),
    ("stand_in_vog", {"volunteer": 0, "vog": 0, "until": "2020-01-01", "introduced": 0, "trained": 0, "others": 2},
     "Dat geldt ook voor nog 2 mensen."),
    ("stand_in_vog", {"volunteer": 0, "vog": 0, "introduced": 1, "trained": 1, "others": 0}, "Niemand heeft een VOG"),
    ("expiring_unused", {"entitlement": 0, "ends": "2026-12-31", "left": 4, "others": 1}, "Het loopt af op"),
    ("indication_ending", {"entitlement": 0, "ends": "2020-12-31", "others": 0}, "De indicatie van Els liep af"),
    ("indication_ending", {"entitlement": 0, "ends": "2999-12-31", "others": 0}, "Een nieuwe aanvragen duurt weken."),
    ("check_overdue", {"due": "2026-01-01"}, "Hoe gaat het met Els?"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "says"), ROWS)
def it_has_words_for_every_kind_even_when_what_it_names_is_gone(
    chantal: Browser, db: Session, cast: Cast, kind: str, data: dict[str, Any], says: str
) -> None:
    situation = make_situation(db, cast.els)
    assert situation.id is not None
    db.add(RespijtSignal(situation_id=situation.id, kind=kind, data=data, raised_at=utcnow()))
    db.commit()
    assert says in chantal.get(PAGE).words


def it_covers_every_kind() -> None:
    assert {kind for kind, _data, _says in ROWS} == set(KINDS) == set(signal_words.KINDS)


class DescribeFigures:
    @pytest.fixture
    def figures(self, db: Session, cast: Cast) -> None:
        situations = make_carers(db, 12) + make_carers(db, 14, BLOEMENKWARTIER, 100)
        for number, situation in enumerate(situations):
            entitle(db, situation, "wmo", "half_day", 10, 2, 3)
            if number % 2:
                give_relief(db, situation, 2)
        made = respijt_figures.calculate(db, HILVERSUM, today=MONDAY)
        respijt_figures.keep(db, HILVERSUM, made, now=utcnow())
        db.commit()

    def it_shows_what_was_counted(self, client: Browser, cast: Cast, figures: None) -> None:
        page = client.sign_in(cast.farid).get(FIGURES)
        assert "Wij kennen 26 mantelzorgers." in page.words
        assert "Er zijn er ongeveer 8.000, zegt de gemeente Hilversum (2020). Dat is een schatting." in page.words
        assert "1.040" in page.words
        assert 'aria-labelledby="uren-titel uren-tekst"' in page.text

    def it_shows_an_opbouwwerker_the_own_wijk(self, chantal: Browser, figures: None) -> None:
        page = chantal.get(FIGURES)
        assert "Oost" in page.words
        assert "Zuidwest" not in page.words

    def it_chooses_a_payer(self, chantal: Browser, figures: None) -> None:
        assert "Uren: De gemeente (Wmo)" in chantal.get(f"{FIGURES}?betaler=wmo").words
        assert "Uren: Alles samen" in chantal.get(f"{FIGURES}?betaler=boos").words

    def it_downloads_the_same_without_what_is_left_out(self, client: Browser, cast: Cast, figures: None) -> None:
        page = client.sign_in(cast.farid).get(f"{FIGURES}.csv")
        assert page.headers["Content-Type"].startswith("text/csv")
        rows = [line.split(";") for line in page.text.lstrip("\ufeff").splitlines()]
        assert {len(row) for row in rows} == {4}
        assert ["Mantelzorgers die wij kennen", "", "Heel Hilversum", "26"] in rows
        assert not any(row[0].startswith("Mantelzorgers") and row[3] in ("1", "2", "3", "4") for row in rows)

    def it_says_so_before_the_first_night(self, chantal: Browser, db: Session) -> None:
        assert "Nog geen cijfers" in chantal.get(FIGURES).words
        assert chantal.get(f"{FIGURES}.csv").text == ""
        assert db.exec(select(RespijtFigures).where(col(RespijtFigures.gemeente_code) == HILVERSUM)).all() == []

    def it_knows_no_figures_of_elsewhere(self, chantal: Browser, figures: None) -> None:
        chantal.get(f"{FIGURES}?gemeente=GM0406", status=404)
        chantal.get(f"{FIGURES}?gemeente=boos", status=404)
