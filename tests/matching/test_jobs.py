"""What runs by itself: nothing twice, and one that fails takes no other with it."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import event
from sqlmodel import Session, SQLModel, col, select

from matching import jobs
from matching.models import (
    ActionLink,
    Attempt,
    Draft,
    Event,
    HelpRequest,
    OutboxMessage,
    Pairing,
    Proposal,
    Tag,
)
from matching.retention import PERIODS
from matching.services import answering, links, pairing
from matching.workflow import ProposalState, RequestState
from tests.matching_up import another_volunteer, ask, make_request, said_yes
from tests.people import NOW, TUESDAY, Cast

LATER = NOW + timedelta(days=3)


@pytest.fixture
def open_session(app: Flask, db: Session) -> Callable[[bool], Session]:
    found: Callable[[bool], Session] = app.extensions["omzien.sessions"]
    return found


class DescribeExpiring:
    def it_opens_requests_whose_questions_got_no_answer(
        self, open_session: Callable[[bool], Session], db: Session, cast: Cast
    ) -> None:
        proposal, _ = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        assert jobs.run("expire", open_session, now=LATER - timedelta(seconds=1)) == 0
        assert jobs.run("expire", open_session, now=LATER) == 1
        assert jobs.run("expire", open_session, now=LATER) == 0
        db.expire_all()
        assert db.get_one(Proposal, proposal.id).state == ProposalState.EXPIRED
        assert db.get_one(HelpRequest, proposal.request_id).state == RequestState.OPEN
        assert len(db.exec(select(Event).where(Event.tag == Tag.PROPOSAL_EXPIRED)).all()) == 1

    def it_leaves_answers_alone(self, open_session: Callable[[bool], Session], db: Session, cast: Cast) -> None:
        _, link = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        answering.accept(db, link, now=NOW)
        db.commit()
        assert jobs.run("expire", open_session, now=LATER) == 0

    def it_goes_on_after_one_that_fails(
        self, open_session: Callable[[bool], Session], db: Session, cast: Cast, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken, _ = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        whole, _ = ask(db, make_request(db, cast.anna), another_volunteer(db, "Hans"), cast.chantal, NOW)

        def fail(session: Session, *_rest: object) -> None:
            if any(isinstance(each, Proposal) and each.id == broken.id for each in session.dirty):
                raise OSError("the disk is full")

        event.listen(Session, "before_flush", fail)
        try:
            assert jobs.run("expire", open_session, now=LATER) == 1
        finally:
            event.remove(Session, "before_flush", fail)
        db.expire_all()
        assert db.get_one(Proposal, whole.id).state == ProposalState.EXPIRED
        assert db.get_one(Proposal, broken.id).state == ProposalState.ASKED
        assert "the disk is full" in caplog.text
        assert jobs.run("expire", open_session, now=LATER) == 1


class DescribeReminding:
    @pytest.fixture
    def agreed(self, db: Session, cast: Cast) -> Pairing:
        made = said_yes(db, cast, NOW, welcomes_anyone=True)
        pairing.plan(db, made, TUESDAY, time(10), now=NOW, actor_id=made.volunteer_id)
        db.commit()
        return made

    def reminders(self, db: Session) -> list[int]:
        return sorted(db.exec(select(OutboxMessage.account_id).where(OutboxMessage.template == "reminder")))

    def it_tells_both_the_day_before_and_once(
        self, open_session: Callable[[bool], Session], db: Session, cast: Cast, agreed: Pairing
    ) -> None:
        assert jobs.run("remind", open_session, now=NOW - timedelta(days=1)) == 0
        assert jobs.run("remind", open_session, now=NOW) == 1
        assert jobs.run("remind", open_session, now=NOW + timedelta(hours=1)) == 0
        assert jobs.run("remind", open_session, now=NOW + timedelta(days=1)) == 0
        assert self.reminders(db) == sorted([cast.anna.id or 0, cast.bram.id or 0])

    def it_goes_by_the_dutch_day(self, open_session: Callable[[bool], Session], db: Session, agreed: Pairing) -> None:
        half_past_midnight = datetime(2026, 11, 22, 23, 30, tzinfo=NOW.tzinfo)
        assert jobs.run("remind", open_session, now=half_past_midnight) == 1

    def it_tells_again_of_another_day(
        self, open_session: Callable[[bool], Session], db: Session, agreed: Pairing
    ) -> None:
        jobs.run("remind", open_session, now=NOW)
        db.expire_all()
        pairing.plan(db, agreed, TUESDAY + timedelta(days=2), time(9), now=NOW, actor_id=agreed.volunteer_id)
        db.commit()
        assert jobs.run("remind", open_session, now=NOW + timedelta(days=2)) == 1
        assert len(self.reminders(db)) == 4

    def it_says_nothing_of_what_does_not_go_on(
        self, open_session: Callable[[bool], Session], db: Session, agreed: Pairing
    ) -> None:
        pairing.fall_through(db, agreed, "", now=NOW, actor_id=agreed.volunteer_id)
        db.commit()
        assert jobs.run("remind", open_session, now=NOW) == 0

    def it_names_nobody(self, open_session: Callable[[bool], Session], db: Session, agreed: Pairing) -> None:
        jobs.run("remind", open_session, now=NOW)
        contexts = db.exec(select(OutboxMessage.context).where(OutboxMessage.template == "reminder")).all()
        assert {context["appointment_day"] for context in contexts} == {"2026-11-24"}
        assert not [context for context in contexts if "Anna" in str(context) or "Bram" in str(context)]


class DescribeForgetting:
    @pytest.fixture
    def old_things(self, db: Session, cast: Cast) -> None:
        db.add_all([Draft(id="old", kind="help_request", updated_at=NOW), Attempt(key="old", at=NOW)])
        link = links.issue(db, cast.anna.id or 0, links.SIGN_IN, now=NOW, lifetime=timedelta(seconds=1))
        kept = links.issue(db, cast.anna.id or 0, links.SIGN_IN, now=NOW, lifetime=timedelta(seconds=1))
        message = {"account_id": cast.anna.id, "template": "sign_in", "created_at": NOW, "due_at": NOW}
        db.add(OutboxMessage(key="kept", link_id=kept.id, **message))
        assert link.id != kept.id
        db.commit()

    @pytest.mark.parametrize(("entity", "days"), [(Draft, 30), (Attempt, 1), (ActionLink, 90)])
    def it_keeps_each_for_its_period(
        self, open_session: Callable[[bool], Session], db: Session, old_things: None, entity: type[SQLModel], days: int
    ) -> None:
        before = len(db.exec(select(entity)).all())
        jobs.run("forget", open_session, now=NOW + timedelta(days=days))
        assert len(db.exec(select(entity)).all()) == before
        jobs.run("forget", open_session, now=NOW + timedelta(days=days, seconds=2))
        assert len(db.exec(select(entity)).all()) == before - 1

    def it_keeps_links_that_a_message_holds(
        self, open_session: Callable[[bool], Session], db: Session, old_things: None
    ) -> None:
        assert jobs.run("forget", open_session, now=NOW + timedelta(days=1000)) == 3
        assert jobs.run("forget", open_session, now=NOW + timedelta(days=1000)) == 0
        held = db.exec(select(OutboxMessage.link_id).where(col(OutboxMessage.link_id).is_not(None))).all()
        assert db.exec(select(ActionLink.id)).all() == held

    def it_has_a_ground_for_every_period(self) -> None:
        assert all(period.ground and period.keep > timedelta(0) for period in PERIODS)
