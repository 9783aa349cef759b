"""Whatever people do in whatever order: nobody gets a fourth message in seven days, two questions in one quarter, or
more questions than they have room for; and asking around never gets stuck in an impossible state."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import Connection, Engine
from sqlmodel import Session, col, select

from matching import jobs
from matching.database import WRITES
from matching.errors import OmzienError
from matching.models import HelpRequest, OfferDecision, Pairing, Proposal, Volunteer
from matching.services import answering, asking_around, judging, looking_around, moderating, pairing, posting, wishes
from matching.services.candidates import recently_asked
from matching.services.volunteering import pause, resume
from matching.workflow import LIVE_PAIRING_STATES, PairingState, ProposalState, RequestState
from tests.matching_up import make_request
from tests.people import DRIFTBUURT, NOW, make_cast, make_person, make_volunteer

WEEK, QUARTER = timedelta(days=7), timedelta(minutes=15)
STEPS = (timedelta(seconds=30), timedelta(minutes=4), QUARTER, timedelta(hours=3), timedelta(days=1), timedelta(days=3))
NTH = st.integers(0, 5)
P, R = ProposalState, RequestState


class Asking(RuleBasedStateMachine):
    """Three requests, three volunteers with room for one, two and seven, a desk and the clock."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.connection: Connection = self.engine.connect().execution_options(**{WRITES: True})
        self.outer = self.connection.begin()
        self.db = self.open_session()
        self.now = NOW

    def open_session(self, _writes: bool = True) -> Session:
        return Session(self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False)

    def teardown(self) -> None:
        self.db.close()
        self.outer.rollback()
        self.connection.close()

    @initialize(started=st.integers(2, 3))
    def begin(self, started: int) -> None:
        cast = make_cast(self.db)
        self.desk, self.asker = cast.chantal.id or 0, cast.anna.id or 0
        self.db.delete(self.db.get_one(Volunteer, cast.daan.id))
        hans, ilse = (make_person(self.db, name, DRIFTBUURT, n) for n, name in enumerate(("Hans", "Ilse"), 30))
        make_volunteer(self.db, hans, weekly_max=1)
        make_volunteer(self.db, ilse, weekly_max=7)
        self.people = [cast.bram.id or 0, hans.id or 0, ilse.id or 0]
        self.requests = [
            make_request(self.db, asker, created_at=NOW).id or 0 for asker in (cast.anna, cast.els, cast.anna)
        ]
        for request_id in self.requests[:started]:
            request = self.db.get_one(HelpRequest, request_id)
            asking_around.start(self.db, request, by=self.desk, now=NOW)
        self.db.commit()

    def take(self, step: Callable[[], Any]) -> None:
        """As a web request does it: all or nothing. Whatever else goes wrong than a refusal is a bug."""
        try:
            step()
            self.db.commit()
        except OmzienError:
            self.db.rollback()

    def request(self, nth: int) -> HelpRequest:
        return self.db.get_one(HelpRequest, self.requests[nth % len(self.requests)])

    def questions(self) -> list[Proposal]:
        return list(self.db.exec(select(Proposal).where(Proposal.state == P.ASKED).order_by(col(Proposal.id))))

    def pairings(self) -> list[Pairing]:
        found = select(Pairing).where(col(Pairing.state).in_(LIVE_PAIRING_STATES))
        return list(self.db.exec(found.order_by(col(Pairing.id))))

    @rule(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=4), twice=st.booleans())
    def time_goes_by(self, steps: list[timedelta], twice: bool) -> None:
        for step in steps:
            self.now += step
            jobs.run("expire", self.open_session, now=self.now)
            for _ in range(1 + twice):
                jobs.run("offer", self.open_session, now=self.now)
            self.db.expire_all()
            self._check_room()

    @rule()
    def the_matcher_proposes(self) -> None:
        jobs.run("match", self.open_session, now=self.now)
        self.db.expire_all()

    @rule(nth=NTH, strike=st.booleans())
    def the_desk_releases(self, nth: int, strike: bool) -> None:
        request = self.request(nth)
        live = select(Proposal.volunteer_id).where(Proposal.request_id == request.id, Proposal.state == P.PROPOSED)
        without = list(self.db.exec(live))[:1] if strike else []
        self.take(lambda: asking_around.start(self.db, request, by=self.desk, now=self.now, without=without))

    @rule(nth=NTH)
    def the_desk_stops(self, nth: int) -> None:
        self.take(lambda: asking_around.stop(self.db, self.request(nth), by=self.desk, now=self.now))

    @rule(nth=NTH, who=NTH)
    def the_desk_chooses(self, nth: int, who: int) -> None:
        person = self.people[who % len(self.people)]
        self.take(
            lambda: judging.choose(
                self.db, self.request(nth), person, by=self.desk, now=self.now, reason="kennen elkaar"
            )
        )

    @rule(nth=NTH, undone=st.booleans())
    def the_desk_holds(self, nth: int, undone: bool) -> None:
        request = self.request(nth)
        self.take(lambda: moderating.hold(self.db, request, by=self.desk, now=self.now))
        if undone:
            self.take(lambda: moderating.release(self.db, request, by=self.desk, now=self.now))

    @rule(nth=NTH)
    def the_desk_takes_back(self, nth: int) -> None:
        found = self.questions()
        if found:
            self.take(lambda: judging.undo(self.db, found[nth % len(found)], by=self.desk, now=self.now))

    @rule(nth=NTH, yes=st.booleans())
    def somebody_answers(self, nth: int, yes: bool) -> None:
        found = self.questions()
        if not found:
            return
        question = found[nth % len(found)]
        if yes:
            self.take(lambda: answering.accept_question(self.db, question, now=self.now))
        else:
            self.take(lambda: answering.decline(self.db, question, "", now=self.now))

    @rule(nth=NTH, who=NTH)
    def somebody_offers(self, nth: int, who: int) -> None:
        person, request_id = self.people[who % len(self.people)], self.request(nth).id or 0
        self.take(lambda: looking_around.offer(self.db, person, request_id, today=self.now.date(), now=self.now))

    @rule(nth=NTH)
    def it_falls_through(self, nth: int) -> None:
        found = self.pairings()
        if found:
            made = found[nth % len(found)]
            self.take(lambda: pairing.fall_through(self.db, made, "ill", now=self.now, actor_id=made.volunteer_id))

    @rule(nth=NTH)
    def the_asker_agrees(self, nth: int) -> None:
        found = [each for each in self.pairings() if each.state == PairingState.WAITING]
        if found:
            made = found[nth % len(found)]
            self.take(lambda: pairing.answer_waiting(self.db, made, yes=True, now=self.now, actor_id=self.asker))

    @rule(nth=NTH, minutes=st.sampled_from([30, 60]))
    def the_asker_changes_it(self, nth: int, minutes: int) -> None:
        request = self.request(nth)
        wish = wishes.wish_of(request)
        changed = wishes.Wish(**{name: getattr(wish, name) for name in wish.__slots__} | {"minutes": minutes})
        self.take(lambda: posting.edit(self.db, request, changed, actor_id=self.asker, now=self.now))

    @rule(who=NTH, pausing=st.booleans())
    def somebody_rests(self, who: int, pausing: bool) -> None:
        volunteer = self.db.get_one(Volunteer, self.people[who % len(self.people)])
        if pausing:
            self.take(lambda: pause(self.db, volunteer, today=self.now.date(), now=self.now))
        else:
            self.take(lambda: resume(self.db, volunteer, now=self.now))

    def _check_room(self) -> None:
        """Whoever was asked just now had room for it."""
        asked = self.db.exec(
            select(Proposal.volunteer_id).where(Proposal.asked_at == self.now, Proposal.state == P.ASKED)
        ).all()
        loads = recently_asked(self.db, list(asked), now=self.now)
        for who in asked:
            assert loads[who][1] <= self.db.get_one(Volunteer, who).weekly_max

    @invariant()
    def nobody_gets_a_fourth_message_in_seven_days(self) -> None:
        by_volunteer: dict[int, list[datetime]] = defaultdict(list)
        rows = self.db.exec(select(Proposal.volunteer_id, Proposal.asked_at).where(col(Proposal.asked_at).is_not(None)))
        for who, moment in rows:
            assert moment is not None
            by_volunteer[who].append(moment)
        for moments in by_volunteer.values():
            moments.sort()
            assert all(later - first >= WEEK for first, later in zip(moments, moments[3:], strict=False))

    @invariant()
    def nobody_is_asked_by_itself_twice_in_a_quarter(self) -> None:
        by_volunteer: dict[int, list[datetime]] = defaultdict(list)
        waves = col(OfferDecision.source).in_(("wave", "explore"))
        for decision in self.db.exec(select(OfferDecision).where(waves).order_by(col(OfferDecision.at))):
            by_volunteer[decision.volunteer_id].append(decision.at)
        for moments in by_volunteer.values():
            assert all(later - first >= QUARTER for first, later in pairwise(moments))

    @invariant()
    def nobody_is_asked_twice_for_the_same_by_itself(self) -> None:
        rows = self.db.exec(select(OfferDecision.request_id, OfferDecision.volunteer_id, OfferDecision.source)).all()
        by_itself = [(request, who) for request, who, source in rows if source in ("wave", "explore")]
        assert len(by_itself) == len(set(by_itself))

    @invariant()
    def a_human_decides_where_a_human_holds_it(self) -> None:
        for request in self.db.exec(select(HelpRequest).where(col(HelpRequest.asking_since).is_not(None))):
            assert not request.hold_reasons
            assert request.asking_by_id is not None
            assert request.state in (R.OPEN, R.ASKED, R.CLAIMED, R.PAIRED)


def it_never_asks_too_often(app: Flask) -> None:
    engine: Engine = app.extensions["omzien.engine"]
    machine = type("Here", (Asking,), {"engine": engine})
    run_machine(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
