"""Every page that people see first, as each role, on a phone and a laptop, by day and by night: no axe violation,
nothing sticks out. And the way of asking without any JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import LAPTOP, PHONE, NewPerson, follow, inspect, log_in

PAGES = {
    "": (
        "/ /buurten /buurten/BU04020603 /hulpvragen/nieuw /helpen/aanmelden /inloggen /account/nieuw /mantelzorg"
        " /hoe-wij-kiezen /algoritme /algoritme/prior-1 /privacy /toegankelijkheid /contact /postvak /bestaat-niet"
    ),
    "anna": (
        "/hulpvragen /ik /ik/wijzigen /ik/wachtwoord /helpen /buurten/mijn /mantelzorg/nieuw /mantelzorg/wie-keek-mee"
    ),
    "bram": "/helpen /helpen/profiel /helpen/vragen /helpen/vragen?kaart=1 /helpen/afwezig /helpen/respijt",
    "els": (
        "/mantelzorg /mantelzorg/1 /mantelzorg/aanbieders /mantelzorg/1/hoe-gaat-het /mantelzorg/1/hoe-vaak"
        " /mantelzorg/1/even-vrij /mantelzorg/1/nu-hulp /mantelzorg/1/agenda /mantelzorg/1/over"
        " /mantelzorg/1/over/nieuw /mantelzorg/1/gegevens /mantelzorg/1/veranderen /mantelzorg/1/naaste"
        " /mantelzorg/1/stoppen /mantelzorg/1/noodplan /mantelzorg/1/noodplan/schrijven"
        " /mantelzorg/1/noodplan/invallers /mantelzorg/1/noodplan/afdrukken /mantelzorg/1/noodplan/nu"
        " /mantelzorg/even-vrij/1 /mantelzorg/even-vrij/2 /mantelzorg/afspraak/1 /mantelzorg/wie-keek-mee"
    ),
    "chantal": (
        "/werkplek /werkplek/vragen /werkplek/mensen /werkplek/werven /werkplek/mantelzorg /werkplek/mantelzorg/1"
        " /werkplek/mantelzorg/1/agenda /werkplek/mantelzorg/1/recht /werkplek/mantelzorg/1/recht/nieuw"
        " /werkplek/mantelzorg/1/noodplan /werkplek/mantelzorg/1/noodplan/nu /werkplek/respijt /werkplek/respijt/1"
        " /werkplek/respijt/2 /werkplek/signalen /werkplek/respijtcijfers"
        " /werkplek/aanbieders /werkplek/aanbieders/nieuw"
    ),
    "farid": (
        "/werkplek /werkplek/vragen?aantal=200 /werkplek/werven /werkplek/verdeling"
        " /werkplek/verdeling?buurten=strongly&vrijwilligers=none /werkplek/verdeling?buurten=niets"
        " /werkplek/mantelzorg /werkplek/respijt /werkplek/signalen /werkplek/respijtcijfers"
    ),
    "greet": "/beheer/medewerkers /beheer/medewerkers/nieuw",
}
NOT_THERE = ("/bestaat-niet", "/werkplek/verdeling?buurten=niets")


@pytest.mark.xdist_group("city")
@pytest.mark.parametrize("name", list(PAGES))
def it_is_accessible(person: NewPerson, name: str) -> None:
    for size, scheme in ((PHONE, "light"), (LAPTOP, "dark")):
        page = person(size, color_scheme=scheme)
        if name:
            log_in(page, name)
        for path in PAGES[name].split():
            answer = page.goto(path)
            assert answer is not None
            assert answer.ok or path in NOT_THERE, f"{path}: {answer.status}"
            inspect(page)


@pytest.mark.xdist_group("city")
def it_fits_a_very_small_screen(person: NewPerson) -> None:
    page = person({"width": 320, "height": 600})
    for path in PAGES[""].split():
        page.goto(path)
        inspect(page)


@pytest.mark.xdist_group("city")
def it_speaks_english(person: NewPerson) -> None:
    page = person(PHONE, locale="en-GB")
    page.goto("/")
    expect(page.get_by_role("link", name="I need help")).to_be_visible()
    page.get_by_text("Language", exact=True).click()
    follow(page.get_by_role("button", name="Nederlands"))
    expect(page.get_by_role("link", name="Ik zoek hulp")).to_be_visible()


@pytest.mark.xdist_group("city")
def it_works_without_javascript(person: NewPerson) -> None:
    page = person(PHONE, java_script_enabled=False)
    page.goto("/")
    follow(page.get_by_role("link", name="Ik zoek hulp"))
    page.get_by_text("Samen naar buiten", exact=True).click()
    follow(page.get_by_role("button", name="Verder naar wanneer"))
    page.get_by_text("Eén keer, de dag maakt niet uit").click()
    page.get_by_role("checkbox", name="woensdag middag").check()
    follow(page.get_by_role("button", name="Verder naar waar"))
    page.get_by_label(re.compile("buurt", re.I)).first.select_option(label="Geuzenbuurt")
    follow(page.get_by_role("button", name="Verder", exact=True))
    follow(page.get_by_role("button", name="Bewaar en ga later verder"))
    expect(page.get_by_role("main")).to_contain_text("bewaard")
    page.goto("/hulpvragen/nieuw")
    expect(page.get_by_role("main")).to_contain_text(re.compile("Samen naar buiten"))
