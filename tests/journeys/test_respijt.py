"""From strain to relief, with five people in five browsers: the journey of a mantelzorger.

Mies (a phone) says how she is and asks for a half-day a week. Chantal (a laptop) takes it up and arranges Bas (a
phone) after an introduction, a trial and an agreement; Noor stands behind him. Weeks go by, the ledger counts, Bas
falls ill and Noor comes. Then Mies drops out herself, and Karin gets the plan.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Date, Table, select, update
from sqlmodel import Session

from matching.database import open_engine
from matching.models import (
    Arrangement,
    Buurt,
    CareSituation,
    Channel,
    Entitlement,
    LedgerLine,
    ReliefRequest,
    RespijtBooking,
    StrainCheck,
)
from matching.models.base import UtcDateTime, utcnow
from matching.seed import DEMO_PASSWORD
from matching.services import accounts, moderating, passwords, volunteering
from matching.services.volunteering import Profile
from tests.journeys.conftest import LAPTOP, PHONE, NewPerson, Site, follow, inspect, log_in
from tests.journeys.test_from_request_to_pairing import newest_link
from web.db import session_factory

BUURT = "BU04020603"  # of Chantal
WEEKS = 5
THURSDAY = 3


@contextmanager
def database(site: Site) -> Iterator[Session]:
    """The database of the site, for what no page does. Nothing encrypted is read or written here."""
    engine = open_engine(f"sqlite:///{site.environment['OMZIEN_HOME']}/omzien.sqlite3")
    with session_factory(engine)(True) as session:
        yield session
        session.commit()
    engine.dispose()


def settle(site: Site, names: list[str]) -> dict[str, str]:
    """People of Chantal's buurt with the demonstration's password; by name, what comes before the @ of the address."""
    with database(site) as session:
        buurt = session.get_one(Buurt, BUURT)
        logins = {}
        for name in names:
            logins[name] = f"{name.lower()}.{uuid4().hex[:8]}"
            account, _is_new = accounts.find_or_join(
                session, first_name=name, email=f"{logins[name]}@voorbeeld.nl", phone="+31612345678", locale="nl",
                channel=Channel.EMAIL, buurt_code=BUURT, x=round(buurt.x / 100) * 100, y=round(buurt.y / 100) * 100,
                adult=True, now=utcnow(),
            )  # fmt: skip
            account.email_verified_at = utcnow()
            passwords.set_password(session, account, DEMO_PASSWORD, now=utcnow())
        return logins


def make_stand_ins(site: Site, logins: list[str]) -> None:
    """Volunteers who sat with Chantal, showed a certificate of conduct and did the training."""
    today, now = date.today(), utcnow()  # noqa: DTZ011  # the day of this machine, as everybody in this journey reads it
    with database(site) as session:
        chantal = accounts.by_email(session, "chantal@voorbeeld.nl")
        assert chantal is not None
        assert chantal.id is not None
        for login in logins:
            account = accounts.by_email(session, f"{login}@voorbeeld.nl")
            assert account is not None
            assert account.id is not None
            profile = Profile(("sitting",), 2**28 - 1, 3000, ("nl",), 3, has_car=False)
            volunteer = volunteering.join(session, account.id, profile, now=now)
            moderating.introduced(session, volunteer, by=chantal.id, today=today, now=now)
            vog_until = today + timedelta(days=700)
            moderating.vog_seen(session, volunteer, by=chantal.id, today=today, renew_by=vog_until, now=now)
            moderating.trained(session, volunteer, by=chantal.id, on=today, today=today, now=now)


def let_weeks_go_by(site: Site, situation_id: str) -> None:
    """Everything in this situation happened five weeks earlier, and what was planned comes five weeks sooner: as if
    these people had waited that long. Days of the week stay what they are."""
    key = int(situation_id)
    reliefs = select(_table(ReliefRequest).c.id).where(_table(ReliefRequest).c.situation_id == key)
    rights = select(_table(Entitlement).c.id).where(_table(Entitlement).c.situation_id == key)
    with database(site) as session:
        _earlier(session, _table(LedgerLine), _table(LedgerLine).c.entitlement_id.in_(rights))
        _earlier(session, _table(Arrangement), _table(Arrangement).c.relief_id.in_(reliefs))
        for kind in (StrainCheck, ReliefRequest, Entitlement, RespijtBooking):
            _earlier(session, _table(kind), _table(kind).c.situation_id == key)
        _earlier(session, _table(CareSituation), _table(CareSituation).c.id == key)


def _table(kind: Any) -> Table:
    table: Table = kind.__table__
    return table


def _earlier(session: Session, table: Table, where: Any) -> None:
    moments = [column for column in table.columns if isinstance(column.type, Date | UtcDateTime)]
    # In order of time: a moment of a series moves to where an earlier one has just left.
    by_time = table.c.starts_at if "starts_at" in table.c else table.c.id
    connection = session.connection()
    for row in connection.execute(select(table.c.id, *moments).where(where).order_by(by_time)).all():
        sooner = {
            column.name: row._mapping[column] - timedelta(weeks=WEEKS)
            for column in moments
            if row._mapping[column] is not None
        }
        connection.execute(update(table).where(table.c.id == row.id).values(**sooner))


@dataclass
class Family:
    """Mies and those around her: their pages, and what to log in with."""

    site: Site
    mies: Page
    bas: Page
    noor: Page
    karin: Page
    desk: Page
    logins: dict[str, str]
    situation: str = ""
    relief: str = ""


@pytest.fixture
def family(person: NewPerson, site: Site) -> Family:
    logins = settle(site, ["Mies", "Bas", "Noor"])
    make_stand_ins(site, [logins["Bas"], logins["Noor"]])
    pages = {"Mies": person(PHONE), "Bas": person(PHONE), "Noor": person(PHONE)}
    for name, page in pages.items():
        log_in(page, logins[name])
    desk = person(LAPTOP)
    log_in(desk, "chantal")
    return Family(site, pages["Mies"], pages["Bas"], pages["Noor"], person(PHONE), desk, logins)


def number_in(page: Page, pattern: str) -> str:
    """The number in the address of this page."""
    found = re.search(pattern, page.url)
    assert found is not None, page.url
    return found[1]


def submit(page: Page) -> None:
    """Press the one primary button of the form on this page."""
    follow(page.locator("main form button.utrecht-button--primary-action").last)


def main_text(page: Page) -> Any:
    return expect(page.get_by_role("main"))


def tell_the_story(family: Family) -> None:
    """For whom Mies cares, and that her father agrees."""
    page = family.mies
    page.goto("/mantelzorg")
    inspect(page)
    page.goto("/mantelzorg/nieuw")
    inspect(page)
    page.locator("input[name=relation][value=parent]").check()
    page.locator("input[name=since_year]").fill("2022")
    page.locator("input[name=hours_a_week]").fill("30")
    page.locator("input[name=lives][value=together]").check()
    page.locator("select[name=buurt]").select_option(label="Kleine Driftbuurt")
    page.locator("input[name=consent]").check()
    submit(page)
    page.goto("/mantelzorg")
    inspect(page)
    family.situation = (page.locator("a[href$='/even-vrij']").first.get_attribute("href") or "").split("/")[2]
    page.goto(f"/mantelzorg/{family.situation}/naaste")
    inspect(page)
    page.locator("input[name=cared_for_name]").fill("Henk")
    page.locator("input[name=given_by][value=person]").check()
    page.locator("input[name=asked_by][value=mantelzorger]").check()
    page.locator("input[name=asked_on]").fill(date.today().isoformat())  # noqa: DTZ011  # as above
    submit(page)


def say_how_it_is(page: Page, situation: str, answers: str) -> None:
    """The six questions: 0 is light and 2 is heavy."""
    page.goto(f"/mantelzorg/{situation}/hoe-gaat-het")
    inspect(page)
    for name, answer in zip(("sleep", "time", "worries", "body", "others", "go_on"), answers, strict=True):
        page.locator(f"input[name={name}][value='{answer}']").check()
    submit(page)
    inspect(page)


def ask_a_half_day(family: Family) -> None:
    """Every Thursday afternoon, somebody at home."""
    page = family.mies
    page.goto(f"/mantelzorg/{family.situation}/even-vrij")
    inspect(page)
    page.locator("input[name=form][value=home_volunteer]").check()
    page.locator("input[name=rhythm][value=weekly]").check()
    page.get_by_role("checkbox", name="donderdag middag").check()
    page.locator("input[name=first_day]").fill(date.today().isoformat())  # noqa: DTZ011  # as above
    page.locator("textarea[name=words]").fill("Een vaste middag, dan kan ik zwemmen.")
    submit(page)
    inspect(page)
    page.goto("/mantelzorg")
    asked = page.locator("a[href*='/mantelzorg/even-vrij/']").first
    family.relief = (asked.get_attribute("href") or "").rsplit("/", 1)[1]


def take_it_up(family: Family) -> None:
    desk = family.desk
    desk.goto("/werkplek/respijt")
    inspect(desk)
    main_text(desk).to_contain_text("Mies")
    at_desk(family)
    inspect(desk)
    follow(desk.locator("form[action$='/oppakken'] button"))


def at_desk(family: Family) -> None:
    family.desk.goto(f"/werkplek/respijt/{family.relief}")


def bring(family: Family, name: str, page: Page, *, looks: bool) -> str:
    """Chantal asks this volunteer, who says yes, and so does Mies; introduction, trial, agreement by both, start.

    looks: inspect every page on the way. The number of the arrangement.
    """
    desk, mies = family.desk, family.mies
    at_desk(family)
    follow(desk.locator("form[action$='/zoeken'] button, form[action$='/reserve'] button").first)
    at_desk(family)
    follow(desk.locator("a[href^='/werkplek/vragen/']").first)
    request = number_in(desk, r"/vragen/(\d+)")
    desk.goto(f"/werkplek/vragen/{request}/iemand-anders?naam={name}")
    mine = desk.locator("label.oz-check", has_text=re.compile(rf"^\s*{name} "))
    mine.locator("input[name=kies]").last.check()
    desk.locator("[name=reason], [name=reden]").fill("Kent de buurt en heeft tijd.")
    submit(desk)
    say_yes(page, mies, looks=looks)
    at_desk(family)
    if looks:
        inspect(desk)
    follow(desk.locator("form[action$='/kennisgemaakt'] button"))
    at_desk(family)
    follow(desk.locator("form[action$='/geprobeerd'] button[value=goed]"))
    arrangement = agree(family, page, looks=looks)
    at_desk(family)
    if looks:
        inspect(desk)
    follow(desk.locator("form[action$='/starten'] button"))
    return arrangement


def say_yes(page: Page, mies: Page, *, looks: bool) -> None:
    """The volunteer says yes on the site, and then Mies on her own page."""
    page.goto("/helpen")
    follow(page.get_by_role("link", name="Bekijk en antwoord"))
    if looks:
        inspect(page)
    follow(page.get_by_role("main").get_by_role("button", name=re.compile("^Ja")).first)
    if looks:
        inspect(page)
    mies.goto("/mantelzorg")
    follow(mies.locator("main a[href*='/koppelingen/']").first)
    if looks:
        inspect(mies)
    follow(mies.get_by_role("main").get_by_role("button", name=re.compile("^Ja")).first)
    if looks:
        inspect(mies)


def agree(family: Family, page: Page, *, looks: bool) -> str:
    """Both tick under the same text."""
    family.mies.goto("/mantelzorg")
    follow(family.mies.locator("main a[href*='/mantelzorg/afspraak/']").first)
    arrangement = number_in(family.mies, r"/afspraak/(\d+)")
    if looks:
        inspect(family.mies)
    follow(family.mies.locator("main a[href$='/overeenkomst']").first)
    page.goto(f"/helpen/respijt/{arrangement}/overeenkomst")
    for each in (family.mies, page):
        if looks:
            inspect(each)
        each.locator("input[name=akkoord]").check()
        submit(each)
        if looks:
            inspect(each)
    return arrangement


def grant_and_plan(family: Family) -> None:
    """Chantal writes down what was promised, and puts the Thursdays in the calendar."""
    desk, today = family.desk, date.today()  # noqa: DTZ011  # as above
    desk.goto(f"/werkplek/mantelzorg/{family.situation}/recht/nieuw")
    inspect(desk)
    desk.locator("input[name=payer][value=volunteer]").check()
    desk.locator("select[name=form]").select_option("home_volunteer")
    desk.locator("input[name=unit][value=half_day]").check()
    desk.locator("input[name=units]").fill("20")
    desk.locator("input[name=first_day]").fill(today.isoformat())
    desk.locator("input[name=last_day]").fill((today + timedelta(days=300)).isoformat())
    submit(desk)
    desk.goto(f"/werkplek/mantelzorg/{family.situation}/agenda")
    inspect(desk)
    rhythm = desk.locator("form[action$='/ritme']")
    rhythm.locator("[name$=betaler]").select_option("volunteer")
    rhythm.locator("[name$=tot_dag]").fill((today + timedelta(weeks=8)).isoformat())
    follow(rhythm.get_by_role("button"))
    inspect(desk)


def balance(page: Page, situation: str) -> tuple[int, int, int]:
    """Used, planned and left, as the mantelzorger reads them."""
    page.goto(f"/mantelzorg/{situation}/over")
    text = page.get_by_role("main").inner_text()
    patterns = (r"Gebruikt\s+(\d+)", r"Gepland\s+(\d+)", r"(\d+)\s+dagdelen over")
    found = [re.search(pattern, text) for pattern in patterns]
    assert all(found), text
    used, planned, left = (int(each[1]) for each in found if each)
    return used, planned, left


def confirm_all(page: Page, situation: str) -> int:
    """Everything that is over went ahead; how many times that was."""
    done = 0
    while True:
        page.goto(f"/mantelzorg/{situation}/agenda")
        went = page.locator("form[action$='/ging-door'] button")
        if went.count() == 0:
            return done
        follow(went.first)
        done += 1


@pytest.mark.xdist_group("city")
def it_brings_relief_to_a_mantelzorger(family: Family) -> None:
    mies, desk = family.mies, family.desk
    tell_the_story(family)
    say_how_it_is(mies, family.situation, "222221")
    main_text(mies).to_contain_text("Het is te veel")
    ask_a_half_day(family)
    take_it_up(family)
    bas = bring(family, "Bas", family.bas, looks=True)
    grant_and_plan(family)
    assert balance(mies, family.situation) == (0, 8, 12)
    inspect(mies)
    bring(family, "Noor", family.noor, looks=False)

    let_weeks_go_by(family.site, family.situation)
    mies.goto("/mantelzorg")
    inspect(mies)
    times = confirm_all(mies, family.situation)
    assert times in (4, 5)
    assert balance(mies, family.situation) == (times, 8 - times, 12)
    inspect(mies)

    say_how_it_is(mies, family.situation, "110110")
    look_back(family, bas)
    bas_is_ill(family)
    mies_drops_out(family)
    desk.goto(f"/werkplek/mantelzorg/{family.situation}")
    inspect(desk)


def look_back(family: Family, arrangement: str) -> None:
    """After the third time Mies reads how heavy it was and is, and says how it goes; Chantal reads it."""
    mies = family.mies
    mies.goto(f"/mantelzorg/afspraak/{arrangement}")
    inspect(mies)
    follow(mies.locator("main a[href$='/terugkijken']"))
    inspect(mies)
    main_text(mies).to_contain_text("Het is te veel")  # before
    main_text(mies).to_contain_text("Het gaat wel")  # now
    mies.locator("input[name=hoe][value=good]").check()
    mies.locator("input[name=rust][value=yes]").check()
    mies.locator("input[name=verder][value=yes]").check()
    submit(mies)
    inspect(mies)
    at_desk(family)
    main_text(family.desk).to_contain_text("Mies zei")
    inspect(family.desk)


def bas_is_ill(family: Family) -> None:
    """He says so in his calendar; Noor is asked at once, and comes."""
    bas, noor, mies = family.bas, family.noor, family.mies
    used, planned, left = balance(mies, family.situation)
    mies.goto(f"/mantelzorg/{family.situation}/agenda")
    bas.goto("/helpen/respijt")
    inspect(bas)
    for _month in range(2):
        coming = bas.locator("ol.oz-agenda li", has_text="Staat vast").get_by_role("link")
        if coming.count():
            break
        follow(bas.get_by_role("navigation", name="Andere maanden").get_by_role("link").last)
    follow(coming.first)
    inspect(bas)
    follow(bas.locator("a[href$='/lukt-niet']"))
    inspect(bas)
    bas.locator("input[name=reden][value=stand_in_ill]").check()
    submit(bas)
    inspect(bas)
    assert balance(mies, family.situation) == (used, planned - 1, left + 1)
    mies.goto("/mantelzorg")
    main_text(mies).to_contain_text("Noor")
    inspect(mies)
    noor.goto(newest_link(noor, "iemand uit", set(), f"{family.logins['Noor']}@voorbeeld.nl"))
    inspect(noor)
    follow(noor.locator("button[name=antwoord][value=ja]"))
    inspect(noor)
    assert balance(mies, family.situation) == (used, planned, left)
    mies.goto("/mantelzorg")
    main_text(mies).to_contain_text("Noor neemt het over")


def mies_drops_out(family: Family) -> None:
    """Mies made a plan with Karin on it; now she presses the button, and Karin and Chantal know."""
    mies, karin, seen = family.mies, family.karin, set[str]()
    here, address = f"/mantelzorg/{family.situation}/noodplan", f"karin.{uuid4().hex[:8]}@voorbeeld.nl"
    mies.goto(f"{here}/schrijven")
    inspect(mies)
    mies.locator("textarea[name=first_hours]").fill("Zet de radio aan en blijf bij hem.")
    submit(mies)
    ask_karin(mies, here, address)
    karin.goto(newest_link(karin, "inspringen", seen, address))
    inspect(karin)
    follow(karin.locator("button[name=antwoord][value=ja]"))
    inspect(karin)
    mies.goto(here)
    main_text(mies).to_contain_text("heeft ja gezegd")
    inspect(mies)
    follow(mies.locator(f"a[href='{here}/nu']"))
    inspect(mies)
    submit(mies)
    inspect(mies)
    karin.goto(newest_link(karin, "nodig", seen, address))
    inspect(karin)
    main_text(karin).to_contain_text("Zet de radio aan")
    follow(karin.locator("button[name=kom][value=ja]"))
    inspect(karin)
    mies.goto(here)
    main_text(mies).to_contain_text("komt")
    family.desk.goto("/werkplek/respijt")
    inspect(family.desk)
    main_text(family.desk).to_contain_text("Mies")
    family.desk.goto(f"/werkplek/mantelzorg/{family.situation}/noodplan")
    inspect(family.desk)
    main_text(family.desk).to_contain_text("Karin")


def ask_karin(mies: Page, here: str, address: str) -> None:
    mies.goto(f"{here}/invallers")
    inspect(mies)
    mies.locator("input[name=naam]").fill("Karin")
    mies.locator("input[name=relatie][value=family]").check()
    mies.locator("input[name=telefoon]").fill("06 12 34 56 79")
    mies.locator("input[name=email]").fill(address)
    submit(mies)
    inspect(mies)
