"""What would help the requests that nobody takes: kept by each run, shown for the places where somebody works."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from matching.models import Account, Buurt, Gemeente, HelpRequest, Recruitment, Volunteer, Wijk
from matching.services.matcher.proposing import propose
from matching.services.recruitment import Step, recruiting
from matching.workflow import RequestState
from tests.matching.test_proposing import make_request, proposed
from tests.people import (
    DRIFTBUURT,
    HILVERSUM,
    MONDAY,
    NOW,
    OOST,
    TUESDAY,
    ZUID,
    Cast,
    make_person,
    make_volunteer,
)

MORNINGS = sum(1 << day * 4 for day in range(5))


def steps(db: Session, *places: str) -> list[Step]:
    return recruiting(db, places or (HILVERSUM,)).steps


def change_of(db: Session, request: HelpRequest) -> Any:
    db.refresh(request)
    return request.no_match_wish["change"] if request.no_match_wish else None


def only_rows(db: Session) -> list[dict[str, Any]]:
    return db.exec(select(Recruitment)).one().rows


def it_looks_for_somebody_with_a_car(db: Session, cast: Cast) -> None:
    rides = [make_request(db, cast.anna, category="car_ride", slots=MORNINGS) for _ in range(3)]
    propose(db, now=NOW)
    (row,) = only_rows(db)
    assert row == {
        "key": "recruit",
        "place": OOST,
        "volunteers": 2,
        "requests": [ride.id for ride in rides],
        "who": [],
        "skills": ["car_ride", "car"],
        "clearances": [],
        "language": None,
        "slots": "weekday-mornings",
    }


def it_keeps_its_promise_when_they_have_come(db: Session, cast: Cast) -> None:
    for _ in range(3):
        make_request(db, cast.anna, category="car_ride", slots=MORNINGS, languages=["tr"])
    run = propose(db, now=NOW)
    assert run.counts["without"] == 3
    (row,) = only_rows(db)
    for number in range(row["volunteers"]):
        person = make_person(db, f"Nieuw{number}", DRIFTBUURT, 100 + number)
        make_volunteer(
            db, person, skills=["car_ride"], has_car=True, languages=[row["language"]], slots=MORNINGS, weekly_max=2
        )
    assert propose(db, now=NOW + timedelta(hours=1)).counts["without"] == 0
    assert only_rows(db) == []


def it_says_who_lacks_only_a_vog(db: Session, cast: Cast) -> None:
    volunteer = db.get_one(Volunteer, cast.bram.id)
    volunteer.skills, volunteer.introduced_on = ["handyman"], MONDAY
    job = make_request(db, cast.anna, category="handyman")
    propose(db, now=NOW)
    (row,) = only_rows(db)
    assert (row["key"], row["place"], row["who"], row["requests"]) == ("vog", OOST, [cast.bram.id], [job.id])
    volunteer.vog_seen_on = MONDAY
    propose(db, now=NOW + timedelta(hours=1))
    assert proposed(db, job) == [cast.bram.id]


@pytest.mark.parametrize(
    ("asked", "helps", "change"),
    [
        pytest.param({"slots": 1}, {"slots": 2}, {"key": "other_slot", "near": 1, "slot": "mon-afternoon"}, id="slot"),
        pytest.param(
            {"day": TUESDAY, "slots": 1 << 4, "frequency": "once"},
            {"slots": 1 << 8},
            {"key": "later_day", "near": 1, "day": "2026-11-25"},
            id="day",
        ),
        pytest.param({"category": "company"}, {"skills": ["company"]}, {"key": "introduction", "near": 1}, id="meet"),
        pytest.param({"category": "pet"}, {"introduced_on": MONDAY}, {"key": "skill", "near": 1, "skills": ["pet"]},
                     id="skill"),
        pytest.param({"languages": ["tr"]}, {}, {"key": "no_language", "near": 1}, id="language"),
        pytest.param({}, {"weekly_max": 0}, {"key": "more_room", "near": 1}, id="room"),
        pytest.param(
            {"category": "car_ride", "languages": ["tr", "ar"]},
            {},
            {"key": "recruit", "near": 0, "skills": ["car_ride", "car"], "clearances": [], "language": "ar",
             "slots": "weekends"},
            id="somebody new",
        ),
    ],
)  # fmt: skip
def it_keeps_the_smallest_change_with_the_request(
    db: Session, cast: Cast, asked: dict[str, Any], helps: dict[str, Any], change: dict[str, Any]
) -> None:
    db.delete(db.get_one(Volunteer, cast.daan.id))
    bram = db.get_one(Volunteer, cast.bram.id)
    for name, value in helps.items():
        setattr(bram, name, value)
    request = make_request(db, cast.anna, **asked)
    propose(db, now=NOW)
    kept = change_of(db, request)
    assert kept == change | ({"slots": kept["slots"]} if "slots" in change else {})


def it_says_how_much_farther(db: Session, cast: Cast) -> None:
    db.delete(db.get_one(Volunteer, cast.daan.id))
    db.get_one(Volunteer, cast.bram.id).radius_m = 300
    request = make_request(db, cast.anna, x=(cast.bram.x or 0) + 700, y=cast.bram.y)
    propose(db, now=NOW)
    assert change_of(db, request) == {"key": "farther", "near": 1, "metres": 400}


def it_changes_nothing_when_it_runs_again(db: Session, cast: Cast) -> None:
    request = make_request(db, cast.anna, category="car_ride")
    propose(db, now=NOW)
    first = (only_rows(db), change_of(db, request))
    propose(db, now=NOW + timedelta(hours=1))
    assert (only_rows(db), change_of(db, request)) == first
    assert db.exec(select(Recruitment)).one().at == NOW + timedelta(hours=1)


def it_leaves_the_list_alone_in_a_run_for_one_wijk(db: Session, cast: Cast) -> None:
    make_request(db, cast.anna, category="car_ride")
    propose(db, now=NOW, place_code=OOST)
    assert list(db.exec(select(Recruitment))) == []
    propose(db, now=NOW, place_code=HILVERSUM)
    assert len(only_rows(db)) == 1


def it_counts_each_gemeente_by_itself(db: Session, cast: Cast) -> None:
    elsewhere = another_gemeente(db)
    make_request(db, cast.anna, category="car_ride")
    make_request(db, elsewhere, category="handyman")
    propose(db, now=NOW)
    lists = {one.gemeente_code: [row["place"] for row in one.rows] for one in db.exec(select(Recruitment))}
    assert lists == {HILVERSUM: [OOST], "GM0001": ["WK000100"]}


def another_gemeente(db: Session) -> Account:
    """Somebody in a gemeente far from Hilversum."""
    spot = {"name": "Elders", "lon": 6.5, "lat": 53.2, "x": 233_000, "y": 582_000}
    db.add(Gemeente(code="GM0001", year=2024, **spot))
    db.flush()
    db.add(Wijk(code="WK000100", gemeente_code="GM0001", **spot))
    db.flush()
    db.add(Buurt(code="BU00010000", wijk_code="WK000100", gemeente_code="GM0001", **spot))
    db.flush()
    return make_person(db, "Wout", "BU00010000", 99)


class DescribeTheList:
    def it_shows_what_concerns_the_places_of_the_viewer(self, db: Session, cast: Cast) -> None:
        ride = make_request(db, cast.anna, category="car_ride")
        propose(db, now=NOW)
        for places in ((OOST,), (HILVERSUM,), (DRIFTBUURT,)):
            (step,) = steps(db, *places)
            assert (step.key, step.place, step.volunteers, step.helps) == ("recruit", "Oost", 1, 1)
            assert [row.id for row in step.requests] == [ride.id]
        assert steps(db, ZUID) == []

    def it_names_only_requests_and_people_in_those_places(self, db: Session, cast: Cast) -> None:
        bram, daan = (db.get_one(Volunteer, person.id) for person in (cast.bram, cast.daan))
        db.delete(bram)
        daan.skills, daan.radius_m, daan.introduced_on, daan.weekly_max = ["handyman"], None, MONDAY, 2
        here = make_request(db, cast.farid, category="handyman")
        there = make_request(db, cast.anna, category="handyman")
        propose(db, now=NOW)
        (step,) = [one for one in steps(db, ZUID) if one.key == "vog"]
        assert (step.helps, [row.id for row in step.requests]) == (2, [here.id])
        assert [row.name for row in step.who] == ["Daan"]
        (whole,) = [one for one in steps(db, HILVERSUM) if one.key == "vog"]
        assert [row.id for row in whole.requests] == [here.id, there.id]

    def it_forgets_what_is_no_longer_open(self, db: Session, cast: Cast) -> None:
        rides = [make_request(db, cast.anna, category="car_ride") for _ in range(2)]
        propose(db, now=NOW)
        rides[0].state = RequestState.CLOSED
        db.flush()
        (step,) = steps(db)
        assert (step.helps, [row.id for row in step.requests]) == (1, [rides[1].id])
        rides[1].state = RequestState.CLOSED
        db.flush()
        assert steps(db) == []

    def it_calls_somebody_by_the_name_of_whom_it_is_for(self, db: Session, cast: Cast) -> None:
        make_request(db, cast.chantal, category="car_ride", for_whom="other", other_name="Mevrouw Bos")
        propose(db, now=NOW)
        assert [row.name for step in steps(db) for row in step.requests] == ["Mevrouw Bos"]

    def it_is_empty_before_anything_was_counted(self, db: Session, cast: Cast) -> None:
        found = recruiting(db, (HILVERSUM,))
        assert (found.at, found.steps) == (None, [])
        assert recruiting(db, ()).steps == []
