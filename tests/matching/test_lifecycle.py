"""From a question to its end: what happens at the edges, whatever people do in whatever order, and at once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from matching import jobs
from matching.database import WRITES, open_engine
from matching.errors import AlreadyTaken, IllegalMove, Invalid, LinkUnusable, OmzienError
from matching.models import (
    Account,
    ActionLink,
    Appointment,
    Buurt,
    Frequency,
    HelpRequest,
    OutboxMessage,
    Pairing,
    Proposal,
)
from matching.services import answering, appointments, judging, links, moderating, pairing, posting
from matching.services.wishes import Wish, wish_of
from matching.workflow import (
    LIVE_PAIRING_STATES,
    LIVE_PROPOSAL_STATES,
    AppointmentState,
    PairingState,
    ProposalState,
    RequestState,
)
from tests.people import (
    ALL_SLOTS,
    DRIFTBUURT,
    GEUZENBUURT,
    MONDAY,
    NOW,
    TUESDAY,
    Cast,
    make_cast,
    make_person,
    make_volunteer,
)
from web.db import session_factory

SOON = NOW + timedelta(seconds=20)
WISH = Wish("groceries", "Graag brood.", Frequency.ONCE, TUESDAY, 1 << 4, 60, DRIFTBUURT)
END_OF_TUESDAY_MORNING = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)  # noon in Hilversum
R, P, K = RequestState, ProposalState, PairingState


def key(person: Account) -> int:
    assert person.id is not None
    return person.id


def post(db: Session, cast: Cast, *, is_verified: bool = True, **changes: object) -> HelpRequest:
    wish = replace(WISH, **changes)  # type: ignore[arg-type]  # a dict of mixed values
    return posting.post(
        db, wish, asker_id=key(cast.anna), posted_by_id=key(cast.anna), now=NOW, is_verified=is_verified
    )


def choose(db: Session, cast: Cast, request: HelpRequest, person: Account, now: datetime = NOW) -> Proposal:
    return judging.choose(db, request, key(person), by=key(cast.chantal), now=now, reason="zij kennen elkaar")


def undo(db: Session, cast: Cast, proposal: Proposal, now: datetime = SOON) -> None:
    judging.undo(db, proposal, by=key(cast.chantal), now=now)


def proposed(db: Session, request: HelpRequest, person: Account, source: str = "matcher") -> Proposal:
    assert request.id is not None
    proposal = Proposal(request_id=request.id, volunteer_id=key(person), source=source, distance_m=300, created_at=NOW)
    db.add(proposal)
    db.flush()
    return proposal


def all_sent(db: Session) -> None:
    for message in db.exec(select(OutboxMessage)):
        message.sent_at = SOON
        db.add(message)
    db.flush()


def told(db: Session, person: Account) -> list[str]:
    query = select(OutboxMessage.template).where(OutboxMessage.account_id == person.id)
    return list(db.exec(query.where(col(OutboxMessage.cancelled_at).is_(None)).order_by(col(OutboxMessage.id))))


# What asks for a human, and how it comes to be there: held at first, for each of these.
HELD: dict[str, Callable[[Session, Cast], HelpRequest]] = {
    "discreet": lambda db, cast: post(db, cast, is_discreet=True),
    "risk words": lambda db, cast: post(db, cast, description="Mijn man slaat mij."),
    "unverified": lambda db, cast: post(db, cast, is_verified=False),
    "category": lambda db, cast: post(db, cast, category="paperwork"),
    "buurt": lambda db, cast: _read_first(db, cast),
    "staff": lambda db, cast: _held_by_staff(db, cast),
}


def _read_first(db: Session, cast: Cast) -> HelpRequest:
    db.get_one(Buurt, DRIFTBUURT).moderation = "review"
    return post(db, cast)


def _held_by_staff(db: Session, cast: Cast) -> HelpRequest:
    request = post(db, cast)
    moderating.hold(db, request, by=key(cast.chantal), now=NOW)
    return request


@pytest.fixture(params=HELD)
def held(request: pytest.FixtureRequest, db: Session, cast: Cast) -> HelpRequest:
    """A request that a human looks at first, for each of the reasons, and a volunteer who may do anything."""
    volunteer = make_volunteer(db, cast.els, skills=["groceries", "paperwork"])
    volunteer.vog_seen_on, volunteer.introduced_on = MONDAY, MONDAY
    made = HELD[request.param](db, cast)
    assert made.state == RequestState.HELD
    return made


class DescribeWhatAHumanHolds:
    def it_is_not_seen_by_volunteers_while_somebody_is_asked(self, db: Session, cast: Cast, held: HelpRequest) -> None:
        choose(db, cast, held, cast.els)
        assert held.state == RequestState.ASKED
        assert not held.is_visible_to_volunteers

    @pytest.mark.parametrize("how", ["decline", "expire", "undo", "refuse", "fall through"])
    def it_comes_back_to_the_desk(self, db: Session, cast: Cast, held: HelpRequest, how: str) -> None:
        proposal = choose(db, cast, held, cast.els)
        if how == "decline":
            answering.decline(db, proposal, "time", now=SOON)
        elif how == "expire":
            answering.expire(db, proposal, now=NOW + timedelta(days=3))
        elif how == "undo":
            undo(db, cast, proposal)
        else:
            made = answering.accept_question(db, proposal, now=SOON)
            if how == "refuse":
                pairing.refuse(db, made, now=SOON, actor_id=key(cast.anna))
            else:
                pairing.fall_through(db, made, "ill", now=SOON, actor_id=key(cast.els))
        assert held.state == RequestState.HELD

    def it_comes_back_to_the_desk_when_it_is_edited(self, db: Session, cast: Cast, held: HelpRequest) -> None:
        choose(db, cast, held, cast.els)
        posting.edit(db, held, replace(wish_of(held), minutes=90), actor_id=key(cast.anna), now=SOON)
        assert held.state == RequestState.HELD

    def it_stays_open_once_a_human_released_it(self, db: Session, cast: Cast, held: HelpRequest) -> None:
        if held.is_discreet:
            with pytest.raises(IllegalMove):
                moderating.release(db, held, by=key(cast.chantal), now=NOW)
            return
        moderating.release(db, held, by=key(cast.chantal), now=NOW)
        assert held.is_visible_to_volunteers
        answering.decline(db, choose(db, cast, held, cast.els), "time", now=SOON)
        assert held.state == RequestState.OPEN
        posting.edit(db, held, replace(wish_of(held), minutes=90), actor_id=key(cast.anna), now=SOON)
        assert held.state == RequestState.OPEN

    def it_is_read_again_when_it_becomes_another_kind_of_help(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, category="paperwork")
        moderating.release(db, request, by=key(cast.chantal), now=NOW)
        garden, paperwork = (replace(wish_of(request), category=each) for each in ("garden", "paperwork"))
        posting.edit(db, request, garden, actor_id=key(cast.anna), now=SOON)
        assert request.state == RequestState.OPEN
        posting.edit(db, request, paperwork, actor_id=key(cast.anna), now=SOON)
        assert request.state == RequestState.HELD

    def it_is_not_released_by_the_sender_who_proves_to_be_certain(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, is_verified=False, category="paperwork")
        posting.verify(db, request, actor_id=key(cast.anna), now=NOW)
        assert request.state == RequestState.HELD


class DescribeTheDayThatWasAskedFor:
    def it_ends_the_question_with_the_half_day(self, db: Session, cast: Cast) -> None:
        proposal = choose(db, cast, post(db, cast), cast.bram)
        assert proposal.expires_at == END_OF_TUESDAY_MORNING
        assert db.exec(select(ActionLink.expires_at)).one() == END_OF_TUESDAY_MORNING

    @pytest.mark.parametrize(
        ("day", "end"),
        [
            (date(2027, 3, 28), datetime(2027, 3, 29, 4, 0, tzinfo=UTC)),  # summer time began that night
            (date(2027, 10, 31), datetime(2027, 11, 1, 5, 0, tzinfo=UTC)),  # and ended
        ],
    )
    def it_ends_a_night_at_six_on_the_dutch_clock(self, db: Session, cast: Cast, day: date, end: datetime) -> None:
        request = post(db, cast, day=day, slots=0b1001 << day.weekday() * 4)
        later = end - timedelta(days=1)
        assert choose(db, cast, request, cast.bram, later).expires_at == end

    def it_takes_no_yes_afterwards(self, db: Session, cast: Cast) -> None:
        proposal = choose(db, cast, post(db, cast, welcomes_anyone=True), cast.bram)
        link = db.exec(select(ActionLink)).one()
        with pytest.raises(LinkUnusable):
            answering.accept(db, link.id, now=END_OF_TUESDAY_MORNING)
        with pytest.raises(AlreadyTaken):
            answering.accept_question(db, proposal, now=END_OF_TUESDAY_MORNING)
        assert answering.standing(proposal, now=END_OF_TUESDAY_MORNING) == "expired"
        assert db.exec(select(Appointment)).all() == []

    def it_takes_a_yes_until_then(self, db: Session, cast: Cast) -> None:
        choose(db, cast, post(db, cast, welcomes_anyone=True), cast.bram)
        link = db.exec(select(ActionLink)).one()
        made = answering.accept(db, link.id, now=END_OF_TUESDAY_MORNING - timedelta(seconds=1))
        assert made.state == PairingState.AGREED

    def it_asks_nobody_afterwards(self, db: Session, cast: Cast) -> None:
        request = post(db, cast)
        proposed(db, request, cast.bram, source="offer")
        with pytest.raises(Invalid, match="past"):
            choose(db, cast, request, cast.bram, END_OF_TUESDAY_MORNING)

    def it_takes_no_yes_of_the_asker_afterwards(self, db: Session, cast: Cast) -> None:
        made = answering.accept_question(db, choose(db, cast, post(db, cast), cast.bram), now=SOON)
        consent = db.exec(select(ActionLink).where(ActionLink.purpose == links.CONSENT)).one()
        assert consent.expires_at == END_OF_TUESDAY_MORNING
        with pytest.raises(AlreadyTaken):
            pairing.agree(db, made, now=END_OF_TUESDAY_MORNING, actor_id=key(cast.anna))

    def it_plans_a_weekly_one_today_when_today_suits(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, frequency=Frequency.WEEKLY, day=None, slots=1 << 1, welcomes_anyone=True)
        answering.accept_question(db, choose(db, cast, request, cast.bram), now=SOON)
        assert db.exec(select(Appointment)).one().day == MONDAY

    def it_plans_no_next_time_in_the_past(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, frequency=Frequency.WEEKLY, day=None, welcomes_anyone=True)
        made = answering.accept_question(db, choose(db, cast, request, cast.bram), now=SOON)
        later = NOW + timedelta(days=30)
        pairing.finish(db, made, now=later, actor_id=key(cast.bram), for_good=False)
        following = appointments.planned(db, made)
        assert following is not None
        assert following.day >= later.date()


class DescribeTakingADecisionBack:
    def it_is_too_late_once_the_volunteer_answered(self, db: Session, cast: Cast) -> None:
        proposal = choose(db, cast, post(db, cast), cast.bram)
        answering.accept_question(db, proposal, now=SOON)
        with pytest.raises(IllegalMove):
            undo(db, cast, proposal)
        assert proposal.state == ProposalState.ACCEPTED

    def it_is_too_late_once_the_request_is_over(self, db: Session, cast: Cast) -> None:
        request = post(db, cast)
        rejected = proposed(db, request, cast.daan)
        judging.choose_nobody(db, request, by=key(cast.chantal), now=NOW, reason="te ver")
        posting.withdraw(db, request, actor_id=key(cast.anna), now=SOON)
        with pytest.raises(IllegalMove):
            undo(db, cast, rejected)
        assert rejected.state == ProposalState.REJECTED

    def it_is_too_late_once_the_same_person_was_asked_since(self, db: Session, cast: Cast) -> None:
        request = post(db, cast)
        rejected = proposed(db, request, cast.daan)
        judging.choose_nobody(db, request, by=key(cast.chantal), now=NOW, reason="te ver")
        choose(db, cast, request, cast.daan, SOON)
        db.commit()
        with pytest.raises(IllegalMove):
            undo(db, cast, rejected)
        db.rollback()
        assert db.get_one(Proposal, rejected.id).state == ProposalState.REJECTED


class DescribeMessages:
    def it_sends_no_second_copy_of_a_question_that_was_answered(self, db: Session, cast: Cast) -> None:
        """A worker died between sending and noting it; the volunteer says yes before another one tries again."""
        choose(db, cast, post(db, cast), cast.bram)
        message = db.exec(select(OutboxMessage).where(OutboxMessage.template == "volunteer_asked")).one()
        message.claimed_until, message.attempts = NOW + timedelta(minutes=3), 1
        db.add(message)
        db.flush()
        assert message.link_id is not None
        answering.accept(db, message.link_id, now=NOW + timedelta(minutes=2))
        db.refresh(message)
        assert message.cancelled_at is not None

    @pytest.mark.parametrize("has_left", [True, False])
    def it_tells_an_asker_who_read_of_it_that_the_volunteer_left(self, db: Session, cast: Cast, has_left: bool) -> None:
        made = answering.accept_question(db, choose(db, cast, post(db, cast), cast.bram), now=SOON)
        if has_left:
            all_sent(db)
        pairing.fall_through(db, made, "ill", now=SOON, actor_id=key(cast.bram))
        assert told(db, cast.anna) == (["asker_consent", "pairing_ended"] if has_left else [])

    def it_tells_the_opbouwwerker_that_an_agreement_fell_through(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, welcomes_anyone=True)
        made = answering.accept_question(db, choose(db, cast, request, cast.bram), now=SOON)
        pairing.fall_through(db, made, "ill", now=SOON, actor_id=key(cast.bram))
        assert told(db, cast.chantal) == ["fell_through"]


class DescribeAnAskerWhoDoesNotAnswer:
    @pytest.mark.parametrize(
        ("changes", "end"),
        [
            ({"frequency": Frequency.FLEXIBLE, "day": None, "slots": ALL_SLOTS}, SOON + pairing.LONGEST_WAIT),
            ({}, END_OF_TUESDAY_MORNING),
        ],
    )
    def it_keeps_nobody_waiting_for_ever(
        self, app: Flask, db: Session, cast: Cast, changes: dict[str, object], end: datetime
    ) -> None:
        request = post(db, cast, **changes)
        made = answering.accept_question(db, choose(db, cast, request, cast.bram), now=SOON)
        all_sent(db)
        db.commit()
        open_session = app.extensions["omzien.sessions"]
        assert jobs.run("expire", open_session, now=end - timedelta(seconds=1)) == 0
        assert jobs.run("expire", open_session, now=end) == 1
        assert jobs.run("expire", open_session, now=end) == 0
        db.expire_all()
        assert (made.state, made.end_reason) == (PairingState.FELL_THROUGH, "expired")
        assert request.state == RequestState.OPEN
        assert told(db, cast.bram)[-1] == told(db, cast.anna)[-1] == "pairing_ended"


# Whatever people do, in whatever order

WHO, NTH = st.integers(0, 3), st.integers(0, 5)


class Life(RuleBasedStateMachine):
    """One request, four volunteers and a desk. `engine` is given by the test."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect().execution_options(**{WRITES: True})
        self.outer = self.connection.begin()
        self.db = Session(self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        self.now = NOW

    def teardown(self) -> None:
        self.db.close()
        self.outer.rollback()
        self.connection.close()

    @initialize(
        frequency=st.sampled_from(list(Frequency)),
        welcomes=st.booleans(),
        discreet=st.booleans(),
        category=st.sampled_from(["groceries", "groceries", "paperwork"]),
    )
    def begin(self, frequency: Frequency, welcomes: bool, discreet: bool, category: str) -> None:
        self.cast = make_cast(self.db)
        ilse = make_person(self.db, "Ilse", GEUZENBUURT, 30)
        self.people = [self.cast.bram, self.cast.els, self.cast.daan, ilse]
        for person in (self.cast.els, ilse):
            volunteer = make_volunteer(self.db, person, skills=["groceries", "paperwork"])
            volunteer.vog_seen_on, volunteer.introduced_on = MONDAY, MONDAY
        day = MONDAY + timedelta(days=20) if frequency == Frequency.ONCE else None
        slots = 0b1111 << day.weekday() * 4 if day else ALL_SLOTS
        self.request = post(
            self.db, self.cast, frequency=frequency, day=day, slots=slots, category=category,
            welcomes_anyone=welcomes, is_discreet=discreet,
        )  # fmt: skip
        self.is_released = not discreet and category == "groceries"
        self.db.commit()

    def proposals(self, *states: P) -> list[Proposal]:
        query = select(Proposal).where(Proposal.request_id == self.request.id).order_by(col(Proposal.id))
        return [each for each in self.db.exec(query) if not states or each.state in states]

    def pairings(self, *states: K) -> list[Pairing]:
        query = select(Pairing).where(Pairing.request_id == self.request.id).order_by(col(Pairing.id))
        return [each for each in self.db.exec(query) if not states or each.state in states]

    def links(self, purpose: str, *, sent: bool = False) -> list[ActionLink]:
        query = select(ActionLink).where(ActionLink.purpose == purpose)
        found = list(self.db.exec(query.order_by(col(ActionLink.created_at), col(ActionLink.id))))
        left = set(self.db.exec(select(OutboxMessage.link_id).where(col(OutboxMessage.sent_at).is_not(None))))
        return [link for link in found if not sent or link.id in left]

    def take(self, step: Callable[[], object]) -> bool:
        """As a web request does it: all or nothing. Whatever else goes wrong than a refusal is a bug."""
        self.now += timedelta(seconds=1)
        try:
            step()
            self.db.commit()
        except OmzienError:
            self.db.rollback()
            return False
        finally:
            self.db.expire_all()
        return True

    # What people do

    @rule(who=WHO, source=st.sampled_from(["matcher", "offer"]))
    def propose(self, who: int, source: str) -> None:
        person = self.people[who]
        settled = self.proposals(*LIVE_PROPOSAL_STATES, P.REJECTED, P.DECLINED)
        is_seen = self.request.is_visible_to_volunteers
        if is_seen and key(person) not in [each.volunteer_id for each in settled]:
            proposed(self.db, self.request, person, source)
            self.db.commit()

    @rule(who=WHO)
    def choose(self, who: int) -> None:
        self.take(lambda: choose(self.db, self.cast, self.request, self.people[who], self.now))

    @rule()
    def choose_nobody(self) -> None:
        by = key(self.cast.chantal)
        self.take(lambda: judging.choose_nobody(self.db, self.request, by=by, now=self.now, reason="nee"))

    @precondition(lambda self: self.proposals())
    @rule(n=NTH)
    def undo(self, n: int) -> None:
        found = self.proposals()
        self.take(lambda: undo(self.db, self.cast, found[-1 - n % len(found)], self.now))

    @precondition(lambda self: self.proposals())
    @rule(n=NTH, yes=st.booleans())
    def volunteer_answers_on_the_site(self, n: int, yes: bool) -> None:
        found = self.proposals()
        proposal = found[-1 - n % len(found)]
        if yes:
            self.take(lambda: answering.accept_question(self.db, proposal, now=self.now))
        else:
            self.take(lambda: answering.decline(self.db, proposal, "far", now=self.now))

    @precondition(lambda self: self.links(links.ANSWER, sent=True))
    @rule(n=NTH, yes=st.booleans())
    def volunteer_answers_by_link(self, n: int, yes: bool) -> None:
        known = self.links(links.ANSWER, sent=True)
        link = known[-1 - n % len(known)].id
        if yes:
            self.take(lambda: answering.accept(self.db, link, now=self.now))
        else:
            self.take(lambda: answering.decline_by_link(self.db, link, "time", now=self.now))

    @precondition(lambda self: self.links(links.CONSENT, sent=True))
    @rule(n=NTH, yes=st.booleans())
    def asker_answers_by_link(self, n: int, yes: bool) -> None:
        known = self.links(links.CONSENT, sent=True)
        self.take(lambda: pairing.answer(self.db, known[-1 - n % len(known)].id, yes=yes, now=self.now))

    @precondition(lambda self: self.pairings())
    @rule(
        n=NTH,
        step=st.sampled_from(["yes", "no", "fall", "asker falls", "finish", "next week", "no show", "plan"]),
    )
    def something_happens_to_a_pairing(self, n: int, step: str) -> None:
        every = self.pairings()
        it, anna, now = every[-1 - n % len(every)], key(self.cast.anna), self.now
        bram, day = it.volunteer_id, (now + timedelta(days=3)).date()
        steps: dict[str, Callable[[], object]] = {
            "yes": lambda: pairing.answer_waiting(self.db, it, yes=True, now=now, actor_id=anna),
            "no": lambda: pairing.answer_waiting(self.db, it, yes=False, now=now, actor_id=anna),
            "fall": lambda: pairing.fall_through(self.db, it, "ill", now=now, actor_id=bram),
            "asker falls": lambda: pairing.fall_through(self.db, it, "ill", now=now, actor_id=anna),
            "finish": lambda: pairing.finish(self.db, it, now=now, actor_id=bram),
            "next week": lambda: pairing.finish(self.db, it, now=now, actor_id=bram, for_good=False),
            "no show": lambda: pairing.no_show(self.db, it, now=now, actor_id=anna),
            "plan": lambda: pairing.plan(self.db, it, day, now.time(), now=now, actor_id=bram),
        }
        self.take(steps[step])

    @rule(step=st.sampled_from(["withdraw", "close", "hold", "release", "edit", "edit"]), doubt=st.integers(0, 4))
    def the_request_changes(self, step: str, doubt: int) -> None:
        if step in ("withdraw", "close") and doubt:
            return  # otherwise most lives are short
        chantal, anna, wish = key(self.cast.chantal), key(self.cast.anna), wish_of(self.request)
        other = replace(wish, minutes=90 if wish.minutes == 60 else 60)
        steps: dict[str, Callable[[], object]] = {
            "withdraw": lambda: posting.withdraw(self.db, self.request, actor_id=anna, now=self.now),
            "close": lambda: moderating.close(self.db, self.request, by=chantal, now=self.now, reason="klaar"),
            "hold": lambda: moderating.hold(self.db, self.request, by=chantal, now=self.now),
            "release": lambda: moderating.release(self.db, self.request, by=chantal, now=self.now),
            "edit": lambda: posting.edit(self.db, self.request, other, actor_id=anna, now=self.now),
        }
        if self.take(steps[step]) and step in ("hold", "release"):
            self.is_released = step == "release"

    @rule(hours=st.sampled_from([0, 1, 30, 80, 400]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours, minutes=2)
        for proposal in self.proposals(P.ASKED):
            answering.expire(self.db, proposal, now=self.now)
        for made in self.pairings(K.WAITING):
            pairing.expire(self.db, made, now=self.now)
        self.db.commit()

    @rule()
    def messages_leave(self) -> None:
        query = select(OutboxMessage).where(
            col(OutboxMessage.sent_at).is_(None),
            col(OutboxMessage.cancelled_at).is_(None),
            OutboxMessage.due_at <= self.now,
        )
        for message in self.db.exec(query):
            message.sent_at = self.now
            self.db.add(message)
        self.db.commit()

    # What holds

    @invariant()
    def it_hangs_together(self) -> None:
        self.db.expire_all()
        check_request(self.db, self.request)
        check_links(self.db, self.request, now=self.now)
        check_messages(self.db, self.request)
        if not self.is_released:
            assert self.request.state != R.OPEN
            assert not self.request.is_visible_to_volunteers


def check_request(db: Session, request: HelpRequest) -> None:
    """The request, its proposals, its pairings and its appointments tell the same story."""
    proposals = db.exec(select(Proposal).where(Proposal.request_id == request.id)).all()
    pairings = db.exec(select(Pairing).where(Pairing.request_id == request.id)).all()
    states = [each.state for each in proposals]
    live = [each.state for each in pairings if each.state in LIVE_PAIRING_STATES]
    assert (P.ASKED in states) == (request.state == R.ASKED)
    assert live == {R.CLAIMED: [K.WAITING], R.PAIRED: [K.AGREED]}.get(request.state, [])
    if request.state in (R.DONE, R.WITHDRAWN, R.CLOSED):
        assert P.PROPOSED not in states
    accepted = sorted(each.id or 0 for each in proposals if each.state == P.ACCEPTED)
    assert accepted == sorted(each.proposal_id for each in pairings if each.state in (*LIVE_PAIRING_STATES, K.DONE))
    agreed = {each.id for each in pairings if each.state == K.AGREED}
    query = select(Appointment.pairing_id).where(Appointment.state == AppointmentState.PLANNED)
    planned = list(db.exec(query))
    assert len(planned) == len(set(planned))
    assert set(planned) <= agreed


def check_links(db: Session, request: HelpRequest, *, now: datetime) -> None:
    """A link works exactly as long as there is a question, and each question has one."""

    def usable(purpose: str) -> list[int]:
        found = db.exec(select(ActionLink).where(ActionLink.purpose == purpose))
        return sorted(
            each.subject_id or 0
            for each in found
            if each.used_at is None and each.revoked_at is None and each.expires_at > now
        )

    proposals = db.exec(select(Proposal).where(Proposal.request_id == request.id, Proposal.state == P.ASKED))
    asked = [each.id or 0 for each in proposals if each.expires_at is not None and each.expires_at > now]
    assert usable(links.ANSWER) == sorted(asked)
    waiting = set(db.exec(select(Pairing.id).where(Pairing.request_id == request.id, Pairing.state == K.WAITING)))
    answerable = usable(links.CONSENT)
    assert len(answerable) == len(set(answerable))
    assert set(answerable) <= waiting


def check_messages(db: Session, request: HelpRequest) -> None:
    """Everybody hears what concerns them, once, and nobody hears of what they never knew."""
    every = db.exec(select(OutboxMessage)).all()

    def count(key: str, *, sent: bool = False) -> int:
        still = [each for each in every if each.key.startswith(key) and each.cancelled_at is None]
        return sum(each.sent_at is not None or not sent for each in still)

    for made in db.exec(select(Pairing).where(Pairing.request_id == request.id)):
        news = [count(f"{what}:{made.id}:{made.volunteer_id}") for what in ("agreed", "pairing_ended")]
        refused = count(f"refused:{made.id}")
        agreed = int(made.agreed_at is not None)
        if made.end_reason == "undone":
            assert db.get_one(Proposal, made.proposal_id).source == "offer"
            assert (news, refused) == ([0, 0], 0)
        elif made.state == K.FELL_THROUGH:
            assert (news[0], news[1] <= 1, refused) == (agreed, True, 0)
        else:
            assert (news, refused) == ([agreed, 0], made.state == K.REFUSED)
    for proposal in db.exec(select(Proposal).where(Proposal.request_id == request.id)):
        question = f"volunteer_asked:{proposal.id}:"
        assert count(question) == count(question, sent=True) or proposal.state == P.ASKED
        was_read = any(each.key.startswith(question) and each.sent_at is not None for each in every)
        if proposal.state == P.MISSED:
            assert count(f"somebody_was_first:{proposal.id}:") == was_read
        if proposal.state == P.WITHDRAWN and proposal.asked_at is not None:
            assert count(f"not_needed:{proposal.id}") == was_read


def it_hangs_together_in_whatever_order(database_url: str) -> None:
    engine = open_engine(database_url)
    machine = type("LifeHere", (Life,), {"engine": engine})
    run_machine(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    engine.dispose()


# Two at the same moment, each on a connection of their own


@pytest.fixture
def open_session(separate_database: str) -> Iterator[Callable[[bool], Session]]:
    engine = open_engine(separate_database)
    yield session_factory(engine)
    engine.dispose()


Step = Callable[[Session], object]


def at_once(open_session: Callable[[bool], Session], *steps: Step) -> list[str]:
    """How each step ended: ok, or the refusal. Anything else than a refusal shows in the assertion of the test."""
    outcomes, start = ["" for _ in steps], Barrier(len(steps))

    def take(number: int) -> None:
        with open_session(True) as db:
            start.wait()
            try:
                steps[number](db)
                db.commit()
                outcomes[number] = "ok"
            except OmzienError as error:
                db.rollback()
                outcomes[number] = type(error).__name__
            except Exception as error:  # whatever it is, the outcome names it
                db.rollback()
                outcomes[number] = repr(error)

    threads = [Thread(target=take, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


RACES: dict[str, tuple[Callable[[dict[str, int]], Step], tuple[str, ...]]] = {
    "a yes of another volunteer": (
        lambda of: lambda db: answering.accept_question(db, db.get_one(Proposal, of["other"]), now=SOON),
        ("AlreadyTaken",),
    ),
    "the desk takes the question back": (
        lambda of: lambda db: judging.undo(db, db.get_one(Proposal, of["proposal"]), by=of["chantal"], now=SOON),
        ("IllegalMove",),
    ),
    "the asker takes the request back": (
        lambda of: (
            lambda db: posting.withdraw(db, db.get_one(HelpRequest, of["request"]), actor_id=of["anna"], now=SOON)
        ),
        (),
    ),
}


@pytest.mark.parametrize("_again", range(3))
@pytest.mark.parametrize("race", RACES)
def it_lets_a_yes_and_something_else_happen_one_after_the_other(
    open_session: Callable[[bool], Session], race: str, _again: int
) -> None:
    with open_session(True) as db:
        cast = make_cast(db)
        ilse = make_person(db, "Ilse", GEUZENBUURT, 20)
        make_volunteer(db, ilse)
        request = post(db, cast, frequency=Frequency.WEEKLY, day=None, slots=ALL_SLOTS)
        first, second = choose(db, cast, request, cast.bram), choose(db, cast, request, ilse)
        of = {"request": request.id or 0, "proposal": first.id or 0, "other": second.id or 0,
              "chantal": key(cast.chantal), "anna": key(cast.anna)}  # fmt: skip
        db.commit()
    other, refusals = RACES[race]
    outcomes = at_once(
        open_session,
        lambda db: answering.accept_question(db, db.get_one(Proposal, of["proposal"]), now=SOON),
        other(of),
    )
    if refusals:
        assert sorted(outcomes) in [sorted(["ok", refusal]) for refusal in (*refusals, "AlreadyTaken")]
    else:
        assert outcomes in (["ok", "ok"], ["AlreadyTaken", "ok"])
    with open_session(False) as db:
        request = db.get_one(HelpRequest, of["request"])
        check_request(db, request)
        check_links(db, request, now=SOON)
        check_messages(db, request)
