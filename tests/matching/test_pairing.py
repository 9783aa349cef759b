"""The asker's answer, the end, and starting again when it falls through."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from matching.errors import AlreadyTaken, IllegalMove, LinkUnusable
from matching.models import Account, Appointment, Event, Feedback, HelpRequest, OutboxMessage, Pairing, Proposal, Tag
from matching.services import answering, ending, judging, links, pairing, posting
from matching.workflow import AppointmentState, PairingState, ProposalState, RequestState
from tests.matching_up import another_volunteer, link_of, make_request, propose, said_yes
from tests.people import NOW, Cast


@pytest.fixture
def waiting(db: Session, cast: Cast) -> Pairing:
    return said_yes(db, cast, NOW)


@pytest.fixture
def agreed(db: Session, cast: Cast) -> Pairing:
    return said_yes(db, cast, NOW, welcomes_anyone=True)


def consent(db: Session, of: Pairing) -> str:
    return link_of(db, f"asker_consent:{of.id}:")


def request_of(db: Session, of: Pairing) -> HelpRequest:
    return db.get_one(HelpRequest, of.request_id)


def readers(db: Session, template: str) -> list[int]:
    query = select(OutboxMessage.account_id).where(OutboxMessage.template == template)
    return sorted(db.exec(query.where(col(OutboxMessage.cancelled_at).is_(None))))


class DescribeTheAskersAnswer:
    def it_agrees(self, db: Session, waiting: Pairing, cast: Cast) -> None:
        made = pairing.answer(db, consent(db, waiting), yes=True, now=NOW)
        assert (made.state, made.agreed_at) == (PairingState.AGREED, NOW)
        assert request_of(db, made).state == RequestState.PAIRED
        assert readers(db, "agreed") == sorted([cast.anna.id or 0, cast.bram.id or 0])
        assert db.exec(select(Appointment.state)).all() == [AppointmentState.PLANNED]

    def it_refuses_and_looks_further(self, db: Session, waiting: Pairing, cast: Cast) -> None:
        spare = propose(db, request_of(db, waiting), another_volunteer(db, "Hans"), rank=2)
        made = pairing.answer(db, consent(db, waiting), yes=False, reason="time", now=NOW)
        assert (made.state, made.end_reason) == (PairingState.REFUSED, "time")
        assert request_of(db, made).state == RequestState.OPEN
        assert db.get_one(Proposal, spare.id).state == ProposalState.PROPOSED
        assert readers(db, "refused") == [cast.bram.id]
        judging.choose(db, request_of(db, made), spare.volunteer_id, by=cast.chantal.id or 0, now=NOW)
        assert request_of(db, made).state == RequestState.ASKED

    def it_keeps_only_the_reasons_that_we_offer(self, db: Session, waiting: Pairing) -> None:
        made = pairing.answer(db, consent(db, waiting), yes=False, reason="Bram ken ik", now=NOW)
        event = db.exec(select(Event).where(Event.tag == Tag.PAIRING_REFUSED)).one()
        assert (made.end_reason, event.data["reason"]) == ("", "")

    def it_is_given_once(self, db: Session, waiting: Pairing) -> None:
        link = consent(db, waiting)
        pairing.answer(db, link, yes=True, now=NOW)
        with pytest.raises(LinkUnusable):
            pairing.answer(db, link, yes=False, now=NOW)
        with pytest.raises(AlreadyTaken):
            pairing.answer_waiting(db, waiting, yes=False, now=NOW, actor_id=request_of(db, waiting).asker_id)
        assert waiting.state == PairingState.AGREED

    def it_ends_the_link_when_it_came_on_the_site(self, db: Session, waiting: Pairing) -> None:
        pairing.answer_waiting(db, waiting, yes=True, now=NOW, actor_id=request_of(db, waiting).asker_id)
        assert pairing.why_over(db, consent(db, waiting), now=NOW) == "yes"
        assert pairing.answer_given(db, consent(db, waiting)) is None
        with pytest.raises(LinkUnusable):
            pairing.of_link(db, consent(db, waiting), now=NOW)

    def it_does_not_take_the_link_of_a_volunteer(self, db: Session, waiting: Pairing) -> None:
        answer = link_of(db, "volunteer_asked:")
        assert pairing.why_over(db, answer, now=NOW) == "unknown"
        with pytest.raises(LinkUnusable):
            pairing.answer(db, answer, yes=True, now=NOW)
        assert answering.why_over(db, consent(db, waiting), now=NOW) == "unknown"
        with pytest.raises(LinkUnusable):
            answering.accept(db, consent(db, waiting), now=NOW)

    def it_waits_a_week(self, db: Session, waiting: Pairing) -> None:
        link = consent(db, waiting)
        assert pairing.why_over(db, link, now=NOW + links.LIFETIMES[links.CONSENT] - timedelta(seconds=1)) == ""
        assert pairing.why_over(db, link, now=NOW + links.LIFETIMES[links.CONSENT]) == "expired"


class DescribeFallingThrough:
    def it_opens_the_request_at_once_and_tells_the_other(self, db: Session, agreed: Pairing, cast: Cast) -> None:
        pairing.fall_through(db, agreed, "ill", now=NOW, actor_id=agreed.volunteer_id)
        assert (agreed.state, agreed.end_reason) == (PairingState.FELL_THROUGH, "ill")
        assert request_of(db, agreed).state == RequestState.OPEN
        assert db.get_one(Proposal, agreed.proposal_id).state == ProposalState.FELL_THROUGH
        assert db.exec(select(Appointment.state)).all() == [AppointmentState.CANCELLED]
        assert readers(db, "pairing_ended") == [cast.anna.id]
        assert readers(db, "fell_through") == [cast.chantal.id]

    def it_takes_the_question_to_the_asker_back(self, db: Session, waiting: Pairing) -> None:
        link = consent(db, waiting)
        pairing.fall_through(db, waiting, "time", now=NOW, actor_id=waiting.volunteer_id)
        assert pairing.why_over(db, link, now=NOW) == "over"
        assert readers(db, "asker_consent") == []
        assert readers(db, "pairing_ended") == []

    def it_lets_the_same_people_try_again(self, db: Session, agreed: Pairing, cast: Cast) -> None:
        pairing.fall_through(db, agreed, "", now=NOW, actor_id=request_of(db, agreed).asker_id)
        again = propose(db, request_of(db, agreed), cast.bram, source="offer", decided_by_id=cast.chantal.id)
        made = answering.accept_proposal(db, again, now=NOW, actor_id=cast.chantal.id or 0)
        assert (made.state, made.id != agreed.id) == (PairingState.AGREED, True)

    @pytest.mark.parametrize("facts", [{"is_discreet": True}, {"risks": ["danger"]}, {"is_verified": False}])
    def it_stays_at_the_desk_when_a_human_has_to_look(
        self, db: Session, agreed: Pairing, facts: dict[str, Any]
    ) -> None:
        for name, value in facts.items():
            setattr(request_of(db, agreed), name, value)
        pairing.fall_through(db, agreed, "", now=NOW, actor_id=agreed.volunteer_id)
        assert request_of(db, agreed).state == RequestState.HELD

    def it_happens_once(self, db: Session, agreed: Pairing) -> None:
        pairing.fall_through(db, agreed, "", now=NOW, actor_id=agreed.volunteer_id)
        with pytest.raises(IllegalMove):
            pairing.fall_through(db, agreed, "", now=NOW, actor_id=agreed.volunteer_id)

    def it_keeps_only_the_reasons_that_we_offer(self, db: Session, agreed: Pairing) -> None:
        pairing.fall_through(db, agreed, "ruzie met de buren", now=NOW, actor_id=agreed.volunteer_id)
        event = db.exec(select(Event).where(Event.tag == Tag.PAIRING_FELL_THROUGH)).one()
        assert (agreed.end_reason, event.data["why"]) == ("other", "other")


class DescribeTheEnd:
    def it_asks_both_how_it_was(self, db: Session, agreed: Pairing, cast: Cast) -> None:
        spare = propose(db, request_of(db, agreed), another_volunteer(db, "Hans"), rank=2)
        pairing.finish(db, agreed, now=NOW, actor_id=agreed.volunteer_id)
        assert (agreed.state, request_of(db, agreed).state) == (PairingState.DONE, RequestState.DONE)
        assert db.get_one(Proposal, spare.id).state == ProposalState.WITHDRAWN
        assert readers(db, "feedback_asked") == sorted([cast.anna.id or 0, cast.bram.id or 0])
        assert readers(db, "not_needed") == []  # nobody had asked the spare candidate

    def it_needs_a_yes_of_both(self, db: Session, waiting: Pairing) -> None:
        for for_good in (True, False):
            with pytest.raises(IllegalMove):
                pairing.finish(db, waiting, now=NOW, actor_id=waiting.volunteer_id, for_good=for_good)

    def it_takes_one_answer_of_each_side(self, db: Session, agreed: Pairing, cast: Cast) -> None:
        pairing.finish(db, agreed, now=NOW, actor_id=agreed.volunteer_id)
        sides = [cast.anna.id or 0, cast.bram.id or 0]
        for person in sides * 2:
            pairing.give_feedback(db, agreed, person, went="good", again="yes", remark="x" * 2000, now=NOW)
        given = db.exec(select(Feedback)).all()
        assert sorted(each.account_id for each in given) == sorted(sides)
        assert {len(each.remark) for each in given} == {1000}

    def it_asks_nothing_before_the_end(self, db: Session, agreed: Pairing) -> None:
        with pytest.raises(IllegalMove):
            pairing.give_feedback(db, agreed, agreed.volunteer_id, went="good", again="yes", remark="", now=NOW)

    def it_misses_no_appointment_that_is_still_to_come(self, db: Session, agreed: Pairing) -> None:
        with pytest.raises(IllegalMove):
            pairing.no_show(db, agreed, now=NOW, actor_id=agreed.volunteer_id)
        pairing.no_show(db, agreed, now=NOW + timedelta(days=7), actor_id=agreed.volunteer_id)
        assert db.exec(select(Appointment.recorded_by_id)).all() == [agreed.volunteer_id]
        assert agreed.state == PairingState.AGREED


class DescribeTakingTheRequestBack:
    def it_ends_everything_and_tells_whoever_was_involved(self, db: Session, agreed: Pairing, cast: Cast) -> None:
        posting.withdraw(db, request_of(db, agreed), actor_id=cast.anna.id, now=NOW, reason="solved")
        assert db.get_one(Pairing, agreed.id).state == PairingState.FELL_THROUGH
        assert readers(db, "pairing_ended") == [cast.bram.id]
        assert db.exec(select(Appointment.state)).all() == [AppointmentState.CANCELLED]

    def it_tells_whoever_read_the_question(self, db: Session, cast: Cast) -> None:
        request = make_request(db, cast.anna)
        people: list[Account] = [cast.bram, another_volunteer(db, "Hans")]
        for number, person in enumerate(people):
            proposal = propose(db, request, person)
            judging.choose(db, request, proposal.volunteer_id, by=cast.chantal.id or 0, now=NOW)
            if number == 0:
                sent = db.exec(select(OutboxMessage)).one()
                sent.sent_at = NOW
        ending.end_all(db, request, now=NOW, actor_id=cast.anna.id, why="withdrawn")
        assert readers(db, "not_needed") == [cast.bram.id]
        assert set(db.exec(select(Proposal.state))) == {ProposalState.WITHDRAWN}
