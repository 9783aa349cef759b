"""The page about whom to look for, and what the desk says of a request without anybody."""

from typing import Any

import pytest
from sqlmodel import Session, select

from matching.models import HelpRequest, Volunteer
from matching.models.base import utcnow
from matching.ranking.changes import CLEARED_BY
from matching.services.matcher.proposing import propose
from matching.services.recruitment import Step
from tests.browse import Browser, Page
from tests.people import Cast
from tests.web.test_desk import LIST, PEOPLE, TODAY, ask_for, wire
from web import unmatched_words
from web.i18n import today

PAGE = "/werkplek/werven"
CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"key": "wait", "near": 1}, "Wacht een paar dagen. Eén vrijwilliger past, maar heeft nu genoeg te doen."),
    ({"key": "more_room", "near": 2}, "2 vrijwilligers"),
    ({"key": "other_slot", "near": 2, "slot": "tue-morning"}, "Vraag of dinsdagochtend ook kan. 2 vrijwilligers"),
    ({"key": "later_day", "near": 1, "day": "2026-11-25"}, "Vraag of woensdag 25 november"),
    ({"key": "introduction", "near": 3}, "Plan een kennismaking: 3 vrijwilligers dichtbij missen alleen die."),
    ({"key": "skill", "near": 1, "skills": ["pet"]}, "Vraag of dit iets is om te doen."),
    ({"key": "free_slot", "near": 1}, "Vraag of iemand tijd kan maken: één vrijwilliger"),
    ({"key": "farther", "near": 1, "metres": 420}, "Vraag of 500 m verder ook goed is"),
    ({"key": "no_language", "near": 1}, "Vraag of een andere taal ook goed is"),
    ({"key": "vog", "near": 1}, "Help met een VOG: één vrijwilliger"),
    ({"key": "vog_and_introduction", "near": 2}, "Plan een kennismaking en help met een VOG: 2 vrijwilligers"),
    ({"key": "training", "near": 1}, "Bied de training zorg overnemen aan: één vrijwilliger"),
    ({"key": "training_and_introduction", "near": 2}, "Plan een kennismaking en de training zorg overnemen: 2"),
    ({"key": "training_and_vog", "near": 1}, "Bied de training aan en help met een VOG: één"),
    ({"key": "training_vog_and_introduction", "near": 2}, "Plan een kennismaking en de training. Help met een VOG."),
    (
        {"key": "recruit", "near": 0, "skills": ["car_ride", "car"], "clearances": ["vog", "introduction", "training"],
         "language": "tr", "slots": "weekday-mornings"},
        "Heeft een auto, Spreekt Turks, Heeft een VOG nodig, Heeft een kennismaking nodig, "
        "Heeft de training zorg overnemen nodig, Vrij op doordeweekse ochtenden.",
    ),
]  # fmt: skip


def rides(db: Session, cast: Cast, count: int = 1) -> list[HelpRequest]:
    """Requests of Anna that nobody can take: there is no car."""
    found = [ask_for(db, cast.anna, category="car_ride") for _ in range(count)]
    propose(db, now=utcnow())
    db.commit()
    return found


def links(page: Page) -> set[str]:
    return {link.get("href") for link in page.all("a")}


class DescribeThePage:
    def it_invites_when_nobody_is_needed(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.chantal).get(PAGE)
        assert page.h1 == "Wie zoeken we?"
        assert "Er is nu niemand nodig" in page.words
        assert PEOPLE in links(page)

    def it_says_whom_to_look_for_and_which_requests_that_helps(self, client: Browser, db: Session, cast: Cast) -> None:
        found = rides(db, cast, 3)
        page = client.sign_in(cast.chantal).get(PAGE)
        assert "2 vrijwilligers met een auto in Oost helpen 3 vragen vooruit." in page.words
        assert "Heeft een auto" in page.words
        assert all(f"{LIST}/{request.id}" in links(page) for request in found)
        assert "Geteld op" in page.words

    def it_says_who_is_nearly_ready(self, client: Browser, db: Session, cast: Cast) -> None:
        bram = db.get_one(Volunteer, cast.bram.id)
        bram.skills, bram.introduced_on = ["handyman"], today()
        ask_for(db, cast.anna, category="handyman")
        propose(db, now=utcnow())
        db.commit()
        page = client.sign_in(cast.chantal).get(PAGE)
        assert "Eén vrijwilliger in Oost mist alleen een VOG. Daarmee is er iemand voor één vraag." in page.words
        assert f"{PEOPLE}/{cast.bram.id}" in links(page)

    def it_is_about_the_places_of_who_looks(self, client: Browser, db: Session, cast: Cast) -> None:
        (request,) = rides(db, cast)
        assert "Oost" not in client.sign_in(cast.saskia).get(PAGE).words
        assert f"{LIST}/{request.id}" in links(client.sign_in(cast.farid).get(PAGE))

    def it_is_in_the_navigation_of_the_desk(self, client: Browser, cast: Cast) -> None:
        assert PAGE in links(client.sign_in(cast.chantal).get(TODAY))
        assert PAGE not in links(client.sign_in(cast.anna).get("/"))

    def it_asks_little_of_the_database(self, client: Browser, db: Session, cast: Cast) -> None:
        bram = db.get_one(Volunteer, cast.bram.id)
        bram.skills, bram.introduced_on = ["handyman"], today()
        for category in ("handyman", "pet", "cooking", "digital"):
            ask_for(db, cast.anna, category=category)
            ask_for(db, cast.daan, category=category)
        rides(db, cast, 20)
        client.sign_in(cast.farid)
        with client.count_queries() as queries:
            page = client.get(PAGE)
        assert len(page.all("li")) > 20
        assert len(queries) <= 10
        assert wire(page) <= 60_000


@pytest.mark.parametrize(("change", "sentence"), CHANGES, ids=[change["key"] for change, _ in CHANGES])
def it_says_the_smallest_change_in_words(
    client: Browser, db: Session, cast: Cast, change: dict[str, Any], sentence: str
) -> None:
    request = ask_for(db, cast.anna)
    request.no_match_reason = "all_busy"
    request.no_match_wish = {"lack": "capacity", "missing": [], "near": 0, "change": change}
    db.add(request)
    db.commit()
    chantal = client.sign_in(cast.chantal)
    assert sentence in chantal.get(f"{LIST}/{request.id}").words
    assert sentence in chantal.get(TODAY).words


def it_has_words_for_every_change() -> None:
    from matching.ranking.changes import COSTS

    assert {change["key"] for change, _ in CHANGES} == set(COSTS)


@pytest.mark.parametrize("key", [*CLEARED_BY, "recruit"])
@pytest.mark.parametrize("volunteers", [1, 2])
def it_has_a_sentence_for_every_step(client: Browser, db: Session, cast: Cast, key: str, volunteers: int) -> None:
    step = Step(key, "Oost", volunteers, 7, [], [], ["garden"], [], None, "nights")
    with client.app.test_request_context():
        text = unmatched_words.step(step).text
    assert ("Eén vrijwilliger" if volunteers == 1 else "2 vrijwilligers") in text
    assert "7 vragen" in text and "Oost" in text


def it_shows_in_words_what_the_matcher_found(client: Browser, db: Session, cast: Cast) -> None:
    (request,) = rides(db, cast)
    change = db.exec(select(HelpRequest.no_match_wish)).one()["change"]
    assert change["key"] == "recruit"
    words = client.sign_in(cast.chantal).get(f"{LIST}/{request.id}").words
    assert "Niemand in deze gemeente heeft dit in het profiel staan." in words
    assert "Zoek een nieuwe vrijwilliger dichtbij." in words
