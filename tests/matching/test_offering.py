"""The job that asks the next people: whom, when, and never too often, whatever happens at the same moment."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlmodel import Session, col, select

from matching import jobs
from matching.database import open_engine
from matching.models import Absence, Account, Event, Frequency, HelpRequest, OutboxMessage, Proposal, Tag, Volunteer
from matching.services import answering, asking_around, judging, pairing
from matching.services.matcher import offering, sending
from matching.services.volunteering import pause
from matching.workflow import ProposalState, RequestState
from tests.matching_up import another_volunteer, make_request, propose
from tests.people import DRIFTBUURT, NOW, TUESDAY, Cast, make_cast, make_person, make_volunteer
from web.db import session_factory

QUARTER = timedelta(minutes=15)
WEEK = timedelta(days=7)
START = NOW - timedelta(minutes=2)  # the minute for taking it back is over
NIGHT = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
P, R = ProposalState, RequestState
OpenSession = Callable[[bool], Session]


@pytest.fixture(autouse=True)
def _only_bram_helps(db: Session, cast: Cast) -> None:
    """Daan lives near enough to help too; here he does not."""
    db.delete(db.get_one(Volunteer, cast.daan.id))
    db.commit()


@pytest.fixture
def offer(app: Flask, db: Session) -> Callable[[datetime], int]:
    """Run the job at a moment."""

    def run(now: datetime = NOW) -> int:
        asked = jobs.run("offer", app.extensions["omzien.sessions"], now=now)
        db.expire_all()
        return asked

    return run


def asked_for(db: Session, cast: Cast, asker: Account | None = None, **facts: Any) -> HelpRequest:
    """A request that Chantal released for asking around."""
    usual = {"asking_since": START, "asking_by_id": cast.chantal.id, "created_at": START}
    return make_request(db, asker or cast.anna, **(usual | facts))


def questions(db: Session, request: HelpRequest) -> list[Proposal]:
    query = select(Proposal).where(Proposal.request_id == request.id, col(Proposal.asked_at).is_not(None))
    return list(db.exec(query.order_by(col(Proposal.asked_at), col(Proposal.id))))


def asked_before(db: Session, cast: Cast, who: Account, *moments: datetime) -> None:
    """Questions about other things, without an answer."""
    for moment in moments:
        other = make_request(db, cast.els, state=R.CLOSED)
        propose(db, other, who, state=P.EXPIRED, asked_at=moment, decided_at=moment, expires_at=moment)


class DescribeAsking:
    def it_asks_who_fits_as_the_desk_would(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        request = asked_for(db, cast)
        assert offer() == 1
        [made] = questions(db, request)
        assert (made.volunteer_id, made.state, made.source) == (cast.bram.id, P.ASKED, "matcher")
        assert (made.decided_by_id, made.asked_at) == (None, NOW)
        assert made.expires_at == NOW + timedelta(days=3)
        assert {reason["key"] for reason in made.reasons} >= {"near", "skill", "slot"}
        assert request.state == R.ASKED
        message = db.exec(select(OutboxMessage).where(OutboxMessage.template == "volunteer_asked")).one()
        assert (message.account_id, message.due_at) == (cast.bram.id, NOW + timedelta(minutes=1))
        approved = db.exec(select(Event).where(Event.tag == Tag.PROPOSAL_APPROVED)).one()
        assert (approved.actor_id, approved.data["around"]) == (None, True)

    def it_uses_the_proposal_that_is_there(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        request = asked_for(db, cast)
        known = propose(db, request, cast.bram)
        offer()
        assert [each.id for each in questions(db, request)] == [known.id]

    def it_does_nothing_within_the_minute(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_for(db, cast, asking_since=NOW)
        assert offer(NOW + timedelta(seconds=59)) == 0
        assert offer(NOW + timedelta(seconds=60)) == 1

    def it_asks_for_nothing_that_no_human_released(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        propose(db, make_request(db, cast.anna), cast.bram)
        assert offer() == 0

    @pytest.mark.parametrize("state", [R.HELD, R.CLAIMED, R.PAIRED, R.DONE, R.CLOSED])
    def it_rests_while_there_is_no_need(
        self, db: Session, cast: Cast, offer: Callable[..., int], state: RequestState
    ) -> None:
        asked_for(db, cast, state=state)
        assert offer() == 0

    def it_lets_people_sleep(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_for(db, cast)
        assert offer(NIGHT) == 0
        assert offer(NIGHT + timedelta(hours=9)) == 1

    def it_asks_nobody_twice_for_the_same(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        request = asked_for(db, cast)
        offer()
        for day in (1, 4, 10):
            later = NOW + timedelta(days=day)
            [question] = questions(db, request)
            answering.expire(db, question, now=later)
            db.commit()
            assert offer(later) == 0

    def it_asks_nobody_who_was_struck_off_or_offered(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        request = make_request(db, cast.anna)
        propose(db, request, cast.bram)
        propose(db, request, another_volunteer(db, "Hans"), source="offer")
        ilse = another_volunteer(db, "Ilse", 91)
        asking_around.start(db, request, by=cast.chantal.id or 0, now=START, without=[cast.bram.id or 0])
        db.commit()
        assert offer() == 1
        assert [each.volunteer_id for each in questions(db, request)] == [ilse.id]

    def it_replaces_a_no_in_the_same_quarter(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        hans = another_volunteer(db, "Hans")
        request = asked_for(db, cast)
        assert offer() == 1
        [first] = questions(db, request)
        answering.decline(db, first, "time", now=NOW + timedelta(minutes=4))
        db.commit()
        assert offer(NOW + timedelta(minutes=4)) == 1
        assert {each.volunteer_id for each in questions(db, request)} == {cast.bram.id, hans.id}

    def it_goes_on_where_a_question_got_no_answer(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        another_volunteer(db, "Hans")
        request = asked_for(db, cast)
        offer()
        [first] = questions(db, request)
        later = first.expires_at or NOW
        answering.expire(db, first, now=later)
        db.commit()
        assert offer(later) == 1

    def it_pauses_after_a_yes_and_goes_on_when_it_falls_through(
        self, db: Session, cast: Cast, offer: Callable[..., int]
    ) -> None:
        another_volunteer(db, "Hans")
        request = asked_for(db, cast)
        offer()
        [first] = questions(db, request)
        made = answering.accept_question(db, first, now=NOW)
        db.commit()
        assert offer(NOW + QUARTER) == 0
        pairing.refuse(db, made, now=NOW + QUARTER, actor_id=cast.anna.id or 0)
        db.commit()
        assert offer(NOW + QUARTER) == 1
        assert len({each.volunteer_id for each in questions(db, request)}) == 2

    def it_asks_nobody_who_rests_or_is_away(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        hans = another_volunteer(db, "Hans")
        pause(db, db.get_one(Volunteer, cast.bram.id), today=NOW.date(), now=START)
        db.add(Absence(volunteer_id=hans.id, first_day=TUESDAY, last_day=TUESDAY))
        asked_for(db, cast, frequency=Frequency.ONCE, day=TUESDAY, slots=0b1111 << 4)
        db.commit()
        assert offer() == 0

    def it_asks_several_at_once_when_time_is_short(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        for number in range(6):
            another_volunteer(db, f"Hulp{number}", 100 + number)
        slow, fast = asked_for(db, cast), asked_for(db, cast, day=NOW.date(), frequency=Frequency.ONCE, slots=2)
        offer(NOW)
        assert len(questions(db, slow)) < len(questions(db, fast))

    def it_goes_on_after_a_request_that_fails(
        self, db: Session, cast: Cast, offer: Callable[..., int], caplog: pytest.LogCaptureFixture
    ) -> None:
        another_volunteer(db, "Hans")
        broken, whole = asked_for(db, cast), asked_for(db, cast, cast.els)

        def fail(session: Session, *_rest: object) -> None:
            if any(isinstance(each, HelpRequest) and each.id == broken.id for each in session.dirty):
                raise OSError("the disk is full")

        event.listen(Session, "before_flush", fail)
        try:
            assert offer() == 1
        finally:
            event.remove(Session, "before_flush", fail)
        assert "the disk is full" in caplog.text
        assert (questions(db, broken), len(questions(db, whole))) == ([], 1)
        assert offer(NOW + timedelta(minutes=1)) == 1


class DescribeTheEnd:
    def it_gives_a_request_back_when_everybody_was_asked(
        self, db: Session, cast: Cast, offer: Callable[..., int]
    ) -> None:
        request = asked_for(db, cast)
        offer()
        answering.decline(db, questions(db, request)[0], "", now=NOW)
        db.commit()
        offer(NOW + QUARTER)
        assert (request.asking_since, request.state) == (None, R.OPEN)
        stopped = db.exec(select(Event).where(Event.tag == Tag.REQUEST_ASKING_STOPPED)).one()
        assert (stopped.actor_id, stopped.data["why"]) == (None, "nobody_left")

    def it_waits_for_who_has_enough_to_do_this_week(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_before(db, cast, cast.bram, *(NOW - timedelta(days=day) for day in (1, 2, 3)))
        request = asked_for(db, cast)
        assert offer() == 0
        assert request.asking_since == START

    def it_gives_a_request_back_when_its_day_is_over(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        db.get_one(Volunteer, cast.bram.id).slots = 1 << 20  # only on Saturday
        request = asked_for(db, cast, frequency=Frequency.ONCE, day=TUESDAY, slots=0b1111 << 4)
        hans = another_volunteer(db, "Hans")
        offer()
        assert [each.volunteer_id for each in questions(db, request)] == [hans.id]
        over = NOW + timedelta(days=2)
        answering.expire(db, questions(db, request)[0], now=over)
        db.commit()
        offer(over)
        assert request.asking_since is None
        assert db.exec(select(Event).where(Event.tag == Tag.REQUEST_ASKING_STOPPED)).one().data["why"] == "too_late"


class DescribeNotTooOften:
    def it_sends_no_fourth_message_in_seven_days(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_before(db, cast, cast.bram, *(NOW - timedelta(days=day) for day in (1, 2, 6)))
        asked_for(db, cast)
        assert offer() == 0
        assert offer(NOW + timedelta(days=1)) == 1

    @pytest.mark.parametrize(
        ("sent", "too_soon", "soon_enough"),
        [
            # A night with an hour less: seven days later on the wall is 167 hours.
            ((2027, 3, 22, 9, 0), (2027, 3, 29, 8, 30), (2027, 3, 29, 9, 0)),
            # A night with an hour more: 168 hours are over an hour earlier on the wall.
            ((2027, 10, 25, 9, 0), (2027, 11, 1, 8, 30), (2027, 11, 1, 9, 0)),
        ],
        ids=["March", "October"],
    )
    def it_counts_real_hours_when_the_clock_changes(
        self,
        db: Session,
        cast: Cast,
        offer: Callable[..., int],
        sent: tuple[int, ...],
        too_soon: tuple[int, ...],
        soon_enough: tuple[int, ...],
    ) -> None:
        first, early, right = (datetime(*moment, tzinfo=UTC) for moment in (sent, too_soon, soon_enough))  # type: ignore[misc, arg-type]  # mypy counts the parts
        asked_before(db, cast, cast.bram, first, first + timedelta(hours=1), first + timedelta(hours=2))
        asked_for(db, cast, asking_since=early - timedelta(days=1), created_at=early - timedelta(days=1))
        assert offer(early) == 0
        assert offer(right) == 1

    def it_sends_one_message_in_a_quarter(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_for(db, cast)
        asked_for(db, cast, cast.els)
        assert offer() == 1
        assert offer(NOW + timedelta(minutes=14)) == 0
        assert offer(NOW + timedelta(days=2)) == 1  # rested enough to be likely to say yes

    def it_asks_nobody_beyond_their_own_maximum(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        db.get_one(Volunteer, cast.bram.id).weekly_max = 1
        asked_for(db, cast)
        asked_for(db, cast, cast.els)
        db.commit()
        assert offer() == 1
        assert offer(NOW + timedelta(hours=5)) == 0

    def it_counts_an_offer_of_their_own(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        db.get_one(Volunteer, cast.bram.id).weekly_max = 1
        propose(db, make_request(db, cast.els), cast.bram, source="offer")
        asked_for(db, cast)
        assert offer() == 0

    def it_survives_a_clock_that_was_set_back(self, db: Session, cast: Cast, offer: Callable[..., int]) -> None:
        asked_before(db, cast, cast.bram, NOW + timedelta(hours=3))
        asked_for(db, cast)
        assert offer() == 0


class DescribeWhatChangesBetweenPlanAndOffer:
    @pytest.fixture
    def wave(self, db: Session, cast: Cast) -> sending.Wave:
        asked_for(db, cast)
        return self.planned(db)

    def planned(self, db: Session) -> sending.Wave:
        db.commit()
        [wave] = offering.look(db, now=NOW).waves
        return wave

    def send(self, db: Session, wave: sending.Wave) -> int:
        return sending.send(db, wave, now=NOW)

    def it_asks_when_nothing_changed(self, db: Session, wave: sending.Wave) -> None:
        assert self.send(db, wave) == 1
        assert self.send(db, wave) == 0

    def it_asks_nobody_when_it_was_stopped(self, db: Session, cast: Cast, wave: sending.Wave) -> None:
        asking_around.stop(db, db.get_one(HelpRequest, wave.request_id), by=cast.chantal.id or 0, now=NOW)
        assert self.send(db, wave) == 0

    def it_asks_nobody_when_the_desk_asked_somebody(self, db: Session, cast: Cast, wave: sending.Wave) -> None:
        request, hans = db.get_one(HelpRequest, wave.request_id), another_volunteer(db, "Hans")
        judging.choose(db, request, hans.id or 0, by=cast.chantal.id or 0, now=NOW, reason="zij kennen elkaar")
        assert self.send(db, wave) == 0

    @pytest.mark.parametrize("what", ["paused", "moved", "offered", "busy", "reached", "no skill"])
    def it_looks_at_the_volunteer_again(self, db: Session, cast: Cast, wave: sending.Wave, what: str) -> None:
        volunteer = db.get_one(Volunteer, cast.bram.id)
        if what == "paused":
            volunteer.is_paused = True
        elif what == "moved":
            cast.bram.x = (cast.bram.x or 0) + 5000
            db.add(cast.bram)
        elif what == "offered":
            propose(db, db.get_one(HelpRequest, wave.request_id), cast.bram, source="offer")
        elif what == "busy":
            asked_before(db, cast, cast.bram, NOW - timedelta(minutes=3))
        elif what == "reached":
            asked_before(db, cast, cast.bram, *(NOW - timedelta(days=day) for day in (1, 2, 3)))
        else:
            volunteer.skills = ["garden"]
        db.add(volunteer)
        db.commit()
        assert self.send(db, wave) == 0


# Two at the same moment, on two connections


@pytest.fixture
def open_session(separate_database: str) -> Iterator[OpenSession]:
    engine = open_engine(separate_database)
    yield session_factory(engine)
    engine.dispose()


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    outcomes: list[Any] = [None for _ in steps]
    start = Barrier(len(steps))

    def take(number: int) -> None:
        start.wait()
        try:
            outcomes[number] = steps[number]()
        except Exception as error:  # shown by the assertion of the test
            outcomes[number] = repr(error)

    threads = [Thread(target=take, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def a_busy_town(open_session: OpenSession, requests: int, volunteers: int) -> tuple[int, int]:
    """So many requests that are asked around for, and so few who can help. The keys of Chantal and Bram."""
    with open_session(True) as session:
        cast = make_cast(session)
        session.delete(session.get_one(Volunteer, cast.daan.id))
        for n in range(volunteers - 1):
            make_volunteer(session, make_person(session, f"Hulp{n}", DRIFTBUURT, 200 + n), weekly_max=7)
        session.get_one(Volunteer, cast.bram.id).weekly_max = 7
        for n in range(requests):
            asked_for(session, cast, (cast.anna, cast.els)[n % 2])
        session.commit()
        assert cast.chantal.id is not None
        assert cast.bram.id is not None
        return cast.chantal.id, cast.bram.id


def messages(open_session: OpenSession) -> dict[int, list[datetime]]:
    with open_session(False) as session:
        found: dict[int, list[datetime]] = {}
        for proposal in session.exec(select(Proposal).where(col(Proposal.asked_at).is_not(None))):
            found.setdefault(proposal.volunteer_id, []).append(proposal.asked_at or NOW)
        return found


class DescribeTwoAtOnce:
    def it_asks_nobody_twice_when_two_workers_run(self, open_session: OpenSession) -> None:
        a_busy_town(open_session, requests=8, volunteers=3)
        outcomes = at_once(*(lambda: jobs.run("offer", open_session, now=NOW) for _ in range(3)))
        assert sum(outcomes) == 3
        assert sorted(len(moments) for moments in messages(open_session).values()) == [1, 1, 1]

    def it_keeps_to_three_messages_when_plans_are_carried_out_together(self, open_session: OpenSession) -> None:
        """Each worker planned another request for the same volunteer, who can take one more message."""
        _, bram = a_busy_town(open_session, requests=4, volunteers=1)
        with open_session(True) as session:
            cast_free = session.get_one(Account, bram)
            for day in (1, 2):
                asked_at = NOW - timedelta(days=day)
                other = make_request(session, cast_free, state=R.CLOSED)
                propose(session, other, cast_free, state=P.EXPIRED, asked_at=asked_at, decided_at=asked_at)
        plans = []
        with open_session(True) as session:
            released = session.exec(select(HelpRequest).where(col(HelpRequest.asking_since).is_not(None))).all()
            for mine in released:
                for other in released:
                    other.asking_since = START if other is mine else None
                session.flush()
                plans += offering.look(session, now=NOW).waves
            session.rollback()
        assert len({plan.request_id for plan in plans}) == 4

        def carry_out(plan: sending.Wave) -> int:
            with open_session(True) as session:
                sent = sending.send(session, plan, now=NOW)
                session.commit()
                return sent

        assert sorted(at_once(*(lambda plan=plan: carry_out(plan) for plan in plans))) == [0, 0, 0, 1]
        assert len(messages(open_session)[bram]) == 3

    def it_keeps_to_three_messages_when_the_desk_asks_too(self, open_session: OpenSession) -> None:
        chantal, bram = a_busy_town(open_session, requests=2, volunteers=1)
        with open_session(True) as session:
            person = session.get_one(Account, bram)
            for day in (1, 2):
                asked_at = NOW - timedelta(days=day)
                other = make_request(session, person, state=R.CLOSED)
                propose(session, other, person, state=P.EXPIRED, asked_at=asked_at, decided_at=asked_at)
            request_id = session.exec(select(HelpRequest.id).where(col(HelpRequest.asking_since).is_not(None))).first()

        def desk() -> str:
            with open_session(True) as session:
                request = session.get_one(HelpRequest, request_id)
                judging.choose(session, request, bram, by=chantal, now=NOW, reason="zij kennen elkaar")
                session.commit()
                return "asked"

        outcomes = at_once(desk, lambda: jobs.run("offer", open_session, now=NOW))
        assert outcomes in (["asked", 0], ["Invalid('volunteer', 'messages')", 1]) or "Illegal" in str(outcomes[0])
        assert len(messages(open_session)[bram]) == 3
