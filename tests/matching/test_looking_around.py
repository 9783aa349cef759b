"""Which open requests fit a volunteer, and offering to do one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from matching.catalogue import CATEGORIES
from matching.database import open_engine
from matching.errors import AlreadyTaken, IllegalMove, NotFound
from matching.models import (
    Absence,
    Account,
    Block,
    Buurt,
    Event,
    Frequency,
    HelpRequest,
    Proposal,
    Tag,
    Volunteer,
)
from matching.services import looking_around
from matching.services.eligibility import Helper, fits, obstacle
from matching.services.looking_around import NoFit, TooManyOffers
from matching.workflow import ProposalState, RequestState
from tests.people import ALL_SLOTS, BLOEMENKWARTIER, DRIFTBUURT, MONDAY, NOW, TUESDAY, Cast, make_cast
from web.db import session_factory

TUESDAY_MORNING = 1 << 4
TUESDAY_SLOTS = 0b1111 << 4
WEDNESDAY_MORNING = 1 << 8


def ask(db: Session, asker: Account, **facts: object) -> HelpRequest:
    """An open request of `asker`: groceries on Tuesday morning, at the asker's home."""
    usual: dict[str, object] = {
        "asker_id": asker.id,
        "posted_by_id": asker.id,
        "category": "groceries",
        "frequency": Frequency.ONCE,
        "day": TUESDAY,
        "slots": TUESDAY_MORNING,
        "buurt_code": asker.buurt_code,
        "x": asker.x,
        "y": asker.y,
        "created_at": NOW,
        "updated_at": NOW,
        "contact_due": MONDAY,
    }
    request = HelpRequest(**(usual | facts))
    db.add(request)
    db.flush()
    return request


def seen(db: Session, volunteer: Account) -> list[int]:
    assert volunteer.id is not None
    return [each.id for each in looking_around.nearby(db, volunteer.id, today=MONDAY)]


def profile(db: Session, person: Account) -> Volunteer:
    return db.get_one(Volunteer, person.id)


class DescribeTheListOfRequests:
    def it_shows_what_fits(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        (found,) = looking_around.nearby(db, cast.bram.id or 0, today=MONDAY)
        assert (found.id, found.category, found.day) == (request.id, "groceries", TUESDAY)
        assert found.buurt_name == "Kleine Driftbuurt"

    def it_says_nothing_personal(self, db: Session, cast: Cast) -> None:
        ask(db, cast.anna, description="Anna wacht op u")
        (found,) = looking_around.nearby(db, cast.bram.id or 0, today=MONDAY)
        shown = found._asdict()
        assert not {"description", "asker_id", "x", "y", "other_name"} & shown.keys()
        assert "Anna" not in str(shown)
        assert found.distance_m % 100 == 0

    def it_comes_nearest_first_and_then_oldest_first(self, db: Session, cast: Cast) -> None:
        far = ask(db, cast.anna, x=(cast.bram.x or 0) + 900, y=cast.bram.y)
        new = ask(db, cast.anna, x=cast.bram.x, y=(cast.bram.y or 0) + 200)
        old = ask(db, cast.anna, x=(cast.bram.x or 0) + 200, y=cast.bram.y, created_at=NOW - timedelta(days=3))
        assert seen(db, cast.bram) == [old.id, new.id, far.id]

    @pytest.mark.parametrize(
        "facts",
        [
            {"state": RequestState.HELD},
            {"state": RequestState.CLAIMED},
            {"state": RequestState.PAIRED},
            {"state": RequestState.DONE},
            {"state": RequestState.WITHDRAWN},
            {"state": RequestState.CLOSED},
            {"is_discreet": True},
            {"is_verified": False},
            {"risks": ["crisis"]},
            {"category": "pet"},
            {"day": MONDAY - timedelta(days=6)},
            {"languages": ["tr"]},
        ],
        ids=str,
    )
    def it_leaves_out_what_does_not_fit(self, db: Session, cast: Cast, facts: dict[str, object]) -> None:
        ask(db, cast.anna, **facts)
        assert seen(db, cast.bram) == []

    def it_shows_a_request_for_which_others_were_asked(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna, state=RequestState.ASKED)
        assert seen(db, cast.bram) == [request.id]

    def it_takes_the_dagdelen_of_the_date_only(self, db: Session, cast: Cast) -> None:
        profile(db, cast.bram).slots = WEDNESDAY_MORNING
        ask(db, cast.anna, slots=TUESDAY_MORNING | WEDNESDAY_MORNING)
        weekly = ask(db, cast.anna, slots=TUESDAY_SLOTS | WEDNESDAY_MORNING, day=None, frequency=Frequency.WEEKLY)
        assert seen(db, cast.bram) == [weekly.id]

    def it_knows_that_somebody_is_away(self, db: Session, cast: Cast) -> None:
        ask(db, cast.anna)
        later = ask(db, cast.anna, day=TUESDAY + timedelta(days=7))
        db.add(Absence(volunteer_id=cast.bram.id or 0, first_day=MONDAY, last_day=TUESDAY))
        db.flush()
        assert seen(db, cast.bram) == [later.id]

    def it_goes_exactly_as_far_as_the_volunteer_wants(self, db: Session, cast: Cast) -> None:
        x, y = cast.bram.x or 0, cast.bram.y or 0
        at_the_limit = ask(db, cast.anna, x=x + 1200, y=y + 1600)  # 2,000 m
        ask(db, cast.anna, x=x + 1300, y=y + 1600)
        assert seen(db, cast.bram) == [at_the_limit.id]

    def it_stays_inside_the_gemeente_when_the_volunteer_goes_anywhere(self, db: Session, cast: Cast) -> None:
        profile(db, cast.bram).radius_m = None
        there = db.get_one(Buurt, BLOEMENKWARTIER)
        far = ask(db, cast.daan, x=there.x + 5000)
        elsewhere = Buurt(
            **{**there.model_dump(), "code": "BU03810101", "name": "Elders"},
        )
        db.add(elsewhere)
        db.flush()
        ask(db, cast.daan, buurt_code="BU03810101")
        assert seen(db, cast.bram) == [far.id]

    def it_asks_for_a_car_only_of_who_has_one(self, db: Session, cast: Cast) -> None:
        profile(db, cast.bram).skills = ["car_ride"]
        ride = ask(db, cast.anna, category="car_ride")
        assert seen(db, cast.bram) == []
        profile(db, cast.bram).has_car = True
        assert seen(db, cast.bram) == [ride.id]

    def it_asks_for_a_vog_and_an_introduction_where_the_category_does(self, db: Session, cast: Cast) -> None:
        volunteer = profile(db, cast.bram)
        volunteer.skills = ["digital", "company"]
        company, digital = ask(db, cast.anna, category="company"), ask(db, cast.anna, category="digital")
        assert seen(db, cast.bram) == []
        volunteer.introduced_on = MONDAY
        assert seen(db, cast.bram) == [company.id]
        volunteer.vog_seen_on, volunteer.vog_renew_by = MONDAY, MONDAY
        assert seen(db, cast.bram) == [company.id], "the VOG has to be renewed"
        volunteer.vog_renew_by = TUESDAY
        assert seen(db, cast.bram) == [company.id, digital.id]

    def it_hides_own_requests(self, db: Session, cast: Cast) -> None:
        ask(db, cast.bram)
        ask(db, cast.anna, posted_by_id=cast.bram.id)
        assert seen(db, cast.bram) == []

    @pytest.mark.parametrize("bram_helps", [True, False])
    def it_hides_people_who_are_not_brought_together(self, db: Session, cast: Cast, bram_helps: bool) -> None:
        ask(db, cast.anna)
        pair = (cast.bram.id, cast.anna.id) if bram_helps else (cast.anna.id, cast.bram.id)
        db.add(Block(volunteer_id=pair[0] or 0, asker_id=pair[1] or 0, at=NOW))
        db.flush()
        assert seen(db, cast.bram) == []

    @pytest.mark.parametrize(
        ("state", "shown"),
        [
            (ProposalState.PROPOSED, True),
            (ProposalState.ASKED, False),
            (ProposalState.ACCEPTED, False),
            (ProposalState.DECLINED, False),
            (ProposalState.REJECTED, False),
            (ProposalState.WITHDRAWN, True),
            (ProposalState.EXPIRED, True),
            (ProposalState.MISSED, True),
        ],
    )
    def it_remembers_what_was_said_before(self, db: Session, cast: Cast, state: ProposalState, shown: bool) -> None:
        request = ask(db, cast.anna)
        for volunteer, its_state in ((cast.bram, state), (cast.daan, ProposalState.DECLINED)):
            db.add(
                Proposal(request_id=request.id or 0, volunteer_id=volunteer.id or 0, state=its_state, created_at=NOW)
            )
        db.flush()
        assert seen(db, cast.bram) == ([request.id] if shown else [])

    def it_shows_nothing_during_a_pause(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        volunteer = profile(db, cast.bram)
        volunteer.is_paused, volunteer.paused_until = True, TUESDAY
        assert seen(db, cast.bram) == []
        volunteer.paused_until = MONDAY
        assert seen(db, cast.bram) == [request.id]

    def it_is_for_volunteers_with_a_home(self, db: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            seen(db, cast.anna)
        cast.bram.x = None
        db.add(cast.bram)
        db.flush()
        with pytest.raises(NoFit):
            seen(db, cast.bram)


class DescribeAnOffer:
    def it_waits_for_the_desk_with_verified_reasons(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna, languages=["nl", "tr"], slots=TUESDAY_SLOTS)
        profile(db, cast.bram).slots = 0b0010 << 4
        offer = looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)
        assert (offer.source, offer.state, offer.request_id) == ("offer", ProposalState.PROPOSED, request.id)
        metres = round(((cast.anna.x - cast.bram.x) ** 2 + (cast.anna.y - cast.bram.y) ** 2) ** 0.5)
        assert abs(offer.distance_m - metres) <= 1
        assert {each["key"]: each.get("value") for each in offer.reasons} == {
            "offered": None,
            "near": offer.distance_m,
            "skill": "groceries",
            "slot": "tue-afternoon",
            "language": "nl",
        }
        assert db.exec(select(Event).where(Event.tag == Tag.PROPOSAL_OFFERED)).one().actor_id == cast.bram.id

    def it_names_the_checks_that_the_category_asks_for(self, db: Session, cast: Cast) -> None:
        volunteer = profile(db, cast.bram)
        volunteer.skills, volunteer.introduced_on = ["company"], MONDAY
        request = ask(db, cast.anna, category="company")
        offer = looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)
        assert {"key": "clearance"} in offer.reasons

    def it_is_one_offer_when_sent_twice(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        offers = [looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW) for _ in range(2)]
        assert offers[0].id == offers[1].id
        assert len(db.exec(select(Event).where(Event.tag == Tag.PROPOSAL_OFFERED)).all()) == 1

    def it_leaves_the_list_and_comes_back_when_withdrawn(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        offer = looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)
        assert seen(db, cast.bram) == []
        looking_around.withdraw_offer(db, cast.bram.id or 0, offer.id or 0, now=NOW)
        assert offer.state == ProposalState.WITHDRAWN
        assert seen(db, cast.bram) == [request.id]

    def it_is_refused_when_a_rule_stands_between(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna, category="pet")
        with pytest.raises(NoFit) as refusal:
            looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)
        assert refusal.value.why == "no_skill"

    def it_takes_over_what_the_matcher_proposed(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        db.add(Proposal(request_id=request.id or 0, volunteer_id=cast.bram.id or 0, created_at=NOW, rank=3))
        db.flush()
        looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)
        kept = db.exec(select(Proposal)).one()
        assert (kept.source, kept.rank, kept.state) == ("offer", 1, ProposalState.PROPOSED)

    @pytest.mark.parametrize("state", [ProposalState.ASKED, ProposalState.ACCEPTED])
    def it_is_refused_when_the_volunteer_was_asked_already(self, db: Session, cast: Cast, state: ProposalState) -> None:
        request = ask(db, cast.anna)
        db.add(Proposal(request_id=request.id or 0, volunteer_id=cast.bram.id or 0, created_at=NOW, state=state))
        db.flush()
        with pytest.raises(NoFit) as refusal:
            looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)
        assert refusal.value.why == "live"

    @pytest.mark.parametrize("state", [RequestState.CLAIMED, RequestState.PAIRED, RequestState.WITHDRAWN])
    def it_comes_too_late(self, db: Session, cast: Cast, state: RequestState) -> None:
        request = ask(db, cast.anna, state=state)
        with pytest.raises(AlreadyTaken):
            looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)

    @pytest.mark.parametrize("facts", [{"is_discreet": True}, {"risks": ["danger"]}, {"is_verified": False}])
    def it_does_not_know_hidden_requests(self, db: Session, cast: Cast, facts: dict[str, object]) -> None:
        request = ask(db, cast.anna, state=RequestState.PAIRED, **facts)
        with pytest.raises(NotFound):
            looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)

    def it_has_a_limit_above_the_weekly_maximum(self, db: Session, cast: Cast) -> None:
        requests = [ask(db, cast.anna) for _ in range(5)]
        for request in requests[:4]:  # Bram helps twice a week at most, and two may be spare
            looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)
        with pytest.raises(TooManyOffers) as refusal:
            looking_around.offer(db, cast.bram.id or 0, requests[4].id or 0, today=MONDAY, now=NOW)
        assert refusal.value.most == 4

    def it_is_withdrawn_by_its_maker_only(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        offer = looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)
        with pytest.raises(NotFound):
            looking_around.withdraw_offer(db, cast.daan.id or 0, offer.id or 0, now=NOW)

    def it_cannot_take_back_a_proposal_of_the_matcher(self, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        proposal = Proposal(request_id=request.id or 0, volunteer_id=cast.bram.id or 0, created_at=NOW)
        db.add(proposal)
        db.flush()
        with pytest.raises(NotFound):
            looking_around.withdraw_offer(db, cast.bram.id or 0, proposal.id or 0, now=NOW)

    @pytest.mark.parametrize("state", [ProposalState.ACCEPTED, ProposalState.REJECTED, ProposalState.WITHDRAWN])
    def it_cannot_be_taken_back_after_the_decision(self, db: Session, cast: Cast, state: ProposalState) -> None:
        request = ask(db, cast.anna)
        offer = looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=MONDAY, now=NOW)
        offer.state = state
        db.add(offer)
        db.flush()
        with pytest.raises(IllegalMove):
            looking_around.withdraw_offer(db, cast.bram.id or 0, offer.id or 0, now=NOW)


class DescribeTwoAtTheSameMoment:
    """With real connections and threads, on a database of its own."""

    @pytest.fixture
    def sessions(self, separate_database: str) -> Iterator[Callable[[], Session]]:
        engine = open_engine(separate_database)
        yield lambda: session_factory(engine)(True)
        engine.dispose()

    @pytest.fixture
    def bram_and_requests(self, sessions: Callable[[], Session]) -> tuple[int, list[int]]:
        with sessions() as db:
            cast = make_cast(db)
            requests = [ask(db, cast.anna).id or 0 for _ in range(6)]
            db.commit()
            return cast.bram.id or 0, requests

    def offer(self, sessions: Callable[[], Session], volunteer_id: int, request_id: int) -> str:
        with sessions() as db:
            try:
                looking_around.offer(db, volunteer_id, request_id, today=MONDAY, now=NOW)
                db.commit()
            except (NoFit, TooManyOffers) as refusal:
                return type(refusal).__name__
        return "offered"

    def it_is_one_offer_when_sent_twice(
        self, sessions: Callable[[], Session], bram_and_requests: tuple[int, list[int]]
    ) -> None:
        bram, (request, *_) = bram_and_requests
        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(lambda _: self.offer(sessions, bram, request), range(4)))
        assert said == ["offered"] * 4
        with sessions() as db:
            assert len(db.exec(select(Proposal)).all()) == 1

    def it_keeps_to_the_limit(self, sessions: Callable[[], Session], bram_and_requests: tuple[int, list[int]]) -> None:
        bram, requests = bram_and_requests
        with ThreadPoolExecutor(6) as pool:
            said = list(pool.map(lambda request: self.offer(sessions, bram, request), requests))
        assert sorted(said) == ["TooManyOffers"] * 2 + ["offered"] * 4

    def it_takes_over_what_the_matcher_proposes_meanwhile(
        self, sessions: Callable[[], Session], bram_and_requests: tuple[int, list[int]]
    ) -> None:
        bram, (request, *_) = bram_and_requests
        with sessions() as db, ThreadPoolExecutor(1) as pool:
            db.add(Proposal(request_id=request, volunteer_id=bram, created_at=NOW))
            db.flush()
            offering = pool.submit(self.offer, sessions, bram, request)
            wait([offering], timeout=0.3)  # it waits for us; without a lock it would be through by now
            db.commit()
            assert offering.result(timeout=20) == "offered"


@dataclass(frozen=True)
class PlainRequest:
    """A request as plain facts, for the rules alone."""

    id: int = 7
    asker_id: int = 2
    posted_by_id: int = 2
    category: str = "groceries"
    day: date | None = None
    slots: int = ALL_SLOTS
    languages: list[str] = field(default_factory=list)
    buurt_code: str = DRIFTBUURT
    x: int = 0
    y: int = 0


BRAM = Helper(
    account_id=1,
    skills=frozenset(CATEGORIES),
    slots=ALL_SLOTS,
    radius_m=2000,
    languages=frozenset({"nl"}),
    has_car=True,
    has_vog=True,
    is_introduced=True,
    is_trained=True,
    is_available=True,
    gemeente_code="GM0402",
    x=0,
    y=0,
)
days = st.dates(MONDAY - timedelta(days=3), MONDAY + timedelta(days=12))
people = st.integers(1, 4)
helpers = st.builds(
    Helper,
    account_id=people,
    skills=st.frozensets(st.sampled_from(sorted(CATEGORIES)), min_size=8),
    slots=st.integers(0, ALL_SLOTS),
    radius_m=st.sampled_from([500, 1000, 2000, None]),
    languages=st.frozensets(st.sampled_from(["nl", "en", "tr"])),
    has_car=st.booleans(),
    has_vog=st.booleans(),
    is_introduced=st.booleans(),
    is_trained=st.booleans(),
    is_available=st.integers(0, 9).map(bool),
    gemeente_code=st.sampled_from(["GM0402", "GM0402", "GM0381"]),
    x=st.just(0),
    y=st.just(0),
    absences=st.lists(st.tuples(days, days), max_size=2).map(tuple),
    blocked=st.frozensets(people, max_size=1),
    answered=st.frozensets(st.integers(1, 9), max_size=2),
    live=st.frozensets(st.integers(1, 9), max_size=2),
)
requests = st.builds(
    PlainRequest,
    id=st.integers(1, 9),
    asker_id=people,
    posted_by_id=people,
    category=st.sampled_from(sorted(CATEGORIES)),
    day=st.none() | days,
    slots=st.integers(0, ALL_SLOTS),
    languages=st.lists(st.sampled_from(["nl", "en", "tr"]), max_size=2),
    x=st.sampled_from([0, 300, 400, 1000, 1200]),
    y=st.sampled_from([0, 300, 400, 1600, 1700]),
)


def plain_reading(helper: Helper, request: PlainRequest, today: date) -> bool:
    """The rules as the design says them, one by one and slowly."""
    rules = CATEGORIES[request.category]
    slots = {bit for bit in range(28) if helper.slots >> bit & 1 and request.slots >> bit & 1}
    if request.day:
        slots = {bit for bit in slots if bit // 4 == request.day.weekday()}
        away = [first for first, last in helper.absences if first <= request.day and request.day <= last]
    else:
        away = []
    distance = (request.x**2 + request.y**2) ** 0.5
    return all(
        [
            helper.is_available,
            request.category in helper.skills,
            not rules.needs_car or helper.has_car,
            not rules.needs_vog or helper.has_vog,
            not rules.needs_introduction or helper.is_introduced,
            not rules.needs_training or helper.is_trained,
            len(slots) > 0,
            not away,
            request.day is None or not request.day < today,
            distance <= helper.radius_m if helper.radius_m else helper.gemeente_code == "GM0402",
            request.languages == [] or any(code in helper.languages for code in request.languages),
            helper.account_id != request.asker_id,
            helper.account_id != request.posted_by_id,
            request.asker_id not in helper.blocked,
            request.id not in helper.answered,
            request.id not in helper.live,
        ]
    )


class DescribeTheRules:
    @given(helpers, requests)
    def it_agrees_with_a_plain_reading(self, helper: Helper, request: PlainRequest) -> None:
        assert fits(helper, request, MONDAY) == plain_reading(helper, request, MONDAY)

    @pytest.mark.parametrize(
        ("helper", "request_", "why"),
        [
            ({}, {}, None),
            ({"is_available": False}, {}, "paused"),
            ({}, {"asker_id": 1}, "own"),
            ({"live": frozenset({7})}, {}, "live"),
            ({"answered": frozenset({7})}, {}, "settled"),
            ({"blocked": frozenset({2})}, {}, "settled"),
            ({"skills": frozenset({"pet"})}, {}, "no_skill"),
            ({"has_car": False}, {"category": "car_ride"}, "no_clearance"),
            ({}, {"x": 2001}, "too_far"),
            ({}, {"languages": ["tr"]}, "no_language"),
            ({"slots": 1}, {"slots": 2}, "no_slot"),
            ({}, {"day": MONDAY - timedelta(days=1)}, "past"),
            ({"absences": ((MONDAY, TUESDAY),)}, {"day": TUESDAY}, "absent"),
        ],
    )
    def it_names_the_rule_that_stands_between(
        self, helper: dict[str, object], request_: dict[str, object], why: str | None
    ) -> None:
        assert obstacle(replace(BRAM, **helper), PlainRequest(**request_), MONDAY) == why  # type: ignore[arg-type]
