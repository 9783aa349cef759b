"""Sharing help fairly: the page of the coordinator, with what a choice would change before it is saved."""

import re
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, select

from matching.models import Event, Gemeente, MatcherPreview, MatcherSetting, Role, StaffRole, Tag
from matching.services import dials
from matching.services.matcher import previewing
from tests.browse import Browser, Page
from tests.people import HILVERSUM, NOW, OOST, ZUID, Cast
from tests.scarcity import make_scarce_town
from web.frontier import draw

PAGE, WEIGHTS = "/werkplek/verdeling", "/werkplek/verdeling/wijken"
CHOICE = f"{PAGE}?buurten=strongly&vrijwilligers=none"
NUMBER = "Kies een getal van 0,5 tot en met 2, bijvoorbeeld 1,5."


@pytest.fixture
def farid(client: Browser, cast: Cast) -> Browser:
    return client.sign_in(cast.farid)


@pytest.fixture
def scarce(db: Session, cast: Cast) -> None:
    """A town where the dials matter, with its preview."""
    make_scarce_town(db)
    preview(db)


def preview(db: Session) -> None:
    previewing.keep(db, previewing.calculate(db, now=NOW), now=NOW)
    db.commit()


def setting(db: Session) -> dials.Dials:
    return dials.read(db)[HILVERSUM]


def cells(db: Session) -> dict[str, Any]:
    found: dict[str, Any] = db.exec(select(MatcherPreview)).one().figures["cells"]
    return found


def pictures(page: Page) -> list[Any]:
    return [element for element in page.root.iter() if element.get("role") == "img"]


def marks(page: Page) -> list[str]:
    """The words that stand at the settings in the picture."""
    return sorted(each.text for each in page.root.iter() if "oz-chart__mark" in (each.get("class") or ""))


def change(browser: Browser, page: Page, action: str = PAGE, **values: Any) -> Page:
    """Send one of the forms of the page; the dials go through the choice first."""
    forms = [f for f in page.all("form") if f.get("action") == action and f.get("method") == "post"]
    assert len(forms) == 1
    sent = {i.get("name"): i.get("value", "") for i in forms[0].iter() if i.get("name") and i.get("type") != "submit"}
    return browser.post(action, sent | values)


class DescribeThePage:
    def it_works_without_a_preview(self, farid: Browser) -> None:
        page = farid.get(PAGE)
        assert page.h1 == "Eerlijk verdelen"
        assert "Er is nog geen berekening. Wij maken er elk uur een." in page.words
        assert "Niemand koos hier nog." in page.words
        assert pictures(page) == []
        values = page.form_values(PAGE + "#verandert")
        assert (values["buurten"], values["vrijwilligers"], "wijken" in values) == (["little"], ["little"], False)

    def it_says_when_there_are_too_few_requests(self, farid: Browser, db: Session) -> None:
        preview(db)
        assert "Vandaag zijn er te weinig open vragen." in farid.get(CHOICE).words

    def it_draws_the_choices_and_says_the_same_in_a_table(self, farid: Browser, db: Session, scarce: None) -> None:
        page = farid.get(PAGE)
        (picture,) = pictures(page)
        texts = {element.get("id"): element.text for element in picture.iter() if element.get("id")}
        assert [texts[name][:10] for name in picture.get("aria-labelledby").split()] == ["Wat elke k", "Nu zijn er"]
        table = page.one("table", class_="oz-grid")
        shown = re.findall(r"(\d+) \((\d+)\)", " ".join(table.itertext()))
        kept = [(str(cell["filled"]), str(cell["low"])) for cell in cells(db).values()]
        assert shown == kept
        assert "Het is een berekening en geen belofte." in page.words
        assert "maandag 23 november" in page.words

    def it_marks_what_is_in_use(self, farid: Browser, scarce: None) -> None:
        assert marks(farid.get(PAGE)) == ["nu"]
        assert marks(farid.get(CHOICE)) == ["nu", "uw keuze"]

    def it_tells_of_language(self, farid: Browser, scarce: None) -> None:
        words = farid.get(PAGE).words
        assert "Wie om een andere taal vraagt, krijgt ongeveer" in words
        assert "ongeveer 10 en ongeveer" in words

    def it_says_little_where_few_ask_for_a_language(self, farid: Browser, db: Session) -> None:
        make_scarce_town(db, wishes=4)
        preview(db)
        words = farid.get(PAGE).words
        assert "Vandaag vragen te weinig mensen om een andere taal." in words
        assert "krijgt ongeveer" not in words

    @pytest.mark.parametrize("path", [PAGE, CHOICE])
    def it_needs_few_queries(self, farid: Browser, scarce: None, path: str) -> None:
        with farid.count_queries() as seen:
            farid.get(path)
        assert len(seen) <= 10, seen

    def it_speaks_english(self, farid: Browser, scarce: None) -> None:
        farid.client.post("/taal", data={"taal": "en", "verder": PAGE})
        page = farid.get(CHOICE)
        assert page.h1 == "Sharing help fairly"
        assert "This would change today" in page.words


class DescribeWhoSeesIt:
    @pytest.mark.parametrize("who", ["farid", "greet"])
    def it_is_in_the_menu(self, client: Browser, cast: Cast, who: str) -> None:
        page = client.sign_in(getattr(cast, who)).get(PAGE)
        assert [link.get("aria-current") for link in page.all("a", href=PAGE, class_="oz-nav__link")] == ["page"]

    @pytest.mark.parametrize("who", ["anna", "bram", "chantal"])
    def it_hides_from_others(self, client: Browser, cast: Cast, who: str) -> None:
        client.sign_in(getattr(cast, who)).get(PAGE, status=403)
        assert f'href="{PAGE}"' not in client.get("/ik").text

    def it_requires_login(self, client: Browser, cast: Cast) -> None:
        assert client.get(PAGE, status=302).location == f"/inloggen?verder={PAGE}"

    def it_is_for_a_whole_gemeente(self, client: Browser, db: Session, cast: Cast) -> None:
        db.add(StaffRole(account_id=cast.chantal.id, role=Role.COORDINATOR, place_code=OOST, since=date(2026, 1, 1)))
        db.commit()
        client.sign_in(cast.chantal).get(PAGE, status=403)

    @pytest.mark.parametrize(("code", "status"), [("GM0406", 403), ("GM9999", 404), ("'%00", 404), ("x" * 500, 404)])
    def it_keeps_to_my_gemeente(self, farid: Browser, db: Session, code: str, status: int) -> None:
        huizen(db)
        farid.get(f"{PAGE}?gemeente={code}", status=status)
        sent = {"buurten": "none", "vrijwilligers": "none", "gemeente": code.replace("%00", "\0")}
        farid.post(PAGE, sent, status=status)
        assert db.exec(select(MatcherSetting)).all() == []

    def it_lets_me_go_from_one_gemeente_to_the_other(self, farid: Browser, db: Session, cast: Cast) -> None:
        huizen(db)
        db.add(StaffRole(account_id=cast.farid.id, role=Role.COORDINATOR, place_code="GM0406", since=date(2026, 1, 1)))
        db.commit()
        page = farid.get(f"{PAGE}?gemeente=GM0406&buurten=none&vrijwilligers=none")
        assert [link.text for link in page.all("a", aria_current="true")] == ["Huizen"]
        done = change(farid, page)
        assert done.location == f"{PAGE}?gemeente=GM0406"
        assert {code: found.equity for code, found in dials.read(db).items()} == {HILVERSUM: 0.1, "GM0406": 0.0}


def huizen(db: Session) -> None:
    db.add(Gemeente(code="GM0406", name="Huizen", lon=5.2, lat=52.3, x=145000, y=478000, year=2026))
    db.commit()


class DescribeChoosing:
    def it_says_what_would_change_and_saves_nothing(self, farid: Browser, db: Session, scarce: None) -> None:
        page = farid.get(CHOICE)
        now, then = cells(db)["little.little"], cells(db)["strongly.none"]
        more = then["low"] - now["low"]
        assert more > 0
        assert (
            f"{more} vra{'gen' if more > 1 else 'ag'} meer met een voorstel in buurten die nu weinig hulp" in page.words
        )
        assert "Bewaar deze keuze" in page.words
        assert setting(db).changed_at is None

    def it_says_so_when_nothing_would_change(self, farid: Browser, db: Session, scarce: None) -> None:
        found = db.exec(select(MatcherPreview)).one()
        same = found.figures["cells"]["little.little"]
        found.figures = found.figures | {"cells": dict.fromkeys(found.figures["cells"], same)}
        db.commit()
        assert "Voor de vragen van vandaag maakt deze keuze geen verschil." in farid.get(CHOICE).words

    def it_says_which_wijken_change_without_small_numbers(self, farid: Browser, db: Session, scarce: None) -> None:
        found = db.exec(select(MatcherPreview)).one()
        cell = found.figures["cells"]["strongly.none"]
        told = {"cells": found.figures["cells"] | {"strongly.none": cell | {"wijken": {OOST: 1, ZUID: -10}}}}
        found.figures = found.figures | told
        db.commit()
        words = farid.get(CHOICE).words
        assert "Iets meer voorstellen in Oost, per wijk minder dan 5." in words
        assert "Ongeveer 10 voorstellen minder in Zuid." in words

    def it_names_no_wijk_that_the_total_would_give_away(self, farid: Browser, db: Session, scarce: None) -> None:
        found = db.exec(select(MatcherPreview)).one()
        cell = found.figures["cells"]["strongly.none"] | {"wijken": None}
        found.figures = found.figures | {"cells": found.figures["cells"] | {"strongly.none": cell}}
        db.commit()
        words = farid.get(CHOICE).words
        assert "In welke wijk dat is, zeggen wij niet." in words
        assert "voorstellen in Oost" not in words

    @pytest.mark.parametrize(
        "query", ["buurten=nan&vrijwilligers=none", "buurten=-1&vrijwilligers=none", "vrijwilligers=none", "wijken=y"]
    )
    def it_asks_again_at_the_field(self, farid: Browser, query: str) -> None:
        page = farid.get(f"{PAGE}?{query}", status=422)
        assert page.errors()["buurten"] == "Kies hoe sterk buurten voorgaan."
        if "vrijwilligers" in query:
            assert page.form_values(PAGE + "#verandert")["vrijwilligers"] == ["none"]

    def it_has_one_primary_button(self, farid: Browser, scarce: None) -> None:
        for path in (PAGE, CHOICE):
            primary = [
                b for b in farid.get(path).all("button") if "utrecht-button--primary-action" in b.get("class", "")
            ]
            assert len(primary) == 1


class DescribeSaving:
    def it_works(self, farid: Browser, db: Session, cast: Cast, scarce: None) -> None:
        done = change(farid, farid.get(CHOICE))
        assert (done.status, done.location) == (302, PAGE)
        assert (setting(db).equity, setting(db).balance, setting(db).changed_by) == (1.0, 0.0, "Farid")
        page = farid.get(PAGE)
        assert "Bewaard. Het telt vanaf de volgende keer dat wij zoeken." in page.text
        assert "Farid koos" in page.words
        assert page.form_values(PAGE + "#verandert")["buurten"] == ["strongly"]
        found = db.exec(select(Event).where(Event.tag == Tag.DIALS_CHANGED)).one()
        assert (found.actor_id, found.data["new"]["equity"]) == (cast.farid.id, 1.0)

    def it_lets_the_worker_calculate_again(self, app: Flask, farid: Browser, db: Session, scarce: None) -> None:
        queue = app.extensions["omzien.queue"].huey
        queue.flush()
        change(farid, farid.get(CHOICE))
        assert [task.name for task in queue.pending()] == ["preview"]
        queue.execute(queue.dequeue())
        db.expire_all()
        assert db.exec(select(MatcherPreview)).one().figures["in_use"] == "strongly.none"

    def it_leaves_the_worker_alone_when_nothing_changes(self, app: Flask, farid: Browser, scarce: None) -> None:
        queue = app.extensions["omzien.queue"].huey
        queue.flush()
        done = change(farid, farid.get(CHOICE), buurten="little", vrijwilligers="little")
        assert (done.status, queue.pending()) == (302, [])
        assert "Er is niets veranderd." in farid.get(PAGE).text

    def it_says_that_the_calculation_is_older_than_the_setting(self, farid: Browser, scarce: None) -> None:
        change(farid, farid.get(CHOICE))
        page = farid.get(f"{PAGE}?buurten=none&vrijwilligers=none")
        assert "Er is net iets veranderd. Wij rekenen opnieuw." in page.words
        assert "buurten die nu weinig hulp krijgen" not in page.words

    def it_switches_the_weights_on(self, farid: Browser, db: Session) -> None:
        change(farid, farid.get(PAGE), WEIGHTS, **{f"gewicht-{OOST}": "2"})
        assert (setting(db).area_weights, setting(db).uses_area_weights) == ({OOST: 2.0}, False)
        assert "De gewichten staan uit" in farid.get(PAGE).words
        change(farid, farid.get(f"{PAGE}?buurten=little&vrijwilligers=little&wijken=y"))
        assert (setting(db).area_weights, setting(db).uses_area_weights) == ({OOST: 2.0}, True)
        assert "De gewichten tellen nu mee" in farid.get(PAGE).words

    def it_shows_what_weights_would_change_before_they_count(self, farid: Browser, db: Session, scarce: None) -> None:
        change(farid, farid.get(PAGE), WEIGHTS, **{f"gewicht-{code}": "2" for code in dials.wijken(db, HILVERSUM)})
        choice = f"{PAGE}?buurten=strongly&vrijwilligers=none&wijken=y"
        assert "Er is net iets veranderd." in farid.get(choice).words
        preview(db)
        page = farid.get(choice)
        assert "Er is net iets veranderd." not in page.words
        assert f"{cells(db)['strongly.none.wijken']['filled']} (" in page.words

    def it_notices_a_colleague(self, farid: Browser, client: Browser, db: Session, cast: Cast, scarce: None) -> None:
        page = farid.get(CHOICE)
        change(client.another().sign_in(cast.greet), farid.get(f"{PAGE}?buurten=none&vrijwilligers=none"))
        refused = change(farid, page)
        assert refused.status == 409
        assert "Een collega was u net voor." in refused.words
        assert refused.form_values(PAGE + "#verandert")["buurten"] == ["strongly"]
        assert setting(db).equity == 0.0
        assert change(farid, refused).status == 302
        assert setting(db).equity == 1.0

    @pytest.mark.parametrize("value", ["nan", "-0.1", "0.3", "sterk", "", "strongly\0"])
    def it_refuses_what_is_no_step(self, farid: Browser, db: Session, value: str) -> None:
        page = farid.post(PAGE, {"buurten": value, "vrijwilligers": "none"}, status=422)
        assert page.errors()["buurten"] == "Kies hoe sterk buurten voorgaan."
        assert setting(db).changed_at is None


class DescribeWeights:
    def it_reads_a_comma_and_a_point(self, farid: Browser, db: Session) -> None:
        done = change(farid, farid.get(PAGE), WEIGHTS, **{f"gewicht-{OOST}": "1,5", f"gewicht-{ZUID}": " 0.75 "})
        assert done.status == 302
        assert setting(db).area_weights == {OOST: 1.5, ZUID: 0.75}
        values = farid.get(PAGE).form_values(WEIGHTS)
        assert (values[f"gewicht-{OOST}"], values[f"gewicht-{ZUID}"]) == (["1,5"], ["0,75"])

    def it_goes_back_to_the_usual_weight(self, farid: Browser, db: Session) -> None:
        change(farid, farid.get(PAGE), WEIGHTS, **{f"gewicht-{OOST}": "2"})
        change(farid, farid.get(PAGE), WEIGHTS, **{f"gewicht-{OOST}": ""})
        assert setting(db).area_weights == {}

    @pytest.mark.parametrize("typed", ["nan", "inf", "-1", "0", "0,4", "2,1", "veel", "1e1", "1,2,3", "²", "1" * 500])
    def it_asks_again_at_the_field_and_keeps_what_was_typed(self, farid: Browser, db: Session, typed: str) -> None:
        page = change(farid, farid.get(PAGE), WEIGHTS, **{f"gewicht-{OOST}": typed, f"gewicht-{ZUID}": "1,25"})
        assert page.status == 422
        assert page.errors() == {f"gewicht-{OOST}": NUMBER}
        values = page.form_values(WEIGHTS)
        assert values[f"gewicht-{OOST}"] == [typed[:20]]
        assert values[f"gewicht-{ZUID}"] == ["1,25"]
        assert setting(db).changed_at is None

    def it_refuses_a_wijk_of_elsewhere(self, farid: Browser, db: Session) -> None:
        page = change(farid, farid.get(PAGE), WEIGHTS, **{"gewicht-WK999999": "2", f"gewicht-{OOST}": "1,5"})
        assert page.status == 422
        assert "Een van deze wijken hoort niet bij deze gemeente." in page.words
        assert page.form_values(WEIGHTS)[f"gewicht-{OOST}"] == ["1,5"]
        assert setting(db).changed_at is None

    def it_needs_all_wijken(self, farid: Browser, db: Session) -> None:
        page = farid.post(WEIGHTS, {f"gewicht-{OOST}": "2"}, status=422)
        assert page.errors()[f"gewicht-{ZUID}"] == NUMBER
        assert setting(db).changed_at is None

    def it_explains_that_it_is_never_about_a_person(self, farid: Browser) -> None:
        assert "Het gaat nooit over een persoon." in farid.get(PAGE).words


class DescribeThePicture:
    def it_puts_more_to_the_right_and_higher(self) -> None:
        drawn = draw({"a": (100, 20), "b": (110, 30), "c": (120, 20)}, now="a", chosen="b")
        first, second, third = drawn.dots
        assert first.x < second.x < third.x
        assert second.y < first.y == third.y
        assert [(dot.is_now, dot.is_chosen) for dot in drawn.dots] == [(True, False), (False, True), (False, False)]

    def it_joins_only_those_that_no_other_beats(self) -> None:
        drawn = draw({"a": (100, 30), "b": (105, 25), "c": (104, 24), "d": (110, 20)}, now="a", chosen="a")
        assert drawn.path.count("L") == 2
        assert draw({"a": (100, 30), "b": (99, 29)}, now="a", chosen="b").path == ""

    def it_draws_settings_that_give_the_same_once(self) -> None:
        drawn = draw(dict.fromkeys("abcd", (7, 3)), now="a", chosen="d")
        assert [(dot.settings, dot.is_now, dot.is_chosen) for dot in drawn.dots] == [(4, True, True)]

    @pytest.mark.parametrize(
        "pairs", [{"a": (0, 0)}, {"a": (3, 1), "b": (250_000, 99_999)}, {"a": (5, 5), "b": (6, 5)}]
    )
    def it_stays_within_the_drawing(self, pairs: dict[str, tuple[int, int]]) -> None:
        drawn = draw(pairs, now="a", chosen="b")
        assert all(0 < dot.x < drawn.width and 0 < dot.y < drawn.height for dot in drawn.dots)
        assert 2 <= len(drawn.across) <= 5
        assert 2 <= len(drawn.up) <= 5

    def it_keeps_the_words_apart(self) -> None:
        for pairs in ({"n": (5, 9), "c": (5, 8)}, {"n": (5, 8), "c": (5, 9)}, {"n": (5, 8), "c": (6, 8)}):
            drawn = draw(pairs, now="n", chosen="c")
            assert sorted(dot.is_lower for dot in drawn.dots) == [False, True]
