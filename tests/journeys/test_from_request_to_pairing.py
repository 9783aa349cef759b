"""From hulpvraag to koppeling, with three people in three browsers, on a city of 600 volunteers.

Riet asks on a phone, Chantal judges on a laptop, a volunteer says yes on a phone by the link of a message; then Riet
says yes, they agree on an hour, and afterwards both say how it was.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import LAPTOP, PHONE, NewPerson, Site, inspect, log_in

NAMES = {"phone": ("Riet", PHONE), "laptop": ("Toos", LAPTOP)}


def press(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name, exact=True).first.click()


def ask(page: Page, name: str) -> str:
    """Ask for shopping as somebody new, from the front page; returns the address of the status page."""
    page.goto("/")
    inspect(page)
    page.get_by_role("link", name="Ik zoek hulp").click()
    inspect(page)
    press(page, "Verder naar wanneer")  # nothing chosen yet: the page says so and nothing is lost
    expect(page.get_by_role("group", name="Kijk nog even")).to_be_visible()
    inspect(page)
    page.get_by_text("Boodschappen", exact=True).click()
    page.get_by_label("Wilt u er iets bij vertellen?").fill("Ik loop slecht. Kunt u één tas halen?")
    press(page, "Verder naar wanneer")
    inspect(page)
    page.get_by_text("Elke week", exact=True).click()
    page.get_by_role("checkbox", name="dinsdag ochtend").check()
    page.get_by_role("checkbox", name="zaterdag middag").check()
    press(page, "Verder naar waar")
    inspect(page)
    page.get_by_label(re.compile("buurt", re.I)).first.select_option(label="Kleine Driftbuurt")
    press(page, "Verder")
    inspect(page)
    page.get_by_label(re.compile("voornaam", re.I)).fill(name)
    page.get_by_label(re.compile("e-mailadres", re.I)).fill(f"{name.lower()}@voorbeeld.nl")
    page.get_by_label(re.compile("telefoonnummer", re.I)).fill("035 201 02 03")
    page.get_by_label(re.compile("18 jaar")).check()
    press(page, "Kijk het na")
    inspect(page)
    expect(page.get_by_role("main")).to_contain_text("Kleine Driftbuurt")
    press(page, "Verstuur mijn vraag")
    page.wait_for_url(re.compile(r"/hulpvragen/\d+"))
    inspect(page)
    return page.url


def letter_link(page: Page, address: str, subject: str) -> str:
    """The link in the newest message to this address with this subject; the worker sends within a minute or two."""
    for _look in range(90):
        page.goto(f"/postvak?aan={address}")
        found = page.get_by_role("link", name=re.compile(subject))
        if found.count():
            found.first.click()
            return page.locator("main a[href^='http']").first.get_attribute("href") or ""
        page.wait_for_timeout(1000)  # the minute in which the desk can take it back has to go by
    raise AssertionError(f"no message about {subject} to {address}")


@pytest.mark.xdist_group("city")
@pytest.mark.parametrize("size", ["phone", "laptop"])
def it_brings_two_people_together(person: NewPerson, site: Site, size: str) -> None:
    name, viewport = NAMES[size]
    asker, desk, volunteer = person(viewport), person(LAPTOP), person(PHONE)
    status = ask(asker, name)
    number = status.rsplit("/", 1)[1]
    site.omzien("match", "--buurt", "BU04020603")

    log_in(desk, "chantal")
    desk.goto(f"/werkplek/vragen/{number}")
    inspect(desk)
    first = desk.locator("main").get_by_role("button", name=re.compile("^Kies ")).first
    first.click()
    expect(desk.get_by_role("button", name=re.compile("Terugdraaien"))).to_be_visible()
    inspect(desk)
