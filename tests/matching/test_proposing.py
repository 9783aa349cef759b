"""From the database to the matcher and back: the hard rules, what a human decided, and running it again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from matching.database import WRITES, open_engine
from matching.models import Absence, Account, Block, Event, HelpRequest, MatchRun, Proposal, Tag, Volunteer
from matching.services.candidates import MOST_MESSAGES
from matching.services.matcher import buurt_table, proposing
from matching.services.matcher.proposing import propose
from matching.services.matcher.town import urgency
from matching.workflow import ProposalState, RequestState
from tests.people import (
    ALL_SLOTS,
    DRIFTBUURT,
    GEUZENBUURT,
    NOW,
    OOST,
    TUESDAY,
    ZUID,
    Cast,
    make_cast,
    make_person,
    make_volunteer,
)

GROCERIES: dict[str, Any] = {"category": "groceries", "frequency": "flexible", "slots": ALL_SLOTS}


@pytest.fixture(autouse=True)
def _only_bram_helps(db: Session, cast: Cast) -> None:
    """Daan lives near enough to help too; here he does not."""
    db.delete(db.get_one(Volunteer, cast.daan.id))
    db.flush()


def make_request(db: Session, asker: Account, **facts: Any) -> HelpRequest:
    """An open request of `asker`, at home."""
    usual = GROCERIES | {"buurt_code": asker.buurt_code, "x": asker.x, "y": asker.y, "contact_due": TUESDAY}
    request = HelpRequest(asker_id=asker.id, posted_by_id=asker.id, created_at=NOW, updated_at=NOW, **(usual | facts))
    db.add(request)
    db.flush()
    return request


def proposed(db: Session, request: HelpRequest) -> list[int]:
    """The volunteers who are proposed now, in order."""
    query = select(Proposal).where(Proposal.request_id == request.id, Proposal.state == ProposalState.PROPOSED)
    db.expire_all()
    return [p.volunteer_id for p in sorted(db.exec(query), key=lambda p: p.rank)]


def bram(db: Session, cast: Cast) -> Volunteer:
    return db.get_one(Volunteer, cast.bram.id)


def it_proposes_somebody_who_fits(db: Session, cast: Cast) -> None:
    request = make_request(db, cast.anna)
    run = propose(db, now=NOW)
    assert proposed(db, request) == [cast.bram.id]
    assert (run.counts["open"], run.counts["proposed"], run.counts["without"]) == (1, 1, 0)


def it_says_why(db: Session, cast: Cast) -> None:
    make_request(db, cast.anna)
    propose(db, now=NOW)
    kept = {r["key"]: r.get("value") for r in db.exec(select(Proposal)).one().reasons}
    assert kept["skill"] == "groceries"
    assert kept["slot"] == "mon-morning"
    assert kept["near"] == db.exec(select(Proposal)).one().distance_m
    assert "no_recent_offer" in kept


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"skills": ["garden"]}, "no_skill"),
        ({"slots": 1 << 27, "radius_m": 3000}, "no_slot"),
        ({"radius_m": 1}, "too_far"),
        ({"is_paused": True}, "no_skill"),
        ({"weekly_max": 0}, "all_busy"),
    ],
)
def it_keeps_the_hard_rules_of_a_volunteer(db: Session, cast: Cast, change: dict[str, Any], reason: str) -> None:
    volunteer = bram(db, cast)
    for name, value in change.items():
        setattr(volunteer, name, value)
    request = make_request(db, cast.anna, slots=1)
    propose(db, now=NOW)
    assert proposed(db, request) == []
    assert request.no_match_reason == reason


def it_comes_back_after_a_pause(db: Session, cast: Cast) -> None:
    volunteer = bram(db, cast)
    volunteer.is_paused, volunteer.paused_until = True, TUESDAY
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    assert cast.bram.id not in proposed(db, request)
    propose(db, now=NOW + timedelta(days=1))
    assert cast.bram.id in proposed(db, request)


@pytest.mark.parametrize(
    "facts",
    [
        {"state": RequestState.HELD},
        {"is_discreet": True},
        {"is_verified": False},
        {"risks": ["violence"]},
        {"frequency": "once", "day": date(2026, 11, 20)},
        {"state": RequestState.PAIRED},
    ],
)
def it_leaves_what_is_not_for_the_matcher(db: Session, cast: Cast, facts: dict[str, Any]) -> None:
    request = make_request(db, cast.anna, **facts)
    assert propose(db, now=NOW).counts["open"] == 0
    assert proposed(db, request) == []


def it_looks_at_the_day_and_who_is_away(db: Session, cast: Cast) -> None:
    request = make_request(db, cast.anna, frequency="once", day=TUESDAY, slots=0b1111 << 4)
    db.add(Absence(volunteer_id=cast.bram.id, first_day=TUESDAY, last_day=TUESDAY))
    propose(db, now=NOW)
    assert cast.bram.id not in proposed(db, request)


def it_brings_nobody_to_their_own_door(db: Session, cast: Cast) -> None:
    request = make_request(db, cast.bram)
    propose(db, now=NOW)
    assert cast.bram.id not in proposed(db, request)


def it_keeps_apart_who_is_blocked(db: Session, cast: Cast) -> None:
    db.add(Block(volunteer_id=cast.bram.id, asker_id=cast.anna.id, at=NOW))
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    assert cast.bram.id not in proposed(db, request)


def it_keeps_them_apart_whoever_of_the_two_helps(db: Session, cast: Cast) -> None:
    db.add(Block(volunteer_id=cast.anna.id, asker_id=cast.bram.id, at=NOW))
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    assert proposed(db, request) == []
    assert request.no_match_reason == "blocked"


def it_asks_for_a_language_only_where_one_was_asked_for(db: Session, cast: Cast) -> None:
    turkish = make_request(db, cast.anna, languages=["tr"])
    dutch = make_request(db, cast.els)
    propose(db, now=NOW)
    assert proposed(db, turkish) == []
    assert turkish.no_match_reason == "no_language"
    assert turkish.no_match_wish is not None
    assert turkish.no_match_wish["missing"] == ["tr"]
    assert cast.bram.id in proposed(db, dutch)


def it_needs_a_certificate_and_an_introduction_where_the_category_does(db: Session, cast: Cast) -> None:
    volunteer = bram(db, cast)
    volunteer.skills = ["digital"]
    request = make_request(db, cast.anna, category="digital")
    propose(db, now=NOW)
    assert (proposed(db, request), request.no_match_reason) == ([], "no_vog")
    volunteer.vog_seen_on, volunteer.introduced_on = TUESDAY, TUESDAY
    propose(db, now=NOW)
    assert proposed(db, request) == [cast.bram.id]
    volunteer.vog_renew_by = NOW.date()
    propose(db, now=NOW)
    assert proposed(db, request) == []


def it_needs_a_car_for_a_ride(db: Session, cast: Cast) -> None:
    volunteer = bram(db, cast)
    volunteer.skills = ["car_ride"]
    request = make_request(db, cast.anna, category="car_ride")
    propose(db, now=NOW)
    assert proposed(db, request) == []
    volunteer.has_car = True
    propose(db, now=NOW)
    assert proposed(db, request) == [cast.bram.id]


def it_never_asks_again_what_was_answered(db: Session, cast: Cast) -> None:
    request = make_request(db, cast.anna)
    for state in (ProposalState.DECLINED, ProposalState.REJECTED, ProposalState.FELL_THROUGH):
        row = Proposal(request_id=request.id, volunteer_id=cast.bram.id, state=state, created_at=NOW)
        db.add(row)
        propose(db, now=NOW)
        assert cast.bram.id not in proposed(db, request), state
        db.delete(row)
        db.flush()


def it_may_ask_again_after_no_answer(db: Session, cast: Cast) -> None:
    request = make_request(db, cast.anna)
    db.add(Proposal(request_id=request.id, volunteer_id=cast.bram.id, state=ProposalState.EXPIRED, created_at=NOW))
    propose(db, now=NOW)
    assert cast.bram.id in proposed(db, request)


def it_sends_at_most_three_messages_in_seven_days(db: Session, cast: Cast) -> None:
    bram(db, cast).weekly_max = 7
    for number in range(MOST_MESSAGES):
        other = make_request(db, cast.els, state=RequestState.WITHDRAWN)
        asked = NOW - timedelta(days=6, hours=number)
        state = ProposalState.DECLINED
        db.add(Proposal(request_id=other.id, volunteer_id=cast.bram.id, state=state, created_at=asked, asked_at=asked))
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    assert cast.bram.id not in proposed(db, request)
    propose(db, now=NOW + timedelta(days=2))
    assert cast.bram.id in proposed(db, request)


def it_stays_within_the_weekly_maximum(db: Session, cast: Cast) -> None:
    bram(db, cast).weekly_max = 2
    requests = [make_request(db, cast.anna) for _number in range(4)]
    propose(db, now=NOW)
    first = db.exec(select(Proposal).where(Proposal.rank == 1, Proposal.volunteer_id == cast.bram.id)).all()
    assert len(first) == 2
    assert sum(request.no_match_reason is not None for request in requests) == 2


def it_changes_nothing_the_second_time(db: Session, cast: Cast) -> None:
    make_request(db, cast.anna)
    make_request(db, cast.els)
    propose(db, now=NOW)
    before = [dict(p) for p in db.exec(select(Proposal))]
    run = propose(db, now=NOW)
    db.expire_all()
    assert [dict(p) for p in db.exec(select(Proposal))] == before
    assert (run.counts["added"], run.counts["withdrawn"]) == (0, 0)


def it_bears_two_runs_at_once(separate_database: str) -> None:
    engine = open_engine(separate_database).execution_options(**{WRITES: True})
    with Session(engine) as session:
        cast = make_cast(session)
        for _number in range(5):
            make_request(session, cast.anna)
        session.commit()

    def run(_number: int) -> int:
        with Session(engine) as session:
            counts = propose(session, now=NOW).counts
            session.commit()
            return int(counts["added"])

    with ThreadPoolExecutor(3) as pool:
        added = sorted(pool.map(run, range(3)))
    with Session(engine) as session:
        pairs = [(p.request_id, p.volunteer_id) for p in session.exec(select(Proposal))]
    engine.dispose()
    assert added[:2] == [0, 0]
    assert len(pairs) == len(set(pairs)) == added[2] > 0


def it_withdraws_what_no_longer_holds(db: Session, cast: Cast) -> None:
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    bram(db, cast).skills = ["garden"]
    db.flush()
    assert propose(db, now=NOW).counts["withdrawn"] == 1
    assert proposed(db, request) == []


@pytest.mark.parametrize("source", ["offer", "staff"])
def it_leaves_what_people_brought_in(db: Session, cast: Cast, source: str) -> None:
    request = make_request(db, cast.anna)
    db.add(Proposal(request_id=request.id, volunteer_id=cast.bram.id, source=source, created_at=NOW, rank=9))
    bram(db, cast).skills = ["garden"]
    propose(db, now=NOW)
    assert db.exec(select(Proposal)).one().state == ProposalState.PROPOSED


def it_never_touches_what_a_human_decided(db: Session, cast: Cast) -> None:
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    row = db.exec(select(Proposal)).one()
    row.state, request.state = ProposalState.ASKED, RequestState.ASKED
    bram(db, cast).skills = ["garden"]
    db.flush()
    propose(db, now=NOW)
    db.expire_all()
    assert db.exec(select(Proposal)).one().state == ProposalState.ASKED


def it_can_look_at_one_place_only(db: Session, cast: Cast) -> None:
    here, there = make_request(db, cast.anna), make_request(db, cast.daan)
    neighbour = make_person(db, "Ilse", cast.daan.buurt_code or "", 77)
    make_volunteer(db, neighbour)
    propose(db, now=NOW, place_code=OOST)
    assert proposed(db, here)
    assert not proposed(db, there)
    propose(db, now=NOW, place_code=ZUID)
    assert proposed(db, here)
    assert proposed(db, there)


def it_counts_what_is_proposed_elsewhere(db: Session, cast: Cast) -> None:
    """Two runs for two buurten must not give one volunteer twice what this person wants."""
    bram(db, cast).weekly_max = 1
    here, there = make_request(db, cast.anna), make_request(db, cast.anna, buurt_code=GEUZENBUURT)
    propose(db, now=NOW, place_code=DRIFTBUURT)
    propose(db, now=NOW, place_code=GEUZENBUURT)
    assert (proposed(db, here), proposed(db, there)) == ([cast.bram.id], [])
    assert there.no_match_reason == "all_busy"
    propose(db, now=NOW, place_code=DRIFTBUURT)
    assert proposed(db, here) == [cast.bram.id]


@pytest.mark.parametrize("state", proposing.SPARING)
@pytest.mark.parametrize(
    ("change", "holds"),
    [({"is_paused": True}, False), ({"skills": ["garden"]}, False), ({"radius_m": 1}, False), ({"slots": 1}, True)],
)
def it_keeps_only_spares_that_hold(
    db: Session, cast: Cast, state: RequestState, change: dict[str, Any], holds: bool
) -> None:
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    request.state = state
    for name, value in change.items():
        setattr(bram(db, cast), name, value)
    propose(db, now=NOW)
    assert bool(proposed(db, request)) is holds


def it_keeps_a_spare_who_has_no_room_now(db: Session, cast: Cast) -> None:
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    request.state, bram(db, cast).weekly_max = RequestState.ASKED, 0
    propose(db, now=NOW)
    assert proposed(db, request) == [cast.bram.id]


def it_keeps_spare_candidates(db: Session, cast: Cast) -> None:
    for number, name in enumerate(["Ilse", "Mo", "Joop", "Riet", "Fatma", "Wim"]):
        make_volunteer(db, make_person(db, name, GEUZENBUURT, 100 + number))
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    assert len(proposed(db, request)) == 1 + proposing.SPARES


def it_writes_down_the_run_and_its_table(db: Session, cast: Cast) -> None:
    make_request(db, cast.anna)
    make_request(db, cast.anna, category="cooking")
    run = propose(db, now=NOW)
    (row,) = buurt_table.table(db, run)
    assert (row.buurt, row.open, row.proposed, row.without, row.reason) == ("Kleine Driftbuurt", 2, 1, 1, "no_skill")
    assert db.exec(select(MatchRun)).one().finished_at is not None
    assert db.exec(select(Event).where(Event.tag == Tag.PROPOSAL_MADE)).one().data["open"] == 2


def it_works_in_an_empty_city(db: Session, cast: Cast) -> None:
    for volunteer in db.exec(select(Volunteer)):
        db.delete(volunteer)
    assert propose(db, now=NOW).counts["open"] == 0
    request = make_request(db, cast.anna)
    propose(db, now=NOW)
    assert request.no_match_reason == "no_skill"


def it_counts_the_same_buurt_for_all_codes(db: Session, cast: Cast) -> None:
    make_request(db, cast.anna)
    for code in (DRIFTBUURT, OOST, "GM0402"):
        assert propose(db, now=NOW, place_code=code).counts["open"] == 1


@pytest.mark.parametrize(
    ("day", "waiting", "weight"),
    [(None, 0, 1.0), (TUESDAY, 0, 3.0), (date(2026, 11, 28), 0, 2.0), (date(2026, 12, 24), 5, 1.5), (None, 99, 2.0)],
)
def it_weighs_what_is_urgent(day: date | None, waiting: float, weight: float) -> None:
    assert urgency(day, waiting, NOW.date()) == pytest.approx(weight)
