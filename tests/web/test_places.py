"""The pages of the gemeente and its buurten."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, select

from matching.models import (
    Account,
    Buurt,
    Gemeente,
    HelpRequest,
    KeyFigure,
    MeetingPlace,
    Pairing,
    Proposal,
    StaffRole,
    Wijk,
)
from matching.models.base import utcnow
from matching.services.places import import_places
from matching.workflow import PairingState, ProposalState, RequestState
from tests.browse import HTML, Browser, Page, words
from tests.conftest import HILVERSUM
from tests.matching.test_places import _elsewhere
from tests.people import DRIFTBUURT, GEUZENBUURT, MONDAY, OOST, Cast
from web.maps import Label, fit, spread, svg_path, to_rings

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"'"
PAGE = f"/buurten/{DRIFTBUURT}"


@pytest.fixture(autouse=True)
def _fresh_maps(app: Flask) -> Iterator[None]:
    """Maps are kept for a minute; every test here draws its own and leaves none."""
    app.extensions.pop("omzien.maps", None)
    yield
    app.extensions.pop("omzien.maps", None)


def ask(db: Session, asker: Account, **facts: Any) -> HelpRequest:
    """An open request of `asker` in the Kleine Driftbuurt."""
    usual = {
        "asker_id": asker.id, "posted_by_id": asker.id, "category": "groceries", "frequency": "flexible", "slots": 1,
        "buurt_code": DRIFTBUURT, "x": 141_100, "y": 470_600, "created_at": utcnow(), "updated_at": utcnow(),
        "contact_due": MONDAY,
    }  # fmt: skip
    request = HelpRequest(**(usual | facts))
    db.add(request)
    db.flush()
    return request


def answer(db: Session, asker: Account, helper: Account, *, after: timedelta, ago: timedelta) -> None:
    """A request that got its yes `after` some time, `ago` from now."""
    agreed = utcnow() - ago
    request = ask(db, asker, created_at=agreed - after, state=RequestState.PAIRED)
    proposal = Proposal(
        request_id=request.id, volunteer_id=helper.id, state=ProposalState.ACCEPTED, created_at=request.created_at
    )
    db.add(proposal)
    db.flush()
    db.add(
        Pairing(
            request_id=request.id,
            volunteer_id=helper.id,
            proposal_id=proposal.id,
            state=PairingState.AGREED,
            created_at=agreed,
            agreed_at=agreed,
        )
    )
    db.flush()


def numbers(page: Page) -> dict[str, str]:
    """The terms on the wall with what they say."""
    return {
        words(row.find(f"{HTML}dt")): words(row.find(f"{HTML}dd"))
        for found in page.all("dl")
        for row in found.iter(f"{HTML}div")
    }


def paths(page: Page, kind: str) -> list[str]:
    return [path.get("d", "") for path in page.root.iter(f"{SVG}path") if kind in (path.get("class") or "").split()]


class DescribeBuurt:
    def it_works_for_every_buurt(self, client: Browser, db: Session) -> None:
        buurten = db.exec(select(Buurt.code, Buurt.name)).all()
        assert len(buurten) == 43
        for code, name in buurten:
            page = client.get(f"/buurten/{code}")
            assert page.h1 == name
            assert len(paths(page, "oz-map__buurt--here")) == 1

    @pytest.mark.parametrize(
        "code", ["BU04029999", "BU99999999", "WK040206", "GM0402", "0", "%00", "bu04020603", "é" * 300, "..%2F"]
    )
    def it_does_not_know_other_codes(self, client: Browser, code: str) -> None:
        assert client.get(f"/buurten/{code}", status=404).h1 == "Wij kunnen deze pagina niet vinden"

    def it_shows_the_way_up(self, client: Browser) -> None:
        page = client.get(PAGE)
        ways = [(a.get("href"), words(a)) for a in page.all("a") if (a.get("href") or "").startswith("/buurten")]
        assert ways[:2] == [("/buurten", "Hilversum"), (f"/buurten#{OOST}", "Oost")]

    def it_invites_to_ask_and_to_help(self, client: Browser) -> None:
        page = client.get(PAGE)
        assert words(page.one("a", class_="utrecht-button utrecht-button--primary-action")) == "Ik zoek hulp"
        assert words(page.one("a", class_="utrecht-button utrecht-button--secondary-action")) == "Ik wil helpen"

    def it_has_a_friendly_sentence_until_somebody_writes_one(self, client: Browser, db: Session) -> None:
        assert "Woont u hier?" in client.get(PAGE).words
        db.get_one(Buurt, DRIFTBUURT).intro = "Op woensdag staat de koffie klaar."
        db.commit()
        page = client.get(PAGE)
        assert "Op woensdag staat de koffie klaar." in page.words
        assert "Woont u hier?" not in page.words

    def it_links_to_the_buurten_next_to_it(self, client: Browser) -> None:
        chips = {words(a) for a in client.get(PAGE).all("a", class_="oz-chip")}
        assert chips == {
            "Centrum", "Sint Vitusbuurt", "Arenaparkkwartier", "Van Riebeeckkwartier", "Geuzenbuurt", "Electrobuurt",
            "Liebergen", "Astronomische Buurt",
        }  # fmt: skip

    def it_names_the_source_of_the_map(self, client: Browser, db: Session) -> None:
        assert "Kaart: Kadaster / Centraal Bureau voor de Statistiek, 2022" in client.get(PAGE).words

    def it_speaks_english(self, client: Browser) -> None:
        page = client.get(PAGE, headers={"Accept-Language": "en"})
        assert "Your opbouwwerker" in page.words


class DescribeRequests:
    def it_invites_when_nobody_waits(self, client: Browser) -> None:
        assert "Nu wacht hier niemand op hulp. Uw vraag is welkom." in client.get(PAGE).words

    @pytest.mark.parametrize(("count", "shown"), [(1, "minder dan 5"), (4, "minder dan 5"), (5, "5"), (12, "12")])
    def it_counts_but_not_a_few(self, client: Browser, db: Session, cast: Cast, count: int, shown: str) -> None:
        for _ in range(count):
            ask(db, cast.anna)
        db.commit()
        assert numbers(client.get(PAGE))["Vragen open"] == shown

    @pytest.mark.parametrize(
        "facts",
        [
            {"is_discreet": True},
            {"risks": ["danger"]},
            {"is_verified": False},
            {"state": RequestState.HELD},
            {"state": RequestState.PAIRED},
            {"state": RequestState.WITHDRAWN},
            {"buurt_code": GEUZENBUURT},
            {"frequency": "once", "day": utcnow().date() - timedelta(days=2)},
        ],
        ids=str,
    )
    def it_counts_only_what_volunteers_may_see(
        self, client: Browser, db: Session, cast: Cast, facts: dict[str, Any]
    ) -> None:
        for _ in range(5):
            ask(db, cast.anna, **facts)
        db.commit()
        assert "Vragen open" not in numbers(client.get(PAGE))

    def it_says_how_long_a_yes_takes_from_five_cases(self, client: Browser, db: Session, cast: Cast) -> None:
        for days in (1, 2, 2.5, 40):
            answer(db, cast.anna, cast.bram, after=timedelta(days=days), ago=timedelta(days=10))
        answer(db, cast.anna, cast.bram, after=timedelta(hours=1), ago=timedelta(days=400))  # long ago
        db.commit()
        assert "Meestal ja binnen" not in numbers(client.get(PAGE))
        answer(db, cast.anna, cast.bram, after=timedelta(days=3), ago=timedelta(days=1))
        db.commit()
        page = client.get(PAGE)
        assert numbers(page) == {"Meestal ja binnen": "3 dagen"}
        assert "Uw vraag is welkom" in page.words
        for _ in range(5):
            ask(db, cast.anna)
        db.commit()
        assert numbers(client.get(PAGE)) == {"Vragen open": "5", "Meestal ja binnen": "3 dagen"}

    def it_says_one_day_for_a_few_hours(self, client: Browser, db: Session, cast: Cast) -> None:
        for _ in range(5):
            answer(db, cast.anna, cast.bram, after=timedelta(hours=3), ago=timedelta(days=1))
        db.commit()
        assert numbers(client.get(PAGE))["Meestal ja binnen"] == "1 dag"


class DescribePeople:
    def it_shows_the_opbouwwerker_without_private_details(self, client: Browser, db: Session, cast: Cast) -> None:
        role = db.exec(select(StaffRole).where(StaffRole.account_id == cast.chantal.id)).one()
        role.note = "Op maandag en woensdag in het buurthuis."
        db.get_one(Gemeente, "GM0402").phone = "035 000 00 00"
        db.commit()
        page = client.get(PAGE)
        assert [words(h) for h in page.all("h3")] == ["Chantal"]
        assert "Op maandag en woensdag in het buurthuis." in page.words
        assert page.all("a", href="tel:0350000000")
        assert cast.chantal.phone not in page.text
        assert "chantal@" not in page.text

    def it_shows_only_opbouwwerkers_of_this_buurt(self, client: Browser) -> None:
        main = client.get(PAGE).words
        assert not any(name in main for name in ("Saskia", "Farid", "Greet"))

    def it_shows_the_nearest_first_and_everybody_once(self, client: Browser, db: Session, cast: Cast) -> None:
        for person, place in ((cast.daan, "GM0402"), (cast.els, DRIFTBUURT), (cast.chantal, DRIFTBUURT)):
            db.add(StaffRole(account_id=person.id, role="opbouwwerker", place_code=place, since=MONDAY))
        db.commit()
        page = client.get(PAGE)
        assert [words(h) for h in page.all("h3")] == ["Chantal", "Els", "Daan"]
        assert "Uw opbouwwerkers" in page.words

    def it_forgets_who_left(self, client: Browser, db: Session, cast: Cast) -> None:
        cast.chantal.deactivated_at = utcnow()
        db.add(cast.chantal)
        db.commit()
        page = client.get(PAGE)
        assert "Chantal" not in page.words
        assert "Wij weten nog niet wie in deze buurt werkt." in page.words

    def it_shows_where_people_meet_and_what_is_made_up(self, client: Browser, db: Session) -> None:
        db.add(MeetingPlace(buurt_code=DRIFTBUURT, name="Huis Oost", address="Laan 1", hours="Elke dag"))
        db.add(MeetingPlace(buurt_code=DRIFTBUURT, name="Koffiehuis", is_example=True))
        db.add(MeetingPlace(buurt_code=GEUZENBUURT, name="Elders"))
        db.commit()
        page = client.get(PAGE)
        assert [words(h) for h in page.all("h3")][-2:] == ["Huis Oost", "Koffiehuis voorbeeld"]
        assert "Laan 1Elke dag" in page.words
        assert "Elders" not in page.words


class DescribeFigures:
    def _rows(self, page: Page) -> dict[str, list[str]]:
        (table,) = page.all("table")
        return {
            words(row.find(f"{HTML}th")): [words(cell) for cell in row.findall(f"{HTML}td")]
            for row in table.find(f"{HTML}tbody")
        }

    def it_gives_source_year_and_what_is_an_estimate(self, client: Browser) -> None:
        rows = self._rows(client.get(PAGE))
        assert rows["InwonersCBS, 2022"] == ["–onbekend", "21.345", "91.733"]
        assert rows["Voelt zich eenzaam (18 jaar en ouder)GGD, 2020. Schatting."] == ["50%", "49%", "48%"]
        assert len(rows) == 5

    def it_takes_the_newest_year(self, client: Browser, db: Session) -> None:
        db.add(KeyFigure(place_code=OOST, source="CBS kerncijfers", topic="population", year=2024, value=22_000))
        db.add(KeyFigure(place_code=OOST, source="CBS kerncijfers", topic="population", year=2019, value=1))
        db.commit()
        assert self._rows(client.get(PAGE))["InwonersCBS, 2024"][1] == "22.000"

    def it_leaves_out_the_table_without_figures(self, client: Browser, db: Session) -> None:
        for figure in db.exec(select(KeyFigure)):
            db.delete(figure)
        db.commit()
        page = client.get(PAGE)
        assert not page.all("table")
        assert "buiten de stad" not in page.words


class DescribeCountryside:
    def it_colours_where_few_people_live(self, client: Browser) -> None:
        page = client.get("/buurten")
        assert len(paths(page, "oz-map__buurt--open")) == 7
        assert "buiten de stad" in page.words

    def it_goes_by_the_buurt_where_its_inhabitants_are_known(self, client: Browser, db: Session) -> None:
        for topic, value in (("population", 40.0), ("area", 2.0)):
            db.add(KeyFigure(place_code=DRIFTBUURT, source="CBS kerncijfers", topic=topic, year=2022, value=value))
        db.commit()
        assert len(paths(client.get("/buurten"), "oz-map__buurt--open")) == 8


class DescribeGemeente:
    def it_lists_all_buurten_per_wijk_and_on_the_map(self, client: Browser, db: Session) -> None:
        page = client.get("/buurten")
        assert page.h1 == "Buurten in Hilversum"
        listed = {a.get("href"): words(a) for a in page.all("a", class_="oz-chip")}
        assert listed == {f"/buurten/{code}": name for code, name in db.exec(select(Buurt.code, Buurt.name))}
        drawn = {a.get("href"): words(a.find(f"{SVG}title")) for a in page.root.iter(f"{SVG}a") if a.get("href")}
        assert drawn == listed
        wijken = [words(h) for h in page.one("main").iter(f"{HTML}h2")]
        assert wijken == list(db.exec(select(Wijk.name).order_by(Wijk.code)))

    def it_does_not_know_other_gemeenten(self, client: Browser) -> None:
        client.get("/buurten?gemeente=GM9999", status=404)

    def it_shows_a_second_gemeente(self, client: Browser, db: Session, tmp_path: Path) -> None:
        import_places(db, _elsewhere(Path(shutil.copytree(HILVERSUM, tmp_path / "elsewhere"))))
        db.commit()
        assert "Andere gemeenten" in client.get("/buurten").words
        page = client.get("/buurten?gemeente=GM0999")
        assert page.h1 == "Buurten in Elders"
        page = client.get("/buurten/BU09990603")
        assert page.h1 == "Kleine Driftbuurt"
        assert page.all("a", href="/buurten?gemeente=GM0999")

    def it_says_so_when_there_is_nothing_yet(
        self, client: Browser, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.extensions, "omzien.gemeente", (float("inf"), None))
        assert "Hier zijn nog geen buurten" in client.get("/buurten").words


class DescribeFinding:
    def it_goes_to_the_buurt_that_was_chosen(self, client: Browser) -> None:
        assert client.get(f"/buurten/vind?buurt={DRIFTBUURT}", status=302).location == PAGE

    @pytest.mark.parametrize("asked", ["", "?buurt=", "?buurt=BU04029999", "?buurt=//evil.example", "?buurt=%00"])
    def it_offers_the_list_for_any_other(self, client: Browser, asked: str) -> None:
        page = client.get(f"/buurten/vind{asked}", follow=True)
        assert page.h1 == "Buurten in Hilversum"
        assert "Die buurt kennen wij niet. Kies er een uit de lijst." in page.words

    def it_rejects_post(self, client: Browser) -> None:
        client.post("/buurten/vind", {}, status=405)


class DescribeMine:
    def it_requires_login(self, client: Browser) -> None:
        assert client.get("/buurten/mijn", status=302).location.startswith("/inloggen")

    def it_goes_to_my_own_buurt(self, client: Browser, cast: Cast) -> None:
        assert client.sign_in(cast.anna).get("/buurten/mijn", status=302).location == PAGE

    def it_offers_the_list_to_who_has_none(self, client: Browser, cast: Cast, db: Session) -> None:
        cast.anna.buurt_code = None
        db.add(cast.anna)
        db.commit()
        assert client.sign_in(cast.anna).get("/buurten/mijn", status=302).location == "/buurten"


class DescribeSafety:
    def it_shows_hostile_names_as_text(self, client: Browser, db: Session, cast: Cast) -> None:
        for entity in (db.get_one(Buurt, DRIFTBUURT), db.get_one(Wijk, OOST), db.get_one(Gemeente, "GM0402")):
            entity.name = HOSTILE
        db.get_one(Buurt, DRIFTBUURT).intro = HOSTILE
        db.get_one(Gemeente, "GM0402").phone_hours = db.get_one(Gemeente, "GM0402").phone = HOSTILE[:20]
        cast.chantal.first_name = HOSTILE
        db.add(cast.chantal)
        db.add(MeetingPlace(buurt_code=DRIFTBUURT, name=HOSTILE, address=HOSTILE, hours=HOSTILE))
        db.commit()
        for path in (PAGE, "/buurten", f"/buurten/{GEUZENBUURT}"):
            page = client.get(path)
            assert "<script>" not in page.text
            assert "&lt;script&gt;" in page.text
        assert client.get(PAGE).h1 == HOSTILE


class DescribeWeight:
    @pytest.mark.parametrize(("path", "cold", "warm"), [("/buurten", 7, 2), (PAGE, 10, 5)])
    def it_asks_the_database_little(
        self, client: Browser, app: Flask, cast: Cast, path: str, cold: int, warm: int
    ) -> None:
        """Signed in; cold is once a minute in each process."""
        client.sign_in(cast.anna)
        app.extensions.pop("omzien.gemeente", None)
        with client.count_queries() as first:
            client.get(path)
        with client.count_queries() as second:
            client.get(path)
        assert (len(first), len(second)) == (cold, warm)

    @pytest.mark.parametrize("path", ["/buurten", PAGE])
    def it_is_light(self, client: Browser, path: str) -> None:
        assert len(client.client.get(path, headers={"Accept-Encoding": "br"}).data) < 6_000


class DescribeDrawing:
    SQUARE = to_rings([[[[5.1, 52.2], [5.2, 52.2], [5.2, 52.3], [5.1, 52.3], [5.1, 52.2]]]])

    def it_draws_in_whole_pixels_inside_the_frame(self) -> None:
        frame = fit(self.SQUARE, width=200, margin=10)
        corners = [frame.pixels(x, y) for x, y in self.SQUARE[0]]
        assert (min(x for x, _y in corners), max(x for x, _y in corners)) == (10, 190)
        assert all(10 <= x <= 190 and 10 <= y <= frame.height - 10 for x, y in corners)
        assert svg_path(frame.pixels, self.SQUARE).count("L") == 3

    def it_has_north_on_top(self) -> None:
        frame = fit(self.SQUARE)
        south, north = self.SQUARE[0][0], self.SQUARE[0][3]
        assert frame.pixels(*north)[1] < frame.pixels(*south)[1]

    def it_draws_corners_on_one_pixel_once(self) -> None:
        assert svg_path(lambda x, y: (round(x), round(y)), [((0, 0), (0.1, 0.1), (5, 0), (5, 5), (0, 0))]) == (
            "M0 0L5 0L5 5z"
        )

    def it_keeps_names_apart_and_inside(self) -> None:
        placed = spread([Label(0, 100, "Centrum"), Label(20, 105, "Noord"), Label(640, 5, "Oost")], 644)
        assert [label.text for label in placed] == ["Oost", "Centrum", "Noord"]
        assert placed[2].y - placed[1].y >= 30
        assert all(len(label.text) * 8 <= label.x <= 644 - len(label.text) * 8 for label in placed)
