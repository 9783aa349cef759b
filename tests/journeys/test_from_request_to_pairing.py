"""From hulpvraag to koppeling, with three people in three browsers, on a city of 600 volunteers.

Riet asks on a phone, Chantal judges on a laptop, a volunteer says yes on a phone by the link of a message; then Riet
says yes, they agree on an hour, and afterwards both say how it was.
"""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import LAPTOP, PHONE, NewPerson, Site, follow, inspect, log_in


def press(page: Page, name: str) -> None:
    follow(page.locator("main").get_by_role("button", name=name, exact=True).first)


def ask(page: Page, name: str, address: str) -> str:
    """Ask for shopping as somebody new, from the front page; the number of the request."""
    page.goto("/")
    inspect(page)
    follow(page.get_by_role("link", name="Ik zoek hulp"))
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
    page.get_by_label(re.compile("e-mailadres", re.I)).fill(address)
    page.get_by_label(re.compile("telefoonnummer", re.I)).fill("035 201 02 03")
    page.get_by_label(re.compile("18 jaar")).check()
    press(page, "Kijk het na")
    inspect(page)
    expect(page.get_by_role("main")).to_contain_text("Kleine Driftbuurt")
    press(page, "Verstuur mijn vraag")
    page.wait_for_url(re.compile(r"/hulpvragen/\d+"))
    inspect(page)
    return page.url.split("?")[0].rsplit("/", 1)[1]


def newest_link(page: Page, subject: str, seen: set[str], address: str = "") -> str:
    """The link in a message with this subject that was not read yet. The worker sends it within two minutes."""
    for _look in range(150):
        page.goto(f"/postvak?aan={address}")
        for letter in page.get_by_role("link", name=subject).all():
            name = letter.get_attribute("href") or ""
            if name not in seen:
                seen.add(name)
                follow(letter)
                return page.locator("main a[href^='http']").first.get_attribute("href") or ""
        page.wait_for_timeout(1000)  # the minute in which the desk can take it back has to go by
    raise AssertionError(f"no message: {subject}")


def choose(desk: Page, number: str) -> str:
    """The opbouwwerker takes the best candidate, back, and chooses again; the volunteer's name."""
    desk.goto(f"/werkplek/vragen/{number}")
    inspect(desk)
    button = desk.get_by_role("button", name=re.compile("^Kies [A-Z]")).first
    name = button.inner_text().removeprefix("Kies ").strip()
    follow(button)
    inspect(desk)
    follow(desk.get_by_role("button", name="Terugdraaien"))
    desk.goto(f"/werkplek/vragen/{number}")
    follow(desk.get_by_role("button", name=f"Kies {name}").first)
    return name


def answer_yes(page: Page, link: str, button: str) -> None:
    """Open a link from a message without logging in, look, and say yes."""
    page.goto(link)
    inspect(page)
    follow(page.get_by_role("button", name=button))
    inspect(page)


@pytest.mark.xdist_group("city")
def it_brings_two_people_together(person: NewPerson, site: Site) -> None:
    """Twice at the same time: somebody with a phone, and somebody with a laptop."""
    desk, seen = person(LAPTOP), set[str]()
    log_in(desk, "chantal")
    askers = {name: person(size) for name, size in (("Riet", PHONE), ("Toos", LAPTOP))}
    addresses = {name: f"{name.lower()}.{uuid4().hex[:8]}@voorbeeld.nl" for name in askers}
    numbers = {name: ask(page, name, addresses[name]) for name, page in askers.items()}
    site.omzien("match", "--buurt", "BU04020603")
    chosen = {name: choose(desk, number) for name, number in numbers.items()}
    for size in (PHONE, LAPTOP):
        volunteer = person(size)
        answer_yes(volunteer, newest_link(volunteer, "boodschappen", seen), "Ja, ik help")
    for name, page in askers.items():
        link = newest_link(page, "Wij hebben iemand voor u gevonden", seen, addresses[name])
        answer_yes(page, link, "Ja, graag")
        page.goto(f"/hulpvragen/{numbers[name]}")
        inspect(page)
        follow(page.get_by_role("link", name="Bekijk wie helpt en wanneer"))
        inspect(page)
        expect(page.get_by_role("main")).to_contain_text(chosen[name])
        expect(page.locator("main a[href^='tel:06']").first).to_be_visible()
        check_calendar(page)
    tell_how_it_was(askers["Riet"])


def tell_how_it_was(page: Page) -> None:
    """Agree on the hour, have it done, and answer the two questions."""
    follow(page.get_by_role("link", name="Noteer de tijd"))
    inspect(page)
    page.locator("input[type=time]").fill("10:30")
    press(page, "Noteer dit")
    expect(page.get_by_role("main")).to_contain_text("10.30")
    press(page, "Klaar, en wij stoppen")
    follow(page.get_by_role("link", name="Vertel hoe het was"))
    inspect(page)
    page.locator("input[value=good]").check()
    page.locator("input[value=yes]").check()
    press(page, "Verstuur")
    inspect(page)
    expect(page.get_by_role("main")).to_contain_text("Fijn dat u het vertelde")


def check_calendar(page: Page) -> None:
    """The calendar file is there and repeats every week."""
    link = page.locator("main a[href$='.ics']").first.get_attribute("href") or ""
    answer = page.request.get(link)
    assert answer.headers["content-type"].startswith("text/calendar")
    assert "RRULE:FREQ=WEEKLY" in answer.text()
