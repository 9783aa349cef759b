"""Choosing at the desk: somebody, somebody else, nobody, and taking it back within the minute."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from matching.database import open_engine
from matching.errors import AlreadyTaken, IllegalMove, Invalid, NotFound, OmzienError
from matching.models import (
    Account,
    Appointment,
    Block,
    Event,
    Frequency,
    HelpRequest,
    OutboxMessage,
    Pairing,
    Proposal,
    Tag,
    Volunteer,
)
from matching.notices import UNDO_WINDOW
from matching.services import answering, judging, links, outbox, pairing, posting
from matching.services.posting import Wish
from matching.workflow import (
    AppointmentState,
    PairingState,
    ProposalState,
    RequestState,
)
from tests.people import DRIFTBUURT, GEUZENBUURT, NOW, TUESDAY, Cast, make_cast, make_person, make_volunteer
from web.db import session_factory

WISH = Wish("groceries", "Graag brood en melk.", Frequency.ONCE, TUESDAY, 1 << 4, 60, DRIFTBUURT)
SOON, LATE = NOW + timedelta(seconds=30), NOW + UNDO_WINDOW


def ask_for(db: Session, cast: Cast, **changes: object) -> HelpRequest:
    assert cast.anna.id is not None
    wish = replace(WISH, **changes)  # type: ignore[arg-type]
    return posting.post(db, wish, asker_id=cast.anna.id, posted_by_id=cast.anna.id, now=NOW)


def propose(db: Session, request: HelpRequest, person: Account, source: str = "matcher", rank: int = 1) -> Proposal:
    proposal = Proposal(
        request_id=request.id,
        volunteer_id=person.id,
        source=source,
        rank=rank,
        distance_m=600,
        reasons=[{"key": "near", "value": 600, "against": False}],
        created_at=NOW,
    )
    db.add(proposal)
    db.flush()
    return proposal


def ilse(db: Session) -> Account:
    person = make_person(db, "Ilse", GEUZENBUURT, 20)
    make_volunteer(db, person)
    return person


def waiting(db: Session, template: str | None = None) -> list[OutboxMessage]:
    """What has yet to go out."""
    query = select(OutboxMessage).where(col(OutboxMessage.cancelled_at).is_(None), col(OutboxMessage.sent_at).is_(None))
    return [m for m in db.exec(query.order_by(col(OutboxMessage.id))) if template in (None, m.template)]


def tags(db: Session, proposal: Proposal) -> list[str]:
    query = select(Event.tag).where(Event.subject == "proposal", Event.subject_id == proposal.id)
    return list(db.exec(query.order_by(col(Event.id))))


class DescribeChoosing:
    def it_asks_the_volunteer_and_waits_a_minute_with_the_message(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = propose(db, request, cast.bram)
        chosen = judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        assert chosen.id == proposal.id
        assert (proposal.state, request.state) == (ProposalState.ASKED, RequestState.ASKED)
        assert (proposal.decided_by_id, proposal.decided_at, proposal.asked_at) == (cast.chantal.id, NOW, NOW)
        (message,) = waiting(db, "volunteer_asked")
        assert (message.account_id, message.due_at) == (cast.bram.id, NOW + UNDO_WINDOW)
        link = links.look(db, message.link_id, links.ANSWER, now=NOW)
        assert (link.subject_id, link.account_id, link.expires_at) == (proposal.id, cast.bram.id, proposal.expires_at)
        assert tags(db, proposal) == [Tag.PROPOSAL_APPROVED]

    def it_puts_nothing_personal_in_the_message(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        propose(db, request, cast.bram)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        (message,) = waiting(db, "volunteer_asked")
        assert "Anna" not in str(message.context)
        assert "melk" not in str(message.context)

    def it_asks_somebody_whom_nobody_proposed_with_a_reason(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = judging.choose(
            db, request, cast.daan.id, by=cast.chantal.id, now=NOW, reason=" Zij kennen\n elkaar "
        )
        assert (proposal.source, proposal.state) == ("staff", ProposalState.ASKED)
        assert proposal.decision_reason == "Zij kennen elkaar"
        assert proposal.distance_m > 0
        assert tags(db, proposal) == [Tag.PROPOSAL_MADE, Tag.PROPOSAL_APPROVED]

    def it_wants_a_reason_for_that(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        with pytest.raises(Invalid) as refused:
            judging.choose(db, request, cast.daan.id, by=cast.chantal.id, now=NOW, reason="  ")
        assert refused.value.field == "reason"
        assert db.exec(select(Proposal)).all() == []

    @pytest.mark.parametrize("who", ["els", "anna"])
    def it_asks_only_volunteers(self, db: Session, cast: Cast, who: str) -> None:
        request = ask_for(db, cast)
        with pytest.raises(NotFound):
            judging.choose(db, request, getattr(cast, who).id, by=cast.chantal.id, now=NOW, reason="x")

    def it_does_not_ask_people_to_help_themselves(self, db: Session, cast: Cast) -> None:
        make_volunteer(db, cast.anna)
        with pytest.raises(Invalid, match="own"):
            judging.choose(db, ask_for(db, cast), cast.anna.id, by=cast.chantal.id, now=NOW, reason="x")

    @pytest.mark.parametrize("other_way", [False, True])
    def it_does_not_bring_together_who_asked_not_to_be(self, db: Session, cast: Cast, other_way: bool) -> None:
        pair = (cast.anna.id, cast.bram.id) if other_way else (cast.bram.id, cast.anna.id)
        db.add(Block(volunteer_id=pair[0], asker_id=pair[1], at=NOW))
        with pytest.raises(Invalid, match="blocked"):
            judging.choose(db, ask_for(db, cast), cast.bram.id, by=cast.chantal.id, now=NOW, reason="x")

    @pytest.mark.parametrize("source", ["matcher", "offer", "staff"])
    def it_leaves_alone_who_is_on_pause_by_now(self, db: Session, cast: Cast, source: str) -> None:
        request = ask_for(db, cast)
        if source != "staff":
            propose(db, request, cast.bram, source=source)
        db.get_one(Volunteer, cast.bram.id).is_paused = True
        with pytest.raises(Invalid, match="paused"):
            judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW, reason="x")

    def it_sends_nobody_more_than_three_questions_in_a_week(self, db: Session, cast: Cast) -> None:
        for n in range(3):
            request = ask_for(db, cast)
            propose(db, request, cast.bram)
            judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW + timedelta(hours=n))
        request = ask_for(db, cast, frequency=Frequency.FLEXIBLE, day=None)
        propose(db, request, cast.bram)
        with pytest.raises(Invalid, match="messages"):
            judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW + timedelta(days=6))
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW + timedelta(days=8))

    def it_steps_over_no_certificate(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast, category="paperwork")
        with pytest.raises(Invalid, match="no_vog"):
            judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW, reason="Bram is aardig")

    def it_steps_over_a_wish_with_a_reason(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast, category="dutch_practice")
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW, reason="Bram deed dit vroeger")
        assert request.state == RequestState.ASKED

    def it_may_ask_a_second_volunteer(self, db: Session, cast: Cast) -> None:
        request, other = ask_for(db, cast), ilse(db)
        for person in (cast.bram, other):
            propose(db, request, person)
            judging.choose(db, request, person.id, by=cast.chantal.id, now=NOW, seen=request.state)
        assert len(waiting(db, "volunteer_asked")) == 2

    def it_refuses_to_ask_the_same_person_twice(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        propose(db, request, cast.bram)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        with pytest.raises(IllegalMove):
            judging.choose(db, request, cast.bram.id, by=cast.farid.id, now=NOW)
        assert len(waiting(db, "volunteer_asked")) == 1

    def it_refuses_when_the_request_stands_otherwise_than_the_chooser_saw(self, db: Session, cast: Cast) -> None:
        request, other = ask_for(db, cast), ilse(db)
        for person in (cast.bram, other):
            propose(db, request, person)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW, seen="open")
        with pytest.raises(IllegalMove):
            judging.choose(db, request, other.id, by=cast.farid.id, now=NOW, seen="open")
        assert len(waiting(db, "volunteer_asked")) == 1

    def it_refuses_when_the_request_is_over(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        posting.withdraw(db, request, actor_id=cast.anna.id, now=NOW)
        with pytest.raises(IllegalMove):
            judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW, reason="x")


class DescribeAgreeingWithAnOffer:
    def it_asks_the_asker_and_not_the_volunteer(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = propose(db, request, cast.bram, source="offer")
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        assert (proposal.state, request.state) == (ProposalState.ACCEPTED, RequestState.CLAIMED)
        assert waiting(db, "volunteer_asked") == []
        (message,) = waiting(db, "asker_consent")
        assert (message.account_id, message.due_at) == (cast.anna.id, NOW + UNDO_WINDOW)
        assert tags(db, proposal) == [Tag.PROPOSAL_APPROVED, Tag.PROPOSAL_ACCEPTED]

    def it_is_agreed_at_once_for_who_welcomes_anyone_but_the_news_waits(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast, welcomes_anyone=True)
        propose(db, request, cast.bram, source="offer")
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        assert request.state == RequestState.PAIRED
        assert {m.due_at for m in waiting(db, "agreed")} == {NOW + UNDO_WINDOW}
        assert outbox.due(db, now=SOON) == []

    def it_reads_that_somebody_was_first(self, db: Session, cast: Cast) -> None:
        request, other = ask_for(db, cast), ilse(db)
        asked = propose(db, request, cast.bram)
        propose(db, request, other, source="offer")
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        answering.accept_proposal(db, asked, now=NOW, actor_id=cast.bram.id)
        with pytest.raises((AlreadyTaken, IllegalMove)):
            judging.choose(db, request, other.id, by=cast.chantal.id, now=NOW)


class DescribeChoosingNobody:
    def it_remembers_who_and_why(self, db: Session, cast: Cast) -> None:
        request, other = ask_for(db, cast), ilse(db)
        both = [propose(db, request, person) for person in (cast.bram, other)]
        judging.choose_nobody(db, request, by=cast.chantal.id, now=NOW, reason="Anna belt zelf haar zus")
        assert [p.state for p in both] == [ProposalState.REJECTED] * 2
        assert {(p.decided_by_id, p.decision_reason) for p in both} == {(cast.chantal.id, "Anna belt zelf haar zus")}
        assert request.state == RequestState.OPEN
        assert waiting(db) == []
        assert tags(db, both[0]) == [Tag.PROPOSAL_REJECTED]

    def it_wants_a_reason(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = propose(db, request, cast.bram)
        with pytest.raises(Invalid):
            judging.choose_nobody(db, request, by=cast.chantal.id, now=NOW, reason=" \n ")
        assert proposal.state == ProposalState.PROPOSED

    def it_leaves_alone_who_was_asked(self, db: Session, cast: Cast) -> None:
        request, other = ask_for(db, cast), ilse(db)
        asked = propose(db, request, cast.bram)
        propose(db, request, other)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        judging.choose_nobody(db, request, by=cast.chantal.id, now=NOW, reason="een is genoeg")
        assert asked.state == ProposalState.ASKED

    def it_refuses_when_nobody_waits(self, db: Session, cast: Cast) -> None:
        with pytest.raises(IllegalMove):
            judging.choose_nobody(db, ask_for(db, cast), by=cast.chantal.id, now=NOW, reason="x")

    def it_can_be_undone_as_a_whole(self, db: Session, cast: Cast) -> None:
        request, other = ask_for(db, cast), ilse(db)
        both = [propose(db, request, person) for person in (cast.bram, other)]
        judging.choose_nobody(db, request, by=cast.chantal.id, now=NOW, reason="x")
        judging.undo(db, both[1], by=cast.chantal.id, now=SOON)
        assert [(p.state, p.decided_at, p.decision_reason) for p in both] == [(ProposalState.PROPOSED, None, "")] * 2


class DescribeUndoing:
    def it_takes_a_question_back_so_that_nothing_goes_out(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = propose(db, request, cast.bram)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        (message,) = waiting(db)
        judging.undo(db, proposal, by=cast.farid.id, now=SOON)
        assert (proposal.state, request.state) == (ProposalState.PROPOSED, RequestState.OPEN)
        assert (proposal.decided_at, proposal.asked_at, proposal.expires_at) == (None, None, None)
        assert waiting(db) == []
        assert outbox.due(db, now=LATE) == []
        with pytest.raises(OmzienError):
            links.look(db, message.link_id, links.ANSWER, now=SOON)
        assert tags(db, proposal) == [Tag.PROPOSAL_APPROVED, Tag.PROPOSAL_UNDONE]

    def it_can_be_chosen_again_afterwards(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = propose(db, request, cast.bram)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        judging.undo(db, proposal, by=cast.chantal.id, now=SOON)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=SOON)
        assert len(waiting(db, "volunteer_asked")) == 1

    def it_is_too_late_after_a_minute(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = propose(db, request, cast.bram)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        assert judging.can_undo(proposal.decided_at, now=SOON)
        assert not judging.can_undo(proposal.decided_at, now=LATE)
        with pytest.raises(IllegalMove):
            judging.undo(db, proposal, by=cast.chantal.id, now=LATE)
        assert proposal.state == ProposalState.ASKED

    def it_is_too_late_once_the_worker_has_the_message(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = propose(db, request, cast.bram)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        (message,) = waiting(db)
        outbox.claim(db, message.id, now=SOON)
        with pytest.raises(IllegalMove):
            judging.undo(db, proposal, by=cast.chantal.id, now=SOON)

    def it_refuses_what_nobody_decided(self, db: Session, cast: Cast) -> None:
        with pytest.raises(IllegalMove):
            judging.undo(db, propose(db, ask_for(db, cast), cast.bram), by=cast.chantal.id, now=NOW)

    def it_refuses_a_second_time(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = propose(db, request, cast.bram)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        judging.undo(db, proposal, by=cast.chantal.id, now=SOON)
        with pytest.raises(IllegalMove):
            judging.undo(db, proposal, by=cast.chantal.id, now=SOON)

    def it_leaves_the_other_question_standing(self, db: Session, cast: Cast) -> None:
        request, other = ask_for(db, cast), ilse(db)
        for person in (cast.bram, other):
            propose(db, request, person)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        second = judging.choose(db, request, other.id, by=cast.chantal.id, now=NOW)
        judging.undo(db, second, by=cast.chantal.id, now=SOON)
        assert request.state == RequestState.ASKED
        assert [m.account_id for m in waiting(db)] == [cast.bram.id]

    def it_holds_again_what_was_held(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast, is_discreet=True)
        assert request.state == RequestState.HELD
        proposal = judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW, reason="x")
        judging.undo(db, proposal, by=cast.chantal.id, now=SOON)
        assert request.state == RequestState.HELD

    def it_holds_again_what_was_held_for_its_sender(self, db: Session, cast: Cast) -> None:
        assert cast.anna.id is not None
        request = posting.post(db, WISH, asker_id=cast.anna.id, posted_by_id=cast.anna.id, now=NOW, is_verified=False)
        proposal = judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW, reason="x")
        judging.undo(db, proposal, by=cast.chantal.id, now=SOON)
        assert request.state == RequestState.HELD

    @pytest.mark.parametrize("welcomes_anyone", [False, True])
    def it_ends_the_pairing_of_an_offer_unseen(self, db: Session, cast: Cast, welcomes_anyone: bool) -> None:
        request = ask_for(db, cast, welcomes_anyone=welcomes_anyone)
        proposal = propose(db, request, cast.bram, source="offer")
        for at in (NOW, SOON):  # and it can be agreed with again
            judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=at)
            judging.undo(db, proposal, by=cast.chantal.id, now=at + timedelta(seconds=9))
            assert (proposal.state, request.state) == (ProposalState.PROPOSED, RequestState.OPEN)
            assert waiting(db) == []
        assert {p.state for p in db.exec(select(Pairing))} == {PairingState.FELL_THROUGH}
        assert {a.state for a in db.exec(select(Appointment))} <= {AppointmentState.CANCELLED}

    def it_is_too_late_once_the_asker_said_yes(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast)
        proposal = propose(db, request, cast.bram, source="offer")
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)
        pairing.agree(db, db.exec(select(Pairing)).one(), now=SOON, actor_id=cast.anna.id)
        with pytest.raises(IllegalMove):
            judging.undo(db, proposal, by=cast.chantal.id, now=SOON)
        assert request.state == RequestState.PAIRED

    @pytest.mark.parametrize("sent", [False, True])
    def it_brings_back_the_questions_that_an_offer_ended(self, db: Session, cast: Cast, sent: bool) -> None:
        request, other = ask_for(db, cast), ilse(db)
        asked = propose(db, request, cast.bram)
        offered = propose(db, request, other, source="offer")
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW - timedelta(hours=1))
        (question,) = waiting(db)
        if sent:
            outbox.mark_sent(db, question, now=NOW)
        for at in (NOW, SOON):
            judging.choose(db, request, other.id, by=cast.chantal.id, now=at)
            assert asked.state == ProposalState.MISSED
            assert len(waiting(db, "somebody_was_first")) == sent
            judging.undo(db, offered, by=cast.chantal.id, now=at + timedelta(seconds=9))
            db.flush()
            db.expire_all()
            assert (asked.state, request.state) == (ProposalState.ASKED, RequestState.ASKED)
            assert waiting(db) == ([] if sent else [question])
            assert links.look(db, question.link_id, links.ANSWER, now=NOW).subject_id == asked.id


@pytest.mark.parametrize("same_person", [True, False])
def it_lets_one_of_two_opbouwwerkers_decide(separate_database: str, same_person: bool) -> None:
    engine = open_engine(separate_database)
    open_session = session_factory(engine)
    with open_session(True) as db:
        cast = make_cast(db)
        request = ask_for(db, cast)
        propose(db, request, cast.bram)
        propose(db, request, cast.daan)
        request_id, ids = request.id, (cast.bram.id, cast.bram.id if same_person else cast.daan.id)
        desks = (cast.chantal.id, cast.farid.id)
        db.commit()
    start, outcomes = threading.Barrier(2), []

    def decide(volunteer_id: int, by: int) -> None:
        start.wait()
        with open_session(True) as db:
            try:
                judging.choose(db, db.get_one(HelpRequest, request_id), volunteer_id, by=by, now=NOW, seen="open")
                db.commit()
                outcomes.append("asked")
            except IllegalMove:
                outcomes.append("too late")

    threads = [threading.Thread(target=decide, args=pair) for pair in zip(ids, desks, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["asked", "too late"]
    with open_session(False) as db:
        assert len(waiting(db, "volunteer_asked")) == 1
    engine.dispose()
