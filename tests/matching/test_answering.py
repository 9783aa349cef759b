"""A volunteer answers: exactly one wins, the others hear it kindly, and nothing is left half."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from matching.database import open_engine
from matching.errors import AlreadyTaken, LinkUnusable, OmzienError
from matching.models import (
    Account,
    ActionLink,
    Appointment,
    Event,
    HelpRequest,
    OutboxMessage,
    Pairing,
    Proposal,
    Tag,
)
from matching.services import answering, appointments, judging, links, pairing, posting
from matching.workflow import (
    LIVE_PAIRING_STATES,
    AppointmentState,
    PairingState,
    ProposalState,
    RequestState,
)
from tests.matching_up import SECRET, another_volunteer, ask, link_of, make_request, propose
from tests.people import NOW, Cast, make_cast
from web.db import session_factory

MINUTE = timedelta(minutes=1)


def templates(db: Session, person: Account) -> list[str]:
    """What waits to be sent to somebody, or was sent."""
    query = select(OutboxMessage.template).where(
        OutboxMessage.account_id == person.id, col(OutboxMessage.cancelled_at).is_(None)
    )
    return list(db.exec(query.order_by(col(OutboxMessage.id))))


def mark_sent(db: Session) -> None:
    for message in db.exec(select(OutboxMessage)):
        message.sent_at = NOW
        db.add(message)
    db.flush()


class DescribeSayingYes:
    def it_claims_the_request_and_asks_the_asker(self, db: Session, cast: Cast) -> None:
        proposal, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        made = answering.accept(db, link, now=NOW)
        assert made.state == PairingState.WAITING
        assert db.get_one(HelpRequest, made.request_id).state == RequestState.CLAIMED
        assert db.get_one(Proposal, proposal.id).state == ProposalState.ACCEPTED
        assert templates(db, cast.anna) == ["asker_consent"]

    def it_is_agreed_at_once_when_anyone_is_welcome(self, db: Session, cast: Cast) -> None:
        _, link = ask(db, make_request(db, cast.anna, welcomes_anyone=True), cast.bram, cast.chantal, NOW)
        made = answering.accept(db, link, now=NOW)
        assert made.state == PairingState.AGREED
        assert db.get_one(HelpRequest, made.request_id).state == RequestState.PAIRED
        assert appointments.planned(db, made) is not None
        assert templates(db, cast.anna) == ["agreed"]

    def it_uses_the_link_up(self, db: Session, cast: Cast) -> None:
        _, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        answering.accept(db, link, now=NOW)
        with pytest.raises(LinkUnusable) as error:
            answering.accept(db, link, now=NOW)
        assert error.value.why == "used"

    def it_tells_whoever_read_the_question_too_that_somebody_was_first(self, db: Session, cast: Cast) -> None:
        request, hans = make_request(db, cast.anna), another_volunteer(db, "Hans")
        _, link = ask(db, request, cast.bram, cast.chantal, NOW)
        other, late = ask(db, request, hans, cast.chantal, NOW)
        mark_sent(db)
        answering.accept(db, link, now=NOW)
        assert db.get_one(Proposal, other.id).state == ProposalState.MISSED
        assert templates(db, hans) == ["volunteer_asked", "somebody_was_first"]
        with pytest.raises((AlreadyTaken, LinkUnusable)):
            answering.accept(db, late, now=NOW)
        assert answering.why_over(db, late, now=NOW) == "missed"

    def it_sends_nothing_to_whoever_never_read_it(self, db: Session, cast: Cast) -> None:
        request, hans = make_request(db, cast.anna), another_volunteer(db, "Hans")
        _, link = ask(db, request, cast.bram, cast.chantal, NOW)
        ask(db, request, hans, cast.chantal, NOW)
        answering.accept(db, link, now=NOW)
        assert templates(db, hans) == []

    def it_keeps_spare_candidates_for_the_desk(self, db: Session, cast: Cast) -> None:
        request = make_request(db, cast.anna)
        spare = propose(db, request, another_volunteer(db, "Hans"), rank=2)
        _, link = ask(db, request, cast.bram, cast.chantal, NOW)
        answering.accept(db, link, now=NOW)
        assert db.get_one(Proposal, spare.id).state == ProposalState.PROPOSED

    def it_ends_link_and_message_when_the_yes_came_on_the_site(self, db: Session, cast: Cast) -> None:
        proposal, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        answering.accept_question(db, proposal, now=NOW)
        assert answering.why_over(db, link, now=NOW) == "yes"
        assert templates(db, cast.bram) == []

    def it_refuses_what_the_desk_has_not_asked(self, db: Session, cast: Cast) -> None:
        spare = propose(db, make_request(db, cast.anna), cast.bram)
        for accept in (answering.accept_question, _by_the_volunteer):
            with pytest.raises(AlreadyTaken):
                accept(db, spare, now=NOW)
        assert db.get_one(HelpRequest, spare.request_id).state == RequestState.OPEN

    def it_refuses_what_the_desk_took_back_a_moment_earlier(self, db: Session, cast: Cast) -> None:
        proposal, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        looked_at = db.get_one(ActionLink, link)
        judging.undo(db, proposal, by=cast.chantal.id or 0, now=NOW)
        assert looked_at.used_at is None
        with pytest.raises((AlreadyTaken, LinkUnusable)):
            answering.accept(db, link, now=NOW)
        assert db.get_one(HelpRequest, proposal.request_id).state == RequestState.OPEN


def _by_the_volunteer(db: Session, proposal: Proposal, *, now: datetime) -> Pairing:
    return answering.accept_proposal(db, proposal, now=now, actor_id=proposal.volunteer_id)


class DescribeSayingNo:
    def it_opens_the_request_again(self, db: Session, cast: Cast) -> None:
        proposal, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        answering.decline_by_link(db, link, "far", now=NOW)
        assert db.get_one(HelpRequest, proposal.request_id).state == RequestState.OPEN
        assert answering.why_over(db, link, now=NOW) == "no"

    def it_waits_for_whoever_else_was_asked(self, db: Session, cast: Cast) -> None:
        request, hans = make_request(db, cast.anna), another_volunteer(db, "Hans")
        _proposal, link = ask(db, request, cast.bram, cast.chantal, NOW)
        other, _ = ask(db, request, hans, cast.chantal, NOW)
        answering.decline_by_link(db, link, "", now=NOW)
        assert db.get_one(HelpRequest, request.id).state == RequestState.ASKED
        answering.expire(db, other, now=NOW + timedelta(days=4))
        assert db.get_one(HelpRequest, request.id).state == RequestState.OPEN

    @pytest.mark.parametrize("facts", [{"is_discreet": True}, {"risks": ["danger"]}, {"is_verified": False}])
    def it_goes_back_to_the_desk_when_a_human_has_to_look(self, db: Session, cast: Cast, facts: dict[str, Any]) -> None:
        request = make_request(db, cast.anna, state=RequestState.HELD, **facts)
        proposal = propose(db, request, cast.bram, source="staff")
        judging.choose(db, request, proposal.volunteer_id, by=cast.chantal.id or 0, now=NOW, reason="past goed")
        answering.decline(db, proposal, "time", now=NOW)
        assert db.get_one(HelpRequest, request.id).state == RequestState.HELD

    def it_keeps_only_the_reasons_that_we_offer(self, db: Session, cast: Cast) -> None:
        proposal, _ = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        answering.decline(db, proposal, "mijn buurvrouw is gevallen", now=NOW)
        event = db.exec(select(Event).where(Event.tag == Tag.PROPOSAL_DECLINED)).one()
        assert (proposal.answer_reason, event.data["reason"]) == ("", "")

    def it_takes_no_second_answer(self, db: Session, cast: Cast) -> None:
        proposal, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        answering.decline_by_link(db, link, "", now=NOW)
        with pytest.raises(AlreadyTaken):
            answering.decline(db, proposal, "", now=NOW)
        with pytest.raises(LinkUnusable):
            answering.accept(db, link, now=NOW)


class DescribeNoAnswer:
    def it_is_not_a_no(self, db: Session, cast: Cast) -> None:
        proposal, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        answering.expire(db, proposal, now=NOW + timedelta(days=2))
        assert proposal.state == ProposalState.ASKED
        answering.expire(db, proposal, now=NOW + timedelta(days=3))
        assert proposal.state == ProposalState.EXPIRED
        assert answering.why_over(db, link, now=NOW + timedelta(days=3)) == "expired"
        assert templates(db, cast.bram) == []  # a message that never left does not leave now

    def it_comes_too_late_after_an_answer(self, db: Session, cast: Cast) -> None:
        proposal, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        answering.accept(db, link, now=NOW)
        answering.expire(db, proposal, now=NOW + timedelta(days=3))
        assert proposal.state == ProposalState.ACCEPTED


# Two at the same moment, on two connections


@pytest.fixture
def open_session(separate_database: str) -> Iterator[Callable[[bool], Session]]:
    engine = open_engine(separate_database)
    yield session_factory(engine)
    engine.dispose()


def at_once(open_session: Callable[[bool], Session], *steps: Callable[[Session], Any]) -> list[str]:
    """Take the steps at the same moment, each on a connection of its own. How each one ended, in order."""
    outcomes, start = ["" for _ in steps], Barrier(len(steps))

    def take(number: int) -> None:
        start.wait()
        with open_session(True) as session:
            try:
                steps[number](session)
                session.commit()
                outcomes[number] = "ok"
            except OmzienError as error:
                session.rollback()
                outcomes[number] = type(error).__name__
            except Exception as error:  # shown by the assertion of the test
                outcomes[number] = repr(error)

    threads = [Thread(target=take, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@contextmanager
def prepared(open_session: Callable[[bool], Session]) -> Iterator[tuple[Session, Cast]]:
    with open_session(True) as session:
        yield session, make_cast(session)
        session.commit()


class DescribeTheSameMoment:
    @pytest.mark.parametrize("_again", range(3))
    @pytest.mark.parametrize("welcomes_anyone", [True, False])
    def it_lets_exactly_one_of_two_volunteers_win(
        self, open_session: Callable[[bool], Session], welcomes_anyone: bool, _again: int
    ) -> None:
        with prepared(open_session) as (db, cast):
            request = make_request(db, cast.anna, welcomes_anyone=welcomes_anyone)
            _, first = ask(db, request, cast.bram, cast.chantal, NOW)
            _, second = ask(db, request, another_volunteer(db, "Hans"), cast.chantal, NOW)
            mark_sent(db)
        outcomes = at_once(
            open_session,
            lambda session: answering.accept(session, first, now=NOW),
            lambda session: answering.accept(session, second, now=NOW),
        )
        assert sorted(outcomes) in (["AlreadyTaken", "ok"], ["LinkUnusable", "ok"])
        with open_session(False) as session:
            assert len(session.exec(select(Pairing)).all()) == 1
            states = sorted(session.exec(select(Proposal.state)))
            assert states == [ProposalState.ACCEPTED, ProposalState.MISSED]
            kind = select(OutboxMessage).where(OutboxMessage.template == "somebody_was_first")
            assert len(session.exec(kind).all()) == 1

    def it_makes_one_pairing_of_two_taps(self, open_session: Callable[[bool], Session]) -> None:
        with prepared(open_session) as (db, cast):
            _, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        outcomes = at_once(open_session, *[lambda session: answering.accept(session, link, now=NOW)] * 4)
        assert sorted(outcomes) == ["LinkUnusable", "LinkUnusable", "LinkUnusable", "ok"]
        with open_session(False) as session:
            assert len(session.exec(select(Pairing)).all()) == 1

    def it_takes_yes_or_no_from_two_hands_on_one_link(self, open_session: Callable[[bool], Session]) -> None:
        with prepared(open_session) as (db, cast):
            proposal, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
            key = proposal.id

        def decline(session: Session) -> None:
            answering.decline_by_link(session, link, "", now=NOW)

        outcomes = at_once(open_session, lambda session: answering.accept(session, link, now=NOW), decline)
        assert sorted(outcomes) in (["AlreadyTaken", "ok"], ["LinkUnusable", "ok"])
        with open_session(False) as session:
            said_yes = session.get_one(Proposal, key).state == ProposalState.ACCEPTED
            assert len(session.exec(select(Pairing)).all()) == said_yes

    def it_lets_a_yes_or_taking_the_request_back_win(self, open_session: Callable[[bool], Session]) -> None:
        with prepared(open_session) as (db, cast):
            request = make_request(db, cast.anna)
            _, link = ask(db, request, cast.bram, cast.chantal, NOW)
            key, asker = request.id, cast.anna.id

        def withdraw(session: Session) -> None:
            posting.withdraw(session, session.get_one(HelpRequest, key), actor_id=asker, now=NOW, reason="solved")

        outcomes = at_once(open_session, lambda session: answering.accept(session, link, now=NOW), withdraw)
        assert outcomes[1] == "ok"
        with open_session(False) as session:
            assert session.get_one(HelpRequest, key).state == RequestState.WITHDRAWN
            live = select(Pairing).where(col(Pairing.state).in_(LIVE_PAIRING_STATES))
            assert session.exec(live).all() == []

    def it_agrees_once_when_the_asker_taps_twice(self, open_session: Callable[[bool], Session]) -> None:
        with prepared(open_session) as (db, cast):
            _, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
            made = answering.accept(db, link, now=NOW)
            db.commit()
            consent = link_of(db, f"asker_consent:{made.id}:")
        outcomes = at_once(
            open_session,
            lambda session: pairing.answer(session, consent, yes=True, now=NOW),
            lambda session: pairing.answer(session, consent, yes=True, now=NOW),
            lambda session: pairing.answer(session, consent, yes=False, now=NOW),
        )
        assert sorted(outcomes)[-1] == "ok"
        assert outcomes.count("ok") == 1
        with open_session(False) as session:
            assert len(session.exec(select(Appointment)).all()) <= 1

    def it_keeps_one_feedback_of_two_taps(self, open_session: Callable[[bool], Session]) -> None:
        with prepared(open_session) as (db, cast):
            _, link = ask(db, make_request(db, cast.anna, welcomes_anyone=True), cast.bram, cast.chantal, NOW)
            made = answering.accept(db, link, now=NOW)
            pairing.finish(db, made, now=NOW, actor_id=made.volunteer_id)
            key, person = made.id, made.volunteer_id

        def tell(session: Session) -> None:
            again = session.get_one(Pairing, key)
            pairing.give_feedback(session, again, person, went="good", again="yes", remark="", now=NOW)

        assert at_once(open_session, tell, tell) == ["ok", "ok"]


# Whatever people do, in whatever order

ACTIONS = (
    *("ask", "ask", "ask", "offer", "agree_offer", "undo", "accept", "accept", "accept_signed_in", "decline"),
    *("expire", "consent", "refuse", "fall_through", "finish", "done_for_this_week", "no_show", "plan"),
    *("withdraw", "send"),
)
WEEKS = count()


class Town:
    """One request, three volunteers and an opbouwwerker who do things in any order."""

    def __init__(self, db: Session, cast: Cast, helpers: list[Account], *, weekly: bool, welcomes_anyone: bool) -> None:
        self.db, self.cast, self.helpers = db, cast, helpers
        self.now = NOW + timedelta(days=60) * next(WEEKS)
        frequency = "weekly" if weekly else "flexible"
        self.request = make_request(db, cast.anna, frequency=frequency, welcomes_anyone=welcomes_anyone)

    def do(self, action: str, who: int) -> None:
        """Take a step as the web would: all of it or, when it is refused, nothing."""
        self.now += timedelta(seconds=40)
        try:
            with self.db.begin_nested():
                getattr(self, action)(self.helpers[who])
        except OmzienError:
            self.db.expire_all()

    def ask(self, helper: Account) -> None:
        judging.choose(self.db, self.request, helper.id or 0, by=self.cast.chantal.id or 0, now=self.now, reason="past")

    agree_offer = ask

    def offer(self, helper: Account) -> None:
        is_open = self.request.state in (RequestState.OPEN, RequestState.ASKED)
        if is_open and self._proposal(helper, "proposed", "asked", "accepted") is None:
            facts = {"source": "offer", "distance_m": 100, "created_at": self.now}
            self.db.add(Proposal(request_id=self.request.id, volunteer_id=helper.id, **facts))

    def undo(self, helper: Account) -> None:
        if proposal := self._proposal(helper, "asked", "accepted"):
            judging.undo(self.db, proposal, by=self.cast.chantal.id or 0, now=self.now)

    def accept(self, helper: Account) -> None:
        for link in self._links(links.ANSWER, helper):
            answering.accept(self.db, link.id, now=self.now)

    def accept_signed_in(self, helper: Account) -> None:
        if proposal := self._proposal(helper, *ProposalState):
            answering.accept_question(self.db, proposal, now=self.now)

    def decline(self, helper: Account) -> None:
        if proposal := self._proposal(helper, "asked"):
            answering.decline(self.db, proposal, "time", now=self.now)

    def expire(self, helper: Account) -> None:
        if proposal := self._proposal(helper, "asked"):
            self.now += timedelta(days=3)
            answering.expire(self.db, proposal, now=self.now)

    def consent(self, _helper: Account) -> None:
        for link in self._links(links.CONSENT, self.cast.anna):
            pairing.answer(self.db, link.id, yes=True, now=self.now)

    def refuse(self, _helper: Account) -> None:
        for link in self._links(links.CONSENT, self.cast.anna):
            pairing.answer(self.db, link.id, yes=False, now=self.now)

    def fall_through(self, helper: Account) -> None:
        pairing.fall_through(self.db, self._last(), "ill", now=self.now, actor_id=helper.id or 0)

    def finish(self, helper: Account) -> None:
        pairing.finish(self.db, self._last(), now=self.now, actor_id=helper.id or 0)

    def done_for_this_week(self, helper: Account) -> None:
        pairing.finish(self.db, self._last(), now=self.now, actor_id=helper.id or 0, for_good=False)

    def no_show(self, helper: Account) -> None:
        self.now += timedelta(days=2)
        pairing.no_show(self.db, self._last(), now=self.now, actor_id=helper.id or 0)

    def plan(self, helper: Account) -> None:
        day = (self.now + timedelta(days=3)).date()
        pairing.plan(
            self.db, self._last(), day, self.now.time().replace(microsecond=0), now=self.now, actor_id=helper.id or 0
        )

    def withdraw(self, _helper: Account) -> None:
        posting.withdraw(self.db, self.request, actor_id=self.cast.anna.id, now=self.now, reason="solved")

    def send(self, _helper: Account) -> None:
        mark_sent(self.db)

    def _proposal(self, helper: Account, *states: str) -> Proposal | None:
        mine = select(Proposal).where(Proposal.request_id == self.request.id, Proposal.volunteer_id == helper.id)
        return self.db.exec(mine.where(col(Proposal.state).in_(states)).order_by(col(Proposal.id).desc())).first()

    def _links(self, purpose: str, person: Account) -> list[ActionLink]:
        mine = select(ActionLink).where(ActionLink.purpose == purpose, ActionLink.account_id == person.id)
        return list(self.db.exec(mine.order_by(col(ActionLink.created_at).desc()).limit(1)))

    def _last(self) -> Pairing:
        found = self.db.exec(
            select(Pairing).where(Pairing.request_id == self.request.id).order_by(col(Pairing.id).desc())
        ).first()
        if found is None:
            raise AlreadyTaken("nobody said yes yet")
        return found

    def check(self) -> None:
        self.db.flush()
        self.db.expire_all()
        mine = Pairing.request_id == self.request.id
        pairings = {each.id: each for each in self.db.exec(select(Pairing).where(mine))}
        live = [each for each in pairings.values() if each.state in LIVE_PAIRING_STATES]
        proposals = list(self.db.exec(select(Proposal).where(Proposal.request_id == self.request.id)))
        states = [each.state for each in proposals]
        state = self.request.state
        assert len(live) == (state in (RequestState.CLAIMED, RequestState.PAIRED))
        assert [each.state for each in live if each.state == PairingState.AGREED] == (
            [PairingState.AGREED] if state == RequestState.PAIRED else []
        )
        assert (ProposalState.ASKED in states) == (state == RequestState.ASKED)
        assert states.count(ProposalState.ACCEPTED) == len(live) + (state == RequestState.DONE)
        if state in (RequestState.DONE, RequestState.WITHDRAWN):
            assert ProposalState.PROPOSED not in states
        self._check_links(proposals, pairings)
        planned = select(Appointment).where(Appointment.state == AppointmentState.PLANNED)
        for appointment in self.db.exec(planned.where(col(Appointment.pairing_id).in_(pairings))):
            assert pairings[appointment.pairing_id].state == PairingState.AGREED
        self._check_messages()

    def _check_links(self, proposals: list[Proposal], pairings: dict[int | None, Pairing]) -> None:
        asked = {each.id for each in proposals if each.state == ProposalState.ASKED}
        known = {each.id for each in proposals}
        usable = select(ActionLink).where(col(ActionLink.used_at).is_(None), col(ActionLink.revoked_at).is_(None))
        for link in self.db.exec(usable.where(ActionLink.expires_at > self.now)):
            if link.purpose == links.ANSWER and link.subject_id in known:
                assert link.subject_id in asked
            if link.purpose == links.CONSENT and link.subject_id in pairings:
                assert pairings[link.subject_id].state == PairingState.WAITING

    def _check_messages(self) -> None:
        people = [self.cast.anna, *self.helpers]
        hidden = [SECRET, *(str(fact) for each in people for fact in (each.first_name, each.phone, each.email))]
        for context in self.db.exec(select(OutboxMessage.context)):
            written = json.dumps(context)
            assert not [fact for fact in hidden if fact in written]


class DescribeAnyOrder:
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        steps=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 2)), min_size=3, max_size=25),
        weekly=st.booleans(),
        welcomes_anyone=st.booleans(),
    )
    def it_never_leaves_anything_half(
        self, db: Session, cast: Cast, steps: list[tuple[str, int]], weekly: bool, welcomes_anyone: bool
    ) -> None:
        helpers = [cast.bram, *(_helper(db, name, number) for number, name in enumerate(("Hans", "Ilse"), 90))]
        town = Town(db, cast, helpers, weekly=weekly, welcomes_anyone=welcomes_anyone)
        town.do("ask", 0)
        for action, who in steps:
            town.do(action, who)
            town.check()


def _helper(db: Session, name: str, number: int) -> Account:
    known = db.exec(select(Account).where(Account.first_name == name)).first()
    return known or another_volunteer(db, name, number)
