"""The learning log: what was chosen, out of whom, with what was known just before, and what came of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from sqlmodel import Session, col, select

from matching import jobs
from matching.models import Account, HelpRequest, OfferDecision, OfferEdge, Proposal, Volunteer
from matching.ranking.acceptance import PriorRule
from matching.ranking.evaluation import EvaluationError
from matching.ranking.features import COLUMN, EXCLUDED, NAMES
from matching.services import answering, judging, looking_around
from matching.services.matcher import learning_log, offering, sending
from matching.services.matcher.hours import hours_at, wall_hours
from matching.services.matcher.learning_log import decisions_for_evaluation, exploration_share, read_log
from matching.services.matcher.offering import SETTINGS
from matching.workflow import ProposalState, RequestState
from tests.matching_up import another_volunteer, make_request, propose
from tests.people import NOW, Cast

START, LATER = NOW - timedelta(minutes=2), NOW + timedelta(minutes=2)
LONG_AGO = NOW - timedelta(days=900)


@pytest.fixture(autouse=True)
def _only_bram_helps(db: Session, cast: Cast) -> None:
    """Daan lives near enough to help too; here he does not."""
    db.delete(db.get_one(Volunteer, cast.daan.id))
    db.commit()


@pytest.fixture
def offer(app: Flask, db: Session) -> Callable[..., int]:
    """Run the job at a moment."""

    def run(now: datetime = NOW) -> int:
        asked = jobs.run("offer", app.extensions["omzien.sessions"], now=now)
        db.expire_all()
        return asked

    return run


def asked_for(db: Session, cast: Cast, asker: Account | None = None, **facts: Any) -> HelpRequest:
    usual = {"asking_since": START, "asking_by_id": cast.chantal.id, "created_at": START}
    return make_request(db, asker or cast.anna, **(usual | facts))


def decisions(db: Session) -> list[OfferDecision]:
    return list(db.exec(select(OfferDecision).order_by(col(OfferDecision.id))))


def edges(db: Session, decision: OfferDecision) -> list[OfferEdge]:
    return list(db.exec(select(OfferEdge).where(OfferEdge.decision_id == decision.id)))


def choose(db: Session, cast: Cast, request: HelpRequest, who: Account, now: datetime = NOW) -> Proposal:
    made = judging.choose(db, request, who.id or 0, by=cast.chantal.id or 0, now=now, reason="zij kennen elkaar")
    db.commit()
    return made


class DescribeWaves:
    def it_writes_down_everybody_who_could_have_been_asked(
        self, db: Session, cast: Cast, offer: Callable[..., int]
    ) -> None:
        hans, ilse = another_volunteer(db, "Hans"), another_volunteer(db, "Ilse", 91)
        request = asked_for(db, cast)
        assert offer() == 1
        [decision] = decisions(db)
        assert (decision.request_id, decision.at, decision.model) == (request.id, NOW, PriorRule().version)
        assert (decision.source, decision.candidates) == ("wave", 3)
        found = edges(db, decision)
        assert {edge.volunteer_id for edge in found} == {cast.bram.id, hans.id, ilse.id}
        assert [edge.volunteer_id for edge in found if edge.is_chosen] == [decision.volunteer_id]
        assert sum(edge.propensity or 0 for edge in found) == pytest.approx(1)
        assert decision.propensity == pytest.approx(1 - SETTINGS.explore * 2 / 3)

    def it_keeps_the_features_and_the_chance_of_that_moment(
        self, db: Session, cast: Cast, offer: Callable[..., int]
    ) -> None:
        request = asked_for(db, cast, minutes=90)
        offer()
        [edge] = edges(db, decisions(db)[0])
        known = dict(zip(NAMES, edge.features, strict=True))
        question = db.exec(select(Proposal).where(Proposal.request_id == request.id)).one()
        assert known["km"] == pytest.approx(question.distance_m / 1000, abs=0.001)
        assert (known["minutes"], known["hour_of_day"], known["weekend"]) == (90, 10, 0)
        assert known["recent_offers"] == 0
        assert known["days_since_offer"] is None
        assert known["hours_to_deadline"] == pytest.approx(7 * 24 - 2 / 60, abs=0.001)
        assert edge.p == question.p > 0

    def it_leaves_out_of_a_later_slot_who_was_chosen_before(
        self, db: Session, cast: Cast, offer: Callable[..., int]
    ) -> None:
        for number in range(4):
            another_volunteer(db, f"Hulp{number}", 100 + number)
        asked_for(db, cast, frequency="once", day=NOW.date(), slots=0b10)
        assert offer() > 1
        first, second = decisions(db)[:2]
        assert second.candidates == first.candidates - 1
        assert first.volunteer_id not in {edge.volunteer_id for edge in edges(db, second)}

    def it_forgets_what_was_taken_back(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_for(db, cast)
        offer()
        question = db.exec(select(Proposal)).one()
        judging.undo(db, question, by=cast.chantal.id or 0, now=NOW + timedelta(seconds=5))
        db.commit()
        assert decisions(db) == []
        assert db.exec(select(OfferEdge)).all() == []

    def it_explores_as_much_as_it_says(self, db: Session, cast: Cast) -> None:
        for number in range(12):
            another_volunteer(db, f"Hulp{number}", 100 + number)
        for number in range(10):
            asked_for(db, cast, (cast.anna, cast.els)[number % 2])
        ticks = [NOW + timedelta(days=day, minutes=15 * tick) for day in range(3) for tick in range(40)]
        waves = [wave for tick in ticks for wave in offering.look(db, now=tick).waves]
        slots = [offer.slot for wave in waves for offer in wave.offers]
        assert len(slots) > 1000
        assert 0.03 <= np.mean([slot.explored for slot in slots]) <= 0.05
        by_chance = next(wave for wave in waves if wave.offers[0].slot.explored)
        by_merit = next(w for w in waves if not w.offers[0].slot.explored and w.request_id != by_chance.request_id)
        assert sending.send(db, by_chance, now=NOW) == 1
        assert exploration_share(db, LONG_AGO) == 1
        assert sending.send(db, by_merit, now=NOW + timedelta(hours=1)) == 1
        assert exploration_share(db, LONG_AGO) == 0.5
        assert [decision.source for decision in decisions(db)] == ["explore", "wave"]


class DescribeWhatPeopleChose:
    def it_waits_until_it_can_no_longer_be_taken_back(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        request = make_request(db, cast.anna)
        propose(db, request, cast.bram)
        choose(db, cast, request, cast.bram)
        offer(NOW + timedelta(seconds=59))
        assert decisions(db) == []
        offer(LATER)
        offer(LATER)
        [decision] = decisions(db)
        assert (decision.source, decision.at, decision.propensity) == ("desk", NOW, None)

    def it_tells_an_override_from_the_matchers_first(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        hans = another_volunteer(db, "Hans")
        request, other = make_request(db, cast.anna), make_request(db, cast.els)
        propose(db, request, cast.bram, created_at=START)
        propose(db, request, hans, rank=2, created_at=START)
        choose(db, cast, request, hans)
        choose(db, cast, other, hans)
        offer(LATER)
        by_request = {decision.request_id: decision for decision in decisions(db)}
        assert (by_request[request.id or 0].source, by_request[request.id or 0].candidates) == ("override", 2)
        assert (by_request[other.id or 0].source, by_request[other.id or 0].candidates) == ("override", 1)

    def it_calls_the_next_in_line_no_override(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        hans = another_volunteer(db, "Hans")
        request = make_request(db, cast.anna)
        propose(db, request, cast.bram, created_at=START)
        propose(db, request, hans, rank=2, created_at=START)
        choose(db, cast, request, cast.bram)
        choose(db, cast, request, hans, NOW + timedelta(minutes=1))
        offer(NOW + timedelta(minutes=5))
        assert [decision.source for decision in decisions(db)] == ["desk", "desk"]

    def it_knows_an_offer_of_the_volunteer(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        request = make_request(db, cast.anna)
        looking_around.offer(db, cast.bram.id or 0, request.id or 0, today=NOW.date(), now=START)
        db.commit()
        offer(LATER)
        assert decisions(db) == []
        judging.choose(db, request, cast.bram.id or 0, by=cast.chantal.id or 0, now=LATER)
        db.commit()
        offer(LATER + timedelta(minutes=2))
        assert [decision.source for decision in decisions(db)] == ["offer"]
        assert read_log(db, LONG_AGO).offers.accepted.tolist() == [True]

    def it_knows_what_was_known_before_and_nothing_after(
        self, db: Session, cast: Cast, offer: Callable[..., int]
    ) -> None:
        """Written late: meanwhile the volunteer was asked again and answered both."""
        earlier = NOW - timedelta(days=10)
        old = make_request(db, cast.els, created_at=earlier)
        propose(db, old, cast.bram, created_at=earlier)
        answering.decline(db, choose(db, cast, old, cast.bram, earlier), "", now=earlier)
        request, after = make_request(db, cast.anna, created_at=START), make_request(db, cast.els, created_at=START)
        propose(db, request, cast.bram, created_at=START)
        question = choose(db, cast, request, cast.bram)
        propose(db, after, cast.bram, created_at=START)
        choose(db, cast, after, cast.bram, NOW + timedelta(minutes=1))
        answering.decline(db, question, "", now=NOW + timedelta(minutes=2))
        db.commit()
        offer(NOW + timedelta(days=1))
        decision = db.exec(select(OfferDecision).where(OfferDecision.request_id == request.id)).one()
        known = dict(zip(NAMES, edges(db, decision)[0].features, strict=True))
        assert (known["answered_before"], known["accepted_before"], known["recent_offers"]) == (1, 0, 1)
        assert (known["days_since_offer"], known["skill_yes_share"], known["hour_of_day"]) == (10, 0, 10)
        later = db.exec(select(OfferDecision).where(OfferDecision.request_id == after.id)).one()
        known = dict(zip(NAMES, edges(db, later)[0].features, strict=True))
        assert (known["answered_before"], known["recent_offers"], known["days_since_offer"]) == (1, 2, 0.25)

    def it_says_the_same_as_a_wave_at_that_moment(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        """The same pair in the same state, asked by itself and asked by hand: one way of counting."""
        by_itself, by_hand = asked_for(db, cast), make_request(db, cast.anna, created_at=START)
        offer()
        wave = edges(db, decisions(db)[0])[0].features
        db.exec(select(Proposal)).one().asked_at = None
        question = db.exec(select(Proposal)).one()
        db.delete(decisions(db)[0])
        question.state = ProposalState.WITHDRAWN
        by_itself.asking_since, by_itself.state = None, RequestState.CLOSED
        db.commit()
        choose(db, cast, by_hand, cast.bram)
        offer(LATER)
        desk = edges(db, decisions(db)[0])[0].features
        place = COLUMN["hours_to_deadline"]
        assert desk[:place] + desk[place + 1 :] == wave[:place] + wave[place + 1 :]

    def it_goes_on_after_a_choice_that_cannot_be_written(
        self, db: Session, cast: Cast, offer: Callable[..., int], caplog: pytest.LogCaptureFixture
    ) -> None:
        broken, fine = make_request(db, cast.anna), make_request(db, cast.els)
        choose(db, cast, broken, cast.bram)
        choose(db, cast, fine, cast.bram, NOW + timedelta(minutes=1))
        broken.category = "of an older catalogue"
        db.commit()
        offer(LATER)
        assert [decision.request_id for decision in decisions(db)] == [fine.id]
        assert "not written" in caplog.text


class DescribeReading:
    def it_tells_what_came_of_it(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        hans = another_volunteer(db, "Hans")
        one, other = asked_for(db, cast), asked_for(db, cast, cast.els, languages=["tr"])
        for person in (cast.bram, hans):
            db.get_one(Volunteer, person.id).languages = ["nl", "tr"]
        db.commit()
        assert offer() == 2
        waiting = {each.request_id: each for each in db.exec(select(Proposal))}
        answering.decline(db, waiting[one.id or 0], "", now=NOW + timedelta(hours=3))
        db.commit()
        log = read_log(db, LONG_AGO)
        place = log.request.tolist().index(one.id)
        offers = log.offers
        assert (offers.answered[place], offers.accepted[place], offers.settled[place]) == (True, False, True)
        assert offers.answered_h[place] - offers.sent_h[place] == pytest.approx(3)
        assert (offers.answered[1 - place], offers.settled[1 - place]) == (False, False)
        assert offers.needs_language.tolist() == [request == other.id for request in log.request.tolist()]
        assert offers.X.shape == (2, len(NAMES))
        assert offers.p_at_offer.min() > 0

    def it_knows_that_silence_is_no_no_and_when_it_ended(
        self, db: Session, cast: Cast, offer: Callable[..., int]
    ) -> None:
        request = asked_for(db, cast)
        offer()
        question = db.exec(select(Proposal)).one()
        answering.expire(db, question, now=NOW + timedelta(days=4))
        db.commit()
        offers = read_log(db, LONG_AGO).offers
        assert (offers.answered[0], offers.settled[0]) == (False, True)
        assert offers.closed_h[0] - offers.sent_h[0] == pytest.approx(72)
        assert request.id

    def it_does_not_count_who_was_too_late_to_answer(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        hans = another_volunteer(db, "Hans")
        request = asked_for(db, cast)
        offer()
        taken = db.exec(select(Proposal)).one()
        other = hans if taken.volunteer_id == cast.bram.id else cast.bram
        answering.accept_question(db, choose(db, cast, request, other, LATER), now=LATER)
        db.commit()
        offers = read_log(db, LONG_AGO).offers
        assert (offers.settled[0], offers.answered[0]) == (False, False)
        assert offers.closed_h[0] - offers.sent_h[0] == pytest.approx(2 / 60)

    def it_serves_off_policy_evaluation(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        another_volunteer(db, "Hans")
        request = asked_for(db, cast)
        with pytest.raises(EvaluationError):
            decisions_for_evaluation(read_log(db, LONG_AGO, with_edges=True))
        offer()
        answering.accept_question(db, db.exec(select(Proposal)).one(), now=LATER)
        db.commit()
        made, people = decisions_for_evaluation(read_log(db, LONG_AGO, with_edges=True))
        assert (made.reward.tolist(), made.request.tolist()) == ([1.0], [request.id])
        assert len(people.p) == len(made.propensity) == 2
        assert people.chosen[made.chosen].all()
        assert np.isfinite(people.X[:, COLUMN["km"]]).all()

    def it_reads_nothing_from_nothing(self, db: Session) -> None:
        log = read_log(db, LONG_AGO, with_edges=True)
        assert (len(log), len(log.edges.p if log.edges else [1])) == (0, 0)
        assert np.isnan(exploration_share(db, LONG_AGO))

    def it_reads_from_a_moment_on(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_for(db, cast)
        offer()
        assert (len(read_log(db, NOW)), len(read_log(db, NOW + timedelta(seconds=1)))) == (1, 0)

    def it_skips_a_row_that_a_later_version_wrote(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_for(db, cast)
        offer()
        edge = edges(db, decisions(db)[0])[0]
        edge.features = edge.features[:3]
        db.add(edge)
        db.commit()
        assert np.isnan(read_log(db, LONG_AGO).offers.X[0, 3:]).all()
        edge.features = [0.0] * (len(NAMES) + 1)
        db.add(edge)
        db.commit()
        assert len(read_log(db, LONG_AGO)) == 0


class DescribeForgetting:
    def it_keeps_a_choice_for_two_years(self, app: Flask, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_for(db, cast)
        offer()
        jobs.run("forget", app.extensions["omzien.sessions"], now=NOW + timedelta(days=730))
        assert len(decisions(db)) == 1
        jobs.run("forget", app.extensions["omzien.sessions"], now=NOW + timedelta(days=730, seconds=1))
        db.expire_all()
        assert decisions(db) == []
        assert db.exec(select(OfferEdge)).all() == []
        assert db.exec(select(Proposal)).all()
        offer(NOW + timedelta(days=731))  # and it does not write the old ones down once more
        assert decisions(db) == []


class DescribeHours:
    def it_reads_the_clock_on_the_wall(self) -> None:
        assert wall_hours(NOW) % 168 == 10  # Monday ten o'clock in Hilversum
        assert wall_hours(datetime(2026, 7, 6, 8, 0, tzinfo=UTC)) % 168 == 10

    @pytest.mark.parametrize("month", [(2027, 3, 29), (2027, 11, 1)])
    def it_counts_seven_days_as_168_hours(self, month: tuple[int, int, int]) -> None:
        now = datetime(*month, 8, 0, tzinfo=UTC)
        assert wall_hours(now) - hours_at(now - timedelta(days=7), now=now) == 168
        assert abs(wall_hours(now) - wall_hours(now - timedelta(days=7)) - 168) == 1


def it_keeps_nothing_that_must_not_be_known() -> None:
    assert not [name for name in NAMES if any(word in name for word in EXCLUDED)]
    assert learning_log.BY_ITSELF == ("wave", "explore")
