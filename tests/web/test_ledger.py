"""What time off is left, on the pages of the mantelzorger and of the desk, and as files."""

import csv
import re
import zipfile
from datetime import date, timedelta
from io import BytesIO, StringIO
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from matching.errors import Invalid
from matching.models import CareSituation, DataLook, Entitlement, LedgerLine, RespijtBooking
from matching.models.base import utcnow
from matching.services import care, ledger
from matching.services.ledger_rules import NoEntitlement, TooLittleLeft, YearFull
from tests.browse import Browser, Page
from tests.caring import make_arrangement, make_booking, make_five_years, make_provider, make_relief, make_situation
from tests.people import Cast
from web import ledger_export, ledger_words
from web.i18n import today

NEW_YEAR = date(today().year, 1, 1)
DECEMBER = date(today().year, 12, 31)


@pytest.fixture
def situation(db: Session, cast: Cast) -> CareSituation:
    """Els's care situation."""
    made = make_situation(db, cast.els)
    db.commit()
    return made


def grant(db: Session, situation: CareSituation, by: int | None, **facts: Any) -> Entitlement:
    """Fourteen nights in a guest house, paid by the gemeente, this year."""
    usual: dict[str, Any] = {
        "payer": "wmo",
        "form": "guest_house",
        "unit": "night",
        "units": 14,
        "first_day": NEW_YEAR,
        "last_day": DECEMBER,
        "indication_ends": None,
        "now": utcnow(),
    }
    made = ledger.add_entitlement(db, situation, by=by or 0, **(usual | facts))
    db.commit()
    return made


def plan(db: Session, situation: CareSituation, *, days: int = 1, nights: int = 3, payer: str = "wmo") -> None:
    """A stay in the guest house, so many days from now."""
    relief = make_relief(db, situation, form="guest_house")
    arrangement = make_arrangement(db, relief, provider_id=make_provider(db).id)
    starts_at = utcnow().replace(hour=14, minute=0, second=0, microsecond=0) + timedelta(days=days)
    ends_at = starts_at + timedelta(hours=24 * nights - 4)
    booking = make_booking(db, arrangement, situation, starts_at, ends_at=ends_at, payer=payer)
    ledger.plan(db, booking, by=None, now=utcnow())
    db.commit()


def over(situation: CareSituation, rest: str = "") -> str:
    return f"/mantelzorg/{situation.id}/over{rest}"


def right(situation: CareSituation, rest: str = "") -> str:
    return f"/werkplek/mantelzorg/{situation.id}/recht{rest}"


def walls(page: Page) -> list[dict[str, int]]:
    """What is drawn for each entitlement: how many bricks of each kind. The legend is left out."""
    drawn = re.findall(r'<svg class="oz-bricks" viewBox="-1 -1 336.5.*?</svg>', page.text, re.DOTALL)
    paths = [re.findall(r'class="is-(\w+)"[^>]* d="([^"]*)"', wall) for wall in drawn]
    return [{kind: path.count("M") for kind, path in wall} for wall in paths]


def later_moments(page: Page, prefix: str) -> list[str]:
    """The links to moments on a page, in order."""
    return [link.get("href") for link in page.all("a") if (link.get("href") or "").startswith(prefix)]


def around_new_year(**facts: Any) -> dict[str, Any]:
    """A period that holds the coming days, whatever day it is."""
    return {"last_day": DECEMBER + timedelta(days=90)} | facts


PERIOD = {"first_day": NEW_YEAR.isoformat(), "last_day": DECEMBER.isoformat()}
INSURED = {"payer": "insurance", "form": "guest_house", "unit": "night", "units": "14", **PERIOD}
DECIDED = {"payer": "wmo", "form": "any", "unit": "half_day", "units": "24", "indication_ends": "", **PERIOD}


class DescribeWhatIsLeft:
    def it_invites_when_nothing_is_written_down(self, client: Browser, cast: Cast, situation: CareSituation) -> None:
        page = client.sign_in(cast.els).get(over(situation))
        assert page.h1 == "Tijd voor uzelf: wat is er over?"
        assert "Er staat niets wat u nu kunt gebruiken" in page.words
        assert walls(page) == []

    def it_shows_granted_planned_used_and_left(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        grant(db, situation, cast.chantal.id, **around_new_year())
        plan(db, situation)
        page = client.sign_in(cast.els).get(over(situation))
        assert "Logeerhuis De gemeente (Wmo)" in page.words
        assert "11 nachten over" in page.words
        assert "Gekregen14Gebruikt0Gepland3" in page.words.replace(" ", "")
        assert walls(page) == [{"planned": 3, "left": 11}]
        assert "3 nachten gepland" in page.words
        assert "-3" in page.words

    def it_says_what_expires_within_sixty_days(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        soon, later = today() + timedelta(days=60), today() + timedelta(days=61)
        grant(db, situation, cast.chantal.id, last_day=soon)
        grant(db, situation, cast.chantal.id, last_day=later, form="night_care")
        page = client.sign_in(cast.els).get(over(situation))
        assert page.words.count("Vervalt op") == 1
        assert f"Vervalt op {ledger_words._day_text(soon, 'nl', today().year)}" in page.words

    def it_puts_what_has_ended_behind_a_summary(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        past = {"first_day": today() - timedelta(days=400), "last_day": today() - timedelta(days=30)}
        grant(db, situation, cast.chantal.id, **past)
        page = client.sign_in(cast.els).get(over(situation))
        assert "Voorbij sinds" in page.words
        assert "Vervalt op" not in page.words
        assert "Er staat niets wat u nu kunt gebruiken" in page.words

    def it_draws_a_bar_where_bricks_would_be_too_many(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        grant(db, situation, cast.chantal.id, units=156, payer="wlz", **around_new_year(last_day=DECEMBER))
        page = client.sign_in(cast.els).get(over(situation))
        assert walls(page) == [{"left": 1}]
        assert "156 nachten over" in page.words

    def it_pages_the_lines_and_needs_few_queries(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        make_five_years(db, situation, cast.chantal, until=utcnow())
        db.commit()
        browser = client.sign_in(cast.els)
        browser.get(over(situation))
        with browser.count_queries() as seen:
            page = browser.get(over(situation, "?pagina=2"))
        assert len(seen) < 12, seen
        assert "Bekijk alle 530 regels" in page.words
        assert "Pagina 2 van 22" in page.words
        assert len(page.all("tbody")[0]) == 25
        assert page.one("details", id="regels").get("open") is not None
        for strange in ("?pagina=0", "?pagina=99999", "?pagina=x", "?pagina=-1", "?pagina="):
            browser.get(over(situation, strange))

    def it_needs_few_queries_at_the_desk(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        make_five_years(db, situation, cast.chantal, until=utcnow())
        db.commit()
        browser = client.sign_in(cast.chantal)
        browser.get(right(situation))
        with browser.count_queries() as seen:
            browser.get(right(situation))
        assert len(seen) < 12, seen


class DescribeWritingDownOneself:
    def it_works(self, client: Browser, db: Session, cast: Cast, situation: CareSituation) -> None:
        browser = client.sign_in(cast.els)
        page = browser.get(over(situation, "/nieuw"))
        page = browser.submit(page, over(situation, "/nieuw"), **INSURED)
        assert "14 nachten over" in page.words
        assert "U schreef dit zelf op." in page.words
        made = db.exec(select(Entitlement)).one()
        assert (made.payer, made.form, made.unit, made.created_by_id) == (
            "insurance", "guest_house", "night", cast.els.id,
        )  # fmt: skip
        assert made.indication_ends is None

    def it_offers_only_insurance_and_own_money(self, client: Browser, cast: Cast, situation: CareSituation) -> None:
        browser = client.sign_in(cast.els)
        page = browser.get(over(situation, "/nieuw"))
        assert {radio.get("value") for radio in page.all("input", name="payer")} == {"insurance", "own"}
        page = browser.post(over(situation, "/nieuw"), {**INSURED, "payer": "wmo"})
        assert (page.status, page.errors()["payer"]) == (422, "Kies wie er betaalt.")

    @pytest.mark.parametrize(
        ("changed", "field", "sentence"),
        [
            ({"units": "2,5"}, "units", "Schrijf een heel getal, 1 of meer."),
            ({"units": "-3"}, "units", "Schrijf een heel getal, 1 of meer."),
            ({"units": "0"}, "units", "Schrijf een heel getal, 1 of meer."),
            ({"units": "9" * 40}, "units", "Schrijf een heel getal, 1 of meer."),
            ({"units": "999999"}, "units", "Dit is meer dan er past tussen deze dagen."),
            ({"units": ""}, "units", "Schrijf op hoeveel het er zijn."),
            ({"last_day": "1999-01-01"}, "last_day", "Deze dag ligt voor de eerste dag."),
            ({"last_day": "9999-01-01"}, "last_day", "Het kan voor hoogstens vijf jaar."),
            ({"first_day": "0001-01-01"}, "first_day", "Kijk naar het jaar"),
            ({"first_day": "31-02-2026"}, "first_day", "Deze dag bestaat niet."),
            ({"first_day": ""}, "first_day", "Kies de eerste dag."),
            ({"form": "day_care"}, "form", "Deze betaler betaalt dit niet."),
            ({"form": "palace"}, "form", "Kies een vorm van respijtzorg."),
            ({"unit": "fortnight"}, "unit", "Kies waarin wij tellen."),
        ],
    )
    def it_says_at_the_field_what_cannot_be(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation, changed: dict[str, str],
        field: str, sentence: str,
    ) -> None:  # fmt: skip
        page = client.sign_in(cast.els).post(over(situation, "/nieuw"), {**INSURED, **changed})
        assert page.status == 422
        assert page.errors()[field].startswith(sentence)
        typed = page.form_values()
        assert typed["payer"] == ["insurance"], "what was chosen stays"
        assert typed.get(field) == [changed[field]] or field in ("form", "unit"), "what was typed stays"
        assert db.exec(select(Entitlement)).all() == []

    def it_names_the_one_that_exists(self, client: Browser, db: Session, cast: Cast, situation: CareSituation) -> None:
        grant(db, situation, cast.els.id, payer="insurance")
        page = client.sign_in(cast.els).post(over(situation, "/nieuw"), INSURED)
        assert page.errors()["first_day"] == (
            "Dit is er al: Logeerhuis, Uw aanvullende verzekering, van 1 januari tot en met 31 december. "
            "Kies dagen die daarbuiten vallen, of stop dat eerst."
        )

    def it_is_closed_when_the_situation_is(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        care.close(db, situation, reason="recovered", by=cast.els.id or 0, now=utcnow())
        db.commit()
        browser = client.sign_in(cast.els)
        for page in (browser.get(over(situation, "/nieuw"), status=302), browser.post(over(situation, "/nieuw"))):
            assert page.location.endswith(over(situation))
        assert over(situation, "/nieuw") not in {link.get("href") for link in browser.get(over(situation)).all("a")}


class DescribeOnesOwnEntries:
    @pytest.fixture
    def own(self, db: Session, cast: Cast, situation: CareSituation) -> Entitlement:
        """Fourteen nights of Els's own money."""
        return grant(db, situation, cast.els.id, payer="own", **around_new_year())

    def lines_of(self, db: Session, entitlement: Entitlement) -> list[LedgerLine]:
        query = select(LedgerLine).where(LedgerLine.entitlement_id == entitlement.id)
        return list(db.exec(query.order_by(col(LedgerLine.id))))

    def it_ends_one(self, client: Browser, db: Session, cast: Cast, situation: CareSituation, own: Entitlement) -> None:
        plan(db, situation, days=10, payer="own")
        browser = client.sign_in(cast.els)
        path = f"/mantelzorg/recht/{own.id}/stoppen"
        assert path in {link.get("href") for link in browser.get(over(situation)).all("a")}
        page = browser.post(path, {"last_day": DECEMBER.replace(year=DECEMBER.year + 2).isoformat()})
        assert (page.status, page.errors()["last_day"]) == (422, "Kies een dag voor de laatste dag die er nu staat.")
        assert browser.post(path, {"last_day": "x"}).status == 422
        page = browser.submit(browser.get(path), path, last_day=today().isoformat())
        assert "Gestopt. De laatste dag is veranderd." in page.words
        assert len(later_moments(page, "/mantelzorg/moment/")) == 1
        assert [line.by_id for line in self.lines_of(db, own) if line.kind == "end"] == [cast.els.id]

    def it_corrects_one(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation, own: Entitlement
    ) -> None:
        (line,) = self.lines_of(db, own)
        browser = client.sign_in(cast.els)
        path = f"/mantelzorg/recht/regel/{line.id}"
        assert path in {link.get("href") for link in browser.get(over(situation)).all("a")}
        assert browser.post(path, {"units": "3", "reason": "decision"}).errors()["reason"].startswith("Kies waarom")
        assert browser.post(path, {"units": "14", "reason": "typed"}).errors()["units"].startswith("Dit staat er al.")
        page = browser.submit(browser.get(path), path, units="12", reason="typed")
        assert "12 nachten over" in page.words
        assert [(each.kind, each.granted, each.by_id) for each in self.lines_of(db, own)] == [
            ("grant", 14, cast.els.id), ("correct", -14, cast.els.id), ("grant", 12, cast.els.id),
        ]  # fmt: skip
        page = browser.post(path, {"units": "10", "reason": "typed"}, follow=True)
        assert "Iemand verbeterde deze regel al. Verbeter de nieuwe regel." in page.words

    def it_leaves_what_others_wrote_alone(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation, own: Entitlement
    ) -> None:
        decided = grant(db, situation, cast.chantal.id)
        insured = grant(db, situation, cast.chantal.id, payer="insurance")
        (line,) = self.lines_of(db, own)
        ledger.correct(db, line, units=5, reason="typed", by=cast.chantal.id or 0, now=utcnow())
        db.commit()
        browser = client.sign_in(cast.els)
        links = {link.get("href") for link in browser.get(over(situation, "?pagina=1")).all("a")}
        for entitlement in (decided, insured):
            path = f"/mantelzorg/recht/{entitlement.id}/stoppen"
            assert path not in links
            browser.get(path, status=404)
            browser.post(path, {"last_day": today().isoformat()}, status=404)
        for each in [line for held in (decided, insured, own) for line in self.lines_of(db, held)]:
            path = f"/mantelzorg/recht/regel/{each.id}"
            assert path not in links
            if each.by_id != cast.els.id:
                browser.post(path, {"units": "1", "reason": "typed"}, status=404)
        client.another().sign_in(cast.chantal).get(f"/mantelzorg/recht/{own.id}/stoppen", status=404)

    def it_keeps_a_closed_situation_as_it_is(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation, own: Entitlement
    ) -> None:
        care.close(db, situation, reason="recovered", by=cast.els.id or 0, now=utcnow())
        db.commit()
        (line,) = self.lines_of(db, own)
        browser = client.sign_in(cast.els)
        browser.post(f"/mantelzorg/recht/{own.id}/stoppen", {"last_day": today().isoformat()}, status=302)
        browser.post(f"/mantelzorg/recht/regel/{line.id}", {"units": "1", "reason": "typed"}, status=302)
        assert len(self.lines_of(db, own)) == 1
        assert not [a for a in browser.get(over(situation)).all("a") if "/mantelzorg/recht/" in (a.get("href") or "")]


class DescribeTheDesk:
    def it_writes_down_a_decision(self, client: Browser, db: Session, cast: Cast, situation: CareSituation) -> None:
        browser = client.sign_in(cast.chantal)
        page = browser.submit(browser.get(right(situation, "/nieuw")), right(situation, "/nieuw"), **DECIDED)
        assert "24 dagdelen over" in page.words
        assert "Elke vorm van respijtzorg De gemeente (Wmo)" in page.words
        assert db.exec(select(Entitlement)).one().created_by_id == cast.chantal.id

    def it_lets_the_carer_read_every_look(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        browser = client.sign_in(cast.chantal)
        browser.get(right(situation))
        browser.get(right(situation, ".csv"))
        browser.post(right(situation, "/nieuw"), DECIDED)
        line = db.exec(select(LedgerLine)).one()
        browser.get(f"/werkplek/mantelzorg/recht/regel/{line.id}")
        browser.get(f"/werkplek/mantelzorg/recht/{line.entitlement_id}/stoppen")
        browser.post(f"/werkplek/mantelzorg/recht/regel/{line.id}", {"units": "nonsense"})
        looks = db.exec(select(DataLook.activity).order_by(col(DataLook.id))).all()
        assert looks == ["ledger", "ledger", "ledger.change", "ledger", "ledger", "ledger.change"]

    def it_marks_what_the_carer_told(self, client: Browser, db: Session, cast: Cast, situation: CareSituation) -> None:
        grant(db, situation, cast.els.id, payer="own")
        assert "Verteld door de mantelzorger." in client.sign_in(cast.chantal).get(right(situation)).words

    @pytest.mark.parametrize(
        ("changed", "existing", "field", "sentence"),
        [
            ({"payer": "wlz", "unit": "night", "units": "157"}, None, "units", "In een jaar kan het hoogstens 156"),
            ({"payer": "wlz"}, {}, "payer", "Wmo is voor mensen zonder Wlz. Er is al: Logeerhuis, De gemeente (Wmo)"),
            ({"indication_ends": "2020-01-01"}, None, "indication_ends", "De indicatie eindigt voor de eerste dag."),
        ],
    )
    def it_says_what_cannot_be(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation, changed: dict[str, str],
        existing: dict[str, Any] | None, field: str, sentence: str,
    ) -> None:  # fmt: skip
        if existing is not None:
            grant(db, situation, cast.chantal.id, **existing)
        page = client.sign_in(cast.chantal).post(right(situation, "/nieuw"), {**DECIDED, **changed})
        assert page.status == 422
        assert page.errors()[field].startswith(sentence)

    def it_refuses_wlz_in_an_institution(self, client: Browser, db: Session, cast: Cast) -> None:
        away = make_situation(db, cast.els, details={"lives": "institution"})
        db.commit()
        page = client.sign_in(cast.chantal).post(right(away, "/nieuw"), {**DECIDED, "payer": "wlz"})
        assert page.errors()["payer"] == "De Wlz betaalt respijtzorg alleen als de naaste thuis woont."

    def it_stops_one_early_and_names_what_lies_beyond(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        made = grant(db, situation, cast.chantal.id, **around_new_year())
        plan(db, situation, days=10)
        browser = client.sign_in(cast.chantal)
        path = f"/werkplek/mantelzorg/recht/{made.id}/stoppen"
        page = browser.submit(browser.get(path), path, last_day=today().isoformat())
        assert "Gestopt. De laatste dag is veranderd." in page.words
        assert "is er nog iets gepland na de laatste dag" in page.words
        assert len(later_moments(page, "/werkplek/mantelzorg/moment/")) == 1
        assert "Eerder stop:" in page.words
        db.refresh(made)
        assert made.last_day == today()
        page = browser.post(path, {"last_day": DECEMBER.isoformat()})
        assert page.errors()["last_day"] == "Kies een dag voor de laatste dag die er nu staat."

    def it_lists_everything_that_lies_beyond_until_it_is_called_off(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        made = grant(db, situation, cast.chantal.id, **around_new_year())
        for days in (20, 10, 15):
            plan(db, situation, days=days)
        plan(db, situation, days=1, nights=1)
        ledger.end(db, made, last_day=today() + timedelta(days=5), by=cast.chantal.id or 0, now=utcnow())
        db.commit()
        browser = client.sign_in(cast.chantal)
        page = browser.get(right(situation))
        assert "Na de laatste dag is nog 3 keer iets gepland" in page.words
        found = later_moments(page, "/werkplek/mantelzorg/moment/")
        assert len(found) == 3
        for path in found:
            browser.get(path)
        carer = client.another().sign_in(cast.els)
        assert len(later_moments(carer.get(over(situation)), "/mantelzorg/moment/")) == 3
        first = db.exec(select(RespijtBooking).order_by(col(RespijtBooking.starts_at))).all()[1]
        ledger.release(db, first, by=cast.chantal.id, now=utcnow())
        db.commit()
        assert later_moments(browser.get(right(situation)), "/werkplek/mantelzorg/moment/") == found[1:]

    def it_corrects_a_line_with_a_reason(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        grant(db, situation, cast.chantal.id)
        line = db.exec(select(LedgerLine)).one()
        browser = client.sign_in(cast.chantal)
        path = f"/werkplek/mantelzorg/recht/regel/{line.id}"
        page = browser.post(path, {"units": "-1", "reason": "typed"})
        assert page.errors()["units"] == "Schrijf een heel getal, 0 of meer."
        page = browser.post(path, {"units": "12"})
        assert page.errors()["reason"] == "Kies waarom u dit verbetert."
        page = browser.post(path, {"units": "14", "reason": "typed"})
        assert page.errors()["units"].startswith("Dit staat er al.")
        page = browser.submit(browser.get(path), path, units="12", reason="typed")
        assert "12 nachten over" in page.words
        assert "Verbeterd: 14 nachten tellen niet mee bij gekregen. Een typefout" in page.words
        assert "Later verbeterd" in page.words
        page = browser.post(path, {"units": "10", "reason": "typed"}, follow=True)
        assert "Iemand verbeterde deze regel al. Verbeter de nieuwe regel." in page.words

    def it_keeps_a_closed_situation_as_it_is(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        care.close(db, situation, reason="recovered", by=cast.els.id or 0, now=utcnow())
        db.commit()
        page = client.sign_in(cast.chantal).post(right(situation, "/nieuw"), DECIDED, follow=True)
        assert "Dit staat niet meer open." in page.words
        assert db.exec(select(Entitlement)).all() == []


class DescribeFiles:
    @pytest.fixture
    def lines(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        grant(db, situation, cast.chantal.id, **around_new_year())
        plan(db, situation)
        line = db.exec(select(LedgerLine).where(LedgerLine.kind == "grant")).one()
        ledger.correct(db, line, units=12, reason="decision", by=cast.chantal.id or 0, now=utcnow())
        db.commit()

    @pytest.mark.usefixtures("lines")
    def it_gives_all_lines_as_csv(self, client: Browser, cast: Cast, situation: CareSituation) -> None:
        answer = client.sign_in(cast.els).get(over(situation, ".csv"))
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert f'filename="respijt-{today().isoformat()}.csv"' in answer.headers["Content-Disposition"]
        assert answer.text.startswith("\ufeff")
        rows = list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
        assert [row["Wat"] for row in rows] == ["gekregen", "gepland", "correctie", "gekregen"]
        assert [row["Verandering van wat over is"] for row in rows] == ["14", "-3", "-14", "12"]
        assert rows[2]["Verbetert regel"] == "1"
        assert rows[2]["Waarom"] == "In de beschikking staat iets anders"
        assert rows[0]["Dag"] == NEW_YEAR.isoformat()
        assert re.fullmatch(r"\d{4}-\d\d-\d\d 1[56]:00", rows[1]["Begint"])
        assert rows[0]["Opgeschreven door"] == "Chantal"

    @pytest.mark.usefixtures("lines")
    def it_gives_real_numbers_and_days_as_xlsx(self, client: Browser, cast: Cast, situation: CareSituation) -> None:
        browser = client.sign_in(cast.chantal)
        answer = browser.client.get(right(situation, ".xlsx"))
        assert answer.mimetype == ledger_export.TYPES["xlsx"]
        rows = cells(answer.get_data())
        assert [row[0] for row in rows] == [("s", "Regel"), *[("n", str(n)) for n in range(1, 5)]]
        assert rows[2][10] == ("n", "-3")
        days = (NEW_YEAR - date(1899, 12, 30)).days
        assert rows[1][2] == ("n", str(days))
        assert rows[1][3] == ("s", "gekregen")

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
    def it_lets_no_text_become_a_formula(self, start: str) -> None:
        name = f"{start}HYPERLINK(1)"
        _header, row = csv.reader(
            StringIO(ledger_export.as_csv(["a", "b"], [[name, -3]]).decode("utf-8-sig"), newline=""), delimiter=";"
        )
        assert row == [f"'{name}", "-3"]
        book = ledger_export.as_xlsx("A", ["a", "b"], [[name, -3]])
        assert cells(book)[1] == [("s", name), ("n", "-3")]
        assert b"<f>" not in zipfile.ZipFile(BytesIO(book)).read("xl/worksheets/sheet1.xml")

    def it_knows_no_other_kind(self, client: Browser, cast: Cast, situation: CareSituation) -> None:
        client.sign_in(cast.els).get(over(situation, ".pdf"), status=404)


def cells(book: bytes) -> list[list[tuple[str, str]]]:
    """The cells of the first sheet as ("s" or "n", value), row by row."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    sheet = ElementTree.fromstring(zipfile.ZipFile(BytesIO(book)).read("xl/worksheets/sheet1.xml"))  # noqa: S314 ours
    found = []
    for row in sheet.iter(f"{space}row"):
        values = []
        for cell in row:
            text = "".join(part.text or "" for part in cell.iter() if part.tag in (f"{space}t", f"{space}v"))
            values.append(("s" if cell.get("t") == "inlineStr" else "n", text))
        found.append(values)
    return found


class DescribePartsOfOtherPages:
    def it_shows_at_most_four_and_how_many_more(
        self, client: Browser, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        for form in ("guest_house", "night_care", "host_family", "holiday", "day_care", ""):
            grant(db, situation, cast.chantal.id, form=form, **around_new_year())
        page: Page = client.sign_in(cast.els).get(f"/mantelzorg/{situation.id}")
        assert "Bekijk alles, er zijn er nog 2" in page.words
        assert page.words.count("14 nachten over") == 4
        page = client.sign_in(cast.chantal).get(f"/werkplek/mantelzorg/{situation.id}")
        assert "Alle regels, en nog 2 rechten" in page.words

    def it_explains_when_there_is_nothing(self, client: Browser, cast: Cast, situation: CareSituation) -> None:
        page = client.sign_in(cast.els).get(f"/mantelzorg/{situation.id}")
        assert "Zodra u iets krijgt, ziet u hier wat er over is." in page.words
        assert over(situation) in {link.get("href") for link in page.all("a")}


class DescribeRefusals:
    """What a page says when a time cannot be planned."""

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (
                TooLittleLeft("night", 2, 3, DECEMBER),
                "Over tot en met 31 december: 2 nachten. Hiervoor is nodig: 3 nachten.",
            ),
            (
                TooLittleLeft("half_day", 0, 1, DECEMBER),
                "Tot en met 31 december is er niets meer over. Hiervoor is nodig: 1 dagdeel.",
            ),
            (
                YearFull("wlz", 2026, 6, 156),
                "In een jaar kan het hoogstens 156 nachten. Voor 2026 is er plaats voor: 6 nachten.",
            ),
            (
                NoEntitlement("wmo", NEW_YEAR),
                "Voor 1 januari is er geen recht bij: De gemeente (Wmo). Kies een andere betaler of een andere dag.",
            ),
            (Invalid("payer", "not_at_home"), "De Wlz betaalt respijtzorg alleen als de naaste thuis woont."),
        ],
    )
    def it_names_what_is_left(self, app: Flask, error: Invalid, sentence: str) -> None:
        with app.test_request_context(headers={"Accept-Language": "nl"}):
            assert ledger_words.refusal(error, today()) == sentence
